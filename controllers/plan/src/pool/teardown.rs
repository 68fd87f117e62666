//! Taking a Pool down: servers first, then volumes by policy, then the finalizer.

use crds::Pool;
use crds::common::ReclaimPolicy;
use crds::names::FINALIZER_POOL;

use super::{Observed, claims, pods};
use crate::meta;
use crate::step::{Step, Why};

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
        let target = crate::step::Target {
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
        return Vec::new();
    }
    let doomed = doomed(pool, observed);
    if doomed.is_empty() {
        vec![Step::Release(FINALIZER_POOL)]
    } else {
        doomed
    }
}

/// Servers that still run.
pub(super) fn remaining(pool: &Pool, observed: &Observed) -> usize {
    observed
        .pods
        .iter()
        .filter(|pod| pods::ordinal(pool, pod.as_ref()).is_some())
        .count()
}

fn doomed(pool: &Pool, observed: &Observed) -> Vec<Step> {
    if claims::reclaim(pool, observed.tenant.as_deref()) == ReclaimPolicy::Retain {
        return Vec::new();
    }
    observed
        .claims
        .iter()
        .filter(|claim| claims::fits(pool, claim.as_ref()) && !meta::deleting(claim.as_ref()))
        .map(|claim| {
            let message = format!(
                "PersistentVolumeClaim {} is deleted with its Pool, as the reclaim policy says",
                meta::name(claim.as_ref())
            );
            Step::Delete(
                meta::target(claim.as_ref()),
                Why {
                    reason: "VolumeDeleted",
                    message,
                },
            )
        })
        .collect()
}
