//! Condition types and reasons. A reason is a condition's reason, an event's reason and a metric's label alike.

/// Everything asked for is there and serves (kstatus).
pub const READY: &str = "Ready";
/// The operator is working or waiting; more will happen by itself (kstatus).
pub const RECONCILING: &str = "Reconciling";
/// Nothing more will happen until a person changes something (kstatus).
pub const STALLED: &str = "Stalled";

/// Tenant: the root credentials and the internode secret exist and are usable.
pub const CREDENTIALS_READY: &str = "CredentialsReady";
/// Tenant: the topology is written and agrees with what is seen.
pub const TOPOLOGY_READY: &str = "TopologyReady";
/// Tenant: every accepted Pool has all its servers ready.
pub const POOLS_READY: &str = "PoolsReady";
/// Tenant: the certificate exists, or TLS is off.
pub const CERTIFICATE_READY: &str = "CertificateReady";
/// Tenant: clients can read and write now, even if some servers are missing.
pub const AVAILABLE: &str = "Available";
/// Tenant: all servers run what the specs ask for.
pub const ROLLED_OUT: &str = "RolledOut";

/// Tenant: objects are spread over the Pools as asked. Readiness does not depend on it: the store serves meanwhile.
pub const BALANCED: &str = "Balanced";

/// Tenant, Pool: nothing in the cluster keeps servers from starting, and nothing makes their data less safe unsaid.
pub const PREFLIGHT: &str = "Preflight";

/// Tenant, only while it is deleted: the store may be taken down. Once true it stays true.
pub const DELETION_ALLOWED: &str = "DeletionAllowed";

/// Pool, TenantCertificate, TenantMonitor: the Tenant it names exists.
pub const TENANT_FOUND: &str = "TenantFound";
/// Pool: the Tenant has taken it into the topology.
pub const ACCEPTED: &str = "Accepted";
/// Pool: all volume claims are bound.
pub const STORAGE_READY: &str = "StorageReady";
/// Pool: all servers run what the spec asks for and are ready.
pub const WORKLOAD_READY: &str = "WorkloadReady";
/// Pool: it serves as part of its Tenant.
pub const JOINED: &str = "Joined";

/// Pool: its data is on the other Pools of its Tenant. False while nobody asked for it.
pub const DRAINED: &str = "Drained";

/// TenantCertificate: key and chain are in the Secret and fit the spec.
pub const ISSUED: &str = "Issued";

/// TenantMonitor: ServiceMonitor and PrometheusRule exist as asked.
pub const TARGETS_READY: &str = "TargetsReady";
/// TenantMonitor: the Tenant's admin API answers.
pub const COLLECTING: &str = "Collecting";
