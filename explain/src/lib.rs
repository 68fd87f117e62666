//! What an object of a store waits for, since when, and the next step, as a tree for a person. Objects in, text out: no
//! client and no clock.

mod advice;
mod head;
mod node;
mod pool;
mod render;
mod server;
mod subject;
mod tenant;
#[cfg(test)]
mod tests;
mod volume;

use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use plan::topology::Topology;

pub use node::{Node, State};
pub use render::{json, text};
pub use subject::{Kind, Subject};

/// What was read of one namespace.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Now.
    pub now: Timestamp,
    /// The namespace.
    pub namespace: String,
    /// The Tenant that is explained or belonged to, if it exists.
    pub tenant: Option<Tenant>,
    /// Pools that name it.
    pub pools: Vec<Pool>,
    /// TenantCertificates that name it.
    pub certificates: Vec<TenantCertificate>,
    /// TenantMonitors that name it.
    pub monitors: Vec<TenantMonitor>,
    /// Its StatefulSets.
    pub stateful_sets: Vec<StatefulSet>,
    /// Its server Pods.
    pub pods: Vec<Pod>,
    /// Its volume claims.
    pub claims: Vec<PersistentVolumeClaim>,
    /// Its topology, once it has one.
    pub topology: Option<Topology>,
}

impl Seen {
    /// As a person types it.
    fn kubectl(&self, rest: &str) -> String {
        format!("kubectl -n {} {rest}", self.namespace)
    }
}

/// The tree of an object; none when there is no such object.
#[must_use]
pub fn explain(subject: &Subject, seen: &Seen) -> Option<Node> {
    let name = subject.name.as_str();
    let node = match subject.kind {
        Kind::Tenant => {
            let tenant = seen.tenant.as_ref();
            tenant
                .filter(|tenant| named(*tenant, name))
                .map(|tenant| tenant::node(tenant, seen))
        }
        Kind::Pool => find(&seen.pools, name).map(|pool| pool::node(pool, seen)),
        Kind::TenantCertificate => {
            find(&seen.certificates, name).map(|certificate| head::certificate(certificate, seen))
        }
        Kind::TenantMonitor => find(&seen.monitors, name).map(|monitor| head::monitor(monitor, seen)),
    };
    node.map(Node::without_what_is_fine)
}

fn named<K: kube::Resource>(object: &K, name: &str) -> bool {
    plan::meta::name(object) == name
}

fn find<'a, K: kube::Resource>(objects: &'a [K], name: &str) -> Option<&'a K> {
    objects.iter().find(|object| named(*object, name))
}
