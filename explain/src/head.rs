//! What an object says of itself in its conditions.

use crds::conditions::{READY, RECONCILING, STALLED};
use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::Resource;

use crate::Seen;
use crate::advice;
use crate::node::{Node, State};

/// What of an object says how it is.
pub(crate) struct Facts<'a> {
    pub(crate) kind: &'static str,
    pub(crate) meta: &'a ObjectMeta,
    pub(crate) observed_generation: Option<i64>,
    pub(crate) conditions: &'a [Condition],
}

macro_rules! facts {
    ($object:expr, $kind:literal) => {{
        let status = $object.status.as_ref();
        Facts {
            kind: $kind,
            meta: $object.meta(),
            observed_generation: status.and_then(|status| status.observed_generation),
            conditions: status
                .map(|status| status.conditions.as_slice())
                .unwrap_or_default(),
        }
    }};
}

pub(crate) fn tenant(tenant: &Tenant) -> Node {
    facts!(tenant, "tenant").node()
}

pub(crate) fn pool(pool: &Pool) -> Node {
    facts!(pool, "pool").node()
}

pub(crate) fn certificate(certificate: &TenantCertificate, seen: &Seen) -> Node {
    let node = facts!(certificate, "tenantcertificate").node();
    advice::of_follower(node, &certificate.spec.tenant_ref.name, seen)
}

pub(crate) fn monitor(monitor: &TenantMonitor, seen: &Seen) -> Node {
    let node = facts!(monitor, "tenantmonitor").node();
    advice::of_follower(node, &monitor.spec.tenant_ref.name, seen)
}

impl Facts<'_> {
    fn node(&self) -> Node {
        let name = self.meta.name.as_deref().unwrap_or_default();
        let Some(ready) = self.condition(READY) else {
            return self.unseen(name);
        };
        let mut node = match (self.holds(READY), self.holds(STALLED)) {
            (true, _) => Node::ready(self.kind, name, &ready.message),
            (false, true) => Node::open(self.kind, name, State::Stuck, &ready.reason, &ready.message),
            (false, false) => Node::open(self.kind, name, State::Waiting, &ready.reason, &ready.message),
        };
        node.since = Some(self.cause(ready).last_transition_time.0);
        if self.observed_generation < self.meta.generation {
            node.state = State::Waiting;
            node.waits_for =
                Some("the operator, which has not looked at the last change of the spec yet".to_owned());
        }
        if let Some(since) = &self.meta.deletion_timestamp {
            node.state = State::Deleting;
            node.since = Some(since.0);
        }
        node
    }

    /// The condition that is why the object is not ready: it knows since when.
    fn cause<'a>(&'a self, ready: &'a Condition) -> &'a Condition {
        let own = self.conditions.iter().find(|condition| {
            ![READY, RECONCILING, STALLED].contains(&condition.type_.as_str())
                && condition.status != "True"
                && condition.reason == ready.reason
        });
        own.unwrap_or(ready)
    }

    fn unseen(&self, name: &str) -> Node {
        let message = "the operator has not looked at it yet";
        Node {
            since: self.meta.creation_timestamp.as_ref().map(|time| time.0),
            waits_for: Some("the operator".to_owned()),
            next: Some(
                "see whether it runs: kubectl get deployment -A -l app.kubernetes.io/name=rustfs-operator"
                    .to_owned(),
            ),
            ..Node::open(self.kind, name, State::Waiting, "NotSeen", message)
        }
    }

    fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_)
    }

    fn holds(&self, type_: &str) -> bool {
        self.condition(type_)
            .is_some_and(|condition| condition.status == "True")
    }
}
