//! `GET /rustfs/admin/v3/rebalance/status`.

use serde::Deserialize;

/// The last rebalance the servers know.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rebalance {
    /// Tells it from any other one.
    pub id: String,
    /// Its pools, in the order of the volumes string.
    pub pools: Vec<RebalancePool>,
    /// When it was stopped; absent if it was not.
    pub stopped_at: Option<String>,
}

/// One pool of a rebalance.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RebalancePool {
    /// The place in the volumes string, from 0.
    pub id: u64,
    /// `None` where nothing has to leave, `Started`, `Stopping`, `Stopped`, `Completed` or `Failed`.
    pub status: String,
    /// Whether it is being stopped.
    pub stopping: bool,
    /// What part of its space is in use, from 0 to 1.
    pub used: f64,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// What has left it; absent where nothing has to.
    pub progress: Option<RebalanceProgress>,
}

/// What has left a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RebalanceProgress {
    /// Number of objects.
    pub objects: u64,
    /// Bytes of their content.
    pub bytes: u64,
}
