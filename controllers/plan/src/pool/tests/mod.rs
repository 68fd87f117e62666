//! Examples a person can review, and laws that hold for everything.

mod departure;
mod drain;
mod growth;
mod laws;
mod preflight;
mod rollouts;
mod servers;
mod snapshots;
mod stages;
mod uploads;

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::{Pool, PoolStatus, Tenant, TenantCertificate};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::core::PartialObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Observed, Plan, claims, plan, status};
use crate::health::Health;
use crate::step::{Child, Enacted, Step};
use crate::tenant::Stored;
use crate::topology::{Generations, Member, Phase, Topology};

/// Names differ from the product's and from each other, so that swapped ones are seen.
const TENANT: &str = "shop";
const POOL: &str = "ssd";
const NAMESPACE: &str = "trade";

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn tenant() -> Tenant {
    object(json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant",
        "metadata": {"name": TENANT, "namespace": NAMESPACE, "uid": "tenant-uid"},
        "spec": {},
        "status": {"conditions": [condition("CredentialsReady", "True")]},
    }))
}

fn deleted_tenant(mut tenant: Tenant) -> Tenant {
    tenant.metadata.deletion_timestamp = Some(object(json!("2026-01-01T00:00:00Z")));
    tenant
}

/// A Tenant that was asked to go, and may.
fn leaving(tenant: Tenant) -> Tenant {
    let mut tenant = deleted_tenant(tenant);
    let allowed = object(condition("DeletionAllowed", "True"));
    tenant.status.get_or_insert_default().conditions.push(allowed);
    tenant
}

fn tls_tenant() -> Tenant {
    let mut tenant = tenant();
    tenant.spec.tls = Some(object(json!({"mode": "Enabled"})));
    tenant
}

fn pool() -> Pool {
    object(json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Pool",
        "metadata": {"name": POOL, "namespace": NAMESPACE, "uid": "pool-uid", "generation": 3},
        "spec": {
            "tenantRef": {"name": TENANT}, "servers": 4, "volumesPerServer": 2,
            "volumeClaim": {
                "size": "100Gi", "storageClassName": "fast",
                "labels": {"team": "a"}, "annotations": {"backup": "yes"},
            },
        },
    }))
}

fn certificate(issued: &str) -> TenantCertificate {
    object(json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "TenantCertificate",
        "metadata": {"name": TENANT, "namespace": NAMESPACE, "uid": "certificate-uid"},
        "spec": {"tenantRef": {"name": TENANT}},
        "status": {"secretName": "shop-tls", "conditions": [condition("Issued", issued)]},
    }))
}

fn condition(type_: &str, status: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": "Test", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn topology(formed: bool) -> Topology {
    Topology {
        revision: 7,
        serving: if formed { 7 } else { 0 },
        formed,
        pools: vec![Member {
            name: POOL.to_owned(),
            uid: "pool-uid".to_owned(),
            element: "http://shop-ssd-{0...3}.shop-hl".to_owned(),
            servers: 4,
            volumes_per_server: 2,
            phase: if formed { Phase::Active } else { Phase::Joining },
            revision: 7,
            request: None,
        }],
        former: Vec::new(),
        credentials: Generations {
            latest: 1,
            ..Generations::default()
        },
        rebalance: None,
        turn: Some(POOL.to_owned()),
        refused: Vec::new(),
    }
}

fn stored(topology: Topology) -> Stored {
    Stored::Read {
        topology: Box::new(topology),
        resource_version: Some("1".to_owned()),
    }
}

/// An accepted Pool without servers.
fn accepted() -> Observed {
    Observed {
        tenant: Some(Arc::new(tenant())),
        topology: stored(topology(false)),
        caught_up: true,
        health: Health::Said(BTreeMap::new()),
        ..Observed::default()
    }
}

/// The StatefulSet a plan applies.
fn applied(plan: &Plan) -> Option<&StatefulSet> {
    plan.steps.iter().find_map(|step| match step {
        Step::Apply(child) => match child.as_ref() {
            Child::StatefulSet(set) => Some(set),
            _ => None,
        },
        _ => None,
    })
}

/// Names of what a plan deletes, as `Pod shop-ssd-0`.
fn deleted(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .filter_map(|step| match step {
            Step::Delete(target, _) | Step::Orphan(target, _) => {
                Some(format!("{} {}", target.kind, target.name))
            }
            _ => None,
        })
        .collect()
}

/// A Pool that serves: formed, all servers ready at the template that is asked for, all volumes bound.
fn serving() -> Observed {
    let mut observed = accepted();
    let set = applied(&plan(&pool(), &observed)).cloned().unwrap();
    observed.topology = stored(topology(true));
    observed.pods = (0..4)
        .map(|ordinal| Arc::new(server(&set, ordinal, true)))
        .collect();
    observed.claims = claims::names(&pool())
        .iter()
        .map(|name| Arc::new(claim(name, "4x2", "Bound")))
        .collect();
    observed.stateful_set = Some(Arc::new(metadata(set)));
    observed
}

fn metadata(mut set: StatefulSet) -> PartialObjectMeta<StatefulSet> {
    set.metadata.uid = Some("set-uid".to_owned());
    set.metadata.resource_version = Some("4".to_owned());
    PartialObjectMeta {
        types: None,
        metadata: set.metadata,
        _phantom: std::marker::PhantomData,
    }
}

fn server(set: &StatefulSet, ordinal: i32, ready: bool) -> Pod {
    let mut metadata = set.spec.clone().unwrap().template.metadata.unwrap();
    metadata.name = Some(format!("shop-ssd-{ordinal}"));
    metadata.namespace = Some(NAMESPACE.to_owned());
    metadata.uid = Some(format!("pod-uid-{ordinal}"));
    metadata.resource_version = Some("5".to_owned());
    metadata.owner_references = Some(object(json!([{
        "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shop-ssd", "uid": "set-uid", "controller": true,
    }])));
    let status = if ready { "True" } else { "False" };
    Pod {
        metadata,
        status: Some(object(
            json!({"conditions": [{"type": "Ready", "status": status}]}),
        )),
        ..Pod::default()
    }
}

fn claim(name: &str, layout: &str, phase: &str) -> PersistentVolumeClaim {
    object(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": format!("{name}-uid"), "resourceVersion": "6", "labels": {
            "storage.rustfs.com/tenant": TENANT, "storage.rustfs.com/pool": POOL,
            "storage.rustfs.com/layout": layout,
        }},
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "100Gi"}}},
        "status": {"phase": phase, "capacity": {"storage": "100Gi"}},
    }))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn reported(pool: &Pool, observed: &Observed) -> PoolStatus {
    let plan = plan(pool, observed);
    status(pool, observed, &plan, &Enacted::default(), now())
}

/// A condition as `False VolumesPending`.
fn says(status: &PoolStatus, type_: &str) -> String {
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_);
    found.map_or_else(String::new, |condition| {
        format!("{} {}", condition.status, condition.reason)
    })
}

fn message(status: &PoolStatus, type_: &str) -> String {
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_);
    found.map_or_else(String::new, |condition| condition.message.clone())
}
