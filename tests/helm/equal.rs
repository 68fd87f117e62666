//! The chart renders what Kustomize renders.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::chart;
use crate::helm::{Helm, NAMESPACE, RELEASE};
use crate::kustomize::{changed, combination, combinations, rendered, repository};

/// All that Helm adds: to labels, and to annotations.
const ADDED: [&str; 3] = [
    "helm.sh/chart",
    "app.kubernetes.io/managed-by",
    "helm.sh/resource-policy",
];

#[test]
fn by_default_the_chart_is_the_base() {
    let Some(helm) = Helm::find() else { return };
    // The one object that no chart can bring: Helm keeps the release in it.
    let namespace = std::fs::read_to_string(repository().join("config/manager/namespace.yaml")).unwrap();
    let namespace: Value = serde_saphyr::from_str(&namespace).unwrap();
    let base = rendered("kustomize/base");
    let mut bare = base.clone();
    bare.retain(|object| object["kind"] != "Namespace");
    assert_eq!(base.len(), bare.len() + 1);
    same("base", &helm.render(&json!({})).unwrap(), &bare);

    let brought = base.iter().find(|object| object["kind"] == "Namespace").unwrap();
    let label = "/metadata/labels/pod-security.kubernetes.io~1enforce";
    assert_eq!(brought["metadata"]["name"], namespace["metadata"]["name"]);
    assert_eq!(brought.pointer(label), namespace.pointer(label));
}

#[test]
fn every_combination_of_components_is_a_combination_of_values() {
    let Some(helm) = Helm::find() else { return };
    for components in combinations() {
        let chart = helm.render(&values_of(&components)).unwrap();
        same(&components.join("+"), &chart, &combination(&components));
    }
}

#[test]
fn everything_follows_the_release_into_another_namespace() {
    let Some(helm) = Helm::find() else { return };
    let all = combinations().into_iter().max_by_key(Vec::len).unwrap();
    for components in [Vec::new(), vec!["single-namespace".to_owned()], all] {
        let chart = helm.render_as(RELEASE, "elsewhere", &values_of(&components));
        let kustomize = changed(&components, "namespace: elsewhere\n");
        same(&components.join("+"), &chart.unwrap(), &kustomize);
    }
}

#[test]
fn names_and_selectors_do_not_follow_the_name_of_the_release() {
    let Some(helm) = Helm::find() else { return };
    let values = json!({ "replicas": 2 });
    let other = helm.render_as("another", NAMESPACE, &values).unwrap();
    assert_eq!(other, helm.render(&values).unwrap());
}

#[test]
fn what_is_compared_differs_when_an_object_does() {
    let objects = rendered("kustomize/base");
    let mut other = objects.clone();
    let at = other
        .iter()
        .position(|object| object["kind"] == "Deployment")
        .unwrap();
    other[at]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(30);
    let found = difference("", &Value::from(objects.clone()), &Value::from(other));
    let wanted = ".spec.template.spec.terminationGracePeriodSeconds is 150";
    assert!(found.is_some_and(|found| found.contains(wanted)));
    assert_ne!(by_name(&objects), by_name(&objects[1..]));
}

#[test]
fn only_the_kinds_are_kept_and_all_of_them() {
    let Some(helm) = Helm::find() else { return };
    for object in helm.render(&json!({ "replicas": 2 })).unwrap() {
        let kept = object.pointer("/metadata/annotations/helm.sh~1resource-policy");
        let wanted = object["kind"] == "CustomResourceDefinition";
        assert_eq!(kept == Some(&json!("keep")), wanted, "{}", name(&object));
    }
}

#[test]
fn the_braces_of_alerts_and_dashboards_come_through() {
    let Some(helm) = Helm::find() else { return };
    let objects = helm.render(&values_of(&["monitoring".to_owned()])).unwrap();
    let find = |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap();
    let alerts = find("PrometheusRule").to_string();
    assert!(alerts.contains("{{ $labels.controller }}"), "{alerts}");
    let data = find("ConfigMap")["data"].as_object().unwrap();
    assert_eq!(data.len(), 2);
    for (file, text) in data {
        let source = repository()
            .join("kustomize/components/monitoring/dashboards")
            .join(file);
        assert_eq!(
            text.as_str().unwrap(),
            std::fs::read_to_string(source).unwrap(),
            "{file}"
        );
    }
}

/// The values that are these components.
pub fn values_of(components: &[String]) -> Value {
    let mut values = json!({});
    for component in components {
        let more = match component.as_str() {
            "high-availability" => json!({ "replicas": 2 }),
            "monitoring" => json!({ "monitoring": {
                "serviceMonitor": { "enabled": true },
                "rules": { "enabled": true },
                "dashboards": { "enabled": true },
            } }),
            "network-policy" => json!({ "networkPolicy": { "enabled": true } }),
            "single-namespace" => json!({ "singleNamespace": true }),
            "tracing" => json!({ "tracing": { "endpoint": "http://jaeger.rustfs-tracing.svc:4317" } }),
            other => panic!(
                "the chart {} has no values for the component {other}",
                chart::PATH
            ),
        };
        values
            .as_object_mut()
            .unwrap()
            .append(&mut more.as_object().unwrap().clone());
    }
    values
}

/// Panics at the first object that is not in both, or not the same.
fn same(what: &str, chart: &[Value], kustomize: &[Value]) {
    let without: Vec<_> = kustomize
        .iter()
        .filter(|object| object["kind"] != "Namespace")
        .cloned()
        .collect();
    let (chart, kustomize) = (by_name(chart), by_name(&without));
    let names = |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&chart), names(&kustomize), "{what}");
    for (name, object) in &chart {
        if let Some(difference) = difference("", object, &kustomize[name]) {
            panic!("{what}: {name}: {difference}");
        }
    }
}

/// Where two values differ first. Whole objects are too long to be read.
fn difference(at: &str, chart: &Value, kustomize: &Value) -> Option<String> {
    match (chart, kustomize) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            let mut keys = keys.into_iter();
            keys.find_map(|key| difference(&format!("{at}.{key}"), &chart[key], &kustomize[key]))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let mut pairs = one.iter().zip(other).enumerate();
            pairs.find_map(|(place, (one, other))| difference(&format!("{at}[{place}]"), one, other))
        }
        // Kustomize writes 1 where the files have 1.0.
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => None,
        _ if chart == kustomize => None,
        _ => Some(format!(
            "{at} is {chart} in the chart and {kustomize} with Kustomize"
        )),
    }
}

fn by_name(objects: &[Value]) -> BTreeMap<String, Value> {
    let found: BTreeMap<_, _> = objects
        .iter()
        .map(|object| (name(object), plain(object)))
        .collect();
    assert_eq!(found.len(), objects.len(), "an object is there twice");
    found
}

/// Kind, namespace and name.
pub fn name(object: &Value) -> String {
    let part = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default();
    format!(
        "{} {}/{}",
        part("/kind"),
        part("/metadata/namespace"),
        part("/metadata/name")
    )
}

/// An object without what Helm adds, and with its variables in the order of their names: none refers to another.
fn plain(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    for map in ["labels", "annotations"] {
        let Some(entries) = metadata.get_mut(map).and_then(Value::as_object_mut) else {
            continue;
        };
        entries.retain(|key, _| !ADDED.contains(&key.as_str()));
        if entries == &Map::new() {
            metadata.remove(map);
        }
    }
    if let Some(env) = object.pointer_mut("/spec/template/spec/containers/0/env") {
        env.as_array_mut()
            .unwrap()
            .sort_by_key(|one| one["name"].to_string());
    }
    object
}
