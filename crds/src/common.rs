//! Types that more than one kind uses.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, Toleration, TopologySpreadConstraint};
use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What no node can pull costs no server: a kubelet would only tell once a server had been replaced.
pub(crate) fn image_reference() -> Rule {
    Rule::new(format!("self.matches('{IMAGE}')"))
        .message("it is no image reference: write it as registry.example.com/rustfs/rustfs:1.0.1, the path in lower case")
}

/// Registry, path, tag and digest of an image.
const IMAGE: &str = concat!(
    "^((?:[a-zA-Z0-9.-]+|[[][0-9a-fA-F:]+[]])(?::[0-9]+)?/)?",
    "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*)*",
    "(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?",
    "(?:@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,})?$",
);

/// Names an object of a fixed kind in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NameRef {
    /// Name of the object, in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

/// Names a Secret in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Labels and annotations that are added to what the operator makes, but for keys that belong to the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.labels) || self.labels.all(k, !k.startsWith('storage.rustfs.com/') && !k.startsWith('app.kubernetes.io/'))").message("labels under storage.rustfs.com/ and app.kubernetes.io/ belong to the operator: choose another prefix").field_path(".labels"))]
#[x_kube(validation = Rule::new("!has(self.annotations) || self.annotations.all(k, !k.startsWith('storage.rustfs.com/'))").message("annotations under storage.rustfs.com/ belong to the operator: choose another prefix").field_path(".annotations"))]
pub struct Metadata {
    /// Labels to add. Keys under `storage.rustfs.com/` and `app.kubernetes.io/` belong to the operator and are refused.
    /// Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
    /// Annotations to add. Keys under `storage.rustfs.com/` belong to the operator and are refused. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: BTreeMap<String, String>,
}

/// Where server Pods may run. A Pool's field replaces the Tenant's field of the same name; one that a Pool leaves out
/// is the Tenant's. A change causes a rolling restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// Labels a node must have. Default: in a Pool the Tenant's, in a Tenant none, which is any node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Node and Pod affinity. Default: in a Pool the Tenant's, in a Tenant a preference to keep its servers on
    /// different nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Taints that are tolerated. Default: in a Pool the Tenant's, in a Tenant none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// How servers spread over zones or nodes. A constraint without `labelSelector` counts the servers of the
    /// same Pool. Default: in a Pool the Tenant's, in a Tenant none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// PriorityClass of the Pods. Default: in a Pool the Tenant's, in a Tenant the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Scheduler of the Pods. Default: in a Pool the Tenant's, in a Tenant the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_name: Option<String>,
    /// RuntimeClass of the Pods. Default: in a Pool the Tenant's, in a Tenant the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_class_name: Option<String>,
}

/// What happens to the volumes when the servers that used them are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReclaimPolicy {
    /// PersistentVolumeClaims stay, with all data.
    #[default]
    Retain,
    /// PersistentVolumeClaims are deleted, and with them the data.
    Delete,
}
