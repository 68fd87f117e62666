//! Files made from the types, the CustomResourceDefinitions and the API reference; and files of the Helm chart made from
//! what Kustomize installs. `UPDATE=1` writes them anew.

// A test says what went wrong by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/chart.rs"]
mod chart;
#[path = "support/chart_files.rs"]
mod chart_files;
#[path = "support/reference.rs"]
mod reference;

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn updates() -> bool {
    std::env::var_os("UPDATE").is_some()
}

fn check(path: &str, wanted: &str, source: &str) {
    let file = root().join(path);
    if updates() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == wanted,
        "{path} is not what {source}: run `make crds docs chart` and commit the result"
    );
}

/// Names and texts of the CustomResourceDefinitions.
fn definitions() -> Vec<(String, String)> {
    let text = |crd| {
        let yaml = serde_saphyr::to_string(crd).unwrap();
        format!("# Generated from crds/src by `make crds`; do not edit.\n{yaml}")
    };
    let all = crds::all();
    all.iter()
        .map(|crd| (crd.spec.names.plural.clone(), text(crd)))
        .collect()
}

#[test]
fn the_custom_resource_definitions_are_what_the_types_say() {
    for (name, text) in definitions() {
        check(&format!("config/crd/{name}.yaml"), &text, "the types say");
    }
}

#[test]
fn the_api_reference_is_what_the_types_say() {
    let text = reference::markdown(&crds::all());
    check("docs/api-reference.md", &text, "the types say");
}

#[test]
fn the_files_of_the_chart_are_what_kustomize_installs() {
    let copies = chart_files::copies(&definitions());
    for copy in &copies {
        check(&copy.path, &copy.text, "config and kustomize say");
    }
    for path in chart_files::present() {
        let known = copies.iter().any(|copy| copy.path == path);
        if !known && updates() {
            std::fs::remove_file(root().join(&path)).unwrap();
            continue;
        }
        assert!(
            known,
            "{path} is made from nothing: take it away, or say what it is made from"
        );
    }
}

#[test]
fn the_values_in_the_guide_of_the_chart_are_those_of_the_chart() {
    check("docs/helm.md", &chart_files::page(), "values.yaml says");
}
