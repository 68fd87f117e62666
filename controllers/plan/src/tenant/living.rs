//! The next topology of a store that has served: who joins, who leaves, which revision servers are made with and which
//! one clients reach. At any moment clients reach servers of one revision, and none that knows fewer pools than another
//! one they may have written through.

use crds::Tenant;
use crds::names::LABEL_POOL;
use k8s_openapi::api::core::v1::Pod;

use super::members::{self, Census};
use super::observed::Observed;
use super::{facts, leaving, rollout, rotation, servers, topology};
use crate::meta;
use crate::pool::drain;
use crate::topology::{Phase, Rebalance, Topology, same_pool};

/// One step on from the topology that is stored.
pub(crate) fn revise(tenant: &Tenant, observed: &Observed, base: &Topology, open: bool) -> Topology {
    let Census {
        members,
        refused,
        waiting: _,
    } = members::settled(tenant, observed, base, open);
    let mut next = Topology {
        pools: members,
        refused,
        turn: None,
        ..base.clone()
    };
    leaving::withdraw(observed, &mut next);
    leaving::drain(tenant, observed, base, &mut next);
    let volumes = next.volumes();
    if volumes != base.volumes() {
        next.revision = revision_of(tenant, observed, base, &volumes);
        for member in &mut next.pools {
            member.revision = match member.phase {
                Phase::Joining => next.revision,
                Phase::Active | Phase::Draining => next.serving,
            };
        }
    } else {
        rotation::rotate(tenant, observed, base, &mut next);
    }
    spread(tenant, observed, &mut next);
    switch(tenant, observed, &mut next);
    settle(tenant, observed, &mut next);
    next.turn = rollout::turn(tenant, observed, &next);
    next
}

/// The revision clients are served by, if all that came since was taken back; otherwise a new one.
fn revision_of(tenant: &Tenant, observed: &Observed, base: &Topology, volumes: &str) -> u64 {
    let generation = base.credentials.latest;
    if facts::is_written(tenant, observed, base.serving, volumes, generation) {
        base.serving
    } else {
        topology::next_revision(tenant, observed, base, volumes, generation)
    }
}

/// The servers that are there take the new string once all servers that are new to it are ready. Until then one that
/// is lost comes back as it was, and newcomers that never start cost nobody a server.
fn spread(tenant: &Tenant, observed: &Observed, next: &mut Topology) {
    let revision = next.revision;
    let started = next
        .pools
        .iter()
        .filter(|member| member.phase == Phase::Joining)
        .all(|member| servers::ready(tenant, observed, member, Some(revision)) >= member.servers);
    if started {
        next.pools
            .iter_mut()
            .for_each(|member| member.revision = revision);
    }
}

/// Clients move to the new revision in one write. Servers that know fewer pools would answer "not found" for what was
/// written through one that knows more, also on connections that were open before: so while the string grows clients
/// move when the last server of the old revision has ended. While it shrinks both see the same, and half the servers
/// are enough.
fn switch(tenant: &Tenant, observed: &Observed, next: &mut Topology) {
    let revision = next.revision;
    if next.serving == revision || next.pools.iter().any(|member| member.revision != revision) {
        return;
    }
    let ready: i32 = next
        .pools
        .iter()
        .map(|member| servers::ready(tenant, observed, member, Some(revision)))
        .sum();
    let all: i32 = next.pools.iter().map(|member| member.servers).sum();
    let may = if knows_all(tenant, observed, next) {
        ready.saturating_mul(2) >= all
    } else {
        ready > 0 && !servers::any_of_another_revision(observed, revision)
    };
    if may {
        next.serving = revision;
    }
}

/// Whether servers of the serving revision know every pool of the next one.
fn knows_all(tenant: &Tenant, observed: &Observed, next: &Topology) -> bool {
    facts::revision_volumes(tenant, observed, next.serving).is_some_and(|serving| {
        next.pools.iter().all(|member| {
            serving
                .split(' ')
                .any(|element| same_pool(element, &member.element))
        })
    })
}

/// Newcomers have joined once clients reach a revision that knows them and all their servers are ready; pools that left
/// may go once no other server's string names them.
fn settle(tenant: &Tenant, observed: &Observed, next: &mut Topology) {
    if next.serving != next.revision {
        return;
    }
    let revision = next.revision;
    let mut joined = false;
    for member in &mut next.pools {
        if member.phase == Phase::Joining
            && servers::ready(tenant, observed, member, Some(revision)) >= member.servers
        {
            member.phase = Phase::Active;
            // The one it replaces is drained anyway.
            joined |= !leaving::replaces_any(observed, member);
        }
    }
    if joined {
        next.rebalance = Some(Rebalance::Due);
    }
    if servers::know_who_left(tenant, observed, next) {
        for former in &mut next.former {
            former.released |= leaving::may_end(tenant, observed, former);
        }
    }
    // RustFS forgets a pool with its element, so nothing needs to remember one whose object is gone.
    next.former
        .retain(|former| !former.released || observed.pool(&former.name, &former.uid).is_some());
}

/// What a store that has served is doing to its topology; none while it stands still.
pub(crate) fn change(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Option<String> {
    if !topology.formed || topology.at_rest() {
        return None;
    }
    let revision = topology.revision;
    let ready: i32 = topology
        .pools
        .iter()
        .map(|member| servers::ready(tenant, observed, member, Some(revision)))
        .sum();
    let all: i32 = topology.pools.iter().map(|member| member.servers).sum();
    let named = |phase: Phase| -> Vec<&str> {
        let pools = topology.pools.iter().filter(|member| member.phase == phase);
        pools.map(|member| member.name.as_str()).collect()
    };
    let (joining, draining) = (named(Phase::Joining), named(Phase::Draining));
    Some(if !joining.is_empty() {
        format!(
            "Pool {} joins: {ready} of {all} servers run topology revision {revision}",
            joining.join(", ")
        )
    } else if !draining.is_empty() {
        format!(
            "Pool {} is drained: its status tells how far",
            draining.join(", ")
        )
    } else if let Some(former) = topology.shrinking().first().filter(|_| ready == all) {
        format!(
            "Pool {} has left: its servers end once one of them says that nothing came to it since. If none can be \
             started any more, spec.reclaimPolicy Retain of that Pool keeps its volumes and goes on",
            former.name
        )
    } else {
        format!("{ready} of {all} servers run topology revision {revision}")
    })
}

/// A server of a Pool that is gone and has not ended, as on a machine that was switched off: clients move to a longer
/// string only once no server with the old one is left, and would wait for this one for ever.
pub(crate) fn unended(observed: &Observed, base: &Topology) -> Option<String> {
    let is_member = |pod: &Pod| {
        let pool = meta::label(pod, LABEL_POOL);
        base.pools.iter().any(|member| pool == Some(member.name.as_str()))
    };
    let pods = observed.pods.iter().map(AsRef::as_ref);
    let ones = pods.filter(|pod| !is_member(pod) && !servers::has_ended(pod));
    let first = ones.map(meta::name).min()?;
    Some(format!(
        "Pod {first}, which belongs to no Pool of the Tenant any more, is being stopped (if its Node is off for good, \
         docs/node-loss.md says how to tell Kubernetes)"
    ))
}

/// Why nobody is taken in or let go right now; none while the topology stands still.
pub(crate) fn busy(observed: &Observed, base: &Topology) -> Option<String> {
    if let Some(turn) = &base.turn {
        return Some(format!("Pool {turn} replaces outdated servers"));
    }
    let told = base.pools.iter().find(|member| {
        let pool = observed.pool(&member.name, &member.uid);
        member.phase == Phase::Active && pool.is_some_and(drain::is_told)
    });
    if let Some(member) = told {
        return Some(format!("the drain of Pool {} is being called off", member.name));
    }
    if base.rebalances() {
        return Some(
            "objects are moved between Pools, which spec.rebalance Never of the Tenant stops".to_owned(),
        );
    }
    if base.at_rest() {
        return None;
    }
    let moving = base.pools.iter().find(|member| member.phase != Phase::Active);
    Some(match moving {
        Some(member) if member.phase == Phase::Joining => format!("Pool {} is joining", member.name),
        Some(member) => format!("Pool {} is being drained", member.name),
        None => format!("servers take topology revision {}", base.revision),
    })
}
