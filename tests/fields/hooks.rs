//! Hooks. What they run is looked at in Jobs: the API tests of hooks.

use serde_json::{Value, json};

use super::Effect::{Refused, Silent};
use super::{Effect, Trial, trial};

const LATER: &str = "counts for Jobs that are made later";

/// A hook with a valid rest and this change of it.
fn hook(change: Value) -> Value {
    let mut hook = json!({"name": "backup", "before": ["Deletion"], "job": {"image": "x"}});
    for (name, value) in change.as_object().into_iter().flatten() {
        hook[name] = value.clone();
    }
    hook
}

fn of(hooks: &[Value], effect: Effect) -> Trial {
    let hooks: Vec<Value> = hooks.iter().map(|change| hook(change.clone())).collect();
    trial("Tenant", "spec.hooks", json!(hooks), effect)
}

/// All that a Pod of a hook can be told.
fn whole() -> Value {
    json!({
        "image": "rclone/rclone:1.71", "imagePullPolicy": "Always", "command": ["sh"], "args": ["-c"],
        "env": [
            {"name": "PLAIN", "value": "a"},
            {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "map", "key": "a", "optional": true}}},
            {"name": "FIELD", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "RESOURCE", "valueFrom": {"resourceFieldRef": {
                "containerName": "hook", "resource": "limits.cpu", "divisor": "1m"}}},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "b", "optional": true}}},
        ],
        "envFrom": [
            {"prefix": "A_", "configMapRef": {"name": "map", "optional": true}},
            {"secretRef": {"name": "secret", "optional": true}},
        ],
        "resources": super::pods::resources(), "serviceAccountName": "backup",
        "nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": super::pods::tolerations(),
        "podSecurityContext": super::pods::pod_security(),
        "containerSecurityContext": super::pods::container_security(),
    })
}

pub(super) fn trials() -> Vec<Trial> {
    let owned = json!({"job": {"image": "x", "env": [{"name": "RUSTFS_POOL", "value": "x"}]}});
    vec![
        of(&[json!({"job": whole()})], Silent(LATER)),
        of(
            &[json!({"before": ["Deletion", "Drain", "Upgrade"], "deadlineSeconds": 10, "retries": 0})],
            Silent(LATER),
        ),
        of(
            &[
                json!({"deadlineSeconds": 604_800, "retries": 10, "failurePolicy": "Ignore"}),
                json!({"name": "a23456789012345678901234567890", "failurePolicy": "Fail",
                       "job": {"image": "x", "imagePullPolicy": "IfNotPresent"}}),
                json!({"name": "0", "job": {"image": "x", "imagePullPolicy": "Never"}}),
            ],
            Silent(LATER),
        ),
        of(
            &[json!({"name": "Not-A-Name"})],
            Refused("a hook's name must hold only"),
        ),
        of(&[json!({}), json!({})], Refused("duplicate")),
        of(&[json!({"before": ["Drain", "Drain"]})], Refused("duplicate")),
        of(
            &[owned],
            Refused("a hook's env names a variable the operator sets itself"),
        ),
        of(
            &[json!({"job": {"image": "rclone/rclone:"}})],
            Refused("it is no image reference"),
        ),
        // The image that servers have: the hook before it has nothing to wait for.
        of(&[json!({"before": ["Upgrade"]})], Silent(LATER)),
    ]
}
