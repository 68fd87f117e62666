//! `GET /rustfs/admin/v3/storageinfo`.

use serde::Deserialize;

use super::info::Drive;

/// Every drive of the store.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Wrapped")]
pub struct StorageInfo {
    /// The drives, in no particular order.
    pub drives: Vec<Drive>,
    /// How the drives form erasure sets.
    pub backend: StorageBackend,
}

/// How the drives form erasure sets. Every list has one entry for each pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StorageBackend {
    /// Data shards of an object of the standard class: what must be there to read it.
    #[serde(rename = "StandardSCData")]
    pub standard_data: Vec<u64>,
    /// Parity shards of an object of the standard class.
    #[serde(rename = "StandardSCParities")]
    pub standard_parities: Vec<u64>,
    /// Number of erasure sets.
    #[serde(rename = "TotalSets")]
    pub total_sets: Vec<u64>,
    /// Width of an erasure set in drives.
    #[serde(rename = "DrivesPerSet")]
    pub drives_per_set: Vec<u64>,
}

/// The server wraps the document into a field `info`.
#[derive(Deserialize)]
struct Wrapped {
    info: Fields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    disks: Vec<Drive>,
    backend: StorageBackend,
}

impl From<Wrapped> for StorageInfo {
    fn from(Wrapped { info }: Wrapped) -> Self {
        Self {
            drives: info.disks,
            backend: info.backend,
        }
    }
}
