use super::*;

fn with(classes: Vec<Arc<StorageClass>>) -> Cluster {
    Cluster {
        nodes: Some(nodes(4)),
        classes: Some(classes),
    }
}

fn default_since(name: &str, since: &str) -> Arc<StorageClass> {
    let annotations = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    class(
        name,
        json!({"metadata": {"name": name, "annotations": annotations, "creationTimestamp": since}}),
    )
}

#[test]
fn a_class_that_does_not_exist_blocks() {
    let found = found(&pool(json!({})), with(vec![class("slow", json!({}))]));
    one(
        "missing",
        &found,
        Weight::Blocks,
        &["spec.volumeClaim.storageClassName fast", "create it"],
    );
}

#[test]
fn without_a_class_there_must_be_a_default_one() {
    let pool = pool(json!({"volumeClaim": {"size": "1Gi"}}));
    let none = found(&pool, with(vec![class("slow", json!({}))]));
    one(
        "no default",
        &none,
        Weight::Blocks,
        &["storageClassName is not set", "is-default-class=true"],
    );
    assert_eq!(
        found(&pool, with(vec![default_since("slow", "2026-01-01T00:00:00Z")])),
        []
    );
}

#[test]
fn of_several_default_classes_the_newest_counts() {
    let mut classes = vec![
        default_since("old", "2025-01-01T00:00:00Z"),
        default_since("b", "2026-01-01T00:00:00Z"),
        default_since("a", "2026-01-01T00:00:00Z"),
        class("none", json!({})),
    ];
    for _ in 0..classes.len() {
        classes.rotate_left(1);
        let chosen = default_class(&classes).unwrap();
        assert_eq!(chosen.metadata.name.as_deref(), Some("a"));
    }
}

#[test]
fn what_a_class_cannot_do_is_warned_of() {
    let selective = json!({"scheduling": {"nodeSelector": {"zone": "n1"}}});
    let affine = json!({"scheduling": {"affinity": {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "zone", "operator": "Exists"}]},
        ]},
    }}}});
    let immediate = json!({"volumeBindingMode": "Immediate"});
    for (what, change, change_class, says) in [
        (
            "fixed size",
            json!({}),
            json!({"allowVolumeExpansion": false}),
            Some("allowVolumeExpansion"),
        ),
        (
            "bound at once",
            affine.clone(),
            immediate.clone(),
            Some("WaitForFirstConsumer"),
        ),
        (
            "bound at once by default",
            affine,
            json!({"volumeBindingMode": null}),
            Some("Immediate"),
        ),
        ("bound at once, anywhere", json!({}), immediate, None),
    ] {
        let found = found(&pool(change), with(vec![class("fast", change_class)]));
        match says {
            Some(says) => one(what, &found, Weight::Warns, &["storageClassName fast", says]),
            None => assert_eq!(found, [], "{what}"),
        }
    }
    let late = found(&pool(selective), with(vec![class("fast", json!({}))]));
    assert!(
        late.iter().all(|finding| !finding.text.contains("Immediate")),
        "{late:?}"
    );
}
