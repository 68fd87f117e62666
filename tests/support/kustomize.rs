//! Renders folders with `kubectl kustomize`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The root of the sources.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// kubectl, as `KUBECTL` or the path names it.
pub fn kubectl() -> Command {
    Command::new(std::env::var_os("KUBECTL").unwrap_or_else(|| "kubectl".into()))
}

/// Every folder a person may build: overlays, samples, Jaeger.
pub fn overlays() -> Vec<String> {
    let mut found = Vec::new();
    for root in [
        "kustomize/base",
        "kustomize/overlays",
        "config/samples",
        "deploy/jaeger",
    ] {
        find(&repository().join(root), &mut found);
    }
    found.sort();
    assert!(found.len() > 6, "the overlays are where they are looked for");
    found
}

fn find(folder: &Path, found: &mut Vec<String>) {
    if folder.join("kustomization.yaml").exists() {
        let path = folder.strip_prefix(repository()).unwrap();
        found.push(path.display().to_string());
    }
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            find(&entry.path(), found);
        }
    }
}

/// The text of a folder of the repository.
pub fn build(folder: &str) -> String {
    run(&repository().join(folder))
}

/// The objects of a folder of the repository.
pub fn rendered(folder: &str) -> Vec<Value> {
    objects(&build(folder))
}

/// Every set of components, the empty one included.
pub fn combinations() -> Vec<Vec<String>> {
    let root = repository().join("kustomize/components");
    let mut names: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    (0..1_usize << names.len())
        .map(|set| {
            let chosen = names.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
            chosen.map(|(_, name)| name.clone()).collect()
        })
        .collect()
}

/// The objects of the base with these components.
pub fn combination(components: &[String]) -> Vec<Value> {
    changed(components, "")
}

/// The same, with more in the kustomization that a person writes.
pub fn changed(components: &[String], more: &str) -> Vec<Value> {
    let name = format!("{}-{}{}", std::process::id(), components.join("+"), more.len());
    let folder = scratch().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let up = "../".repeat(folder.strip_prefix(common()).unwrap().components().count());
    let inside = repository().strip_prefix(common()).unwrap().display().to_string();
    let root = format!("{up}{inside}/kustomize").replace("//", "/");
    let mut text = format!("resources: [{root}/base]\ncomponents:\n");
    if components.is_empty() {
        text = format!("resources: [{root}/base]\n");
    }
    for name in components {
        text.push_str(&format!("  - {root}/components/{name}\n"));
    }
    text.push_str(more);
    std::fs::write(folder.join("kustomization.yaml"), text).unwrap();
    let result = objects(&run(&folder));
    std::fs::remove_dir_all(&folder).unwrap();
    result
}

fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// The deepest folder that holds both the sources and the scratch space: kustomize wants relative paths.
fn common() -> PathBuf {
    let scratch = scratch();
    repository()
        .ancestors()
        .find(|folder| scratch.starts_with(folder))
        .unwrap()
        .to_owned()
}

/// The kinds of objects.
pub fn kinds(objects: &[Value]) -> Vec<String> {
    let kind = |object: &Value| object["kind"].as_str().unwrap_or_default().to_owned();
    objects.iter().map(kind).collect()
}

fn run(folder: &Path) -> String {
    let output = kubectl()
        .arg("kustomize")
        .arg(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!("kubectl is needed to render manifests; put it on the path or name it in KUBECTL: {error}")
        });
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {problem}", folder.display());
    String::from_utf8(output.stdout).unwrap()
}

fn objects(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("kustomize writes YAML")
}
