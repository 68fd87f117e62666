//! Whether labels are what a selector asks for, as Kubernetes decides it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::meta;

type Labels = BTreeMap<String, String>;

/// Whether a node is one a required node affinity asks for: one of its terms must hold.
pub(super) fn node(selector: &NodeSelector, node: &Node) -> bool {
    let one = |term: &NodeSelectorTerm| {
        let expressions = term.match_expressions.as_deref().unwrap_or_default();
        let fields = term.match_fields.as_deref().unwrap_or_default();
        let value_of = |key: &str| meta::label(node, key);
        let field_of = |key: &str| (key == "metadata.name").then(|| meta::name(node));
        // A term that asks for nothing selects nothing.
        !(expressions.is_empty() && fields.is_empty())
            && expressions.iter().all(|one| requirement(one, value_of(&one.key)))
            && fields.iter().all(|one| requirement(one, field_of(&one.key)))
    };
    selector.node_selector_terms.iter().any(one)
}

fn requirement(asked: &NodeSelectorRequirement, found: Option<&str>) -> bool {
    let values = asked.values.as_deref().unwrap_or_default();
    holds(&asked.operator, values, found)
}

/// Whether a Pod's labels are those a selector asks for. No selector selects nothing, an empty one everything.
pub(super) fn labels(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    let Some(selector) = selector else {
        return false;
    };
    let mut exact = selector.match_labels.iter().flatten();
    let mut expressions = selector.match_expressions.iter().flatten();
    exact.all(|(key, value)| labels.get(key) == Some(value))
        && expressions.all(|asked| {
            let values = asked.values.as_deref().unwrap_or_default();
            holds(
                &asked.operator,
                values,
                labels.get(&asked.key).map(String::as_str),
            )
        })
}

/// An operator that is not known here is taken to hold: what is not understood must not be in the way.
fn holds(operator: &str, values: &[String], found: Option<&str>) -> bool {
    let listed = || found.is_some_and(|found| values.iter().any(|value| value == found));
    let numbers = || -> Option<(i64, i64)> { Some((found?.parse().ok()?, values.first()?.parse().ok()?)) };
    match operator {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        "Gt" => numbers().is_some_and(|(found, asked)| found > asked),
        "Lt" => numbers().is_some_and(|(found, asked)| found < asked),
        _ => true,
    }
}
