//! What a scenario ends in: all objects of a namespace, without what nature gives.

use crds::names::LABEL_HOOK;
use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::nature::{NATURE, parts_masked};
use super::space::{Kind, Space};

/// What differs as well where servers are placed by a scheduler.
const PLACES: [&str; 10] = [
    "controller-revision-hash",
    "volumeName",
    "volume.kubernetes.io/selected-node",
    "nodeName",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
];

/// All objects in the namespace; what is being deleted is said to be.
pub async fn of(space: &Space) -> Vec<String> {
    let mut all = Vec::new();
    add::<Tenant>(space, &mut all).await;
    add::<Pool>(space, &mut all).await;
    add::<TenantCertificate>(space, &mut all).await;
    add::<TenantMonitor>(space, &mut all).await;
    add::<StatefulSet>(space, &mut all).await;
    add::<Service>(space, &mut all).await;
    add::<ConfigMap>(space, &mut all).await;
    add::<Secret>(space, &mut all).await;
    add::<ServiceAccount>(space, &mut all).await;
    add::<PodDisruptionBudget>(space, &mut all).await;
    add::<NetworkPolicy>(space, &mut all).await;
    add::<PersistentVolumeClaim>(space, &mut all).await;
    add::<Job>(space, &mut all).await;
    add::<Pod>(space, &mut all).await;
    all.into_iter()
        .map(|text| text.replace(&space.name, "NAMESPACE"))
        .collect()
}

/// Lines that stand in one only.
pub fn differences(wanted: &[String], found: &[String]) -> Vec<String> {
    let only = |these: &[String], those: &[String], sign: &str| -> Vec<String> {
        let missing = these.iter().filter(|line| !those.contains(line));
        missing.map(|line| format!("{sign} {line}")).collect()
    };
    [only(wanted, found, "-"), only(found, wanted, "+")].concat()
}

/// Which value a line, or a difference, is about.
pub fn path(line: &str) -> &str {
    let line = line.trim_start_matches(['-', '+', ' ']);
    line.split_once(" = ").map_or(line, |(path, _)| path)
}

async fn add<K: Kind>(space: &Space, all: &mut Vec<String>) {
    let kind = K::kind(&()).into_owned();
    for object in space.list::<K>().await {
        // A Pod of a Job has a name by chance, and its Job says how it ended.
        if kind == "Pod" && object.labels().contains_key(LABEL_HOOK) {
            continue;
        }
        if object.name_any() == "kube-root-ca.crt" {
            continue;
        }
        let value = serde_json::to_value(&object).expect("an object is JSON");
        all.extend(lines(&kind, value));
    }
}

/// One object, without what nature gives.
pub fn lines(kind: &str, mut value: Value) -> Vec<String> {
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    reduce(kind, &mut value);
    mask(&mut value);
    let mut lines = Vec::new();
    flatten(&format!("{kind} {}", parts_masked(&name)), &value, &mut lines);
    lines
}

/// Leaves out what is not the operator's: contents of Secrets, and all of a Pod but what it runs.
fn reduce(kind: &str, value: &mut Value) {
    if !value["metadata"]["deletionTimestamp"].is_null() {
        value["metadata"]["deletionTimestamp"] = json!("TIME");
        value["metadata"]["deletionGracePeriodSeconds"] = Value::Null;
    }
    match kind {
        "Secret" => {
            if let Some(data) = value["data"].as_object_mut() {
                data.values_mut().for_each(|secret| *secret = json!("SECRET"));
            }
        }
        "Pod" => {
            let ready = value["status"]["conditions"]
                .as_array()
                .and_then(|all| all.iter().find(|one| one["type"] == "Ready"))
                .map(|one| one["status"].clone());
            value["status"] = json!({"ready": ready});
            value["spec"] = json!({"image": value["spec"]["containers"][0]["image"]});
        }
        "StatefulSet" => value["status"] = json!({"ready": value["status"]["readyReplicas"]}),
        "Job" => value["status"] = json!({"succeeded": value["status"]["succeeded"]}),
        "PodDisruptionBudget" => value["status"] = Value::Null,
        "PersistentVolumeClaim" => {
            let annotations = value["metadata"]["annotations"].as_object_mut();
            if let Some(annotations) = annotations {
                annotations.retain(|name, _| name.contains("rustfs"));
            }
        }
        _ => {}
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let masked = |name: &str| NATURE.contains(&name) || PLACES.contains(&name);
            fields.retain(|name, _| !masked(name));
            fields.values_mut().for_each(mask);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) => *text = plain(text),
        _ => {}
    }
}

/// A text without UIDs, times and hashes.
fn plain(text: &str) -> String {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | ':' | '.');
    let mut masked = String::new();
    let mut word = String::new();
    for letter in text.chars() {
        if inside(letter) {
            word.push(letter);
        } else {
            masked.push_str(&named(&std::mem::take(&mut word)));
            masked.push(letter);
        }
    }
    masked + &named(&word)
}

/// What stands for a word, with the colon or full stop after it.
fn named(word: &str) -> String {
    let bare = word.trim_end_matches([':', '.']);
    nature(bare) + &word[bare.len()..]
}

fn nature(word: &str) -> String {
    let hex = |part: &str| part.chars().all(|letter| letter.is_ascii_hexdigit());
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    let stamp = word.len() >= 20 && word.contains('T') && word.starts_with("20") && word.ends_with('Z');
    if parts == [8, 4, 4, 4, 12] {
        "UID".to_owned()
    } else if stamp {
        "TIME".to_owned()
    } else if word.len() >= 8 && hex(word) && word.chars().any(|letter| letter.is_ascii_digit()) {
        "HASH".to_owned()
    } else {
        parts_masked(word)
    }
}

/// One line for each value, with the way to it. Lists of objects with a name or type are named by it.
fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(&format!("{path}.{name}"), value, lines);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                let name = item["type"].as_str().or(item["name"].as_str());
                let name = name.map_or_else(|| place.to_string(), str::to_owned);
                flatten(&format!("{path}[{name}]"), item, lines);
            }
        }
        Value::Null => {}
        scalar => lines.push(format!("{path} = {scalar}")),
    }
}
