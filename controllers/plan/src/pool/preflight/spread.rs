//! Whether there are enough nodes, zones or whatever servers must be kept apart by. Only this Pool's own servers are
//! counted, so more may be needed than is said here, never fewer.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, PodAffinityTerm, TopologySpreadConstraint};

use super::nodes::{self, Away, Left};
use super::report::Finding;
use super::selector;
use super::wanted::Wanted;
use crate::meta;

/// The first rule that cannot be kept.
pub(super) fn check(wanted: &Wanted<'_>, left: &Left<'_>, away: Away) -> Result<(), Finding> {
    apart(wanted, left)?;
    evenly(wanted, left, away)
}

/// Required Pod anti-affinity among the servers: one in each domain.
fn apart(wanted: &Wanted<'_>, left: &Left<'_>) -> Result<(), Finding> {
    let affinity = wanted.pod.affinity.as_ref();
    let terms = affinity
        .and_then(|affinity| affinity.pod_anti_affinity.as_ref())
        .and_then(|apart| apart.required_during_scheduling_ignored_during_execution.as_ref());
    for term in terms.into_iter().flatten().filter(|term| meets(wanted, term)) {
        let key = &term.topology_key;
        // A node without the key is in no domain: the rule does not hold there.
        let keyed = left.able.iter().all(|node| meta::label(*node, key).is_some());
        let domains = domains(&left.able, key);
        if keyed && domains.len() < wanted.servers() {
            return Err(Finding::blocks(format!(
                "{}.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution {key}: {} servers must be kept \
                 apart and nodes that fit have {} values of this label: add nodes, or make it a preference",
                wanted.scheduling("affinity", |said| said.affinity.is_some()),
                wanted.servers(),
                domains.len(),
            )));
        }
    }
    Ok(())
}

/// Whether a term keeps servers of this Pool from each other. A term that depends on what is not known here does not
/// count.
fn meets(wanted: &Wanted<'_>, term: &PodAffinityTerm) -> bool {
    let named = |keys: &Option<Vec<String>>| keys.as_ref().is_some_and(|keys| !keys.is_empty());
    if named(&term.match_label_keys) || named(&term.mismatch_label_keys) {
        return false;
    }
    let namespaces = term.namespaces.as_deref().unwrap_or_default();
    let here = match &term.namespace_selector {
        Some(selector) => *selector == Default::default(),
        None => namespaces.is_empty(),
    };
    let here = here || namespaces.iter().any(|name| name == meta::namespace(wanted.pool));
    here && selector::labels(term.label_selector.as_ref(), &wanted.labels)
}

/// Spread constraints that keep a server from being placed at all.
fn evenly(wanted: &Wanted<'_>, left: &Left<'_>, away: Away) -> Result<(), Finding> {
    let all = wanted
        .pod
        .topology_spread_constraints
        .as_deref()
        .unwrap_or_default();
    let strict: Vec<_> = all
        .iter()
        .filter(|one| one.when_unsatisfiable == "DoNotSchedule")
        .collect();
    // A node takes part only when it has the keys of all constraints.
    let keyed = |nodes: &[&'_ Node]| -> Vec<usize> {
        let has = |node: &Node| {
            strict
                .iter()
                .all(|one| meta::label(node, &one.topology_key).is_some())
        };
        (0..nodes.len()).filter(|index| has(nodes[*index])).collect()
    };
    let able: Vec<&Node> = keyed(&left.able)
        .into_iter()
        .map(|index| left.able[index])
        .collect();
    let chosen: Vec<&Node> = keyed(&left.chosen)
        .into_iter()
        .map(|index| left.chosen[index])
        .collect();
    for constraint in strict {
        if let Some(most) = most(wanted, constraint, &chosen, &able, away)
            && most < wanted.servers()
        {
            return Err(Finding::blocks(format!(
                "{} {}: at most {most} of {} servers can be placed with maxSkew {} on the nodes that fit: add nodes \
                 with this label, or say whenUnsatisfiable: ScheduleAnyway",
                wanted.scheduling("topologySpreadConstraints", |said| {
                    !said.topology_spread_constraints.is_empty()
                }),
                constraint.topology_key,
                wanted.servers(),
                constraint.max_skew,
            )));
        }
    }
    Ok(())
}

/// How many servers can be placed; none = any number.
fn most(
    wanted: &Wanted<'_>,
    constraint: &TopologySpreadConstraint,
    chosen: &[&Node],
    able: &[&Node],
    away: Away,
) -> Option<usize> {
    let key = &constraint.topology_key;
    let usable = domains(able, key).len();
    if usable == 0 {
        return Some(0);
    }
    if !selector::labels(constraint.label_selector.as_ref(), &wanted.labels)
        || constraint
            .match_label_keys
            .as_ref()
            .is_some_and(|keys| !keys.is_empty())
        || constraint.node_affinity_policy.as_deref() == Some("Ignore")
    {
        return None;
    }
    // A domain that counts and takes no server stays empty, and the others may exceed it by the skew only.
    let honours_taints = constraint.node_taints_policy.as_deref() == Some("Honor");
    let tolerations = wanted.pod.tolerations.as_deref().unwrap_or_default();
    let counted: Vec<&Node> = chosen
        .iter()
        .copied()
        .filter(|node| !honours_taints || nodes::takes(tolerations, node, away))
        .collect();
    let needed = usize::try_from(constraint.min_domains.unwrap_or(1)).unwrap_or(1);
    let counted = domains(&counted, key).len();
    let skew = usize::try_from(constraint.max_skew).unwrap_or(1);
    (usable < counted || counted < needed).then(|| usable.saturating_mul(skew))
}

fn domains<'a>(nodes: &[&'a Node], key: &str) -> BTreeSet<&'a str> {
    nodes.iter().filter_map(|node| meta::label(*node, key)).collect()
}
