//! The Tenant's own fields.

use serde_json::{Value, json};

use super::Effect::{Costs, Held, Named, Refused, Says, Shown, Silent};
use super::Store::{Hasty, Tls};
use super::{Effect, Trial, trial};

const POD: &str = "StatefulSet store-p0.spec.template.spec";
const RECORD: &str = "ConfigMap store-rollout";
const DEFAULT: &str = "the default";
const AT_DELETION: &str = "takes effect when the Tenant is deleted";

fn of(path: &'static str, value: Value, effect: Effect) -> Trial {
    trial("Tenant", path, value, effect)
}

pub(super) fn trials() -> Vec<Trial> {
    [
        image(),
        identity(),
        environment(),
        metadata(),
        services(),
        rollout(),
        rest(),
    ]
    .concat()
}

fn image() -> Vec<Trial> {
    let longest = format!("mirror.example.com/{}", "a/".repeat(246) + "b");
    vec![
        of("spec.image", json!("rustfs/rustfs:next"), Shown(POD)),
        of("spec.image", json!(longest), Shown(POD)),
        of(
            "spec.image",
            json!(" rustfs/rustfs:next"),
            Refused("it is no image reference"),
        ),
        of(
            "spec.image",
            json!("rustfs/RustFS:next"),
            Refused("it is no image reference"),
        ),
        of(
            "spec.image",
            json!("rustfs/rustfs:"),
            Refused("it is no image reference"),
        ),
        of("spec.image", json!("rustfs/rustfs:0.9.0"), Named("spec.image")),
        of("spec.image", json!("rustfs/rustfs:3.0.0"), Named("spec.image")),
        of("spec.imagePullPolicy", json!("Always"), Shown(POD)),
        of("spec.imagePullPolicy", json!("IfNotPresent"), Shown(RECORD)).rolls(),
        of("spec.imagePullPolicy", json!("Never"), Shown(POD)),
        of("spec.imagePullSecrets", json!([{"name": "mirror"}]), Shown(POD)),
        of(
            "spec.imagePullSecrets",
            json!([{"name": "a"}, {"name": "a"}]),
            Refused("duplicate"),
        ),
        of(
            "spec.imagePullSecrets",
            json!([{"name": ""}]),
            Refused("has an entry without a name"),
        ),
    ]
}

fn identity() -> Vec<Trial> {
    let fixed = "cannot be changed";
    vec![
        of(
            "spec.credentialsSecretRef.name",
            json!("given"),
            Shown("Tenant store.status.credentialsSecretName"),
        )
        .rolls(),
        of(
            "spec.credentialsSecretRef.name",
            json!("missing"),
            Named("spec.credentialsSecretRef"),
        ),
        of(
            "spec.credentialsSecretRef.name",
            json!("short"),
            Named("spec.credentialsSecretRef"),
        ),
        of(
            "spec.rpcSecretRef",
            json!({"name": "given"}),
            Refused("spec.rpcSecretRef cannot be added or removed later"),
        ),
        of("spec.rpcSecretRef", json!({"name": "other"}), Refused(fixed)).on(Tls),
        of(
            "spec.rpcSecretRef",
            json!(null),
            Refused("cannot be added or removed later"),
        )
        .on(Tls),
        of("spec.tls.mode", json!("Enabled"), Refused(fixed)),
        of("spec.tls.mode", json!("Disabled"), Silent(DEFAULT)),
        of("spec.tls.mode", json!("Disabled"), Refused(fixed)).on(Tls),
        of(
            "spec.tls.certificateRef.name",
            json!("other"),
            Silent("TLS is off"),
        ),
        of(
            "spec.tls.certificateRef.name",
            json!("other"),
            Says(POD, "other-tls"),
        )
        .on(Tls),
        of(
            "spec.tls.certificateRef.name",
            json!("alien"),
            Held(
                "spec.tls.certificateRef",
                "the servers do not answer with what the Tenant trusts now, so none is replaced",
            ),
        )
        .on(Tls),
        of(
            "spec.tls.certificateRef.name",
            json!("missing"),
            Named("certificateRef"),
        )
        .on(Tls),
        of("spec.serviceAccountName", json!("default"), Shown(POD)),
        of(
            "spec.serviceAccountName",
            json!("Not_A_Name"),
            Named("spec.serviceAccountName"),
        ),
        of(
            "spec.serviceAccountName",
            json!("missing"),
            Costs(
                "store-p0-0",
                "only the admission of a Pod looks for its ServiceAccount",
            ),
        )
        .on(Hasty),
    ]
}

fn environment() -> Vec<Trial> {
    let sources = json!([
        {"name": "PLAIN", "value": "a b=c"},
        {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "map", "key": "a", "optional": true}}},
        {"name": "FIELD", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        {"name": "RESOURCE", "valueFrom": {"resourceFieldRef": {
            "containerName": "rustfs", "resource": "limits.cpu", "divisor": "1m"}}},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "given", "key": "accesskey", "optional": false}}},
    ]);
    let one = |variable: Value| json!([variable]);
    vec![
        of("spec.env", sources, Shown(POD)),
        of(
            "spec.env",
            one(json!({"name": "RUSTFS_VOLUMES", "value": "/x"})),
            Refused("spec.env names a variable the operator sets itself"),
        ),
        of(
            "spec.env",
            one(json!({"name": "POD_NAME", "value": "x"})),
            Refused("spec.env names a variable the operator sets itself"),
        ),
        of(
            "spec.env",
            one(json!({"name": "MINIO_X", "value": "x"})),
            Refused("spec.env names a MINIO_ variable"),
        ),
        of(
            "spec.env",
            json!([{"name": "A"}, {"name": "A"}]),
            Refused("duplicate"),
        ),
        of(
            "spec.env",
            one(json!({"name": "A=B"})),
            Named("spec.env[A=B].name"),
        ),
        of("spec.env", one(json!({"name": ""})), Named("spec.env[].name")),
        of(
            "spec.env",
            one(
                json!({"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
            ),
            Named("spec.env[A]"),
        ),
        of(
            "spec.env",
            one(json!({"name": "A", "valueFrom": {}})),
            Named("env["),
        ),
        of(
            "spec.env",
            one(json!({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nothing"}}})),
            Named("fieldPath"),
        ),
        of(
            "spec.env",
            one(json!({"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.luck"}}})),
            Named("resourceFieldRef.resource"),
        ),
        of(
            "spec.env",
            one(json!({"name": "A", "valueFrom": {"secretKeyRef": {"name": "", "key": "k"}}})),
            Named("secretKeyRef"),
        ),
        of(
            "spec.env",
            one(json!({"name": "RUSTFS_ERASURE_SET_DRIVE_COUNT", "value": "7"})),
            Named("spec.env[RUSTFS_ERASURE_SET_DRIVE_COUNT]"),
        ),
        of(
            "spec.env",
            one(json!({"name": "RUSTFS_STORAGE_CLASS_STANDARD", "value": "EC:9"})),
            Named("spec.env[RUSTFS_STORAGE_CLASS_STANDARD]"),
        ),
        of(
            "spec.env",
            one(json!({"name": "RUSTFS_STORAGE_CLASS_STANDARD", "value": "EC:0"})),
            Says(
                "Pool p0.status.conditions[Preflight]",
                "RUSTFS_STORAGE_CLASS_STANDARD",
            ),
        )
        .rolls(),
    ]
}

fn metadata() -> Vec<Trial> {
    vec![
        of(
            "spec.podMetadata.labels",
            json!({"example.com/team": "a"}),
            Shown("Pod store-p0-0.metadata.labels"),
        )
        .rolls(),
        of(
            "spec.podMetadata.labels",
            json!({"app.kubernetes.io/name": "x"}),
            Refused("labels under storage.rustfs.com/"),
        ),
        of(
            "spec.podMetadata.labels",
            json!({"storage.rustfs.com/tenant": "x"}),
            Refused("labels under storage.rustfs.com/"),
        ),
        of(
            "spec.podMetadata.labels",
            json!({"team": "not a label"}),
            Named("spec.podMetadata.labels[team]"),
        ),
        of(
            "spec.podMetadata.labels",
            json!({"a b": "c"}),
            Named("spec.podMetadata.labels[a b]"),
        ),
        of(
            "spec.podMetadata.annotations",
            json!({"example.com/note": "any text, ä"}),
            Shown("Pod store-p0-0.metadata.annotations"),
        )
        .rolls(),
        of(
            "spec.podMetadata.annotations",
            json!({"storage.rustfs.com/x": "x"}),
            Refused("annotations under storage.rustfs.com/"),
        ),
        of(
            "spec.podMetadata.annotations",
            json!({"a/b/c": "x"}),
            Named("spec.podMetadata.annotations[a/b/c]"),
        ),
        of(
            "spec.podMetadata.annotations",
            json!({"note": "x".repeat(300_000)}),
            Named("annotations"),
        ),
    ]
}

macro_rules! service {
    ($name:literal) => {{
        const SERVICE: &str = concat!("Service store-", $name);
        const PATH: &str = concat!("spec.services.", $name);
        let of = |path: &'static str, value, effect| of(path, value, effect);
        vec![
            of(concat!("spec.services.", $name, ".type"), json!("ClusterIP"), Silent(DEFAULT)),
            of(concat!("spec.services.", $name, ".type"), json!("NodePort"), Shown(SERVICE)),
            of(PATH, json!({"type": "LoadBalancer", "loadBalancerClass": "example.com/lb"}), Shown(SERVICE)),
            of(concat!("spec.services.", $name, ".loadBalancerClass"), json!("example.com/lb"), Refused("needs type: LoadBalancer")),
            of(PATH, json!({"type": "LoadBalancer", "loadBalancerClass": "not valid"}), Named("spec.loadBalancerClass")),
            of(concat!("spec.services.", $name, ".appProtocol"), json!("kubernetes.io/h2c"), Shown(SERVICE)),
            of(concat!("spec.services.", $name, ".appProtocol"), json!("not valid!"), Named("appProtocol")),
            of(concat!("spec.services.", $name, ".metadata.labels"), json!({"example.com/team": "a"}), Shown(SERVICE)),
            of(concat!("spec.services.", $name, ".metadata.labels"), json!({"app.kubernetes.io/name": "x"}), Refused("labels under storage.rustfs.com/")),
            of(concat!("spec.services.", $name, ".metadata.labels"), json!({"a": "b c"}), Named(concat!("spec.services.", $name, ".metadata.labels[a]"))),
            of(concat!("spec.services.", $name, ".metadata.annotations"), json!({"example.com/note": "any text"}), Shown(SERVICE)),
            of(concat!("spec.services.", $name, ".metadata.annotations"), json!({"storage.rustfs.com/x": "x"}), Refused("annotations under storage.rustfs.com/")),
            of(concat!("spec.services.", $name, ".metadata.annotations"), json!({"a b": "c"}), Named(concat!("spec.services.", $name, ".metadata.annotations[a b]"))),
        ]
    }};
}

fn services() -> Vec<Trial> {
    let other = json!({"type": "LoadBalancer", "loadBalancerClass": "example.com/other"});
    let console = of("spec.services.console", other, Named("loadBalancerClass")).on(Tls);
    [service!("api"), service!("console"), vec![console]].concat()
}

fn rollout() -> Vec<Trial> {
    let next = "counts for the next servers that are replaced";
    let bounded = Says(
        "Tenant store.status.conditions[RolledOut].message",
        "spec.rollout.maxUnavailable 256 is bounded to 1",
    );
    vec![
        of("spec.rollout.maxUnavailable", json!(1), Silent(DEFAULT)),
        of("spec.rollout.maxUnavailable", json!(256), bounded),
        of("spec.rollout.partition", json!(0), Silent(DEFAULT)),
        of("spec.rollout.partition", json!(256), Silent(next)),
        of("spec.rollout.paused", json!(true), Silent(next)),
        of("spec.rollout.autoRollback", json!(true), Silent(next)),
        of("spec.rollout.progressDeadlineSeconds", json!(10), Silent(next)),
        of("spec.rollout.progressDeadlineSeconds", json!(86400), Silent(next)),
    ]
}

fn rest() -> Vec<Trial> {
    vec![
        of("spec.rebalance", json!("Never"), Silent(DEFAULT)),
        of(
            "spec.rebalance",
            json!("AfterJoin"),
            Says(
                "Tenant store.status.conditions[Balanced]",
                "it begins once a Pool has joined",
            ),
        ),
        of("spec.deletion.volumes", json!("Retain"), Silent(DEFAULT)),
        of("spec.deletion.volumes", json!("Delete"), Silent(AT_DELETION)),
        of(
            "spec.deletion.protection",
            json!("None"),
            Silent("what the store has"),
        ),
        of(
            "spec.deletion.protection",
            json!("DataCheck"),
            Silent(AT_DELETION),
        ),
        of("spec.paused", json!(true), Named("spec.paused")),
    ]
}
