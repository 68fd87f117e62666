//! The API server's own view of the kinds: schemas and rules.

mod hooks;

use std::sync::Arc;

use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::space::{Kind, Space};

/// One change to a valid object, and a piece of the message that refuses it.
struct Refused {
    name: &'static str,
    change: Value,
    says: &'static str,
}

fn refused(change: Value, says: &'static str) -> Refused {
    Refused {
        name: "sample",
        change,
        says,
    }
}

fn named(name: &'static str, says: &'static str) -> Refused {
    Refused {
        name,
        change: json!({}),
        says,
    }
}

pub async fn every_rule_accepts_what_it_should(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "accepts").await;
    for (name, change) in [
        ("plain", json!({})),
        ("a23456789012345678901234567890123456789z", json!({})),
        (
            "full",
            json!({"spec": {
                "image": "mirror.example.com/rustfs:1.0.1", "imagePullPolicy": "Never",
                "credentialsSecretRef": {"name": "keys"}, "rpcSecretRef": {"name": "rpc"},
                "tls": {"mode": "Enabled", "certificateRef": {"name": "edge"}},
                "env": [{"name": "RUSTFS_REGION", "value": "eu-1"}],
                "podMetadata": {"labels": {"team": "a"}, "annotations": {"x/y": "z"}},
                "services": {"api": {"type": "LoadBalancer", "loadBalancerClass": "x.example.com/lb"}, "console": {}},
                "rollout": {"maxUnavailable": 256, "partition": 0, "paused": true, "autoRollback": true,
                            "progressDeadlineSeconds": 10},
                "deletion": {"volumes": "Delete", "protection": "DataCheck"}, "paused": true,
                "hooks": hooks::valid(),
                "rebalance": "AfterJoin"
            }}),
        ),
    ] {
        accept::<Tenant>(&space, name, objects::tenant(), change).await;
    }
    accept::<Pool>(&space, "p0", objects::pool("store", 4, 1), json!({})).await;
    accept::<Pool>(&space, "one-server", objects::pool("store", 1, 2), json!({})).await;
    accept::<Pool>(
        &space,
        "sized",
        objects::pool("store", 2, 2),
        json!({"spec": {"volumeClaim": {"size": "1.5Ti", "storageClassName": "standard"}, "preflight": "Report"}}),
    )
    .await;
    // The same object again, larger: volumes may grow.
    accept::<Pool>(
        &space,
        "sized",
        objects::pool("store", 2, 2),
        json!({"spec": {"volumeClaim": {"size": "1600Gi", "storageClassName": "standard"}}}),
    )
    .await;
    for (name, change) in [
        ("plain", json!({})),
        (
            "rsa",
            json!({"spec": {"privateKey": {"algorithm": "RSA", "size": 4096}, "duration": "48h", "renewBefore": "12h"}}),
        ),
        (
            "names",
            json!({"spec": {"additionalDnsNames": ["*.s3.example.com", "s3.example.com"], "additionalIpAddresses": ["192.0.2.1", "2001:db8::1"]}}),
        ),
    ] {
        accept::<TenantCertificate>(&space, name, objects::certificate("store"), change).await;
    }
    accept::<TenantMonitor>(
        &space,
        "plain",
        objects::monitor("store"),
        json!({"spec": {"interval": "1h"}}),
    )
    .await;
    space.leave().await;
}

pub async fn every_rule_rejects_what_it_should_and_says_what_to_do(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "rejects").await;
    reject::<Tenant>(
        &space,
        objects::tenant(),
        &[
            named("0store", "must start with a letter"),
            named(
                "a234567890123456789012345678901234567890z",
                "at most 40 characters",
            ),
            refused(
                json!({"spec": {"env": [{"name": "RUSTFS_VOLUMES", "value": "/x"}]}}),
                "a variable the operator sets itself",
            ),
            refused(
                json!({"spec": {"env": [{"name": "MINIO_ROOT_USER", "value": "x"}]}}),
                "use the RUSTFS_ name",
            ),
            refused(
                json!({"spec": {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}}),
                "duplicate entries",
            ),
            refused(
                json!({"spec": {"podMetadata": {"labels": {"app.kubernetes.io/name": "x"}}}}),
                "choose another prefix",
            ),
            refused(
                json!({"spec": {"podMetadata": {"annotations": {"storage.rustfs.com/x": "x"}}}}),
                "choose another prefix",
            ),
            refused(
                json!({"spec": {"services": {"api": {"loadBalancerClass": "x"}}}}),
                "needs type: LoadBalancer",
            ),
            refused(
                json!({"spec": {"services": {"api": {"type": "ExternalName"}}}}),
                "Unsupported value",
            ),
            refused(json!({"spec": {"rebalance": "Always"}}), "Unsupported value"),
            refused(
                json!({"spec": {"rollout": {"maxUnavailable": 0}}}),
                "should be greater than or equal to 1",
            ),
            refused(
                json!({"spec": {"rollout": {"partition": -1}}}),
                "should be greater than or equal to 0",
            ),
            refused(
                json!({"spec": {"rollout": {"progressDeadlineSeconds": 9}}}),
                "should be greater than or equal to 10",
            ),
            refused(
                json!({"spec": {"deletion": {"protection": "Never"}}}),
                "Unsupported value",
            ),
            refused(json!({"spec": {"unknown": 1}}), "unknown"),
        ],
    )
    .await;
    reject::<Tenant>(&space, objects::tenant(), &hooks::rejected()).await;
    reject_update::<Tenant>(
        &space,
        "tls",
        objects::tenant(),
        json!({"spec": {"tls": {"mode": "Enabled"}}}),
        "spec.tls.mode cannot be changed",
    )
    .await;
    reject_update::<Tenant>(
        &space,
        "rpc",
        with(
            objects::tenant(),
            json!({"spec": {"rpcSecretRef": {"name": "a"}}}),
        ),
        json!({"spec": {"rpcSecretRef": {"name": "b"}}}),
        "spec.rpcSecretRef cannot be changed",
    )
    .await;
    reject_update::<Tenant>(
        &space,
        "rpc-later",
        objects::tenant(),
        json!({"spec": {"rpcSecretRef": {"name": "b"}}}),
        "spec.rpcSecretRef cannot be added or removed later",
    )
    .await;

    reject::<Pool>(
        &space,
        objects::pool("store", 4, 1),
        &[
            named("a.b", "must hold only a-z, 0-9 and '-'"),
            named(
                "a-very-long-pool-name-that-does-not-fit-in-a-host",
                "at most 47 characters",
            ),
            refused(json!({"spec": {"servers": 1}}), "must be at least 2"),
            refused(json!({"spec": {"servers": 0}}), "greater than or equal to 1"),
            refused(json!({"spec": {"preflight": "Off"}}), "\"Enforce\", \"Report\""),
            refused(
                json!({"spec": {"volumesPerServer": 65}}),
                "less than or equal to 64",
            ),
            refused(
                json!({"spec": {"volumeClaim": {"size": "0"}}}),
                "must be greater than zero",
            ),
            refused(json!({"spec": {"tenantRef": {"name": ""}}}), "at least 1"),
        ],
    )
    .await;
    for (name, change, says) in [
        (
            "servers",
            json!({"spec": {"servers": 8}}),
            "spec.servers cannot be changed",
        ),
        (
            "volumes",
            json!({"spec": {"volumesPerServer": 2}}),
            "spec.volumesPerServer cannot be changed",
        ),
        (
            "tenant",
            json!({"spec": {"tenantRef": {"name": "other"}}}),
            "spec.tenantRef cannot be changed",
        ),
        (
            "class",
            json!({"spec": {"volumeClaim": {"storageClassName": "other"}}}),
            "storageClassName cannot be changed",
        ),
        (
            "smaller",
            json!({"spec": {"volumeClaim": {"size": "512Mi"}}}),
            "never shrink",
        ),
    ] {
        reject_update::<Pool>(&space, name, objects::pool("store", 4, 1), change, says).await;
    }

    reject::<TenantCertificate>(
        &space,
        objects::certificate("store"),
        &[
            named("0cert", "must start with a letter"),
            refused(
                json!({"spec": {"issuer": {"provided": {"secretRef": {"name": "x"}}}}}),
                "exactly one of",
            ),
            refused(json!({"spec": {"duration": "30m"}}), "at least 1h"),
            refused(
                json!({"spec": {"duration": "2h", "renewBefore": "3h"}}),
                "longer than renewBefore",
            ),
            refused(json!({"spec": {"duration": "soon"}}), "duration"),
            refused(
                json!({"spec": {"privateKey": {"algorithm": "RSA", "size": 1024}}}),
                "must be 2048, 3072 or 4096",
            ),
            refused(
                json!({"spec": {"privateKey": {"algorithm": "Ed25519", "size": 256}}}),
                "unset for Ed25519",
            ),
            refused(
                json!({"spec": {"additionalDnsNames": ["Not A Name"]}}),
                "must be DNS names",
            ),
            refused(
                json!({"spec": {"additionalIpAddresses": ["1.2.3.400"]}}),
                "must be IPv4 or IPv6",
            ),
        ],
    )
    .await;
    reject_update::<TenantCertificate>(
        &space,
        "tenant",
        objects::certificate("store"),
        json!({"spec": {"tenantRef": {"name": "other"}}}),
        "spec.tenantRef cannot be changed",
    )
    .await;

    reject::<TenantMonitor>(
        &space,
        objects::monitor("store"),
        &[
            refused(json!({"spec": {"interval": "1s"}}), "between 5s and 1h"),
            refused(json!({"spec": {"interval": "2h"}}), "between 5s and 1h"),
            refused(
                json!({"spec": {"rules": {"freeCapacityPercent": 100}}}),
                "less than or equal to 99",
            ),
        ],
    )
    .await;
    reject_update::<TenantMonitor>(
        &space,
        "tenant",
        objects::monitor("store"),
        json!({"spec": {"tenantRef": {"name": "other"}}}),
        "spec.tenantRef cannot be changed",
    )
    .await;
    space.leave().await;
}

pub async fn every_field_is_described(_world: Arc<World>) {
    let mut silent = Vec::new();
    for crd in crds::all() {
        let kind = crd.spec.names.kind.clone();
        for version in &crd.spec.versions {
            let schema = serde_json::to_value(&version.schema).expect("a schema is JSON");
            let spec = &schema["openAPIV3Schema"]["properties"];
            for part in ["spec", "status"] {
                collect_silent(&spec[part], &format!("{kind}.{part}"), &mut silent);
            }
        }
    }
    assert!(
        silent.is_empty(),
        "fields without a description:\n{}",
        silent.join("\n")
    );
}

fn collect_silent(schema: &Value, path: &str, silent: &mut Vec<String>) {
    if let Some(fields) = schema["properties"].as_object() {
        for (name, field) in fields {
            let path = format!("{path}.{name}");
            if field["description"]
                .as_str()
                .is_none_or(|text| text.trim().is_empty())
            {
                silent.push(path.clone());
            }
            collect_silent(field, &path, silent);
        }
    }
    if schema["items"].is_object() {
        collect_silent(&schema["items"], &format!("{path}[]"), silent);
    }
}

async fn accept<K: Kind>(space: &Space, name: &str, base: Value, change: Value) {
    let object = with(base, change);
    if let Err(error) = space.apply::<K>(name, &object).await {
        panic!("{} {name} should be accepted: {error}\n{object:#}", K::kind(&()));
    }
}

async fn reject<K: Kind>(space: &Space, base: Value, cases: &[Refused]) {
    for case in cases {
        let object = with(base.clone(), case.change.clone());
        refuse(space.apply::<K>(case.name, &object).await, case.says, &object);
    }
}

async fn reject_update<K: Kind>(space: &Space, name: &str, base: Value, change: Value, says: &str) {
    accept::<K>(space, name, base.clone(), json!({})).await;
    let object = with(base, change);
    refuse(space.apply::<K>(name, &object).await, says, &object);
}

fn refuse<K: Kind>(answer: Result<K, kube::Error>, says: &str, object: &Value) {
    let kind = K::kind(&());
    match answer {
        Ok(_) => panic!("{kind} should be rejected with {says:?}:\n{object:#}"),
        Err(error) => {
            let message = error.to_string();
            assert!(
                message.contains(says),
                "{kind} is rejected, but not with {says:?}:\n{message}\n{object:#}"
            );
        }
    }
}

/// `base` with the fields of `change` set.
fn with(mut base: Value, change: Value) -> Value {
    merge(&mut base, change);
    base
}

fn merge(base: &mut Value, change: Value) {
    match (base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (name, value) in change {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, change) => *base = change,
    }
}
