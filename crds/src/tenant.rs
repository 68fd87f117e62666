//! `Tenant`: one S3 store.

use k8s_openapi::api::core::v1::{
    EnvVar, LocalObjectReference, PodSecurityContext, ResourceRequirements, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::common::{Metadata, NameRef, ReclaimPolicy, Scheduling, SecretRef, image_reference};
use crate::hook::{Hook, HookRun};
use crate::network::NetworkPolicy;
use crate::rebalance::{Rebalance, RebalanceStatus};
use crate::rollout::{Rollout, RolloutStatus};

/// One S3 store: an image, credentials, a policy for deletion. Its servers are described by Pools that name it.
/// All fields are optional: `spec: {}` and one Pool are a working store.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "storage.rustfs.com", version = "v1alpha1", kind = "Tenant", namespaced,
    status = "TenantStatus", shortname = "rt", category = "rustfs", derive = "PartialEq",
    doc = "One S3 store. Its servers are described by Pools that name it.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Servers", type_ = "string", json_path = ".status.servers"),
    printcolumn(name = "Image", type_ = "string", json_path = ".spec.image", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40").message("metadata.name must start with a letter, hold only a-z, 0-9 and '-', and have at most 40 characters: it becomes part of Service names"),
    validation = Rule::new("!has(self.spec.hooks) || self.spec.hooks.all(h, size(h.name) + size(self.metadata.name) <= 50)").message("a hook's name and metadata.name must have at most 50 characters together: both become part of the Job's name. Shorten the hook's name").field_path(".spec.hooks"),
    validation = Rule::new("has(self.spec.rpcSecretRef) == has(oldSelf.spec.rpcSecretRef)").message("spec.rpcSecretRef cannot be added or removed later: servers with different secrets would not form one store").field_path(".spec.rpcSecretRef"),
    validation = Rule::new("(has(self.spec.tls) && has(self.spec.tls.mode) && self.spec.tls.mode == 'Enabled') == (has(oldSelf.spec.tls) && has(oldSelf.spec.tls.mode) && oldSelf.spec.tls.mode == 'Enabled')").message("spec.tls.mode cannot be changed: the scheme is part of the name RustFS knows its pools by. Create a new Tenant and copy the data").field_path(".spec.tls")
)]
#[serde(rename_all = "camelCase")]
pub struct TenantSpec {
    /// Container image of the servers. Default: `rustfs/rustfs:1.0.1`. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = image_reference())]
    pub image: Option<String>,
    /// When the image is pulled. Default: the cluster's rule (`Always` for the tag `latest`, otherwise
    /// `IfNotPresent`). A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Secrets for pulling the image. Default: none. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self.all(s, size(s.name) > 0)").message("spec.imagePullSecrets has an entry without a name: name a Secret, or remove it"))]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// Secret with the root credentials, keys `accesskey` (3 to 128 characters, no `=` or `,`) and `secretkey`
    /// (8 to 40 characters). Default: the operator makes `{name}-credentials` once and never overwrites it.
    /// Servers run with a copy. Another pair in it, or another Secret, causes a rolling restart once nothing else changes;
    /// clients need the new pair when half of the servers have it (`status.credentials`). One that cannot be used is not
    /// taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
    /// Secret with the key `rpc-secret` (at least 16 characters), by which servers trust each other. Default:
    /// the operator makes `{name}-rpc` once and never overwrites it. It cannot be changed: servers with
    /// different secrets do not form one store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.rpcSecretRef cannot be changed: servers with different secrets would not form one store"))]
    pub rpc_secret_ref: Option<SecretRef>,
    /// TLS of the S3 API, the console and between servers. Default: disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// More environment for the servers; RustFS has about a thousand settings. Names the operator sets itself
    /// are refused. Default: none. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self.all(e, !(e.name in ['POD_NAME','RUSTFS_VOLUMES','RUSTFS_ADDRESS','RUSTFS_CONSOLE_ADDRESS','RUSTFS_CONSOLE_ENABLE','RUSTFS_ACCESS_KEY','RUSTFS_SECRET_KEY','RUSTFS_ACCESS_KEY_FILE','RUSTFS_SECRET_KEY_FILE','RUSTFS_ROOT_USER','RUSTFS_ROOT_PASSWORD','RUSTFS_RPC_SECRET','RUSTFS_LOCAL_ENDPOINT_HOST','RUSTFS_TLS_PATH','RUSTFS_TLS_RELOAD_ENABLE','RUSTFS_TLS_KEYLOG','RUSTFS_SERVER_MTLS_ENABLE','RUSTFS_STARTUP_TOPOLOGY_WAIT_MODE','RUSTFS_POOL_META_V2_WRITE','RUSTFS_POOL_META_V2_FLEET_CONFIRMED']))").message("spec.env names a variable the operator sets itself: remove it; volumes, addresses, credentials and TLS have fields of their own"))]
    #[x_kube(validation = Rule::new("self.all(e, !e.name.startsWith('MINIO_'))").message("spec.env names a MINIO_ variable: RustFS copies it over its own setting; use the RUSTFS_ name"))]
    pub env: Vec<EnvVar>,
    /// Labels and annotations of the server Pods. Default: none. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_metadata: Option<Metadata>,
    /// Where servers may run; a Pool may override each field. Default: anywhere, on different nodes where that can be.
    /// A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    /// CPU and memory of each server; a Pool may override it. Default: none. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Changes to the Pod's security context, field by field. Default: user, group and fsGroup 10001, no root,
    /// seccomp `RuntimeDefault`. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security_context: Option<PodSecurityContext>,
    /// Changes to the container's security context, field by field. Default: no privilege escalation, all
    /// capabilities dropped, read-only root file system. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_security_context: Option<SecurityContext>,
    /// ServiceAccount of the servers. Default: the operator makes `{name}` without any rights and without a
    /// token. A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// The Services clients use. Default: both are made, of type `ClusterIP`. A change takes effect at once and
    /// restarts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// Who may reach the servers over the network: with `clients`, a NetworkPolicy named as the Tenant is made. Default:
    /// none is, and whoever other policies of the namespace let in gets in. A change takes effect at once and restarts
    /// nothing; removing `clients` deletes the policy. Only a network plugin that enforces policies makes it true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// How a change reaches the servers. Default: one server at a time, all of them, and nothing is taken back. A
    /// change takes effect at once and restarts nothing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Whether objects that were there before a Pool joined are moved to it, until all Pools are about equally full.
    /// Default: `Never`, because it costs the servers' disks and network as much as clients do; new objects go where
    /// there is space either way. `AfterJoin` begins once after Pools have joined, also when it is set only then.
    /// Setting it back to `Never` stops one that runs. A change restarts nothing. While it runs no Pool joins or is
    /// drained.
    #[serde(default, skip_serializing_if = "is_never")]
    pub rebalance: Rebalance,
    /// What deleting this Tenant does. Default: a store that holds objects waits for a confirmation, and volumes are
    /// kept. A change takes effect at deletion, also while that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// Jobs that must have completed before the store is deleted, a Pool is drained, or servers get another image,
    /// such as backups. Those for the same thing run one after the other, in this order. Default: none. A change
    /// restarts nothing; it counts for what has not begun yet, and removing a hook lets go on what waits for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub hooks: Vec<Hook>,
    /// While true the operator changes nothing of this Tenant and its Pools, Certificates and Monitors, and
    /// only reports. Deletion still works. Default: false. A change takes effect at once and restarts nothing by
    /// itself; with false, what was asked for meanwhile is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

fn is_never(rebalance: &Rebalance) -> bool {
    *rebalance == Rebalance::Never
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// At every start.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// Never: the node must have it.
    Never,
}

impl ImagePullPolicy {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// TLS of a Tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// `Disabled` or `Enabled`. Default: `Disabled`. It cannot be changed: RustFS knows its pools by their
    /// exact address, scheme included.
    #[serde(default)]
    pub mode: TlsMode,
    /// The TenantCertificate whose key and chain the servers use. Default: the one with the Tenant's name.
    /// A change causes a rolling restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_ref: Option<NameRef>,
}

/// Whether the servers speak TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsMode {
    /// Plain HTTP.
    #[default]
    Disabled,
    /// HTTPS everywhere.
    Enabled,
}

/// The Services clients use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// `{name}-api`, port 9000: S3 and the admin API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<ServiceTemplate>,
    /// `{name}-console`, port 9001: the web console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<ServiceTemplate>,
}

/// How one Service is made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.loadBalancerClass) || self.?type.orValue('ClusterIP') == 'LoadBalancer'").message("loadBalancerClass needs type: LoadBalancer").field_path(".loadBalancerClass"))]
pub struct ServiceTemplate {
    /// Type of the Service. Default: `ClusterIP`.
    #[serde(default, rename = "type")]
    pub type_: ServiceType,
    /// Labels and annotations of the Service, for load balancers and DNS controllers. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Class of the load balancer; only with type `LoadBalancer`. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_class: Option<String>,
    /// Application protocol of the port, for meshes and gateways. Default: `http` or `https`, as TLS is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// Type of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Inside the cluster.
    #[default]
    ClusterIP,
    /// A port on every node.
    NodePort,
    /// An external load balancer.
    LoadBalancer,
}

/// What deleting a Tenant does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// `Retain` keeps the PersistentVolumeClaims of all Pools, `Delete` deletes them and the data. A Pool's
    /// `reclaimPolicy` wins. Default: `Retain`. A change takes effect at deletion.
    #[serde(default)]
    pub volumes: ReclaimPolicy,
    /// `DataCheck` lets the operator ask the store what it holds before anything is taken down: while a bucket holds
    /// an object, or the store cannot be asked, the deletion waits until the annotation
    /// `storage.rustfs.com/confirm-deletion` of the Tenant is its UID, and clients are served as before. Also with
    /// `volumes: Retain`: the data would stay, but clients would lose the store and its generated credentials.
    /// `None` takes the store down at once. Default: `DataCheck`. A change takes effect at deletion, also while that
    /// waits.
    #[serde(default)]
    pub protection: Protection,
}

/// What keeps a store that holds data from being deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Protection {
    /// A store that holds objects waits for a confirmation.
    #[default]
    DataCheck,
    /// Nothing.
    None,
}

/// What the operator has seen of a Tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// The generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled` (kstatus), and `CredentialsReady`, `TopologyReady`, `PoolsReady`,
    /// `CertificateReady`, `Available`, `RolledOut`, `Preflight`, `Balanced`. All are present from the first visit on.
    /// `DeletionAllowed` is there while the Tenant is deleted: once it is true, the store is being taken down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Ready servers of all servers, as `ready/all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<String>,
    /// The Pools in the topology, in its order, then the ones that wait or are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub pools: Vec<PoolSummary>,
    /// TenantCertificates that name this Tenant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub certificates: Vec<ReadySummary>,
    /// TenantMonitors that name this Tenant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub monitors: Vec<ReadySummary>,
    /// The topology that serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<TopologyStatus>,
    /// How far what the specs ask for has reached the servers, once the store has formed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutStatus>,
    /// The last run of each hook, in the order of `spec.hooks`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into(), "before".into()]))]
    pub hooks: Vec<HookRun>,
    /// How far moving objects between Pools is, or how the last one ended; absent as long as there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<RebalanceStatus>,
    /// Volume claims that were kept from Pools that are gone, by Pool. They may hold data, so nobody but you removes
    /// them; a Pool of that name and layout takes them over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["pool".into()]))]
    pub orphaned_volumes: Vec<OrphanedVolumes>,
    /// All DNS names that servers and Services answer to; certificates are made for these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_names: Vec<String>,
    /// Addresses inside the cluster, by Service: `api`, `console`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, String>,
    /// The Secret that root credentials are taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_name: Option<String>,
    /// Which root credentials servers run with, once some were taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsStatus>,
}

/// Volume claims of a Pool that is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrphanedVolumes {
    /// Name of the Pool: the claims' label `storage.rustfs.com/pool`.
    pub pool: String,
    /// How many claims there are.
    pub claims: i32,
}

/// Which root credentials servers run with. The two names differ while a changed pair reaches the servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsStatus {
    /// The Secret that servers are started with: an immutable copy of the pair that was taken last.
    pub secret_name: String,
    /// The Secret whose pair the servers that clients reach accept; no other pair is accepted there.
    pub serving_secret_name: String,
}

/// One Pool as its Tenant sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolSummary {
    /// Name of the Pool.
    pub name: String,
    /// `Waiting`, `Joining`, `Active`, `Draining`, `Drained` or `Refused`.
    pub phase: PoolPhase,
    /// Servers asked for.
    pub servers: i32,
    /// Servers that are ready.
    pub ready_servers: i32,
}

/// Where a Pool stands in the topology.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PoolPhase {
    /// Not yet looked at, or it is taken in once something else has ended; its condition `Accepted` says what.
    #[default]
    Waiting,
    /// In the topology; clients are not served by it yet.
    Joining,
    /// In the topology and serving.
    Active,
    /// In the topology and serving, while its data is moved to the other Pools.
    Draining,
    /// It has left the topology; its data is on the other Pools.
    Drained,
    /// Not in the topology; the Pool's condition `Accepted` says why.
    Refused,
}

/// One Certificate or Monitor as its Tenant sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadySummary {
    /// Name of the object.
    pub name: String,
    /// Whether its condition `Ready` is true.
    pub ready: bool,
}

/// The topology that serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopologyStatus {
    /// Revision of the volumes string that servers take.
    pub revision: i64,
    /// Revision that clients are served by: behind `revision` while a Pool joins or leaves.
    #[serde(default)]
    pub serving: i64,
    /// Whether this Tenant has served once. From then on Pools join and leave one change at a time.
    pub formed: bool,
}
