//! The Helm chart: where it is, what its files are made from, and what its values are documented as.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The chart.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(PATH)
}

/// The chart, in the sources.
pub const PATH: &str = "deploy/helm/rustfs-operator";

/// What the values are by default.
pub fn defaults() -> Value {
    let text = std::fs::read_to_string(folder().join("values.yaml")).unwrap();
    serde_saphyr::from_str(&text).expect("values.yaml is YAML")
}

/// Every value that holds no others: a path with dots, and what it is by default. A map that is empty by default, and
/// one whose keys are a user's own, is one value.
pub fn leaves() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    collect("", &defaults(), &mut found);
    found
}

/// Maps with keys of a user's own.
const FREE: [&str; 2] = [
    "monitoring.dashboards.labels",
    "monitoring.dashboards.annotations",
];

fn collect(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) if !map.is_empty() && !FREE.contains(&path) => {
            for (key, inner) in map {
                let dot = if path.is_empty() { "" } else { "." };
                collect(&format!("{path}{dot}{key}"), inner, found);
            }
        }
        _ => found.push((path.to_owned(), value.clone())),
    }
}
