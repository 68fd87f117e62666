//! The operator's own metrics. `docs/metrics.md` is their catalogue.

use std::sync::Mutex;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use crate::run::locked;

const PREFIX: &str = "rustfs_operator";
/// Seconds; from a reconcile that finds nothing to do, to the deadline.
const BUCKETS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 30.0];

type Observations = Family<Outcome, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub(crate) controller: &'static str,
    pub(crate) result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(crate) controller: &'static str,
    pub(crate) reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Request {
    pub(crate) verb: &'static str,
    pub(crate) resource: String,
    pub(crate) code: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct StoreRequest {
    pub(crate) path: String,
    pub(crate) code: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Kind {
    pub(crate) kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Name {
    pub(crate) controller: &'static str,
}

/// All metrics of the process and the registry they are printed from.
pub struct Metrics {
    registry: Mutex<Registry>,
    pub(crate) reconciles: Observations,
    pub(crate) reconcile_errors: Family<Reason, Counter>,
    pub(crate) active: Family<Name, Gauge>,
    pub(crate) stale_reads: Family<Name, Counter>,
    pub(crate) status_writes: Family<Outcome, Counter>,
    pub(crate) requests: Family<Request, Counter>,
    pub(crate) store_requests: Family<StoreRequest, Counter>,
    pub(crate) watch_restarts: Family<Kind, Counter>,
    pub(crate) watch_last_event: Family<Kind, Gauge>,
    pub(crate) watch_stale: Family<Kind, Gauge>,
    pub(crate) rejected: Family<Kind, Gauge>,
    pub(crate) leader: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix(PREFIX)),
            reconciles: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            reconcile_errors: Family::default(),
            active: Family::default(),
            stale_reads: Family::default(),
            status_writes: Family::default(),
            requests: Family::default(),
            store_requests: Family::default(),
            watch_restarts: Family::default(),
            watch_last_event: Family::default(),
            watch_stale: Family::default(),
            rejected: Family::default(),
            leader: Gauge::default(),
        };
        metrics.register_all();
        metrics
    }

    fn register_all(&self) {
        self.register(
            "build",
            "Version of the operator",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        self.register(
            "reconcile_duration_seconds",
            "Duration of reconciles",
            self.reconciles.clone(),
        );
        self.register(
            "reconcile_errors",
            "Reconciles that failed, by reason",
            self.reconcile_errors.clone(),
        );
        self.register(
            "active_reconciles",
            "Reconciles that run now",
            self.active.clone(),
        );
        self.register(
            "stale_reads_deferred",
            "Reconciles put off because the cache was older than the controller's own last write",
            self.stale_reads.clone(),
        );
        self.register(
            "status_writes",
            "Status writes, by result",
            self.status_writes.clone(),
        );
        self.register(
            "api_requests",
            "Requests to the API server other than watches, by verb, resource and HTTP code",
            self.requests.clone(),
        );
        self.register(
            "store_requests",
            "Requests to servers of stores, by path and HTTP code",
            self.store_requests.clone(),
        );
        self.register(
            "watch_restarts",
            "Watches that were opened again after a failure",
            self.watch_restarts.clone(),
        );
        self.register(
            "watch_last_event_timestamp_seconds",
            "When a watch was last heard of, events, bookmarks and openings included",
            self.watch_last_event.clone(),
        );
        self.register(
            "watch_stale_seconds",
            "For how long a watch has been cut; 0 while it is open",
            self.watch_stale.clone(),
        );
        self.register(
            "objects_rejected",
            "Objects that cannot be parsed",
            self.rejected.clone(),
        );
        self.register(
            "leader",
            "Whether this process holds the lease",
            self.leader.clone(),
        );
    }

    /// Adds a metric under the prefix `rustfs_operator_`. `name` carries the unit, but not `_total`.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        locked(&self.registry).register(name, help, metric);
    }

    /// Counts a request to a server of a store: its path without what names an object, and the HTTP code or what kept it
    /// from having one.
    pub fn count_store_request(&self, path: &str, code: &str) {
        let (path, code) = (path.to_owned(), code.to_owned());
        self.store_requests
            .get_or_create(&StoreRequest { path, code })
            .inc();
    }

    /// All metrics in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &locked(&self.registry));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_prefix_and_the_version_is_told() {
        let metrics = Metrics::new();
        metrics
            .status_writes
            .get_or_create(&Outcome {
                controller: "tenant",
                result: "written",
            })
            .inc();
        let text = metrics.text();
        assert!(text.contains("rustfs_operator_build_info{version=\""), "{text}");
        assert!(
            text.contains("rustfs_operator_status_writes_total{controller=\"tenant\",result=\"written\"} 1"),
            "{text}"
        );
    }
}
