//! What would keep a Pool's servers from starting, or its data from being safe, said before the first volume is made
//! and again when the cluster changes.

mod class;
mod layout;
mod names;
mod nodes;
mod quantity;
mod report;
mod room;
mod selector;
mod spread;
#[cfg(test)]
mod tests;
mod wanted;

use std::sync::Arc;

use crds::Pool;
use crds::conditions::{JOINED, PREFLIGHT};
use crds::pool::PreflightMode;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::StorageClass;

use super::{Observed, claims, pods};
use crate::condition;
use crate::meta;
use crate::tenant::Verdict;

pub use class::default_class;
#[cfg(test)]
use report::Finding;
use report::{Report, Weight};
use wanted::Wanted;

/// What was seen of the cluster. `None`: the operator may not see it.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// All Nodes, in any order.
    pub nodes: Option<Vec<Arc<Node>>>,
    /// All StorageClasses, in any order.
    pub classes: Option<Vec<Arc<StorageClass>>>,
}

/// All findings; none while it is not known how the servers are to be made.
pub(super) fn check(pool: &Pool, observed: &Observed) -> Option<Report> {
    let tenant = observed
        .tenant
        .as_deref()
        .filter(|tenant| !meta::deleting(*tenant))?;
    let wanted = Wanted::of(tenant, pool, &observed.settings);
    let cluster = &observed.cluster;
    let mut report = Report::default();
    report.findings.extend(names::check(&wanted, &observed.settings));
    match &cluster.classes {
        Some(classes) => report.findings.extend(class::check(&wanted, classes)),
        None => report.unseen.push("StorageClasses"),
    }
    match &cluster.nodes {
        Some(nodes) => report.findings.extend(nodes::check(&wanted, nodes)),
        None => report.unseen.push("Nodes"),
    }
    report.findings.extend(layout::check(&wanted));
    Some(report)
}

/// Holds a Pool back that has nothing yet. What exists is never touched for a finding: its volumes are made, and its
/// servers may come back on the very nodes they ran on.
pub(super) fn hold(pool: &Pool, observed: &Observed) -> Result<(), Verdict> {
    if exists(pool, observed) || pool.spec.preflight == Some(PreflightMode::Report) {
        return Ok(());
    }
    let report = check(pool, observed).unwrap_or_default();
    let finding = report.finding();
    match report.weight() {
        Some(Weight::Blocks) => Err(Verdict::stuck(PREFLIGHT, &finding.reason, finding.message)),
        Some(Weight::Waits) => Err(Verdict::waiting(PREFLIGHT, &finding.reason, finding.message)),
        Some(Weight::Warns) | None => Ok(()),
    }
}

/// The condition `Preflight` of a Pool.
pub(super) fn finding(pool: &Pool, observed: &Observed) -> condition::Finding {
    match check(pool, observed) {
        Some(report) => report.finding(),
        None => condition::unknown(PREFLIGHT, "NotYetChecked", "waits for TenantFound"),
    }
}

/// Whether anything of the Pool was ever made, as far as can be seen.
fn exists(pool: &Pool, observed: &Observed) -> bool {
    let status = pool.status.as_ref();
    observed.stateful_set.is_some()
        || status.is_some_and(|status| condition::is_true(&status.conditions, JOINED))
        || observed.claims.iter().any(|claim| claims::labelled(pool, claim))
        || observed
            .pods
            .iter()
            .any(|pod| pods::ordinal(pool, pod.as_ref()).is_some())
}
