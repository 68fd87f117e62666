//! Runs one controller: queue, concurrency, back-off, span, metrics, panic guard, deadline.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kube::Resource;
use kube::api::PartialObjectMeta;
use kube::runtime::controller::Action;
use kube_runtime::applier;
use kube_runtime::controller::{Config as Limits, ReconcileRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::kit::Kit;
use crate::watch::{Source, Wake};

mod names;
mod once;
mod primary;

use once::Runner;

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

/// Limits of one controller.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Objects it works on at the same time; 0 counts as 1.
    pub concurrency: u16,
    /// The longest a reconcile may take.
    pub deadline: Duration,
    /// About how often an object is looked at without being woken; jittered.
    pub resync: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            concurrency: 8,
            deadline: Duration::from_secs(30),
            resync: Duration::from_secs(300),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("never")]
enum Never {}

/// Runs a controller until `shutdown` ends; then it takes no more work, finishes what runs, and returns. Wait for
/// [`crate::watch::Readiness::until_filled`] first: a plan must not be made on stores that are still filling. Dropped
/// before, it ends at once, with what runs.
pub async fn run<R: Reconciler>(
    reconciler: R,
    primary: Source<R::Object>,
    wakes: Vec<BoxStream<'static, Wake<R::Object>>>,
    kit: Kit,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    primary.until_filled().await;
    let runner = Arc::new(Runner::new(reconciler, kit.clone(), primary.clone(), config));
    let (known, own) = primary::wakes(&primary, &kit, runner.clone());
    let queue = {
        let runner = runner.clone();
        stream::select(stream::select_all(wakes), own)
            .map(move |wake| {
                runner.note(&wake);
                Ok::<_, Never>(ReconcileRequest::from(names::of(&wake.target)))
            })
            .take_until(shutdown)
    };
    let limits = Limits::default().concurrency(config.concurrency.max(1));
    // A set ends what is in it when this controller ends, and when it is dropped.
    let mut beside = JoinSet::new();
    beside.spawn(primary::report_unparsed(primary.clone(), kit));
    applier(
        |named: Arc<PartialObjectMeta<R::Object>>, runner: Arc<Runner<R>>| {
            Box::pin(async move {
                let (namespace, name) = names::read(&named);
                Ok::<_, Never>(runner.reconcile(namespace, name).await)
            })
        },
        |_, _, _| Action::await_change(),
        runner,
        known,
        Box::pin(queue),
        limits,
    )
    .for_each(|result| async move {
        // Only that an object is gone which something woke; all else is told where it happens.
        if let Err(error) = result {
            tracing::trace!(controller = R::NAME, %error, "nothing to reconcile");
        }
    })
    .await;
    Ok(())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace_tests;
