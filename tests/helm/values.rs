//! Each value does something, and nothing but what it is for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::chart::{defaults, leaves};
use crate::equal::name;
use crate::helm::Helm;

/// A value that is changed.
struct Change {
    path: &'static str,
    /// What it is changed to.
    to: Value,
    /// What has to be set for it to do something.
    with: Value,
    /// The objects that change, are there then, or are not: how their names begin.
    changes: &'static [&'static str],
}

const DEPLOYMENT: &[&str] = &["Deployment"];
const MONITOR: &[&str] = &["ServiceMonitor"];
const RULES: &[&str] = &["PrometheusRule"];
const DASHBOARDS: &[&str] = &["ConfigMap"];
const POLICY: &[&str] = &["NetworkPolicy"];
const NARROWED: &[&str] = &[
    "ClusterRole /rustfs-operator",
    "ClusterRoleBinding /rustfs-operator",
    "Deployment",
    "Role rustfs-system/rustfs-operator",
    "RoleBinding rustfs-system/rustfs-operator",
];

fn changes() -> Vec<Change> {
    let alone = |path, to, changes| Change {
        path,
        to,
        with: json!({}),
        changes,
    };
    let traced = |path, to| Change {
        path,
        to,
        with: json!({ "tracing": {
            "endpoint": "http://collector:4317",
            "headersSecret": { "name": if path == "tracing.headersSecret.key" { "collector" } else { "" } },
        } }),
        changes: DEPLOYMENT,
    };
    let watched = |path, part: &str, to, changes| Change {
        path,
        to,
        with: json!({ "monitoring": { part: { "enabled": true } } }),
        changes,
    };
    let more = json!({ "release": "prometheus" });
    vec![
        alone("image.repository", json!("registry.example/operator"), DEPLOYMENT),
        alone("image.tag", json!("mine"), DEPLOYMENT),
        alone(
            "image.digest",
            json!(format!("sha256:{}", "0a".repeat(32))),
            DEPLOYMENT,
        ),
        alone("image.pullPolicy", json!("Always"), DEPLOYMENT),
        alone("image.pullSecrets", json!([{ "name": "registry" }]), DEPLOYMENT),
        alone("replicas", json!(3), &["Deployment", "PodDisruptionBudget"]),
        alone("singleNamespace", json!(true), NARROWED),
        alone("crds.install", json!(false), &["CustomResourceDefinition"]),
        alone("clusterDomain", json!("cluster.example"), DEPLOYMENT),
        alone("concurrency", json!(17), DEPLOYMENT),
        alone("log.level", json!("info,kit=debug"), DEPLOYMENT),
        alone("log.format", json!("human"), DEPLOYMENT),
        alone("tracing.endpoint", json!("https://collector:4317"), DEPLOYMENT),
        traced("tracing.protocol", json!("http/protobuf")),
        traced("tracing.serviceName", json!("rustfs-of-mine")),
        traced("tracing.headers", json!("authorization=mine")),
        traced("tracing.headersSecret.name", json!("collector")),
        traced("tracing.headersSecret.key", json!("authorization")),
        alone("monitoring.serviceMonitor.enabled", json!(true), MONITOR),
        watched(
            "monitoring.serviceMonitor.interval",
            "serviceMonitor",
            json!("15s"),
            MONITOR,
        ),
        watched(
            "monitoring.serviceMonitor.labels",
            "serviceMonitor",
            more.clone(),
            MONITOR,
        ),
        alone("monitoring.rules.enabled", json!(true), RULES),
        watched("monitoring.rules.labels", "rules", more.clone(), RULES),
        alone("monitoring.dashboards.enabled", json!(true), DASHBOARDS),
        watched(
            "monitoring.dashboards.labels",
            "dashboards",
            more.clone(),
            DASHBOARDS,
        ),
        watched(
            "monitoring.dashboards.annotations",
            "dashboards",
            more,
            DASHBOARDS,
        ),
        alone("networkPolicy.enabled", json!(true), POLICY),
        Change {
            path: "networkPolicy.extraEgress",
            to: json!([{ "ports": [{ "port": 16443, "protocol": "TCP" }] }]),
            with: json!({ "networkPolicy": { "enabled": true } }),
            changes: POLICY,
        },
        alone(
            "serviceAccount.annotations",
            json!({ "cloud.example/role": "operator" }),
            &["ServiceAccount"],
        ),
        alone("resources.requests.cpu", json!("125m"), DEPLOYMENT),
        alone("resources.requests.memory", json!("96Mi"), DEPLOYMENT),
        alone("resources.limits.memory", json!("2Gi"), DEPLOYMENT),
        alone(
            "env",
            json!([{ "name": "OTEL_TRACES_SAMPLER", "value": "always_off" }]),
            DEPLOYMENT,
        ),
        alone("nodeSelector", json!({ "kubernetes.io/os": "linux" }), DEPLOYMENT),
        alone(
            "tolerations",
            json!([{ "key": "mine", "operator": "Exists" }]),
            DEPLOYMENT,
        ),
        alone(
            "affinity",
            json!({ "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [] } }),
            DEPLOYMENT,
        ),
        alone(
            "topologySpreadConstraints",
            json!([{ "maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule" }]),
            DEPLOYMENT,
        ),
        alone("priorityClassName", json!("system-cluster-critical"), DEPLOYMENT),
    ]
}

#[test]
fn each_value_changes_the_objects_it_is_for_and_no_others() {
    let Some(helm) = Helm::find() else { return };
    let changes = changes();
    let tried: BTreeSet<_> = changes.iter().map(|change| change.path.to_owned()).collect();
    let there: BTreeSet<_> = leaves().into_iter().map(|(path, _)| path).collect();
    assert_eq!(tried, there, "each value of values.yaml is tried");
    for change in changes {
        let mut values = change.with.clone();
        // The kinds are most of the text: they are left out where they are not what is tried.
        if change.path != "crds.install" {
            set(&mut values, "crds.install", json!(false));
        }
        let before = by_name(&helm.render(&values).unwrap());
        set(&mut values, change.path, change.to.clone());
        let after = by_name(&helm.render(&values).unwrap());
        let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let changed: Vec<_> = names
            .into_iter()
            .filter(|name| before.get(*name) != after.get(*name))
            .collect();
        let is_for = |prefix: &&&str| changed.iter().any(|name| name.starts_with(**prefix));
        let wanted = change.changes.iter().all(|prefix| is_for(&prefix));
        let no_other = changed
            .iter()
            .all(|name| change.changes.iter().any(|prefix| name.starts_with(prefix)));
        assert!(wanted && no_other, "{} changes {changed:?}", change.path);
        if let Some(text) = change.to.as_str() {
            let shown = changed.iter().any(|name| after[*name].to_string().contains(text));
            assert!(shown, "{}: {text} is in no object", change.path);
        }
    }
}

#[test]
fn what_a_user_gives_takes_the_place_of_the_spread_over_nodes_and_zones() {
    let Some(helm) = Helm::find() else { return };
    let affinity = json!({ "nodeAffinity": {} });
    let constraints = json!([{ "topologyKey": "rack" }]);
    let values = json!({ "replicas": 2, "affinity": affinity, "topologySpreadConstraints": constraints });
    let objects = by_name(&helm.render(&values).unwrap());
    let pod = &objects["Deployment rustfs-system/rustfs-operator"]["spec"]["template"]["spec"];
    assert_eq!(pod["affinity"], affinity);
    assert_eq!(pod["topologySpreadConstraints"], constraints);
}

#[test]
fn a_limit_can_be_taken_away() {
    let Some(helm) = Helm::find() else { return };
    let values = json!({ "resources": { "limits": null } });
    let objects = by_name(&helm.render(&values).unwrap());
    let container =
        &objects["Deployment rustfs-system/rustfs-operator"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["resources"],
        json!({ "requests": defaults()["resources"]["requests"] })
    );
}

#[test]
fn the_chart_renders_as_a_part_of_another() {
    let Some(helm) = Helm::find() else { return };
    helm.render(&json!({ "global": { "imageRegistry": "registry.example" } }))
        .unwrap();
}

/// Sets a value by its path.
pub fn set(values: &mut Value, path: &str, to: Value) {
    let pointer = format!("/{}", path.replace('.', "/"));
    let mut at = values;
    for key in pointer.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        at = at.as_object_mut().unwrap().entry(key).or_insert(Value::Null);
    }
    *at = to;
}

fn by_name(objects: &[Value]) -> BTreeMap<String, Value> {
    objects
        .iter()
        .map(|object| (name(object), object.clone()))
        .collect()
}
