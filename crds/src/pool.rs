//! `Pool`: servers and drives for a Tenant.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{NameRef, ReclaimPolicy, Scheduling};

/// Servers with drives for the Tenant it names. A Pool may be written before or after its Tenant, by someone else.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "storage.rustfs.com", version = "v1alpha1", kind = "Pool", namespaced,
    status = "PoolStatus", shortname = "rp", category = "rustfs", derive = "PartialEq",
    doc = "Servers with drives for the Tenant it names.",
    selectable = ".spec.tenantRef.name",
    printcolumn(name = "Tenant", type_ = "string", json_path = ".spec.tenantRef.name"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Servers", type_ = "integer", json_path = ".spec.servers"),
    printcolumn(name = "Running", type_ = "integer", json_path = ".status.readyServers"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) + size(self.spec.tenantRef.name) <= 47").message("metadata.name must hold only a-z, 0-9 and '-', and together with spec.tenantRef.name have at most 47 characters: both become part of the servers' host names"),
    validation = Rule::new("!has(self.spec.replaces) || self.spec.replaces.name != self.metadata.name").message("spec.replaces names this Pool itself: name the Pool it takes over from").field_path(".spec.replaces")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.replaces) && has(self.state) && self.state == 'Decommissioned')").message("a Pool that replaces another must stay Active: remove spec.replaces, or set spec.state to Active").field_path(".state"))]
#[x_kube(validation = Rule::new("self.servers * self.volumesPerServer >= 2").message("servers times volumesPerServer must be at least 2: a single drive has no redundancy and can never grow").field_path(".volumesPerServer"))]
pub struct PoolSpec {
    /// The Tenant these servers belong to, in the same namespace. It may not exist yet. It cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.tenantRef cannot be changed: create another Pool for the other Tenant"))]
    pub tenant_ref: NameRef,
    /// Number of servers. It cannot be changed: RustFS fixes the layout of a pool when it is formatted.
    #[schemars(range(min = 1, max = 256))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.servers cannot be changed: create a Pool with the other number whose spec.replaces names this one, or a further Pool"))]
    pub servers: i32,
    /// Drives of each server, each a PersistentVolumeClaim. It cannot be changed, as `servers`.
    #[schemars(range(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.volumesPerServer cannot be changed: create a Pool with the other number whose spec.replaces names this one, or a further Pool"))]
    pub volumes_per_server: i32,
    /// The PersistentVolumeClaim of each drive.
    pub volume_claim: VolumeClaim,
    /// Where these servers may run. A field set here replaces the Tenant's field of that name. Default: the Tenant's.
    /// A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    /// CPU and memory of each server. Default: the Tenant's. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// What happens to the volumes when this Pool is gone. Default: the Tenant's `deletion.volumes`.
    /// A change takes effect at deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reclaim_policy: Option<ReclaimPolicy>,
    /// `Active` or `Decommissioned`. Default: `Active`. `Decommissioned` moves all data to the Tenant's other Pools,
    /// takes this one out of the topology and removes its servers, while clients are served; deleting the Pool does
    /// the same. Going back to `Active` calls it off until the data has left.
    #[serde(default)]
    pub state: PoolState,
    /// The Pool this one takes over from: once this one has joined, the other is drained as if its `state` were
    /// `Decommissioned`. The way to other numbers of servers or drives, or to another StorageClass. Default: none.
    /// Setting it later begins that drain; changing it or taking it out calls the drain off until the data has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<NameRef>,
    /// What is done about findings that would keep servers from starting, as long as nothing of this Pool exists.
    /// `Enforce`: no server and no volume is made until they are gone. `Report`: they are only said, in the condition
    /// `Preflight`; for clusters that add nodes once Pods wait for them. Default: `Enforce`. A change takes effect at
    /// once and restarts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preflight: Option<PreflightMode>,
}

/// What a Pool is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PoolState {
    /// It stores and serves.
    #[default]
    Active,
    /// Its data is on the other Pools, and it has left the store.
    Decommissioned,
}

/// What is done about findings that would keep servers from starting, as long as nothing of the Pool exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PreflightMode {
    /// Nothing is made until they are gone.
    #[default]
    Enforce,
    /// They are only said.
    Report,
}

/// The PersistentVolumeClaim of each drive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)").message("volumeClaim.storageClassName cannot be changed: create a Pool on the other class whose spec.replaces names this one").field_path(".storageClassName"))]
#[x_kube(validation = Rule::new("quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0").message("volumeClaim.size may grow and never shrink: set the size it had or a larger one; for smaller volumes create a Pool whose spec.replaces names this one").field_path(".size"))]
pub struct VolumeClaim {
    /// StorageClass of the volumes. Default: the cluster's default class. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// Size of each volume, as `100Gi`. It may grow and never shrinks. A growth enlarges the volumes, where their
    /// StorageClass allows it; servers run on.
    #[x_kube(validation = Rule::new("quantity(string(self)).isGreaterThan(quantity('0'))").message("volumeClaim.size must be greater than zero"))]
    pub size: Quantity,
    /// Labels of the claims. Default: none. It cannot be changed once the claims exist.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the claims. Default: none. It cannot be changed once the claims exist.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What the operator has seen of a Pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// The generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled` (kstatus), and `TenantFound`, `Accepted`, `Preflight`, `StorageReady`,
    /// `WorkloadReady`, `Joined`, `Drained`. All are present from the first visit on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// This Pool's exact element of the volumes string, once accepted. RustFS knows the pool by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// Drives in each erasure set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_width: Option<i32>,
    /// Drives of each set that may be lost without losing data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<i32>,
    /// Servers that exist.
    #[serde(default)]
    pub servers: i32,
    /// Servers that are ready.
    #[serde(default)]
    pub ready_servers: i32,
    /// Servers that run what the spec asks for.
    #[serde(default)]
    pub updated_servers: i32,
    /// How many servers that serve may be away at once while servers of this Pool are replaced: the Tenant's
    /// `rollout.maxUnavailable`, or less where writing to every erasure set needs more servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<i32>,
    /// The topology revision that all servers run, once they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology_revision: Option<i64>,
    /// How far the data of a Pool that is decommissioned has moved; absent while nobody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<DrainStatus>,
    /// The size that every volume has reached, as the cluster reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<Quantity>,
    /// The StatefulSet that runs the servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stateful_set_name: Option<String>,
}

/// How far the data of a Pool has moved to the others, in the server's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DrainStatus {
    /// `Requested` until the servers have begun, then as they say: `queued`, `running`, `complete`, `failed` or
    /// `canceled`. `failed` stays until it is begun again, although the servers are made to forget it before.
    pub state: String,
    /// When the servers began, by their clock; before that is known, when it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// Objects that have moved.
    pub objects: i64,
    /// Bytes that have moved.
    pub bytes: i64,
    /// `bytes` in percent of what was in use when the drain began; 100 only once all has left.
    pub percent: i32,
    /// Objects that could not be moved.
    pub failed_objects: i64,
    /// What holds it up, in the server's words, such as too little space elsewhere; absent while nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_reason: Option<String>,
    /// How many uploads in parts, begun before it, were seen open after it had failed: one on this Pool keeps every drain
    /// from its end. Absent while none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_uploads: Option<i32>,
    /// How often it was begun again after it had failed. Counted anew once the Pool is asked for it anew.
    #[serde(default)]
    pub retries: i32,
    /// When one that failed is begun again; absent while it runs, and once it is not tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
}
