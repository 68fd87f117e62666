//! A Tenant with all that belongs to it.

use crds::Tenant;

use crate::node::Node;
use crate::{Seen, advice, head, pool};

pub(crate) fn node(tenant: &Tenant, seen: &Seen) -> Node {
    let mut children: Vec<Node> = seen.pools.iter().map(|pool| pool::node(pool, seen)).collect();
    let certificates = seen.certificates.iter();
    children.extend(certificates.map(|certificate| head::certificate(certificate, seen)));
    children.extend(seen.monitors.iter().map(|monitor| head::monitor(monitor, seen)));
    let mut node = advice::of_tenant(head::tenant(tenant), &children, seen);
    if let (true, Some(servers)) = (
        node.is_fine(),
        tenant.status.as_ref().and_then(|status| status.servers.as_ref()),
    ) {
        node.message = format!("{} ({servers} servers)", node.message);
    }
    node.children = children;
    node
}
