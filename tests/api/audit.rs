//! What the operator was seen to ask of the API server in this whole run. Run last.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::World;
use crate::support::audit::Audit;

type Right = (String, String, String);

pub async fn every_deletion_names_the_uid_it_was_decided_on(world: Arc<World>) {
    let _operator = world.running().await;
    let requests = Audit::from_start(&world.cluster).requests();
    let deletions: Vec<_> = requests
        .iter()
        .filter(|request| request.verb == "delete")
        .collect();
    assert!(!deletions.is_empty(), "the run has deleted something");
    for deletion in &deletions {
        let options = deletion.options.as_deref().unwrap_or("null");
        let options: Value = serde_json::from_str(options).unwrap_or_default();
        assert!(options["preconditions"]["uid"].is_string(), "{deletion:?}");
    }
    assert!(
        !requests.iter().any(|request| request.verb == "deletecollection"),
        "never more than one at a time"
    );
    println!("{} deletions, each with a UID", deletions.len());
}

pub async fn the_role_grants_what_was_used_and_nothing_else(world: Arc<World>) {
    let _operator = world.running().await;
    let used: BTreeSet<Right> = Audit::from_start(&world.cluster)
        .requests()
        .into_iter()
        .map(|request| {
            let resource = if request.subresource.is_empty() {
                request.resource
            } else {
                format!("{}/{}", request.resource, request.subresource)
            };
            (request.verb, request.group, resource)
        })
        .collect();
    // An apply is a patch in the log; where it makes the object, the API server asks for the right to create.
    let made: Vec<Right> = used
        .iter()
        .filter(|(verb, _, resource)| verb == "patch" && !resource.contains('/'))
        .map(|(_, group, resource)| ("create".to_owned(), group.clone(), resource.clone()))
        .collect();
    let granted = granted(&world);
    let missing: Vec<_> = used.difference(&granted).collect();
    assert!(missing.is_empty(), "used without a right: {missing:?}");
    let idle: Vec<_> = granted
        .difference(&used)
        .filter(|right| !made.contains(right) && !justified(right))
        .collect();
    assert!(idle.is_empty(), "granted and never used: {idle:#?}");
}

/// Rights that a run of these tests cannot be made to use; each has its reason.
fn justified((verb, group, resource): &Right) -> bool {
    match (verb.as_str(), group.as_str(), resource.as_str()) {
        // Checked by the API server when an owner reference with blockOwnerDeletion is set; never a request.
        ("update", "storage.rustfs.com", resource) => resource.ends_with("/finalizers"),
        // Revisions before the previous one, which a store that formed at once never has.
        ("delete", "", "configmaps") => true,
        // An adoption that was overtaken is tried again on a fresh read.
        ("get", "storage.rustfs.com", "pools" | "tenantcertificates" | "tenantmonitors") => true,
        _ => false,
    }
}

fn granted(world: &World) -> BTreeSet<Right> {
    let text = world
        .cluster
        .kubectl(&[
            "get",
            "clusterroles,roles",
            "-A",
            "-o",
            "json",
            "-l",
            "app.kubernetes.io/name=rustfs-operator",
        ])
        .expect("the roles can be read");
    let list: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
    let strings = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect()
    };
    let mut rights = BTreeSet::new();
    for rule in list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|role| role["rules"].as_array().into_iter().flatten())
    {
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                for verb in strings(&rule["verbs"]) {
                    rights.insert((verb, group.clone(), resource.clone()));
                }
            }
        }
    }
    rights
}
