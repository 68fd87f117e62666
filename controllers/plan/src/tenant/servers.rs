//! Which servers are ready, by their Pods.

use crds::Tenant;
use crds::names::{self, LABEL_POOL, LABEL_TOPOLOGY_REVISION};
use k8s_openapi::api::core::v1::Pod;

use super::observed::Observed;
use crate::meta;
use crate::topology::{Former, Member, Topology};

/// The Pods that are servers of a member.
pub(crate) fn of<'a>(
    tenant: &Tenant,
    observed: &'a Observed,
    member: &'a Member,
) -> impl Iterator<Item = &'a Pod> {
    let set = names::stateful_set(meta::name(tenant), &member.name);
    let pods = observed.pods.iter().map(AsRef::as_ref);
    pods.filter(move |pod| {
        meta::label(*pod, LABEL_POOL) == Some(member.name.as_str())
            && ordinal(pod, &set).is_some_and(|ordinal| ordinal < member.servers)
    })
}

/// Ready servers of a member; with a revision, only those that run it.
pub(crate) fn ready(tenant: &Tenant, observed: &Observed, member: &Member, revision: Option<u64>) -> i32 {
    let revision = revision.map(|revision| revision.to_string());
    let runs = |pod: &Pod| meta::label(pod, LABEL_TOPOLOGY_REVISION) == revision.as_deref();
    let count = of(tenant, observed, member)
        .filter(|pod| (revision.is_none() || runs(pod)) && is_ready(pod))
        .count();
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Whether every server of every member is ready at the topology's revision.
pub(crate) fn all_ready(tenant: &Tenant, observed: &Observed, topology: &Topology) -> bool {
    !topology.pools.is_empty()
        && topology
            .pools
            .iter()
            .all(|member| ready(tenant, observed, member, Some(topology.revision)) >= member.servers)
}

/// Whether a server with another string may still answer clients: one that is being stopped does so until it has ended.
pub(crate) fn any_of_another_revision(observed: &Observed, revision: u64) -> bool {
    !all_of_revision(observed, revision, |_| true)
}

/// Whether every server that is counted runs the revision.
pub(crate) fn all_of_revision(observed: &Observed, revision: u64, counts: impl Fn(&Pod) -> bool) -> bool {
    let revision = revision.to_string();
    let pods = observed.pods.iter().map(AsRef::as_ref);
    pods.filter(|pod| counts(pod) && !has_ended(pod))
        .all(|pod| meta::label(pod, LABEL_TOPOLOGY_REVISION) == Some(revision.as_str()))
}

/// Whether all servers run the topology's revision but those of pools that have left, and none is away: one of them may
/// be the only one that writes down who has left, and whoever is asked before it did counts pools wrongly from then on
/// (decision 0010).
pub(crate) fn know_who_left(tenant: &Tenant, observed: &Observed, topology: &Topology) -> bool {
    let no_other = all_of_revision(observed, topology.revision, |pod| {
        !topology.former.iter().any(|former| is_of(pod, former))
    });
    no_other && all_ready(tenant, observed, topology)
}

/// Whether a server of a pool that has left serves.
pub(crate) fn any_serves(observed: &Observed, former: &Former) -> bool {
    let mut pods = observed.pods.iter();
    pods.any(|pod| is_of(pod, former) && is_ready(pod))
}

fn is_of(pod: &Pod, former: &Former) -> bool {
    meta::label(pod, LABEL_POOL) == Some(former.name.as_str())
}

pub(crate) fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether a Pod serves and stays.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = |conditions: &Vec<_>| {
        conditions
            .iter()
            .any(|condition: &k8s_openapi::api::core::v1::PodCondition| {
                condition.type_ == "Ready" && condition.status == "True"
            })
    };
    !meta::deleting(pod) && conditions.is_some_and(ready)
}

fn ordinal(pod: &Pod, set: &str) -> Option<i32> {
    let text = meta::name(pod).strip_prefix(set)?.strip_prefix('-')?;
    // `p-01` and `p-1` must not count as two.
    text.parse()
        .ok()
        .filter(|ordinal: &i32| ordinal.to_string() == text)
}
