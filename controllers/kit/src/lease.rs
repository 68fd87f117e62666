//! Leader election on a coordination.k8s.io Lease: of several replicas one works.
//!
//! Clocks of different machines are never compared: a lease has expired when this process has seen it unchanged for
//! the lease's duration. Every write names the version it was decided on.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::call::Call;
use crate::env::Env;
use crate::error::Error;
use crate::retry::jitter;

mod decide;

use decide::{Decision, Record, Seen, decide};

/// How long a lease holds without being renewed.
pub const DURATION: Duration = Duration::from_secs(15);
/// A holder that could not renew for this long gives up, before anyone else may take over.
pub const RENEW_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks, or two renewals.
pub const RETRY: Duration = Duration::from_secs(2);

/// Takes part in the election for one Lease.
pub struct Election {
    env: Env,
    api: Api<Lease>,
    name: String,
}

/// The lease is held. Dropping it without [`Held::release`] lets it expire.
pub struct Held {
    stop: Option<oneshot::Sender<()>>,
    renewing: JoinHandle<Option<(Election, Seen)>>,
}

impl Election {
    /// For the Lease of this name in the operator's namespace.
    #[must_use]
    pub fn new(env: &Env, namespace: &str, name: &str) -> Self {
        Self {
            env: env.clone(),
            api: Api::namespaced(env.client().clone(), namespace),
            name: name.to_owned(),
        }
    }

    /// Waits until this process holds the lease.
    pub async fn acquire(self) -> Held {
        let mut seen = Seen::default();
        loop {
            match self.attempt(&mut seen).await {
                Ok(true) => return self.hold(seen),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(reason = error.reason(), %error, "failed to look at the lease");
                }
            }
            sleep(jitter(RETRY)).await;
        }
    }

    fn hold(self, seen: Seen) -> Held {
        tracing::info!(
            lease = self.name,
            identity = self.env.identity(),
            "holding the lease"
        );
        self.env.metrics().leader.set(1);
        let (stop, stopped) = oneshot::channel();
        Held {
            stop: Some(stop),
            renewing: tokio::spawn(self.renew(seen, stopped)),
        }
    }

    /// Renews until told to stop (then returns what is needed to give the lease back), or until it is lost.
    async fn renew(self, mut seen: Seen, mut stopped: oneshot::Receiver<()>) -> Option<(Self, Seen)> {
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                _ = &mut stopped => return Some((self, seen)),
                () = sleep(RETRY) => {}
            }
            let attempt = tokio::time::timeout_at(renewed + RENEW_WITHIN, self.attempt(&mut seen)).await;
            match attempt {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => break,
                Ok(Err(error)) => {
                    tracing::warn!(reason = error.reason(), %error, "failed to renew the lease");
                }
                Err(_) => break,
            }
            if renewed.elapsed() >= RENEW_WITHIN {
                break;
            }
        }
        self.env.metrics().leader.set(0);
        None
    }

    /// Looks at the lease and takes or renews it if it may. Whether it is ours now.
    async fn attempt(&self, seen: &mut Seen) -> Result<bool, Error> {
        let stored = self.call("get", self.api.get_opt(&self.name)).await?;
        let record = stored.as_ref().map(read);
        let decision = decide(record.as_ref(), seen, self.env.identity(), Instant::now());
        let transitions = match decision {
            Decision::Wait => return Ok(false),
            Decision::Renew => record.as_ref().map_or(0, |record| record.transitions),
            Decision::Take => record.as_ref().map_or(0, |record| record.transitions + 1),
        };
        let since = match decision {
            Decision::Renew => stored
                .as_ref()
                .and_then(|lease| lease.spec.as_ref()?.acquire_time.clone()),
            _ => None,
        };
        let version = stored.and_then(|lease| lease.metadata.resource_version);
        let lease = self.lease(self.env.identity(), DURATION, transitions, since, version);
        self.put(lease, seen).await
    }

    async fn put(&self, lease: Lease, seen: &mut Seen) -> Result<bool, Error> {
        let params = PostParams::default();
        let written = if lease.metadata.resource_version.is_some() {
            self.call("update", self.api.replace(&self.name, &params, &lease))
                .await
        } else {
            self.call("create", self.api.create(&params, &lease)).await
        };
        match written {
            Ok(written) => {
                seen.saw(&read(&written), Instant::now());
                Ok(true)
            }
            // Another one may have been faster, or our own earlier write did arrive: the next look tells.
            Err(error) => Err(error),
        }
    }

    /// Gives the lease back, so that another replica takes over at its next look.
    async fn give_back(self, seen: &Seen) -> Result<(), Error> {
        self.env.metrics().leader.set(0);
        let Some(stored) = self.call("get", self.api.get_opt(&self.name)).await? else {
            return Ok(());
        };
        let record = read(&stored);
        if record.holder.as_deref() != Some(self.env.identity()) {
            return Ok(());
        }
        let mut seen = seen.clone();
        let version = stored.metadata.resource_version;
        let lease = self.lease("", Duration::from_secs(1), record.transitions, None, version);
        self.put(lease, &mut seen).await.map(|_| ())
    }

    fn lease(
        &self,
        holder: &str,
        duration: Duration,
        transitions: i32,
        since: Option<MicroTime>,
        version: Option<String>,
    ) -> Lease {
        let now = Timestamp::now();
        Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                resource_version: version,
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
                lease_transitions: Some(transitions),
                acquire_time: since.or(Some(MicroTime(now))),
                renew_time: Some(MicroTime(now)),
                ..LeaseSpec::default()
            }),
        }
    }

    async fn call<T>(
        &self,
        verb: &'static str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        Call {
            verb,
            resource: "leases",
            action: format!("{verb} Lease {}", self.name),
            limit: Duration::from_secs(5),
        }
        .send(&self.env, request)
        .await
    }
}

impl Held {
    /// Ends when the lease is lost: the process must end then, at once.
    pub async fn lost(&mut self) {
        if self.stop.is_none() {
            return std::future::pending().await;
        }
        // However the task ended, nobody renews any more.
        let _ = (&mut self.renewing).await;
        self.stop = None;
    }

    /// Gives the lease back. Only after all work has ended.
    pub async fn release(mut self) {
        let Some(stop) = self.stop.take() else { return };
        if stop.send(()).is_err() {
            return;
        }
        if let Ok(Some((election, seen))) = self.renewing.await
            && let Err(error) = election.give_back(&seen).await
        {
            tracing::warn!(reason = error.reason(), %error, "failed to give the lease back; it expires by itself");
        }
    }
}

fn read(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    Record {
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        duration: spec
            .lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(DURATION, Duration::from_secs),
        transitions: spec.lease_transitions.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
