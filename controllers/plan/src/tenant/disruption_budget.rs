//! How many servers a node drain may take away at once.

use crds::Tenant;
use crds::names::LABEL_TENANT;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::erasure::{self, Sets};
use crate::meta;
use crate::step::{Child, Step};
use crate::topology::Topology;

/// The budget over all servers of the Tenant, once there are any.
pub(crate) fn step(tenant: &Tenant, topology: &Topology) -> Option<Step> {
    let sets = topology
        .pools
        .iter()
        .map(|member| erasure::sets(tenant, member.servers, member.volumes_per_server).ok());
    let most = sets.map(may_miss).min()?;
    let name = meta::name(tenant);
    Some(Step::Apply(Box::new(Child::PodDisruptionBudget(
        PodDisruptionBudget {
            metadata: meta::child_meta(name, tenant, meta::labels(name, "availability")),
            spec: Some(PodDisruptionBudgetSpec {
                max_unavailable: Some(IntOrString::Int(most)),
                selector: Some(meta::select([(LABEL_TENANT, name)])),
                // A server that is not ready serves nothing: it must not keep a node from being drained.
                unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
                ..PodDisruptionBudgetSpec::default()
            }),
            ..PodDisruptionBudget::default()
        },
    ))))
}

/// At least one, or a node with a server of a small store could never be drained; none where no data is spare.
fn may_miss(sets: Option<Sets>) -> i32 {
    match sets {
        Some(sets) if sets.parity > 0 => sets.spare_servers.max(1),
        _ => 0,
    }
}
