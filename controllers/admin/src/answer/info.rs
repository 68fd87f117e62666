//! `GET /rustfs/admin/v3/info`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The store as one server sees it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Wrapped")]
pub struct Info {
    /// `online`, or what keeps the store from it.
    pub mode: String,
    /// The identity the drives were formatted with: equal on all servers of one store.
    pub deployment_id: String,
    /// Number of buckets at the last scan.
    pub buckets: Counter,
    /// Number of objects at the last scan.
    pub objects: Counter,
    /// Number of object versions at the last scan.
    pub versions: Counter,
    /// Bytes that objects hold, before erasure coding, at the last scan.
    pub usage: Size,
    /// Outside services the store talks to.
    pub services: Services,
    /// The drives, summed up.
    pub backend: Backend,
    /// The servers.
    pub servers: Vec<Server>,
    /// Usage of every erasure set: pool index, then set index.
    pub pools: BTreeMap<String, BTreeMap<String, SetUsage>>,
}

/// The server wraps the document into a field of the same name.
#[derive(Deserialize)]
struct Wrapped {
    info: Fields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    mode: Option<String>,
    #[serde(rename = "deploymentID")]
    deployment_id: Option<String>,
    buckets: Counter,
    objects: Counter,
    versions: Counter,
    usage: Size,
    services: Services,
    backend: Backend,
    servers: Option<Vec<Server>>,
    pools: Option<BTreeMap<String, BTreeMap<String, SetUsage>>>,
}

impl From<Wrapped> for Info {
    fn from(Wrapped { info }: Wrapped) -> Self {
        Self {
            mode: info.mode.unwrap_or_default(),
            deployment_id: info.deployment_id.unwrap_or_default(),
            buckets: info.buckets,
            objects: info.objects,
            versions: info.versions,
            usage: info.usage,
            services: info.services,
            backend: info.backend,
            servers: info.servers.unwrap_or_default(),
            pools: info.pools.unwrap_or_default(),
        }
    }
}

/// A number from the scanner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Counter {
    /// How many.
    pub count: u64,
    /// Why the number is not to be trusted.
    pub error: Option<String>,
}

/// An amount from the scanner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Size {
    /// Bytes.
    pub size: u64,
    /// Why the number is not to be trusted.
    pub error: Option<String>,
}

/// Outside services.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Services {
    /// State of the key management services; null when there is none.
    #[serde(rename = "kmsStatus")]
    pub kms_status: Option<serde_json::Value>,
}

/// The drives of the store, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Backend {
    /// Number of drives that answer.
    pub online_disks: u64,
    /// Number of drives that do not.
    pub offline_disks: u64,
    /// Number of drives nothing is known of.
    pub unknown_disks: u64,
    /// How many drives of an erasure set may be lost without losing data of the standard class; none where pools differ.
    #[serde(rename = "standardSCParity")]
    pub standard_parity: Option<u64>,
    /// Number of erasure sets, for each pool.
    pub total_sets: Vec<u64>,
    /// Width of an erasure set in drives, for each pool.
    pub total_drives_per_set: Vec<u64>,
}

/// One server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Server {
    /// `online`, `offline` or `initializing`.
    pub state: String,
    /// `host:port` as in the volumes string.
    pub endpoint: String,
    /// Seconds since the server started.
    pub uptime: u64,
    /// Such as `@1.0.1`.
    pub version: String,
    /// Every peer and what this server thinks of it.
    pub network: BTreeMap<String, String>,
    /// The server's drives.
    pub drives: Vec<Drive>,
    /// The pools the server belongs to, counted from 1.
    pub pool_numbers: Vec<i64>,
}

/// One drive. Indices count from 0; -1 means not known.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Drive {
    /// The drive's element of the expanded volumes string.
    pub endpoint: String,
    /// The folder on its server.
    pub path: String,
    /// `ok`, `offline`, or what is wrong.
    pub state: String,
    /// Whether lost data is being written back to it.
    pub healing: bool,
    /// The identity it was formatted with.
    pub uuid: String,
    /// Size of the file system in bytes.
    pub totalspace: u64,
    /// Bytes in use.
    pub usedspace: u64,
    /// Bytes free.
    pub availspace: u64,
    /// The pool, in the order of the volumes string.
    pub pool_index: i64,
    /// The erasure set in its pool.
    pub set_index: i64,
    /// The place in its set.
    pub disk_index: i64,
}

impl Drive {
    /// Whether the drive serves.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.state == "ok"
    }
}

/// What one erasure set holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SetUsage {
    /// Bytes used on the drives.
    pub raw_usage: u64,
    /// Bytes the drives have.
    pub raw_capacity: u64,
    /// Bytes that objects hold, before erasure coding.
    pub usage: u64,
    /// Number of objects.
    pub objects_count: u64,
    /// Number of drives that lost data is being written back to.
    pub heal_disks: u64,
    /// Why usage and counts are not to be trusted, such as that no scan has ended yet.
    pub usage_error: Option<String>,
}
