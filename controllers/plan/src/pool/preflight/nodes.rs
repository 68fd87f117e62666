//! Whether there are nodes for the servers: each demand leaves fewer of them, and the first that leaves none is named.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, NodeSelector, Taint, Toleration};

use super::report::Finding;
use super::wanted::Wanted;
use super::{layout, room, selector, spread};
use crate::meta;

/// Taints Kubernetes sets and takes away by itself.
const OWN_TAINTS: &str = "node.kubernetes.io/";
/// How many values a message names.
const NAMED: usize = 3;

/// How nodes that are cordoned or not ready are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Away {
    Missing,
    Present,
}

/// What is left of the nodes.
pub(super) struct Left<'a> {
    /// Those whose labels fit.
    pub(super) chosen: Vec<&'a Node>,
    /// Of these, those that take the servers' Pods.
    pub(super) able: Vec<&'a Node>,
}

/// All findings about nodes.
pub(super) fn check(wanted: &Wanted<'_>, nodes: &[Arc<Node>]) -> Vec<Finding> {
    let nodes: Vec<&Node> = nodes.iter().map(AsRef::as_ref).collect();
    let now = place(wanted, &nodes, Away::Missing);
    let later = place(wanted, &nodes, Away::Present);
    match (now, later) {
        (_, Err(finding)) => vec![finding],
        (Err(finding), Ok(_)) => vec![finding.passing()],
        // Counted with those that are away: a warning must not come and go with each drain.
        (Ok(_), Ok(left)) => layout::one_node(wanted, left.able.len()).into_iter().collect(),
    }
}

/// Whether the servers may run on some nodes only.
pub(super) fn restricted(wanted: &Wanted<'_>) -> bool {
    wanted.pod.node_selector.is_some() || required(wanted).is_some()
}

/// The nodes each server may run on, or the demand that leaves too few.
fn place<'a>(wanted: &Wanted<'_>, nodes: &[&'a Node], away: Away) -> Result<Left<'a>, Finding> {
    let chosen = by_labels(wanted, nodes)?;
    let chosen = by_affinity(wanted, chosen)?;
    let able = by_taints(wanted, &chosen, away)?;
    let able = by_room(wanted, able)?;
    let left = Left { chosen, able };
    spread::check(wanted, &left, away)?;
    Ok(left)
}

fn by_labels<'a>(wanted: &Wanted<'_>, nodes: &[&'a Node]) -> Result<Vec<&'a Node>, Finding> {
    if nodes.is_empty() {
        return Err(Finding::blocks("the cluster has no nodes: add some"));
    }
    let asked = wanted.pod.node_selector.clone().unwrap_or_default();
    let fits = |node: &Node| {
        asked
            .iter()
            .all(|(key, value)| meta::label(node, key) == Some(value.as_str()))
    };
    let left: Vec<_> = nodes.iter().copied().filter(|node| fits(node)).collect();
    some(left, || {
        let pairs = asked.iter().map(|(key, value)| format!("{key}={value}"));
        format!(
            "{} {}: no node has these labels: label nodes, or change it",
            wanted.scheduling("nodeSelector", |said| !said.node_selector.is_empty()),
            pairs.collect::<Vec<_>>().join(",")
        )
    })
}

fn by_affinity<'a>(wanted: &Wanted<'_>, nodes: Vec<&'a Node>) -> Result<Vec<&'a Node>, Finding> {
    let Some(asked) = required(wanted) else {
        return Ok(nodes);
    };
    let left = nodes
        .into_iter()
        .filter(|node| selector::node(asked, node))
        .collect();
    some(left, || {
        let keys: Vec<&str> = asked
            .node_selector_terms
            .iter()
            .flat_map(|term| term.match_expressions.iter().chain(&term.match_fields).flatten())
            .map(|one| one.key.as_str())
            .collect();
        format!(
            "{}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution {}: no node that is left by nodeSelector \
             fits one of its terms: label nodes, or change it",
            wanted.scheduling("affinity", |said| said.affinity.is_some()),
            keys.join(",")
        )
    })
}

fn required<'a>(wanted: &'a Wanted<'_>) -> Option<&'a NodeSelector> {
    let affinity = wanted.pod.affinity.as_ref()?.node_affinity.as_ref()?;
    affinity
        .required_during_scheduling_ignored_during_execution
        .as_ref()
}

fn by_taints<'a>(wanted: &Wanted<'_>, nodes: &[&'a Node], away: Away) -> Result<Vec<&'a Node>, Finding> {
    let tolerations = wanted.pod.tolerations.as_deref().unwrap_or_default();
    let left = nodes
        .iter()
        .copied()
        .filter(|node| takes(tolerations, node, away))
        .collect();
    some(left, || {
        let mut taints: Vec<String> = nodes
            .iter()
            .flat_map(|node| repelling(tolerations, node, away))
            .map(|taint| written(&taint))
            .collect();
        taints.sort();
        taints.dedup();
        taints.truncate(NAMED);
        format!(
            "{}: every node with fitting labels has a taint that is not tolerated, such as {}: add a toleration, or \
             choose other nodes",
            wanted.scheduling("tolerations", |said| !said.tolerations.is_empty()),
            taints.join(", ")
        )
    })
}

/// Whether a node lets Pods with these tolerations in.
pub(super) fn takes(tolerations: &[Toleration], node: &Node, away: Away) -> bool {
    repelling(tolerations, node, away).is_empty()
}

fn repelling(tolerations: &[Toleration], node: &Node, away: Away) -> Vec<Taint> {
    let spec = node.spec.clone().unwrap_or_default();
    let cordon = spec.unschedulable.unwrap_or_default().then(|| Taint {
        key: format!("{OWN_TAINTS}unschedulable"),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    });
    spec.taints
        .into_iter()
        .flatten()
        .chain(cordon)
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .filter(|taint| away == Away::Missing || !taint.key.starts_with(OWN_TAINTS))
        .filter(|taint| !tolerations.iter().any(|one| tolerates(one, taint)))
        .collect()
}

/// An operator that is not known here is taken to tolerate.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let same = |asked: &Option<String>, found: &str| {
        let asked = asked.as_deref().filter(|asked| !asked.is_empty());
        asked.is_none_or(|asked| asked == found)
    };
    let value = || toleration.value.as_deref().unwrap_or_default();
    same(&toleration.effect, &taint.effect)
        && same(&toleration.key, &taint.key)
        && match toleration.operator.as_deref().unwrap_or("Equal") {
            "" | "Equal" => value() == taint.value.as_deref().unwrap_or_default(),
            _ => true,
        }
}

fn written(taint: &Taint) -> String {
    let value = taint
        .value
        .as_deref()
        .map(|value| format!("={value}"))
        .unwrap_or_default();
    format!("{}{value}:{}", taint.key, taint.effect)
}

fn by_room<'a>(wanted: &Wanted<'_>, nodes: Vec<&'a Node>) -> Result<Vec<&'a Node>, Finding> {
    let requests = wanted.requests();
    let left = nodes
        .iter()
        .copied()
        .filter(|node| room::fits(&requests, node))
        .collect();
    some(left, || {
        format!(
            "{}: one server asks for {}, more than any node that may run it can allocate, even if nothing else ran \
             there: ask for less, or add larger nodes",
            wanted.resources(),
            room::describe(&requests, &nodes)
        )
    })
}

fn some(nodes: Vec<&Node>, none: impl FnOnce() -> String) -> Result<Vec<&Node>, Finding> {
    if nodes.is_empty() {
        Err(Finding::blocks(none()))
    } else {
        Ok(nodes)
    }
}
