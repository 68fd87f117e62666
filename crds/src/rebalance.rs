//! Moving objects between a Tenant's Pools for balance: what is asked for, and how far it is.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When objects are moved between Pools for balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Rebalance {
    /// Objects stay where they are; one that runs is stopped.
    #[default]
    Never,
    /// Once Pools have joined, until the Pools are about equally full.
    AfterJoin,
}

/// How far moving objects between Pools is, or how it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RebalanceStatus {
    /// Where it stands; the condition `Balanced` says what that waits for.
    pub state: RebalanceState,
    /// Objects that have been moved.
    #[serde(default)]
    pub objects: i64,
    /// Bytes that have been moved.
    #[serde(default)]
    pub bytes: i64,
    /// The Pools, in the order of the topology.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub pools: Vec<PoolFill>,
}

/// Where moving objects between Pools stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RebalanceState {
    /// It begins once nothing is in its way.
    #[default]
    Requested,
    /// Objects are being moved.
    Running,
    /// The servers are being told to stop.
    Stopping,
    /// It was stopped. What was moved stays where it is now.
    Stopped,
    /// The servers have ended it.
    Complete,
    /// The servers gave up. What was moved stays where it is now.
    Failed,
}

/// How full a Pool was when the servers were last asked about a rebalance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolFill {
    /// Name of the Pool.
    pub name: String,
    /// Part of its space that was in use, in percent.
    pub used_percent: i32,
}
