//! Names that more than one part must agree on: labels, annotations, finalizers, field managers, ports.

/// Marks everything that belongs to a Tenant; the value is the Tenant's name. Every watch selects on it.
pub const LABEL_TENANT: &str = "storage.rustfs.com/tenant";
/// Marks what belongs to a Pool; the value is the Pool's name.
pub const LABEL_POOL: &str = "storage.rustfs.com/pool";
/// On Pods: the revision of the volumes string the Pod was made with. The client Services select on it.
pub const LABEL_TOPOLOGY_REVISION: &str = "storage.rustfs.com/topology-revision";
/// On PersistentVolumeClaims: `{servers}x{volumesPerServer}`. Volumes of another layout are never mounted.
pub const LABEL_LAYOUT: &str = "storage.rustfs.com/layout";
/// On Jobs and their Pods: the hook they are a run of.
pub const LABEL_HOOK: &str = "storage.rustfs.com/hook";
/// The standard label every child carries.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`LABEL_MANAGED_BY`].
pub const MANAGED_BY: &str = "rustfs-operator";
/// `app.kubernetes.io/name` of everything made.
pub const APP_NAME: &str = "rustfs";

/// On a Pod template and its Pods: hash of all that needs a new Pod when it changes.
pub const ANNOTATION_TEMPLATE_HASH: &str = "storage.rustfs.com/template-hash";

/// On a Tenant or a Pool: each new value restarts its servers, one after the other. On a Pod template: the Tenant's.
pub const ANNOTATION_RESTARTED_AT: &str = "storage.rustfs.com/restartedAt";
/// On a Pod template: the value of [`ANNOTATION_RESTARTED_AT`] of its Pool.
pub const ANNOTATION_POOL_RESTARTED_AT: &str = "storage.rustfs.com/pool-restartedAt";
/// On the Job of a hook: what it runs before, `Deletion`, `Drain` or `Upgrade`.
pub const ANNOTATION_HOOK_BEFORE: &str = "storage.rustfs.com/hook-before";
/// On the Job of a hook that runs before a drain: the name of the Pool.
pub const ANNOTATION_HOOK_POOL: &str = "storage.rustfs.com/hook-pool";

/// On a StatefulSet: hash of what cannot be changed once it exists, such as its volume claims.
pub const ANNOTATION_CLAIMS_HASH: &str = "storage.rustfs.com/claims-hash";

/// On a Tenant, set by a person: its own UID confirms that it may be deleted with the objects it holds.
pub const ANNOTATION_CONFIRM_DELETION: &str = "storage.rustfs.com/confirm-deletion";

/// On a Tenant, set by a person: the version of RustFS, such as `1.0.0`, that may be rolled out although all servers have
/// run a newer one.
pub const ANNOTATION_ALLOW_DOWNGRADE: &str = "storage.rustfs.com/allow-downgrade";

/// On a Pool, set by a person: while it is there and not `false`, its data is not moved away, whatever else asks for it;
/// a drain that runs is called off. Also for a Pool that was deleted.
pub const ANNOTATION_HOLD_DRAIN: &str = "storage.rustfs.com/hold-drain";

/// Finalizer of a Tenant: ordered teardown.
pub const FINALIZER_TENANT: &str = "storage.rustfs.com/tenant";
/// Finalizer of a Pool that has been accepted into a Tenant's topology.
pub const FINALIZER_POOL: &str = "storage.rustfs.com/pool";

/// The S3, admin and internode port of a server.
pub const PORT_API: i32 = 9000;
/// The console's port of a server.
pub const PORT_CONSOLE: i32 = 9001;
/// Name of the container in every server Pod.
pub const CONTAINER: &str = "rustfs";
/// Where the drives are mounted: `/data/rustfs{0...n}`.
pub const DATA_PATH: &str = "/data/rustfs";
/// Where a hook finds the Tenant's CA.
pub const HOOK_CA_PATH: &str = "/etc/rustfs/ca";
/// Where the TLS directory is mounted.
pub const TLS_PATH: &str = "/etc/rustfs/tls";
/// User and group of the server process.
pub const SERVER_UID: i64 = 10001;
/// The image of a Tenant that names none.
pub const DEFAULT_IMAGE: &str = "rustfs/rustfs:1.0.1";

/// Key of the access key in a credentials Secret.
pub const KEY_ACCESS: &str = "accesskey";
/// Key of the secret key in a credentials Secret.
pub const KEY_SECRET: &str = "secretkey";
/// Key of the internode secret in an RPC Secret.
pub const KEY_RPC: &str = "rpc-secret";
/// Key of the volumes string in a topology ConfigMap.
pub const KEY_VOLUMES: &str = "RUSTFS_VOLUMES";
/// Key of the structured topology in `{tenant}-topology`.
pub const KEY_TOPOLOGY: &str = "topology.json";

/// Key of the name of the Secret with root credentials in a topology revision's ConfigMap.
pub const KEY_CREDENTIALS: &str = "credentials";

/// Key of the rollout's record in `{tenant}-rollout`.
pub const KEY_ROLLOUT: &str = "rollout.json";

/// The generated credentials Secret of a Tenant.
#[must_use]
pub fn credentials_secret(tenant: &str) -> String {
    format!("{tenant}-credentials")
}
/// The immutable Secret that servers take one generation of a Tenant's root credentials from.
#[must_use]
pub fn credentials_generation(tenant: &str, generation: u64) -> String {
    format!("{tenant}-credentials-r{generation}")
}
/// The generated internode Secret of a Tenant.
#[must_use]
pub fn rpc_secret(tenant: &str) -> String {
    format!("{tenant}-rpc")
}
/// The headless Service that gives every server its name.
#[must_use]
pub fn headless_service(tenant: &str) -> String {
    format!("{tenant}-hl")
}
/// The Service for S3 clients.
#[must_use]
pub fn api_service(tenant: &str) -> String {
    format!("{tenant}-api")
}
/// The Service of the web console.
#[must_use]
pub fn console_service(tenant: &str) -> String {
    format!("{tenant}-console")
}
/// The ConfigMap that holds the current topology.
#[must_use]
pub fn topology(tenant: &str) -> String {
    format!("{tenant}-topology")
}
/// The ConfigMap that holds what servers ran last and what was taken back.
#[must_use]
pub fn rollout(tenant: &str) -> String {
    format!("{tenant}-rollout")
}
/// The immutable ConfigMap of one topology revision.
#[must_use]
pub fn topology_revision(tenant: &str, revision: u64) -> String {
    format!("{tenant}-topology-r{revision}")
}
/// The StatefulSet of a Pool.
#[must_use]
pub fn stateful_set(tenant: &str, pool: &str) -> String {
    format!("{tenant}-{pool}")
}
/// The PersistentVolumeClaim template of one drive; the claim is `{template}-{stateful_set}-{ordinal}`.
#[must_use]
pub fn volume_claim(drive: i32) -> String {
    format!("data-{drive}")
}
/// The Job of one run of a hook; `digest` tells the runs apart.
#[must_use]
pub fn hook_job(tenant: &str, hook: &str, digest: &str) -> String {
    format!("{tenant}-{hook}-{digest}")
}
/// The Secret a TenantCertificate keeps its key and chain in.
#[must_use]
pub fn certificate_secret(certificate: &str) -> String {
    format!("{certificate}-tls")
}
/// The Secret cert-manager puts into what a TenantCertificate has asked it for; servers do not mount it.
#[must_use]
pub fn issued_secret(certificate: &str) -> String {
    format!("{certificate}-issued")
}
/// The Secret a self-signing TenantCertificate keeps its own CA in.
#[must_use]
pub fn ca_secret(certificate: &str) -> String {
    format!("{certificate}-ca")
}
