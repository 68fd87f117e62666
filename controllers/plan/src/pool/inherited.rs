//! Volumes that are there before a Pool has made any: which may be mounted.

use crds::Pool;
use crds::conditions::STORAGE_READY;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::{Observed, claims};
use crate::meta;
use crate::tenant::Verdict;

/// A volume that holds something else is never mounted.
pub(super) fn fit(pool: &Pool, observed: &Observed) -> Result<(), Verdict> {
    if observed.stateful_set.is_some() {
        return Ok(());
    }
    if let Some(name) = &observed.foreign_claim {
        let message = format!(
            "PersistentVolumeClaim {name} exists and was not made for this Pool: rename the Pool, or delete the claim"
        );
        return Err(Verdict::stuck(STORAGE_READY, "VolumesNotOurs", message));
    }
    match first(pool, observed, |claim| !claims::fits(pool, claim)) {
        Some(claim) => Err(Verdict::stuck(
            STORAGE_READY,
            "VolumesOfAnotherLayout",
            format!(
                "PersistentVolumeClaim {} was kept from a Pool of this name with another layout: create this Pool with \
                 that layout to use its data, rename the Pool, or delete the kept claims",
                meta::name(claim)
            ),
        )),
        None => Ok(()),
    }
}

/// One that joins a store that serves is taken for empty, so volumes that an earlier Pool of its name kept are not: what
/// had moved from them, and was deleted since, would be there again.
pub(super) fn none(pool: &Pool, observed: &Observed) -> Result<(), Verdict> {
    if observed.stateful_set.is_some() {
        return Ok(());
    }
    let kept = first(pool, observed, |claim| meta::older(claim, pool));
    kept.map_or(Ok(()), |claim| {
        Err(Verdict::stuck(
            STORAGE_READY,
            "VolumesNotEmpty",
            format!(
                "PersistentVolumeClaim {} was kept from a Pool of this name, and the store has served without it since: \
                 objects that were deleted meanwhile would be there again. Delete the kept claims, or give this Pool \
                 another name",
                meta::name(claim)
            ),
        ))
    })
}

/// The first such claim with the Pool's labels: always the same one, or a status that names it would be written for ever.
fn first<'a>(
    pool: &Pool,
    observed: &'a Observed,
    is_such: impl Fn(&PersistentVolumeClaim) -> bool,
) -> Option<&'a PersistentVolumeClaim> {
    let claims = observed.claims.iter().map(AsRef::as_ref);
    claims
        .filter(|claim| claims::labelled(pool, claim) && is_such(claim))
        .min_by_key(|claim| meta::name(*claim))
}
