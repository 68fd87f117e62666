//! `GET /rustfs/admin/v3/pools/list`.

use serde::Deserialize;

/// One pool, in the order of the volumes string.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PoolEntry {
    /// The place in the volumes string, from 0, when the servers met the element. It keeps it when one before it leaves.
    pub id: u64,
    /// The exact element of the volumes string.
    pub cmdline: String,
    /// Bytes the pool can hold, after erasure coding.
    pub total_size: u64,
    /// Bytes that are **free**, despite the server's name for it.
    #[serde(rename = "currentSize")]
    pub free_size: u64,
    /// Bytes in use.
    pub used_size: u64,
    /// `active`, `decommissioning`, `decommissioned`, `blocked` or `rebalancing`.
    pub status: String,
    /// `none`, `queued`, `running`, `complete`, `failed` or `canceled`.
    pub decommission_status: String,
    /// `none`, `started`, `stopping`, `stopped`, `completed` or `failed`.
    pub rebalance_status: String,
    /// How far a decommission is; absent when there never was one.
    pub decommission_info: Option<Decommission>,
}

/// How far a decommission is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Decommission {
    /// When it began, by RFC 3339.
    pub start_time: Option<String>,
    /// All data has left the pool.
    pub complete: bool,
    /// It gave up.
    pub failed: bool,
    /// It was called off.
    pub canceled: bool,
    /// Number of objects that have left.
    pub objects_decommissioned: u64,
    /// Number of objects that could not.
    pub objects_decommissioned_failed: u64,
    /// Bytes that have left.
    pub bytes_decommissioned: u64,
    /// Bytes for data that the pool has in all.
    pub total_size: u64,
    /// Bytes of them that were free when it began.
    pub start_size: u64,
    /// What it waits for, such as `queued`, `waiting_for_worker`; absent while it works.
    pub waiting_reason: Option<String>,
    /// Why the other pools cannot take the data; absent while they can.
    pub capacity_blocked_reason: Option<String>,
    /// Entries it could not make out, in a form that is not fixed; null while there are none.
    pub unresolved_entries: serde_json::Value,
}

impl Decommission {
    /// Bytes that were in use when it began; 0 = not told.
    #[must_use]
    pub fn bytes_at_start(&self) -> u64 {
        self.total_size.saturating_sub(self.start_size)
    }
}
