use std::sync::Arc;

use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::StorageClass;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Cluster, Finding, Observed, Weight, check, default_class};
use crate::settings::Settings;

mod nodes;
mod spread;
mod storage;

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A Tenant with this spec.
fn tenant(spec: Value) -> Tenant {
    object(json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant",
        "metadata": {"name": "shop", "namespace": "trade", "uid": "tenant-uid"}, "spec": spec,
    }))
}

/// A Pool of four servers with one drive each, on the class `fast`, with these fields of its spec changed.
fn pool(change: Value) -> Pool {
    let mut spec = json!({
        "tenantRef": {"name": "shop"}, "servers": 4, "volumesPerServer": 1,
        "volumeClaim": {"size": "1Gi", "storageClassName": "fast"},
    });
    for (key, value) in change.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    object(json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Pool",
        "metadata": {"name": "ssd", "namespace": "trade", "uid": "pool-uid"}, "spec": spec,
    }))
}

/// A node in a zone of its own, with these parts changed.
fn node(name: &str, change: Value) -> Arc<Node> {
    let mut node = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "zone": name}},
        "spec": {}, "status": {"allocatable": {"cpu": "8", "memory": "16Gi"}},
    });
    for (key, value) in change.as_object().into_iter().flatten() {
        node[key] = value.clone();
    }
    Arc::new(object(node))
}

fn nodes(count: usize) -> Vec<Arc<Node>> {
    (0..count)
        .map(|index| node(&format!("n{index}"), json!({})))
        .collect()
}

fn class(name: &str, change: Value) -> Arc<StorageClass> {
    let mut class = json!({
        "metadata": {"name": name}, "provisioner": "csi.example.com",
        "allowVolumeExpansion": true, "volumeBindingMode": "WaitForFirstConsumer",
    });
    for (key, value) in change.as_object().into_iter().flatten() {
        class[key] = value.clone();
    }
    Arc::new(object(class))
}

fn cluster(nodes: Vec<Arc<Node>>) -> Cluster {
    Cluster {
        nodes: Some(nodes),
        classes: Some(vec![class("fast", json!({}))]),
    }
}

/// What is found for a Pool whose Tenant says nothing.
fn found(pool: &Pool, cluster: Cluster) -> Vec<Finding> {
    found_with(tenant(json!({})), pool, cluster)
}

fn found_with(tenant: Tenant, pool: &Pool, cluster: Cluster) -> Vec<Finding> {
    let observed = Observed {
        tenant: Some(Arc::new(tenant)),
        cluster,
        ..Observed::default()
    };
    check(pool, &observed).unwrap().findings
}

/// That exactly one thing is found: how grave, and pieces of what is said.
fn one(what: &str, found: &[Finding], weight: Weight, says: &[&str]) {
    assert_eq!(found.len(), 1, "{what}: {found:#?}");
    assert_eq!(found[0].weight, weight, "{what}: {}", found[0].text);
    for piece in says {
        assert!(
            found[0].text.contains(piece),
            "{what}: {} lacks {piece}",
            found[0].text
        );
    }
}

#[test]
fn a_cluster_that_fits_passes() {
    assert_eq!(found(&pool(json!({})), cluster(nodes(4))), []);
}

#[test]
fn names_that_are_too_long_for_dns_are_found() {
    let observed = Observed {
        tenant: Some(Arc::new(tenant(json!({})))),
        settings: Arc::new(Settings {
            cluster_domain: "x".repeat(240),
            ..Settings::default()
        }),
        cluster: cluster(nodes(4)),
        ..Observed::default()
    };
    let found = check(&pool(json!({})), &observed).unwrap().findings;
    one(
        "a long domain",
        &found,
        Weight::Blocks,
        &["metadata.name", "shop-ssd-3.shop-hl.trade.svc", "253"],
    );
}

#[test]
fn layouts_that_lose_data_too_easily_are_warned_of() {
    let ec0 = json!({"env": [{"name": "RUSTFS_STORAGE_CLASS_STANDARD", "value": "EC:0"}]});
    for (what, tenant_spec, numbers, says) in [
        ("no parity", ec0, (4, 1), Some("EC:0")),
        (
            "one server",
            json!({}),
            (1, 4),
            Some("spec.servers 1: one server holds 4 of 4"),
        ),
        ("two drives", json!({}), (2, 1), Some("only one may be lost")),
        ("three drives", json!({}), (3, 1), Some("only one may be lost")),
        ("two servers with two drives", json!({}), (2, 2), None),
        ("four servers", json!({}), (4, 1), None),
        ("four servers with four drives", json!({}), (4, 4), None),
    ] {
        let (servers, volumes) = numbers;
        let pool = pool(json!({"servers": servers, "volumesPerServer": volumes}));
        let found = found_with(tenant(tenant_spec), &pool, cluster(nodes(8)));
        match says {
            Some(says) => one(what, &found, Weight::Warns, &[says]),
            None => assert_eq!(found, [], "{what}"),
        }
    }
}

#[test]
fn what_may_not_be_seen_is_said_and_blocks_nothing() {
    let observed = Observed {
        tenant: Some(Arc::new(tenant(json!({})))),
        ..Observed::default()
    };
    let report = check(&pool(json!({})), &observed).unwrap();
    let finding = report.finding();
    assert_eq!(
        (finding.status.as_str(), finding.reason.as_str()),
        ("Unknown", "NotPermitted")
    );
    assert!(
        finding.message.contains("StorageClasses and Nodes"),
        "{}",
        finding.message
    );
    assert_eq!(report.weight(), None);
}
