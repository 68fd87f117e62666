//! What the loss of one server or one node takes with it. Such a store works, so these are warnings.

use super::report::Finding;
use super::wanted::Wanted;
use crate::tenant::erasure::{self, Sets};

/// What the numbers of servers and drives alone make unsafe.
pub(super) fn check(wanted: &Wanted<'_>) -> Option<Finding> {
    let (sets, of_one_server) = sets(wanted)?;
    let Sets { width, parity, .. } = sets;
    let spec = &wanted.pool.spec;
    let text = if parity == 0 {
        "Tenant: spec.env[RUSTFS_STORAGE_CLASS_STANDARD] EC:0: nothing is stored twice, so the loss of any drive loses \
         objects: use EC:1 or more"
            .to_owned()
    } else if of_one_server > parity {
        format!(
            "spec.servers {}: one server holds {of_one_server} of {width} drives of an erasure set, and {parity} may \
             be missing: nothing can be read while one server is away; use more servers with fewer volumes",
            spec.servers
        )
    } else if parity == 1 {
        format!(
            "spec.servers {} with spec.volumesPerServer {}: of {width} drives of an erasure set only one may be lost; \
             use 4 drives or more",
            spec.servers, spec.volumes_per_server
        )
    } else {
        return None;
    };
    Some(Finding::warns(text))
}

/// Too few nodes for the servers: the loss of one takes more drives of a set than may be missing.
pub(super) fn one_node(wanted: &Wanted<'_>, nodes: usize) -> Option<Finding> {
    let (sets, of_one_server) = sets(wanted)?;
    let nodes = i32::try_from(nodes).unwrap_or(i32::MAX).max(1);
    let servers = wanted.pool.spec.servers;
    let together = servers.saturating_add(nodes - 1) / nodes;
    let lost = together.saturating_mul(of_one_server).min(sets.width);
    let by_nodes = together > 1 && of_one_server <= sets.parity;
    (by_nodes && lost > sets.parity).then(|| {
        Finding::warns(format!(
            "spec.servers {servers}: {nodes} nodes may run them, so one node runs {together}, and with it {lost} of \
             {} drives of an erasure set are away, while {} may be missing: nothing can be read until it is back; \
             add nodes",
            sets.width, sets.parity
        ))
    })
}

/// The erasure sets, and how many drives of one set are on one server at most.
fn sets(wanted: &Wanted<'_>) -> Option<(Sets, i32)> {
    let spec = &wanted.pool.spec;
    let sets = erasure::sets(wanted.tenant, spec.servers, spec.volumes_per_server).ok()?;
    let servers = spec.servers.max(1);
    Some((sets, sets.width.saturating_add(servers - 1) / servers))
}
