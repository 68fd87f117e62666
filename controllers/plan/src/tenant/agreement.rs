//! Whether a stored topology fits what is seen. Checked before every change to it.

use std::collections::BTreeSet;

use crds::Tenant;
use crds::names;

use super::facts;
use super::observed::Observed;
use crate::meta;
use crate::topology::{Member, Topology, same_pool};

/// `Err` says what contradicts what, and what to do. Before the store has formed nothing can: it is made anew.
pub(crate) fn check(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Result<(), String> {
    if !topology.formed {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    for member in &topology.pools {
        if !seen.insert(member.name.as_str()) {
            return Err(format!("the topology names Pool {} twice", member.name));
        }
        check_member(tenant, observed, member)?;
    }
    let written = facts::revision_volumes(tenant, observed, topology.revision);
    if written.is_some_and(|written| written != topology.volumes()) {
        return Err(format!(
            "ConfigMap {} holds another volumes string than revision {} of the topology: restore the one that \
             servers run with",
            names::topology_revision(meta::name(tenant), topology.revision),
            topology.revision,
        ));
    }
    Ok(())
}

fn check_member(tenant: &Tenant, observed: &Observed, member: &Member) -> Result<(), String> {
    let name = &member.name;
    let expected = facts::element(tenant, observed, name, member.servers, member.volumes_per_server);
    if !same_pool(&member.element, &expected) {
        return Err(format!(
            "RustFS knows Pool {name} as {} but this operator would write {expected}: restore the operator's cluster \
             domain, or the topology",
            member.element,
        ));
    }
    let Some(pool) = observed.pool(name, &member.uid) else {
        return Ok(());
    };
    if (pool.spec.servers, pool.spec.volumes_per_server) != (member.servers, member.volumes_per_server) {
        return Err(format!(
            "Pool {name} asks for {} servers with {} volumes, but was formatted with {} and {}: restore spec.servers \
             and spec.volumesPerServer",
            pool.spec.servers, pool.spec.volumes_per_server, member.servers, member.volumes_per_server,
        ));
    }
    match pool.status.as_ref().and_then(|status| status.element.as_ref()) {
        Some(element) if !same_pool(element, &member.element) => Err(format!(
            "the status of Pool {name} says {element}, the topology says {}: restore the one that servers run with",
            member.element,
        )),
        _ => Ok(()),
    }
}
