//! Whether every field of the kinds is tried: no server, no cluster. What is tried is carried out by `values::` of the API
//! tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "mod.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "shared with the API tests, which use the rest"
)]
mod fields;

use std::collections::{BTreeMap, BTreeSet};

use fields::schema::{self, Field, borders, plain, rules};
use fields::{Effect, Trial, trials};
use serde_json::Value;

/// Where a scalar of a value is, and the scalar.
fn scalars(path: &str, value: &Value, all: &mut Vec<(String, Value)>) {
    all.push((path.to_owned(), value.clone()));
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                scalars(&format!("{path}.{name}"), value, all);
            }
        }
        Value::Array(items) => {
            for item in items {
                scalars(&format!("{path}[]"), item, all);
            }
        }
        _ => {}
    }
}

/// Every value of every field that some trial sets, by kind and path.
fn tried(wanted: impl Fn(&Trial) -> bool) -> BTreeMap<(String, String), Vec<Value>> {
    let mut all: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for trial in trials().into_iter().filter(wanted) {
        let mut found = Vec::new();
        scalars(&trial.path, &trial.value, &mut found);
        for (path, value) in found {
            all.entry((trial.kind.to_owned(), path)).or_default().push(value);
        }
    }
    all
}

fn untried(fields: impl Iterator<Item = (Field, String)>) {
    let missing: BTreeSet<String> = fields
        .map(|(field, what)| format!("{} {}: {what}", field.kind, field.path))
        .collect();
    let missing: Vec<String> = missing.into_iter().collect();
    assert!(
        missing.is_empty(),
        "add values to tests/fields:\n{}",
        missing.join("\n")
    );
}

/// What only an object that is made has: it cannot be changed later. `crds::` of the API tests makes some.
const AT_BIRTH: [(&str, &str); 5] = [
    ("Tenant", "spec.rpcSecretRef"),
    ("Tenant", "spec.tls.mode"),
    ("Pool", "spec.servers"),
    ("Pool", "spec.volumesPerServer"),
    ("Pool", "spec.volumeClaim.storageClassName"),
];
/// Rules that only another name of an object breaks: `crds::` makes such objects.
const OF_NAMES: [&str; 2] = ["metadata.name must", "a hook's name and metadata.name must"];

fn is_at_birth(field: &Field) -> bool {
    let whole = field.path.ends_with("tenantRef") || field.path.ends_with("tenantRef.name");
    let fixed = AT_BIRTH.iter();
    let mut fixed = fixed.map(|(kind, path)| field.kind == *kind && field.path.starts_with(path));
    whole || fixed.any(|is| is)
}

fn is_accepted(trial: &Trial) -> bool {
    !matches!(trial.effect, Effect::Refused(_))
}

#[test]
fn every_field_has_a_value_that_is_accepted() {
    let tried = tried(is_accepted);
    let lacks = |field: &Field| !tried.contains_key(&(field.kind.clone(), field.path.clone()));
    let leaves = schema::fields().into_iter().filter(|field| field.leaf);
    untried(
        leaves
            .filter(|field| !is_at_birth(field) && lacks(field))
            .map(|field| (field, "it has no value".to_owned())),
    );
}

#[test]
fn every_border_and_every_word_of_a_schema_is_tried() {
    let (accepted, all) = (tried(is_accepted), tried(|_| true));
    untried(schema::fields().into_iter().flat_map(|field| {
        let tried = if is_at_birth(&field) { &all } else { &accepted };
        let found = tried
            .get(&(field.kind.clone(), field.path.clone()))
            .cloned()
            .unwrap_or_default();
        let missing = borders(&field.schema)
            .into_iter()
            .filter(move |value| !found.contains(value));
        missing
            .map(move |value| (field.clone(), value.to_string()))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn every_rule_of_a_schema_is_broken_by_a_value() {
    let refused: Vec<Trial> = trials().into_iter().filter(|trial| !is_accepted(trial)).collect();
    let says = |trial: &Trial, message: &str| match trial.effect {
        Effect::Refused(says) => !says.is_empty() && message.contains(says),
        _ => false,
    };
    untried(schema::fields().into_iter().flat_map(|field| {
        let broken = |message: &str| {
            refused.iter().any(|trial| {
                trial.kind == field.kind
                    && (trial.path.starts_with(&field.path) || field.path.starts_with(&trial.path))
                    && says(trial, message)
            })
        };
        let unbroken: Vec<String> = rules(&field.schema)
            .into_iter()
            .filter(|(_, message)| !broken(message))
            .map(|(_, message)| message.to_owned())
            .collect();
        unbroken
            .into_iter()
            .map(move |message| (field.clone(), message))
            .collect::<Vec<_>>()
    }));
    for (kind, message) in schema::rules_of_kinds() {
        let of_name = OF_NAMES.iter().any(|begin| message.starts_with(begin));
        let broken = refused
            .iter()
            .any(|trial| trial.kind == kind && says(trial, message));
        assert!(
            of_name || broken,
            "add a value to tests/fields: {kind}: {message}"
        );
    }
}

#[test]
fn what_names_a_field_names_its_last_part() {
    for trial in trials() {
        let Effect::Named(says) = trial.effect else {
            continue;
        };
        let mut parts = Vec::new();
        scalars(&trial.path, &trial.value, &mut parts);
        let known = |part: &str| plain(says).split('.').any(|word| word == part);
        let mut names = parts.iter().flat_map(|(path, _)| path.split('.').skip(1));
        assert!(names.any(|name| known(&plain(name))), "{}: {says}", trial.title());
    }
}
