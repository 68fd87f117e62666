//! `GET /rustfs/admin/v3/scanner/status`.

use serde::Deserialize;

/// The scanner, as the server that was asked sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Scanner {
    /// Whether it runs at all.
    pub enabled: bool,
    /// The record it keeps of the times in which data was moved; absent if the server keeps none.
    pub pause_backlog: Option<PauseBacklog>,
}

/// The record of pauses. Every erasure set has a copy of it; this is read anew with each call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PauseBacklog {
    /// `healthy`, `missing`, `membership_repair_pending`, `committed_pending_stabilization`, `rolled_back_partial_commit`
    /// or `unavailable`.
    pub persistence_state: String,
    /// Erasure sets that should have a copy.
    pub replica_count: u64,
    /// Why no copy can be believed, or what went wrong last in this process.
    pub error: Option<String>,
    /// The copies one by one, unless all is well.
    pub replica_diagnostics: Option<Vec<Replica>>,
}

/// One copy of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Replica {
    /// Place of the pool in the volumes string, from 0.
    pub pool_index: u64,
    /// Number of the erasure set in its pool.
    pub set_index: u64,
    /// `valid`, `missing`, `invalid`, `future_schema` or `unavailable`.
    pub state: String,
}
