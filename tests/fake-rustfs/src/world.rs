//! What the servers of this process share: who listens, the faults, and the objects of every Tenant.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;

use crate::cuts::Cuts;
use crate::drains::Drains;
use crate::rebalances::Rebalances;

/// How a server misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It does not.
    #[default]
    None,
    /// It does not listen, and its peers see its drives offline.
    Down,
    /// It serves, but says that it is not ready.
    Unready,
    /// It serves, but says that it does not take writes.
    ReadOnly,
    /// Every admin and S3 request fails with 500.
    Http500,
}

/// One bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// When it was made.
    pub created: Timestamp,
    /// Its objects by key.
    pub objects: BTreeMap<String, Object>,
}

/// One object.
#[derive(Clone, Debug)]
pub struct Object {
    /// The content.
    pub body: Bytes,
    /// Changes with the content.
    pub etag: String,
    /// When it was written.
    pub written: Timestamp,
    /// The media type the writer gave.
    pub content_type: String,
}

/// Buckets by name.
pub type Buckets = BTreeMap<String, Bucket>;

/// What the servers of this process share.
#[derive(Debug, Default)]
pub struct World {
    live: Mutex<HashMap<String, usize>>,
    faults: watch::Sender<HashMap<String, Mode>>,
    stores: Mutex<HashMap<String, Buckets>>,
    drains: Mutex<Drains>,
    rebalances: Mutex<Rebalances>,
    cuts: Mutex<Cuts>,
}

impl World {
    /// Whether the server of that name listens.
    pub fn is_live(&self, host: &str) -> bool {
        held(&self.live).get(host).is_some_and(|servers| *servers > 0)
    }

    /// Marks a server as listening until the returned value is dropped. Counted, because a Pod and the one that
    /// takes its name may overlap for a moment.
    pub fn enter<'a>(&'a self, host: &'a str) -> Presence<'a> {
        *held(&self.live).entry(host.to_owned()).or_default() += 1;
        Presence { world: self, host }
    }

    /// Sets the fault of the Pod `namespace/name`.
    pub fn set_fault(&self, pod: String, mode: Mode) {
        self.faults.send_modify(|faults| {
            faults.insert(pod, mode);
        });
    }

    /// How the Pod misbehaves now.
    pub fn fault(&self, pod: &str) -> Mode {
        self.faults.borrow().get(pod).copied().unwrap_or_default()
    }

    /// Waits until the Pod is, or is no longer, down.
    pub async fn until_down(&self, pod: &str, down: bool) {
        let is_down = |faults: &HashMap<String, Mode>| faults.get(pod) == Some(&Mode::Down);
        let _ = self
            .faults
            .subscribe()
            .wait_for(|faults| is_down(faults) == down)
            .await;
    }

    /// Reads or changes what is known of moving pools away.
    pub fn drains<T>(&self, act: impl FnOnce(&mut Drains) -> T) -> T {
        act(&mut held(&self.drains))
    }

    /// Reads or changes what is known of moving objects between pools.
    pub fn rebalances<T>(&self, act: impl FnOnce(&mut Rebalances) -> T) -> T {
        act(&mut held(&self.rebalances))
    }

    /// Reads or changes which answers are held back.
    pub fn cuts<T>(&self, act: impl FnOnce(&mut Cuts) -> T) -> T {
        act(&mut held(&self.cuts))
    }

    /// Reads or changes the objects of one Tenant, named `namespace/name`.
    pub fn store<T>(&self, tenant: &str, act: impl FnOnce(&mut Buckets) -> T) -> T {
        act(held(&self.stores).entry(tenant.to_owned()).or_default())
    }
}

/// A poisoned lock holds what it held: one failed request must not end the others.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that listens.
pub struct Presence<'a> {
    world: &'a World,
    host: &'a str,
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if let Some(servers) = held(&self.world.live).get_mut(self.host) {
            *servers -= 1;
        }
    }
}
