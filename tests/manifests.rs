//! Every overlay, every sample and every combination of components renders; with a control plane at hand, its API
//! server accepts each of them with strict validation.
//!
//! `KUBECTL` names the kubectl to use (default: the one on the path). With `LOCALKUBE` set to the localkube program
//! a control plane is started for the checks by a real API server; without it those checks are left out.

// A test says what went wrong by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/control_plane.rs"]
mod control_plane;
#[path = "support/kustomize.rs"]
mod kustomize;

use control_plane::ControlPlane;
use kustomize::{build, changed, combination, combinations, kinds, overlays, rendered, repository};
use serde_json::Value;

#[test]
fn every_overlay_and_sample_renders() {
    for overlay in overlays() {
        assert!(!rendered(&overlay).is_empty(), "{overlay} renders nothing");
    }
}

#[test]
fn every_combination_of_components_renders_and_keeps_the_deployment_restricted() {
    for components in combinations() {
        let objects = combination(&components);
        let deployment = only(&objects, "Deployment");
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(
            container["securityContext"]["readOnlyRootFilesystem"], true,
            "{components:?}"
        );
        let names = env_names(container);
        let mut unique = names.clone();
        unique.dedup();
        assert_eq!(names, unique, "{components:?} set a variable twice");
    }
}

#[test]
fn a_single_namespace_needs_no_right_outside_it() {
    let base = rendered("kustomize/base");
    let wide = &named(&base, "ClusterRole", "rustfs-operator")["rules"];
    for components in combinations() {
        if !components.contains(&"single-namespace".to_owned()) {
            continue;
        }
        let objects = combination(&components);
        let kinds = kinds(&objects);
        assert!(!kinds.contains(&"ClusterRole".to_owned()), "{components:?}");
        assert!(
            !kinds.contains(&"ClusterRoleBinding".to_owned()),
            "{components:?}"
        );
        let narrow = named(&objects, "Role", "rustfs-operator");
        assert_eq!(&narrow["rules"], wide, "{components:?}");
        assert_eq!(narrow["metadata"]["namespace"], "rustfs-system", "{components:?}");
    }
}

#[test]
fn rights_follow_the_operator_into_another_namespace_and_under_another_name() {
    let place = |object: &Value| [&object["namespace"], &object["name"]].map(Value::to_string);
    for components in combinations() {
        let objects = changed(&components, "namespace: elsewhere\nnamePrefix: second-\n");
        let account = &only(&objects, "ServiceAccount")["metadata"];
        assert_eq!(place(account), ["\"elsewhere\"", "\"second-rustfs-operator\""]);
        let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], account["name"], "{components:?}");
        let bindings = objects.iter().filter(|object| {
            object["kind"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("Binding"))
        });
        for binding in bindings {
            let (name, role) = (&binding["metadata"]["name"], &binding["roleRef"]);
            let subject = &binding["subjects"][0];
            assert_eq!(
                place(subject),
                place(account),
                "{components:?}: {name} binds another account"
            );
            let found = objects
                .iter()
                .any(|object| object["kind"] == role["kind"] && object["metadata"]["name"] == role["name"]);
            assert!(found, "{components:?}: {name} binds a role that is not there");
        }
    }
}

#[test]
fn labels_select_the_same_pods_everywhere() {
    let objects = rendered("kustomize/overlays/production");
    let labels = &only(&objects, "Deployment")["spec"]["template"]["metadata"]["labels"];
    for (kind, selector) in [
        ("Service", "/spec/selector"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
    ] {
        assert_eq!(only(&objects, kind).pointer(selector), Some(labels), "{kind}");
    }
    let service = &only(&objects, "Service")["metadata"]["labels"];
    let wanted = &only(&objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"];
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(
            &service[key], value,
            "the ServiceMonitor selects the metrics Service"
        );
    }
}

#[test]
fn the_api_server_accepts_everything() {
    let Some(cluster) = ControlPlane::start("manifests", 0) else {
        return;
    };
    cluster.install(&build("config/crd"));
    cluster.install_prometheus_kinds();
    for namespace in ["rustfs-system", "rustfs-tracing", "shop"] {
        cluster.create_namespace(namespace);
    }
    for overlay in overlays() {
        cluster.accepts(&overlay, &build(&overlay));
    }
    for components in combinations() {
        cluster.accepts(&components.join("+"), &as_list(combination(&components)));
    }
}

#[test]
fn names_in_the_documents_exist() {
    for page in [
        "README.md",
        "docs/architecture.md",
        "docs/contracts.md",
        "CONTRIBUTING.md",
    ] {
        let text = std::fs::read_to_string(repository().join(page)).expect(page);
        let folder = repository().join(page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            let local = !path.is_empty() && !path.contains("://");
            assert!(
                !local || folder.join(path).exists(),
                "{page} links to {path}, which is not there"
            );
        }
    }
}

fn only(objects: &[Value], kind: &str) -> Value {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "one {kind}");
    found[0].clone()
}

fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    objects
        .iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

fn env_names(container: &Value) -> Vec<String> {
    let env = container["env"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<_> = env.iter().map(|one| one["name"].to_string()).collect();
    names.sort();
    names
}

/// Without the CustomResourceDefinitions, which are installed already and are most of the text.
fn as_list(objects: Vec<Value>) -> String {
    let items: Vec<_> = objects
        .into_iter()
        .filter(|object| object["kind"] != "CustomResourceDefinition")
        .collect();
    serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}
