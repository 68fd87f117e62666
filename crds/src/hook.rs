//! Hooks: Jobs that run before something that cannot be taken back.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    EnvFromSource, EnvVar, PodSecurityContext, ResourceRequirements, SecurityContext, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::image_reference;
use crate::tenant::ImagePullPolicy;

/// A Job that must have completed before the operator goes on, such as a backup. Clients are served meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// Name of the hook. It becomes part of the Job's name. Renaming a hook makes it another one, which runs where
    /// the old one has run already.
    #[schemars(length(min = 1, max = 30))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("a hook's name must hold only a-z, 0-9 and '-', and start and end with a letter or digit: it becomes part of the Job's name"))]
    pub name: String,
    /// Before what it runs. `Deletion`: before anything of a deleted Tenant is taken down, once it may be. `Drain`:
    /// before the data of a Pool is moved to the others. `Upgrade`: before the first server gets another image than
    /// all servers ran last; going back to that one runs no hook. A change counts for what has not begun yet.
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub before: Vec<Before>,
    /// What the Job runs. A change counts for Jobs that are made later; delete a Job that has failed to have it made
    /// again.
    pub job: HookJob,
    /// Seconds the Job may take, all retries included; then it has failed. Default: 3600. A change counts for Jobs
    /// that are made later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 604_800))]
    pub deadline_seconds: Option<i32>,
    /// How often a Pod that fails is tried again. Default: 2. A change counts for Jobs that are made later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: Option<i32>,
    /// What a Job that failed means. `Fail`: the operator goes on only once it was run again and has completed, or
    /// the hook is gone. `Ignore`: it goes on. Default: `Fail`. A change takes effect at once, also for a Job that
    /// has failed already.
    #[serde(default)]
    pub failure_policy: HookFailurePolicy,
}

/// Before what a hook runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Before {
    /// Before anything of a deleted Tenant is taken down.
    #[default]
    Deletion,
    /// Before the data of a Pool is moved to the others.
    Drain,
    /// Before the first server gets another image.
    Upgrade,
}

/// What a Job that failed means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HookFailurePolicy {
    /// What it was run for does not begin.
    #[default]
    Fail,
    /// What it was run for begins all the same.
    Ignore,
}

/// The one container of a hook's Job. By default its Pod fits the PodSecurity level `restricted`: user 10001, a
/// read-only root file system, and `/tmp`, which is `HOME` too, to write to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookJob {
    /// Container image. Secrets for pulling it are those of `spec.imagePullSecrets`.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = image_reference())]
    pub image: String,
    /// When the image is pulled. Default: the cluster's rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Program and first arguments. Default: the image's entry point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub command: Vec<String>,
    /// Arguments. Default: the image's, unless `command` is set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub args: Vec<String>,
    /// More environment. What the operator sets comes first and can be referred to, as in `$(RUSTFS_ENDPOINT)`:
    /// `RUSTFS_TENANT`, `RUSTFS_NAMESPACE`, `RUSTFS_HOOK`, `RUSTFS_BEFORE`, `RUSTFS_ENDPOINT`, `RUSTFS_ACCESS_KEY`,
    /// `RUSTFS_SECRET_KEY`; before a drain `RUSTFS_POOL`; with TLS `RUSTFS_CA`, a file. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self.all(e, !(e.name in ['RUSTFS_TENANT','RUSTFS_NAMESPACE','RUSTFS_HOOK','RUSTFS_BEFORE','RUSTFS_ENDPOINT','RUSTFS_POOL','RUSTFS_CA','RUSTFS_ACCESS_KEY','RUSTFS_SECRET_KEY']))").message("a hook's env names a variable the operator sets itself: use another name, with a value such as $(RUSTFS_ACCESS_KEY)"))]
    pub env: Vec<EnvVar>,
    /// ConfigMaps and Secrets whose keys become environment, such as the credentials of the place a backup goes to.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub env_from: Vec<EnvFromSource>,
    /// CPU and memory. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// ServiceAccount of the Pod; its token is mounted. Default: that of the servers, without a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// Labels a node must have. Default: any node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are tolerated. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    /// Changes to the Pod's security context, field by field. Default: user, group and fsGroup 10001, no root,
    /// seccomp `RuntimeDefault`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security_context: Option<PodSecurityContext>,
    /// Changes to the container's security context, field by field. Default: no privilege escalation, all
    /// capabilities dropped, read-only root file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_security_context: Option<SecurityContext>,
}

/// The last run of one hook before one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookRun {
    /// Name of the hook.
    pub name: String,
    /// Before what it ran.
    pub before: Before,
    /// The Pool that is to be drained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Name of the Job. Another request gets another one, and a Job that has completed is never made again.
    pub job: String,
    /// How far it is.
    pub outcome: HookOutcome,
    /// When the Job ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// How far a run of a hook is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HookOutcome {
    /// It has not ended.
    #[default]
    Running,
    /// It has completed.
    Succeeded,
    /// It has failed, and what it was run for waits.
    Failed,
    /// It has failed, and what it was run for went on, as its policy says.
    Ignored,
}
