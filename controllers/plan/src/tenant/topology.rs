//! The next topology, from the one that is stored and what is seen. Where the two contradict each other, nothing is
//! decided: a wrong volumes string can cost data, a late one cannot.

use crds::Tenant;
use crds::conditions::TOPOLOGY_READY;
use crds::names;

use super::agreement;
use super::facts;
use super::living;
use super::members::{self, Census};
use super::observed::{Observed, Stored};
use super::rebuild;
use super::rotation;
use super::servers;
use super::verdict::Verdict;
use crate::health::Health;
use crate::meta;
use crate::topology::{Generations, Phase, Topology};

/// Decides the topology. `open` says whether newcomers may be taken in now; `None` means there is nothing to write.
pub(crate) fn decide(tenant: &Tenant, observed: &Observed, open: bool) -> Result<Option<Topology>, Verdict> {
    let base = match &observed.topology {
        Stored::Unreadable(why) => return Err(unreadable(tenant, why)),
        Stored::Foreign => return Err(foreign(tenant)),
        Stored::Read { topology, .. } => {
            agreement::check(tenant, observed, topology).map_err(|why| disagrees(&why))?;
            Some(topology.as_ref().clone())
        }
        Stored::Missing => rebuild::rebuild(tenant, observed).map_err(|why| disagrees(&why))?,
    };
    if let Some(member) = base
        .iter()
        .flat_map(|base| &base.pools)
        .find(|member| hidden(observed, &member.name))
    {
        return Err(unreadable_pool(&member.name));
    }
    let nothing_yet = Topology::default();
    let stored = base.as_ref().unwrap_or(&nothing_yet);
    let next = if stored.formed {
        living::revise(tenant, observed, stored, open)
    } else {
        form(tenant, observed, stored, open)
    };
    let nothing = base.is_none() && next.pools.is_empty() && next.refused.is_empty();
    Ok((!nothing).then_some(next))
}

/// Before the store has served: members come and go, and their servers start together.
fn form(tenant: &Tenant, observed: &Observed, base: &Topology, open: bool) -> Topology {
    let Census {
        members,
        refused,
        waiting,
    } = members::forming(tenant, observed, base, open);
    let offered = rotation::offered(tenant, observed);
    let latest = if offered > 0 {
        offered
    } else {
        base.credentials.latest
    };
    let mut next = Topology {
        revision: base.revision,
        pools: members,
        refused,
        // Nothing is served yet, so servers of every revision may run the same.
        credentials: Generations {
            latest,
            ..Generations::default()
        },
        ..Topology::default()
    };
    let volumes = next.volumes();
    let written_otherwise = facts::revision_volumes(tenant, observed, base.revision).is_some()
        && !facts::is_written(tenant, observed, base.revision, &volumes, latest);
    let changes = volumes != base.volumes() || latest != base.credentials.latest;
    if !next.pools.is_empty() && (changes || written_otherwise) {
        next.revision = next_revision(tenant, observed, base, &volumes, latest);
    } else if open
        && !waiting
        && servers::all_ready(tenant, observed, &next)
        && observed.health.trouble().is_none()
    {
        next.formed = true;
        next.serving = next.revision;
    }
    for member in &mut next.pools {
        member.revision = next.revision;
        member.phase = if next.formed {
            Phase::Active
        } else {
            Phase::Joining
        };
    }
    next
}

/// Whether all that is missing for the store to serve is that its servers take writes, so that they are to be asked.
#[must_use]
pub fn about_to_form(tenant: &Tenant, observed: &Observed) -> bool {
    let topology = observed.topology.topology();
    topology.is_some_and(|topology| !topology.formed && servers::all_ready(tenant, observed, topology))
}

/// One more than any that was ever used; but one that was written and never put into the topology, because the operator
/// was cut off between the two, is taken up again.
pub(crate) fn next_revision(
    tenant: &Tenant,
    observed: &Observed,
    base: &Topology,
    volumes: &str,
    generation: u64,
) -> u64 {
    let highest = facts::highest_revision(tenant, observed);
    let unused = highest > base.revision && facts::is_written(tenant, observed, highest, volumes, generation);
    if unused {
        highest
    } else {
        base.revision.max(highest).saturating_add(1)
    }
}

/// What the condition says of a topology that nothing contradicts.
pub(crate) fn describe(observed: &Observed, topology: Option<&Topology>) -> Verdict {
    let Some(topology) = topology.filter(|topology| !topology.pools.is_empty()) else {
        return Verdict::waiting(
            TOPOLOGY_READY,
            "NoPools",
            "no Pool that names this Tenant is accepted: create a Pool, or see why one is refused",
        );
    };
    let lost = topology
        .pools
        .iter()
        .find(|member| topology.formed && observed.pool(&member.name, &member.uid).is_none());
    if let Some(member) = lost {
        let message = format!(
            "Pool {name} is in the topology and its object is gone: create it again with {servers} servers and \
             {volumes} volumes each; it takes its place",
            name = member.name,
            servers = member.servers,
            volumes = member.volumes_per_server,
        );
        return Verdict::stuck(TOPOLOGY_READY, "PoolMissing", message);
    }
    let (revision, pools) = (topology.revision, topology.pools.len());
    if !topology.formed {
        let starts = format!("revision {revision} with {pools} pools starts");
        let message = match observed.health.trouble() {
            Some(why) if observed.health != Health::NotAsked => format!("{starts}: {why}"),
            _ => starts,
        };
        return Verdict::good(TOPOLOGY_READY, "Forming", message);
    }
    if topology.serving == revision {
        let message = format!("revision {revision} with {pools} pools serves");
        return Verdict::good(TOPOLOGY_READY, "Formed", message);
    }
    let message = format!(
        "revision {} serves while servers take revision {revision} with {pools} pools",
        topology.serving
    );
    Verdict::good(TOPOLOGY_READY, "Changing", message)
}

/// Before anything was looked at.
pub(crate) fn unknown() -> Verdict {
    Verdict::waiting(
        TOPOLOGY_READY,
        "NotObserved",
        "the topology has not been read yet",
    )
}

fn unreadable(tenant: &Tenant, why: &str) -> Verdict {
    let name = names::topology(meta::name(tenant));
    let message = format!(
        "ConfigMap {name} cannot be read ({why}), so nothing is changed: restore it, or delete it to have it rebuilt \
         from the Pools"
    );
    Verdict::stuck(TOPOLOGY_READY, "TopologyUnreadable", message)
}

/// Whether a Pool exists although no list shows it. Taking it for removed would take its servers.
fn hidden(observed: &Observed, pool: &str) -> bool {
    observed.unreadable_pools.iter().any(|name| name == pool) && observed.pool_named(pool).is_none()
}

fn unreadable_pool(pool: &str) -> Verdict {
    let message = format!(
        "Pool {pool} is in the topology and its object cannot be read, so nothing is changed: its condition Stalled \
         names the field to mend"
    );
    Verdict::stuck(TOPOLOGY_READY, "PoolUnreadable", message)
}

fn foreign(tenant: &Tenant) -> Verdict {
    let name = names::topology(meta::name(tenant));
    let message = format!(
        "ConfigMap {name} belongs to another owner; if that is an earlier Tenant of this name, it is removed soon"
    );
    Verdict::waiting(TOPOLOGY_READY, "NameTaken", message)
}

fn disagrees(why: &str) -> Verdict {
    Verdict::stuck(
        TOPOLOGY_READY,
        "TopologyDisagrees",
        format!("nothing is changed: {why}"),
    )
}
