//! A Pool with its servers.

use crds::Pool;
use crds::names;
use plan::meta;

use crate::node::{Node, State};
use crate::{Seen, advice, head, server};

pub(crate) fn node(pool: &Pool, seen: &Seen) -> Node {
    let mut node = head::pool(pool);
    if node.state == State::Ready {
        return node;
    }
    let servers = servers(pool, seen);
    node = advice::of_pool(node, pool, &servers, seen);
    node.children = servers;
    node
}

/// Its servers by number. Of a Pool that never had any, and of one that goes, only those that are there.
fn servers(pool: &Pool, seen: &Seen) -> Vec<Node> {
    let set = names::stateful_set(&pool.spec.tenant_ref.name, meta::name(pool));
    let made = pool
        .status
        .as_ref()
        .is_some_and(|status| status.stateful_set_name.is_some());
    let expected = made && !meta::deleting(pool);
    (0..pool.spec.servers)
        .filter_map(|number| server::node(pool, &set, number, expected, seen))
        .collect()
}
