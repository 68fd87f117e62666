//! Runs one controller: queue, concurrency, back-off, span, metrics, panic guard, deadline.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// One controller's work on one object.
pub trait Reconciler: Send + Sync + 'static {
    /// The kind it reconciles.
    type Object: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static;

    /// `tenant`, `pool`, `certificate` or `monitor`: in span names, metric labels and the field manager.
    const NAME: &'static str;

    /// Observe, plan, enact, status, write. Returns when to come back without being woken.
    fn reconcile(&self, object: &Self::Object) -> impl Future<Output = Result<Next, Error>> + Send;
}

/// When to reconcile again without being woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At the resync, some minutes from now.
    Resync,
    /// After this long.
    After(Duration),
    /// A step failed in a way that may pass: after the object's own back-off.
    Retry,
}
