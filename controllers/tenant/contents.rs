//! What a Tenant's store holds, asked before anything of it is taken down.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use admin::Client;
use crds::Tenant;
use plan::meta;
use plan::tenant::{Contents, Filled, Holdings, NAMED};
use tokio::time::Instant;

use crate::store::{Fault, Stores, Whom};

/// For how long an answer that keeps the store is believed: what wakes a Tenant meanwhile asks nothing. One that lets
/// it go is always new.
const BELIEVED: Duration = Duration::from_secs(29);
/// Enough to tell a few objects from many.
const MOST: u16 = 1000;
/// The longest a store is looked into; what is not seen by then counts as not known.
const LOOKING: Duration = Duration::from_secs(8);
/// The longest the store may take for all answers, also when a second server has to be asked.
const DEADLINE: Duration = Duration::from_secs(20);

/// Asks stores what they hold.
pub(super) struct Asker {
    stores: Stores,
    known: Mutex<HashMap<String, (Instant, Contents)>>,
}

impl Asker {
    pub(super) fn new(stores: Stores) -> Self {
        Self {
            stores,
            known: Mutex::default(),
        }
    }

    /// Forgets a Tenant that need not be asked.
    pub(super) fn forget(&self, tenant: &Tenant) {
        self.locked().remove(meta::uid(tenant));
    }

    pub(super) async fn ask(&self, tenant: &Tenant) -> Contents {
        let uid = meta::uid(tenant);
        let known = self.locked().get(uid).cloned();
        if let Some((asked, contents)) = known
            && asked.elapsed() < BELIEVED
        {
            return contents;
        }
        let answer =
            tokio::time::timeout(DEADLINE, self.stores.ask(tenant, Whom::Any, &mut None, look_into)).await;
        let contents = match answer {
            Ok(Ok(found)) => Contents::Found(found),
            Ok(Err(fault)) => unknown(tenant, fault),
            Err(_) => {
                let detail = format!("no complete answer within {} s", DEADLINE.as_secs());
                unknown(tenant, Fault::unreachable(detail))
            }
        };
        if keeps(&contents) {
            self.locked()
                .insert(uid.to_owned(), (Instant::now(), contents.clone()));
        } else {
            self.forget(tenant);
        }
        contents
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Contents)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keeps(contents: &Contents) -> bool {
    !matches!(contents, Contents::Found(found) if found.filled.is_empty() && found.all_seen)
}

fn unknown(tenant: &Tenant, fault: Fault) -> Contents {
    tracing::info!(
        namespace = meta::namespace(tenant),
        tenant = meta::name(tenant),
        reason = fault.reason,
        detail = fault.detail,
        "a store that is to be deleted cannot be asked what it holds"
    );
    Contents::Unknown(fault.message)
}

async fn look_into(client: Client) -> Result<Holdings, admin::Error> {
    let started = Instant::now();
    let drives = client.storage_info().await?.drives;
    let buckets = client.buckets().await?;
    let mut found = Holdings {
        buckets: buckets.names.len(),
        all_seen: !buckets.more,
        filled: Vec::new(),
        drives: drives.iter().filter(|drive| drive.is_ok()).count(),
    };
    for name in &buckets.names {
        if found.filled.len() == NAMED || started.elapsed() > LOOKING {
            found.all_seen = false;
            break;
        }
        match client.versions(name, MOST).await {
            Ok(versions) if versions.count > 0 || versions.more => {
                found.filled.push(Filled::of(name, versions.count));
            }
            Ok(_) => {}
            // It was deleted since the buckets were listed.
            Err(error) if error.is_no_such_bucket() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
