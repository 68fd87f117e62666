//! Taking a Pool down: servers first, then volumes by policy, then the finalizer.

use std::collections::BTreeSet;

use crds::Pool;
use crds::common::ReclaimPolicy;
use crds::names::FINALIZER_POOL;

use super::{Observed, claims, pods, stage};
use crate::meta;
use crate::step::{Step, Target, Why};
use crate::tenant::may_go;

/// The next steps; each waits for the one before to be seen done.
pub(super) fn steps(pool: &Pool, observed: &Observed) -> Vec<Step> {
    if !meta::held(pool, FINALIZER_POOL) {
        return Vec::new();
    }
    if let Some(set) = observed
        .stateful_set
        .as_ref()
        .filter(|set| meta::controls(pool, set.as_ref()))
    {
        if meta::deleting(set.as_ref()) {
            return Vec::new();
        }
        // Metadata alone does not know its kind.
        let target = Target {
            api_version: "apps/v1".to_owned(),
            kind: "StatefulSet".to_owned(),
            plural: "statefulsets".to_owned(),
            ..meta::target(set.as_ref())
        };
        let message = format!(
            "StatefulSet {} is deleted with its Pool",
            meta::name(set.as_ref())
        );
        return vec![Step::Delete(
            target,
            Why {
                reason: "StatefulSetDeleted",
                message,
            },
        )];
    }
    if remaining(pool, observed) > 0 {
        return left_behind(pool, observed);
    }
    let doomed = doomed(pool, observed);
    if doomed.is_empty() {
        vec![Step::Release(FINALIZER_POOL)]
    } else {
        doomed
    }
}

/// Servers that no StatefulSet takes with it: it was about to be made anew when the Pool was asked to go.
fn left_behind(pool: &Pool, observed: &Observed) -> Vec<Step> {
    let mut left: Vec<_> = observed
        .pods
        .iter()
        .map(AsRef::as_ref)
        .filter(|pod| pods::ordinal(pool, pod).is_some() && !meta::deleting(*pod))
        .filter(|pod| meta::controller_uid(*pod).is_none())
        .map(meta::target)
        .collect();
    left.sort_by(|a, b| a.name.cmp(&b.name));
    let why = Why {
        reason: "ServersDeleted",
        message: "servers without a StatefulSet are deleted with their Pool".to_owned(),
    };
    left.into_iter()
        .map(|target| Step::Delete(target, why.clone()))
        .collect()
}

/// Servers that still run.
pub(super) fn remaining(pool: &Pool, observed: &Observed) -> usize {
    observed
        .pods
        .iter()
        .filter(|pod| pods::ordinal(pool, pod.as_ref()).is_some())
        .count()
}

/// Whether volumes may go that were there before the Pool, and may hold what an earlier one of its name kept: once its
/// data has moved, or with a Tenant that may go. One that never served says nothing of them.
fn whatever_they_hold(pool: &Pool, observed: &Observed) -> bool {
    let drained = stage::former(pool, observed).is_some_and(|former| former.drained);
    let tenant = observed.tenant.as_deref();
    let tenant = tenant.filter(|tenant| stage::controls_or_none(pool, tenant));
    drained || tenant.is_some_and(may_go)
}

fn doomed(pool: &Pool, observed: &Observed) -> Vec<Step> {
    if claims::reclaim(pool, observed.tenant.as_deref()) == ReclaimPolicy::Retain {
        return Vec::new();
    }
    let names: BTreeSet<String> = claims::names(pool).into_iter().collect();
    let all = whatever_they_hold(pool, observed);
    let mut doomed: Vec<_> = observed
        .claims
        .iter()
        .map(AsRef::as_ref)
        .filter(|claim| claims::fits(pool, claim) && names.contains(meta::name(*claim)))
        .filter(|claim| !meta::deleting(*claim))
        .filter(|claim| all || !meta::older(*claim, pool))
        .map(meta::target)
        .collect();
    doomed.sort_by(|a, b| a.name.cmp(&b.name));
    doomed.dedup();
    // The same words for each, so that they become one event.
    let message = "the volumes are deleted with their Pool, as the reclaim policy says".to_owned();
    let why = Why {
        reason: "VolumesDeleted",
        message,
    };
    doomed
        .into_iter()
        .map(|target| Step::Delete(target, why.clone()))
        .collect()
}
