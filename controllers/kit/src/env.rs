//! What is there once per process: client, metrics, the memory of own writes, and the caches to look things up in.

use std::sync::Arc;

use kube::Client;

use crate::links::Links;
use crate::metrics::Metrics;
use crate::watch::registry::Registry;

/// Shared by all controllers. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    identity: String,
    metrics: Metrics,
    links: Links,
    registry: Registry,
}

impl Env {
    /// `identity` names this process among its replicas: in events and in the lease. Empty: the host's name and the
    /// process id.
    #[must_use]
    pub fn new(client: Client, identity: impl Into<String>) -> Self {
        let mut identity = identity.into();
        if identity.is_empty() {
            // Events and leases of nobody are refused.
            let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "rustfs-operator".to_owned());
            identity = format!("{host}-{}", std::process::id());
        }
        Self {
            inner: Arc::new(Inner {
                client,
                identity,
                metrics: Metrics::new(),
                links: Links::default(),
                registry: Registry::default(),
            }),
        }
    }

    /// The client of the process.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// This process among its replicas.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.inner.identity
    }

    /// The metrics of the process.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn links(&self) -> &Links {
        &self.inner.links
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }
}
