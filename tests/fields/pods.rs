//! What a Pod of a server can be told in Kubernetes' own words, by a Tenant or by one Pool.

use serde_json::{Value, json};

use super::Effect::{Costs, Named, Refused, Shown};
use super::Store::{Hasty, Open};
use super::{Effect, Trial, trial};

const POD: &str = "StatefulSet store-p0.spec.template.spec";
const RECORD: &str = "ConfigMap store-rollout";
const ADMISSION: &str = "only the admission of a Pod knows it";

pub(super) fn trials() -> Vec<Trial> {
    [
        scheduling("Tenant"),
        scheduling("Pool"),
        needs("Tenant"),
        needs("Pool"),
        security(),
    ]
    .concat()
}

/// CPU and memory, with all that can be said of them.
pub(super) fn resources() -> Value {
    json!({
        "requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "2", "memory": "1Gi"},
        "claims": [{"name": "device", "request": "part"}],
    })
}

/// All of a toleration.
pub(super) fn tolerations() -> Value {
    json!([{"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}])
}

/// All of a Pod's security context that any namespace lets pass.
fn pod_plain() -> Value {
    json!({
        "runAsUser": 1000, "runAsGroup": 1001, "fsGroup": 1002, "fsGroupChangePolicy": "Always", "runAsNonRoot": true,
        "supplementalGroups": [7], "supplementalGroupsPolicy": "Merge", "seLinuxChangePolicy": "Recursive",
        "seccompProfile": {"type": "Localhost", "localhostProfile": "pod.json"},
        "appArmorProfile": {"type": "Localhost", "localhostProfile": "pod"},
        "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}],
    })
}

/// All of a Pod's security context.
pub(super) fn pod_security() -> Value {
    let mut all = pod_plain();
    all["seLinuxOptions"] = selinux();
    all["windowsOptions"] = windows();
    all
}

/// All of a container's security context.
pub(super) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": true, "privileged": true, "readOnlyRootFilesystem": false, "procMount": "Default",
        "capabilities": {"add": ["SYS_TIME"], "drop": ["CHOWN"]},
        "runAsUser": 1003, "runAsGroup": 1004, "runAsNonRoot": true,
        "seccompProfile": {"type": "Localhost", "localhostProfile": "container.json"},
        "appArmorProfile": {"type": "Localhost", "localhostProfile": "container"},
        "seLinuxOptions": selinux(), "windowsOptions": windows(),
    })
}

fn selinux() -> Value {
    json!({"user": "user_u", "role": "role_r", "type": "container_t", "level": "s0:c1"})
}

fn windows() -> Value {
    json!({
        "gmsaCredentialSpec": "spec", "gmsaCredentialSpecName": "name", "hostProcess": false,
        "runAsUserName": "ContainerUser",
    })
}

fn affinity() -> Value {
    let labels = |label: &str| {
        let expressions = json!([{"key": label, "operator": "In", "values": ["x"]}]);
        json!({"matchLabels": {label: "x"}, "matchExpressions": expressions})
    };
    let term = |label: &str| {
        json!({
            "topologyKey": "kubernetes.io/hostname", "labelSelector": labels(label), "namespaceSelector": labels("n"),
            "namespaces": ["elsewhere"], "matchLabelKeys": ["example.com/same"],
            "mismatchLabelKeys": ["example.com/other"],
        })
    };
    let preferred = |label: &str| json!([{"weight": 7, "podAffinityTerm": term(label)}]);
    let node = json!({
        "matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}],
        "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["nobody"]}],
    });
    // A required term of the Pod's own labels is met by itself.
    let mut met = term("storage.rustfs.com/pool");
    met["labelSelector"] = json!({"matchLabels": {"storage.rustfs.com/pool": "p0"},
        "matchExpressions": [{"key": "storage.rustfs.com/pool", "operator": "In", "values": ["p0"]}]});
    met["namespaces"] = json!(["NAMESPACE"]);
    json!({
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [node]},
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 9, "preference": node}],
        },
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [met],
            "preferredDuringSchedulingIgnoredDuringExecution": preferred("near"),
        },
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [term("apart")],
            "preferredDuringSchedulingIgnoredDuringExecution": preferred("far"),
        },
    })
}

fn spread() -> Value {
    json!([{
        "maxSkew": 2, "minDomains": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {
            "matchLabels": {"example.com/a": "b"},
            "matchExpressions": [{"key": "example.com/a", "operator": "In", "values": ["b"]}],
        },
        "matchLabelKeys": ["example.com/same"], "nodeAffinityPolicy": "Ignore", "nodeTaintsPolicy": "Honor",
    }])
}

fn scheduling(kind: &'static str) -> Vec<Trial> {
    let of = |path: &'static str, value: Value, effect: Effect| trial(kind, path, value, effect);
    let constraint = |change: &str, value: Value| {
        let mut one = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"});
        one[change] = value;
        json!([one])
    };
    let required =
        |term: Value| json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    vec![
        of(
            "spec.scheduling.nodeSelector",
            json!({"kubernetes.io/os": "linux"}),
            Shown(POD),
        ),
        of(
            "spec.scheduling.nodeSelector",
            json!({"a b": "c"}),
            Named("nodeSelector"),
        ),
        of("spec.scheduling.affinity", affinity(), Shown(POD)),
        of(
            "spec.scheduling.affinity",
            required(json!({"topologyKey": ""})),
            Named("topologyKey"),
        ),
        of("spec.scheduling.tolerations", tolerations(), Shown(POD)),
        of(
            "spec.scheduling.tolerations",
            json!([{"operator": "Maybe", "key": "a"}]),
            Named("tolerations[0].operator"),
        ),
        of(
            "spec.scheduling.tolerations",
            json!([{"effect": "Perhaps", "operator": "Exists"}]),
            Named("tolerations[0].effect"),
        ),
        of("spec.scheduling.topologySpreadConstraints", spread(), Shown(POD)),
        of(
            "spec.scheduling.topologySpreadConstraints",
            constraint("maxSkew", json!(0)),
            Named("maxSkew"),
        ),
        of(
            "spec.scheduling.topologySpreadConstraints",
            constraint("whenUnsatisfiable", json!("x")),
            Named("whenUnsatisfiable"),
        ),
        of(
            "spec.scheduling.priorityClassName",
            json!("system-cluster-critical"),
            Shown(POD),
        ),
        of(
            "spec.scheduling.priorityClassName",
            json!("Not_A_Name"),
            Named("priorityClassName"),
        ),
        of(
            "spec.scheduling.priorityClassName",
            json!("missing"),
            Costs("store-p0-0", ADMISSION),
        )
        .on(Hasty),
        of(
            "spec.scheduling.runtimeClassName",
            json!("rustfs-values"),
            Shown(POD),
        ),
        of(
            "spec.scheduling.runtimeClassName",
            json!("Not_A_Name"),
            Named("runtimeClassName"),
        ),
        of(
            "spec.scheduling.schedulerName",
            json!("default-scheduler"),
            Shown(RECORD),
        )
        .rolls(),
        of(
            "spec.scheduling.schedulerName",
            json!("missing"),
            Costs("store-p0-0", "nobody knows all schedulers"),
        )
        .on(Hasty),
    ]
}

fn needs(kind: &'static str) -> Vec<Trial> {
    let of = |value: Value, effect: Effect| trial(kind, "spec.resources", value, effect);
    let mut plain = resources();
    plain["claims"] = json!([]);
    vec![
        of(plain, Shown(POD)),
        of(json!({"requests": {"cpu": 1}, "limits": {"cpu": 3}}), Shown(POD)),
        of(
            json!({"claims": [{"name": "device", "request": "part"}]}),
            Named("resources.claims"),
        ),
        of(
            json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
            Named("resources.requests"),
        ),
        of(json!({"requests": {"cpu": "-1"}}), Named("resources.requests")),
        of(json!({"requests": {"cpus": "1"}}), Named("resources.requests")),
        of(json!({"limits": {"memory": "lots"}}), Refused("should match")),
        of(json!({"requests": {"memory": "lots"}}), Refused("should match")),
    ]
}

fn security() -> Vec<Trial> {
    let pod = |value: Value, effect: Effect| trial("Tenant", "spec.podSecurityContext", value, effect);
    let container =
        |value: Value, effect: Effect| trial("Tenant", "spec.containerSecurityContext", value, effect);
    vec![
        pod(pod_plain(), Shown(POD)),
        pod(pod_security(), Shown(POD)).on(Open),
        pod(json!({"runAsUser": -1}), Named("runAsUser")),
        pod(
            json!({"fsGroupChangePolicy": "Sometimes"}),
            Named("fsGroupChangePolicy"),
        ),
        pod(
            json!({"seccompProfile": {"type": "Strict"}}),
            Named("seccompProfile"),
        ),
        pod(
            json!({"sysctls": [{"name": "not a name", "value": "1"}]}),
            Named("sysctls"),
        ),
        container(container_security(), Shown(POD)).on(Open),
        container(json!({"readOnlyRootFilesystem": false}), Shown(POD)),
        container(
            json!({"privileged": true, "allowPrivilegeEscalation": false}),
            Named("allowPrivilegeEscalation"),
        ),
        container(json!({"procMount": "Half"}), Named("procMount")),
        container(
            json!({"allowPrivilegeEscalation": true}),
            Costs("store-p0-0", ADMISSION),
        )
        .on(Hasty),
    ]
}
