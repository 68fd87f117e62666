//! The rules of `spec.hooks`.

use serde_json::{Value, json};

use super::{Refused, refused, with};

/// Hooks at the borders of what is accepted.
pub(super) fn valid() -> Value {
    json!([{"name": "backup", "before": ["Deletion", "Drain", "Upgrade"], "deadlineSeconds": 604800,
                           "retries": 0, "failurePolicy": "Ignore", "job": {
                               "image": "x", "command": ["a"], "args": ["b"], "imagePullPolicy": "Always",
                               "env": [{"name": "KEY", "value": "$(RUSTFS_ACCESS_KEY)"}],
                               "envFrom": [{"secretRef": {"name": "target"}}], "serviceAccountName": "backup",
                               "resources": {"requests": {"cpu": "1"}}, "nodeSelector": {"a": "b"},
                               "tolerations": [{"operator": "Exists"}],
                               "podSecurityContext": {"runAsUser": 7},
                               "containerSecurityContext": {"readOnlyRootFilesystem": false}}},
                          {"name": "a23456789012345678901234567890", "before": ["Drain"], "job": {"image": "x"}}])
}

/// A Tenant's spec with a valid hook for each of these changes to it.
fn hooks(changes: &[Value]) -> Value {
    let valid = json!({"name": "backup", "before": ["Deletion"], "job": {"image": "x"}});
    let hooks = changes.iter().map(|change| with(valid.clone(), change.clone()));
    json!({"spec": {"hooks": hooks.collect::<Vec<_>>()}})
}

/// Changes to a valid Tenant.
pub(super) fn rejected() -> Vec<Refused> {
    vec![
        refused(
            hooks(&[json!({"name": "Not-A-Name"})]),
            "a hook's name must hold only a-z, 0-9 and '-'",
        ),
        Refused {
            name: "a23456789012345678901234567890",
            change: hooks(&[json!({"name": "a-hook-of-21-letters1"})]),
            says: "at most 50 characters together",
        },
        refused(
            hooks(&[json!({"job": {"env": [{"name": "RUSTFS_ENDPOINT", "value": "x"}]}})]),
            "a variable the operator sets itself",
        ),
        refused(hooks(&[json!({"before": []})]), "should have at least 1 items"),
        refused(hooks(&[json!({"before": ["Drain", "Drain"]})]), "duplicate"),
        refused(hooks(&[json!({"before": ["Restart"]})]), "Unsupported value"),
        refused(hooks(&[json!({}), json!({})]), "duplicate entries"),
        refused(hooks(&[json!({"job": {"image": ""}})]), "at least 1 chars"),
        refused(
            hooks(&[json!({"deadlineSeconds": 9})]),
            "should be greater than or equal to 10",
        ),
        refused(
            hooks(&[json!({"retries": 11})]),
            "should be less than or equal to 10",
        ),
        refused(hooks(&[json!({"failurePolicy": "Retry"})]), "Unsupported value"),
    ]
}
