//! Asks a store for uploads in parts that nobody has completed.

use std::time::Duration;

use admin::Client;
use crds::Pool;
use plan::pool::Observed;
use plan::pool::drain::{Uploads, UploadsWord, uploads as decide};
use tokio::time::Instant;

use crate::store::{self, Stores, Whom};

/// As many as S3 tells of at once.
const MOST: u16 = 1000;
/// The longest a store is looked into; buckets that are not reached by then may have others.
const LOOKING: Duration = Duration::from_secs(3);

/// What the servers say of open uploads, where it matters.
pub(super) async fn ask(stores: &Stores, pool: &Pool, observed: &Observed) -> UploadsWord {
    let Some(tenant) = observed
        .tenant
        .as_ref()
        .filter(|_| decide::concerns(pool, observed))
    else {
        return UploadsWord::NotAsked;
    };
    let look = |client| look_into(client, pool);
    store::word(stores.ask(tenant, Whom::KnowsPools, &mut None, look).await)
}

async fn look_into(client: Client, pool: &Pool) -> Result<Uploads, admin::Error> {
    let until = Instant::now() + LOOKING;
    let buckets = client.buckets().await?;
    let mut found = Uploads {
        more: buckets.more,
        ..Uploads::default()
    };
    for bucket in &buckets.names {
        let answer = match tokio::time::timeout_at(until, client.uploads(bucket, MOST)).await {
            Ok(Ok(answer)) => answer,
            // It was deleted since the buckets were listed.
            Ok(Err(error)) if error.is_no_such_bucket() => continue,
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                found.more = true;
                break;
            }
        };
        found.more |= answer.more;
        for upload in &answer.uploads {
            if decide::is_early(pool, upload.initiated.parse().ok()) {
                found.add(|| format!("{bucket}/{}", upload.key));
            }
        }
    }
    Ok(found)
}
