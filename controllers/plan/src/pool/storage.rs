//! What the condition `StorageReady` says: whether volumes are there, and as large as asked.

use std::collections::BTreeMap;

use crds::Pool;
use crds::conditions::STORAGE_READY;

use super::{Observed, Plan, claims, growth};
use crate::meta;
use crate::step::Enacted;
use crate::tenant::Verdict;

/// The condition of a Pool whose servers are to be there.
pub(super) fn judge(pool: &Pool, observed: &Observed, plan: &Plan, enacted: &Enacted) -> Verdict {
    if let Some(failure) = enacted.failure().filter(|_| growth::failed(&plan.steps, enacted)) {
        let judge = if failure.transient {
            Verdict::waiting
        } else {
            Verdict::stuck
        };
        return judge(STORAGE_READY, failure.reason, failure.message.clone());
    }
    let bound = bound(pool, observed);
    match &plan.growth.verdict {
        Some(growth) if bound.holds() || growth.needs_person() => growth.clone(),
        _ => bound,
    }
}

/// Whether all claims are bound.
pub(super) fn bound(pool: &Pool, observed: &Observed) -> Verdict {
    let names = claims::names(pool);
    let phases: BTreeMap<&str, &str> = observed
        .claims
        .iter()
        .filter(|claim| claims::labelled(pool, claim.as_ref()))
        .map(|claim| (meta::name(claim.as_ref()), claims::phase(claim.as_ref())))
        .collect();
    let open: Vec<(&String, &str)> = names
        .iter()
        .map(|name| (name, phases.get(name.as_str()).copied().unwrap_or("not made yet")))
        .filter(|(_, phase)| *phase != "Bound")
        .collect();
    if open.is_empty() {
        let message = format!("{} volumes are bound", names.len());
        return Verdict::good(STORAGE_READY, "Bound", message);
    }
    let lost = open.iter().any(|(_, phase)| *phase == "Lost");
    let reason = if lost { "VolumeLost" } else { "VolumesPending" };
    let first: Vec<String> = open
        .iter()
        .take(3)
        .map(|(name, phase)| format!("{name} ({phase})"))
        .collect();
    let message = format!(
        "{} of {} volumes are not bound: {}; `kubectl describe pvc` says why",
        open.len(),
        names.len(),
        first.join(", ")
    );
    Verdict::waiting(STORAGE_READY, reason, message)
}
