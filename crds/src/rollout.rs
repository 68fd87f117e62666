//! How servers are replaced, and what became of it: parts of a Tenant.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a change that needs new Pods reaches the servers. A change of the topology is never held back by this: servers
/// with different volumes strings must not serve for longer than it takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// How many servers that serve may be away at once because of the operator. It is bounded by what writing to
    /// every erasure set can spare, but never below 1; `status.rollout.maxUnavailable` is the number in force.
    /// Default: 1. A change restarts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub max_unavailable: Option<i32>,
    /// In each Pool, servers with a number below it keep what they run: a canary is made of the others. Default: 0,
    /// all servers are replaced. Lowering it lets the rollout go on; raising it takes nothing back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 256))]
    pub partition: Option<i32>,
    /// While true no server is replaced because of a changed spec, and nothing is rolled back. Everything else goes
    /// on. Default: false. Setting it to false lets the rollout go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Whether servers go back to what all servers ran last, when one with a changed spec is not ready within
    /// `progressDeadlineSeconds`. What was taken back is not tried again until the spec changes. Default: false,
    /// because an image that has written to the drives may leave what an older one cannot read. A change restarts
    /// nothing by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_rollback: bool,
    /// Seconds within which a replaced server must become ready; later the Tenant is `Stalled`. Default: 600.
    /// A change counts for the servers that are being waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 86400))]
    pub progress_deadline_seconds: Option<i32>,
}

/// How far what the specs ask for has reached the servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStatus {
    /// Number of what is asked for now: image, environment and whatever else makes the servers' Pods.
    pub revision: i64,
    /// The last revision that all servers ran and were ready with; what a rollback goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_revision: Option<i64>,
    /// Hash of the revision that was taken back; it is not tried again until the spec changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_hash: Option<String>,
    /// How many servers that serve may be away at once because of the operator: `spec.rollout.maxUnavailable`, or
    /// less where a Pool cannot spare as many.
    pub max_unavailable: i32,
    /// A server that a rollout waits for and that has no Pod, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingServer>,
    /// The last ten revisions, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["revision".into()]))]
    pub history: Vec<RolloutRevision>,
}

/// A server without a Pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissingServer {
    /// Name of the server.
    pub name: String,
    /// Since when it was seen missing.
    pub since: Time,
}

/// One revision of what makes the servers' Pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutRevision {
    /// Its number.
    pub revision: i64,
    /// Hash of all that makes the servers' Pods and can be taken back.
    pub hash: String,
    /// The image.
    pub image: String,
    /// When it was first asked for.
    pub started_at: Time,
    /// What became of it.
    pub outcome: RolloutOutcome,
}

/// What became of a revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RolloutOutcome {
    /// It has not reached all servers yet.
    #[default]
    Progressing,
    /// All servers ran it and were ready.
    Complete,
    /// Another one was asked for before it had reached all servers.
    Superseded,
    /// A server was not ready with it in time, and it was taken back.
    RolledBack,
}
