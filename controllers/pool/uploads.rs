//! Asks a store for uploads in parts that nobody has completed.

use std::time::Duration;

use admin::Client;
use crds::Pool;
use plan::pool::Observed;
use plan::pool::drain::{Upload, Uploads, UploadsWord, uploads as decide};
use tokio::time::Instant;

use crate::store::{self, Stores, Whom};

/// Enough to name some that began before a drain.
const MOST: u16 = 20;
/// The longest a store is looked into; buckets that are not reached by then are told of as others.
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
    let answer = stores.ask(tenant, Whom::KnowsPools, &mut None, look_into).await;
    store::word(answer)
}

async fn look_into(client: Client) -> Result<Uploads, admin::Error> {
    let started = Instant::now();
    let buckets = client.buckets().await?;
    let mut found = Uploads {
        open: Vec::new(),
        more: buckets.more,
    };
    for bucket in &buckets.names {
        if found.open.len() >= usize::from(MOST) || started.elapsed() > LOOKING {
            found.more = true;
            break;
        }
        match client.uploads(bucket, MOST).await {
            Ok(uploads) => {
                found.more |= uploads.more;
                found
                    .open
                    .extend(uploads.uploads.into_iter().map(|upload| Upload {
                        path: format!("{bucket}/{}", upload.key),
                        begun: upload.initiated.parse().ok(),
                    }));
            }
            // It was deleted since the buckets were listed.
            Err(error) if error.is_no_such_bucket() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
