//! Whether one server fits on a node. Only what a node can allocate in all is looked at, not what already runs there.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::quantity::billionths;

type Amounts = BTreeMap<String, Quantity>;

/// Whether each request is within what the node can allocate.
pub(super) fn fits(requests: &Amounts, node: &Node) -> bool {
    requests
        .iter()
        .all(|(resource, asked)| within(resource, asked, node))
}

/// The requests as `cpu 64 (the most of a node: 8), memory 1Ti (the most of a node: 32Gi)`.
pub(super) fn describe(requests: &Amounts, nodes: &[&Node]) -> String {
    let one = |(resource, asked): (&String, &Quantity)| {
        let most = nodes
            .iter()
            .filter_map(|node| allocatable(resource, node))
            // Equal amounts may be written differently; always the same text is shown.
            .max_by_key(|amount| (billionths(amount), amount.0.clone()));
        let most = most.map_or("0", |amount| amount.0.as_str());
        format!("{resource} {} (the most of a node: {most})", asked.0)
    };
    requests.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What cannot be read is taken to fit.
fn within(resource: &str, asked: &Quantity, node: &Node) -> bool {
    let Some(asked) = billionths(asked) else {
        return true;
    };
    match allocatable(resource, node) {
        Some(there) => billionths(there).is_none_or(|there| asked <= there),
        None => asked <= 0,
    }
}

fn allocatable<'a>(resource: &str, node: &'a Node) -> Option<&'a Quantity> {
    let status = node.status.as_ref()?;
    status.allocatable.as_ref()?.get(resource)
}
