//! Which outdated server may be replaced now.

use std::sync::Arc;

use crds::Pool;
use k8s_openapi::api::core::v1::Pod;

use super::stage::Terms;
use super::{Observed, pods};
use crate::meta;
use crate::step::{Step, Target, Why};

/// Deletes outdated Pods; the StatefulSet makes them anew. Before the store has served all go at once, as nothing
/// can be lost; from then on one at a time.
pub(super) fn steps(pool: &Pool, observed: &Observed, terms: &Terms, hash: &str) -> Vec<Step> {
    // On an older StatefulSet a deleted Pod would come back as it was.
    if observed.stateful_set.is_none() || !observed.caught_up {
        return Vec::new();
    }
    let outdated: Vec<_> = observed
        .pods
        .iter()
        .filter(|pod| pods::ordinal(pool, pod.as_ref()).is_some())
        .filter(|pod| !meta::deleting(pod.as_ref()) && !pods::current(pod.as_ref(), hash))
        .collect();
    if !terms.topology.formed {
        return outdated.into_iter().map(|pod| replace(pod.as_ref())).collect();
    }
    if terms.topology.turn.as_deref() != Some(meta::name(pool)) {
        return Vec::new();
    }
    next(pool, &observed.pods, &outdated)
        .into_iter()
        .map(replace)
        .collect()
}

/// The one server to replace: an unready one first; a ready one only while every server of the Tenant is ready.
fn next<'a>(pool: &Pool, all: &[Arc<Pod>], outdated: &[&'a Arc<Pod>]) -> Option<&'a Pod> {
    if all.iter().any(|pod| meta::deleting(pod.as_ref())) {
        return None;
    }
    let by_ordinal = |pod: &&&Arc<Pod>| pods::ordinal(pool, pod.as_ref());
    let unready = outdated
        .iter()
        .filter(|pod| !pods::ready(pod.as_ref()))
        .max_by_key(by_ordinal);
    if let Some(pod) = unready {
        return Some(Arc::as_ref(*pod));
    }
    let all_ready = all.iter().all(|pod| pods::ready(pod.as_ref()));
    let complete = i32::try_from(
        all.iter()
            .filter(|pod| pods::ordinal(pool, pod.as_ref()).is_some())
            .count(),
    )
    .is_ok_and(|count| count == pool.spec.servers);
    if !(all_ready && complete) {
        return None;
    }
    outdated
        .iter()
        .max_by_key(by_ordinal)
        .map(|pod| Arc::as_ref(*pod))
}

fn replace(pod: &Pod) -> Step {
    let target = Target {
        resource_version: pod.metadata.resource_version.clone(),
        ..meta::target(pod)
    };
    let message = format!(
        "server {} is replaced: it runs an older template",
        meta::name(pod)
    );
    Step::Delete(
        target,
        Why {
            reason: "ServerReplaced",
            message,
        },
    )
}
