//! What the chart's files and the table of its values are made from.

use std::path::Path;

use super::chart::{PATH, leaves};

/// One file of the chart, its text, and where that is from.
pub struct Copy {
    /// The file, in the sources.
    pub path: String,
    /// What it has to hold.
    pub text: String,
}

/// Every file below `files/`, with the CustomResourceDefinitions of these names and texts.
pub fn copies(definitions: &[(String, String)]) -> Vec<Copy> {
    let mut all: Vec<_> = [
        ("rules/operator.yaml", "config/rbac/cluster-role.yaml", "rules:"),
        (
            "rules/leader-election.yaml",
            "config/rbac/leader-election.yaml",
            "rules:",
        ),
        ("rules/preflight.yaml", "config/rbac/preflight.yaml", "rules:"),
        (
            "network-policy.yaml",
            "kustomize/components/network-policy/network-policy.yaml",
            "spec:",
        ),
        (
            "alerts.yaml",
            "kustomize/components/monitoring/prometheus-rule.yaml",
            "spec:",
        ),
    ]
    .into_iter()
    .map(|(file, source, part)| copy(file, part_of(source, part)))
    .collect();
    const DASHBOARDS: &str = "kustomize/components/monitoring/dashboards";
    for name in names(DASHBOARDS) {
        let text = read(&format!("{DASHBOARDS}/{name}"));
        all.push(copy(&format!("dashboards/{name}"), text));
    }
    let definitions = definitions.iter();
    all.extend(definitions.map(|(name, text)| copy(&format!("crds/{name}.yaml"), text.clone())));
    all
}

/// Every file that is there.
pub fn present() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![format!("{PATH}/files")];
    while let Some(folder) = folders.pop() {
        for name in names(&folder) {
            let path = format!("{folder}/{name}");
            let list = if root().join(&path).is_dir() {
                &mut folders
            } else {
                &mut found
            };
            list.push(path);
        }
    }
    found.sort();
    found
}

/// The page with the table of values in its place.
pub fn page() -> String {
    const BEGIN: &str = "<!-- made from values.yaml by `make chart` -->\n";
    const END: &str = "<!-- end -->";
    let page = read("docs/helm.md");
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("docs/helm.md has a place for the values");
    let (_, after) = rest.split_once(END).expect("the place for the values ends");
    let mut table = "| value | default | what it does |\n|---|---|---|\n".to_owned();
    let (leaves, comments) = (leaves(), comments());
    for (path, _) in &leaves {
        assert!(
            comments.iter().any(|(key, _)| key == path),
            "values.yaml does not say what {path} does"
        );
    }
    for (path, text) in comments {
        let leaf = leaves.iter().find(|(key, _)| *key == path);
        let (_, default) =
            leaf.unwrap_or_else(|| panic!("what values.yaml says of {path} belongs to a value in it"));
        let shown = match default.as_str() {
            Some("") => "empty".to_owned(),
            Some(text) => format!("`{text}`"),
            None => format!("`{default}`"),
        };
        table.push_str(&format!("| `{path}` | {shown} | {text} |\n"));
    }
    format!("{before}{BEGIN}{table}{END}{after}")
}

/// What is said right above each key of values.yaml.
fn comments() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut path, mut said): (Vec<(usize, String)>, Vec<&str>) = (Vec::new(), Vec::new());
    let text = read(&format!("{PATH}/values.yaml"));
    for line in text.lines() {
        let depth = line.len() - line.trim_start().len();
        if let Some(words) = line.trim_start().strip_prefix("# ") {
            said.push(words);
        } else if let Some((key, _)) = line.split_once(':') {
            path.retain(|(above, _)| *above < depth);
            path.push((depth, key.trim().to_owned()));
            let keys: Vec<_> = path.iter().map(|(_, key)| key.as_str()).collect();
            if !said.is_empty() {
                found.push((keys.join("."), std::mem::take(&mut said).join(" ")));
            }
        } else {
            said.clear();
        }
    }
    found
}

fn copy(file: &str, text: String) -> Copy {
    Copy {
        path: format!("{PATH}/files/{file}"),
        text,
    }
}

/// A part of an object, from its key on to the end of the object, with its comments.
fn part_of(source: &str, part: &str) -> String {
    let text = read(source);
    let text = text.split("\n---\n").next().unwrap();
    let (_, body) = text
        .split_once(&format!("\n{part}\n"))
        .unwrap_or_else(|| panic!("{source} has no {part}"));
    format!(
        "# Generated from {source} by `make chart`; do not edit.\n{part}\n{}\n",
        body.trim_end()
    )
}

fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
