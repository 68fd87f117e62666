//! Files made from the types: the CustomResourceDefinitions and the API reference. `UPDATE=1` writes them anew.

// A test says what went wrong by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/reference.rs"]
mod reference;

use std::path::Path;

fn check(path: &str, wanted: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == wanted,
        "{path} is not what the types say: run `make crds docs` and commit the result"
    );
}

#[test]
fn the_custom_resource_definitions_are_what_the_types_say() {
    for crd in crds::all() {
        let yaml = serde_saphyr::to_string(&crd).unwrap();
        let text = format!("# Generated from crds/src by `make crds`; do not edit.\n{yaml}");
        check(&format!("config/crd/{}.yaml", crd.spec.names.plural), &text);
    }
}

#[test]
fn the_api_reference_is_what_the_types_say() {
    check("docs/api-reference.md", &reference::markdown(&crds::all()));
}
