//! A lost topology, put together again from what its readers have written down. Every word must agree: the order
//! from the Tenant's status, the elements from the Pools', the string from the revision's ConfigMap.

use crds::names::{self, LABEL_TOPOLOGY_REVISION};
use crds::rebalance::RebalanceState;
use crds::tenant::PoolPhase;
use crds::{Pool, Tenant};

use super::facts;
use super::members;
use super::observed::Observed;
use super::pair;
use super::servers;
use crate::meta;
use crate::topology::{Former, Generations, Member, Phase, Rebalance, Topology, same_pool};

/// The topology as it was; `None` if the store has never formed, so that it may be made anew.
pub(crate) fn rebuild(tenant: &Tenant, observed: &Observed) -> Result<Option<Topology>, String> {
    if !facts::formed(tenant, observed) {
        return never_formed(tenant, observed);
    }
    let pools = ordered(tenant, observed)?;
    let pools = pools
        .into_iter()
        .map(|pool| confirmed(tenant, observed, pool))
        .collect::<Result<Vec<_>, _>>()?;
    outsiders(tenant, observed, &pools)?;
    let mut topology = Topology {
        formed: true,
        pools,
        ..Topology::default()
    };
    topology.revision = revision(tenant, observed)?;
    topology.serving = serving(tenant, topology.revision)?;
    topology.former = former(observed);
    topology.credentials = credentials(tenant, observed, &topology);
    topology.rebalance = rebalance(tenant);
    for member in &mut topology.pools {
        member.phase = phase(tenant, member);
        member.revision = made_with(tenant, observed, member, &topology.revision, topology.serving);
    }
    confirm_volumes(tenant, observed, &topology)?;
    Ok(Some(topology))
}

/// Servers without any word on what they are part of must not get a new string.
fn never_formed(tenant: &Tenant, observed: &Observed) -> Result<Option<Topology>, String> {
    let recorded = tenant
        .status
        .as_ref()
        .is_some_and(|status| status.topology.is_some());
    let silent = first_by_name(observed, |pool| {
        has_servers(tenant, observed, pool) && element(pool).is_none()
    });
    match silent {
        Some(pool) if !recorded => Err(format!(
            "ConfigMap {} is gone, and StatefulSet {} exists although Pool {} has no status.element: restore the \
             ConfigMap, or delete the StatefulSet if it holds no data",
            names::topology(meta::name(tenant)),
            names::stateful_set(meta::name(tenant), meta::name(pool)),
            meta::name(pool),
        )),
        _ => Ok(None),
    }
}

fn ordered<'a>(tenant: &Tenant, observed: &'a Observed) -> Result<Vec<&'a Pool>, String> {
    let recorded: Vec<&str> = tenant
        .status
        .iter()
        .flat_map(|status| &status.pools)
        .filter(|pool| {
            matches!(
                pool.phase,
                PoolPhase::Active | PoolPhase::Joining | PoolPhase::Draining
            )
        })
        .map(|pool| pool.name.as_str())
        .collect();
    if recorded.is_empty() {
        let mut pools: Vec<&Pool> = observed
            .pools
            .iter()
            .map(AsRef::as_ref)
            .filter(|pool| element(pool).is_some() && !facts::drained(pool))
            .collect();
        pools.sort_by(|a, b| members::by_age(a, b));
        return Ok(pools);
    }
    let find = |name: &str| {
        observed
            .pool_named(name)
            .ok_or_else(|| format!("Pool {name} was in the lost topology and is gone: restore the topology"))
    };
    recorded.into_iter().map(find).collect()
}

fn confirmed(tenant: &Tenant, observed: &Observed, pool: &Pool) -> Result<Member, String> {
    let member = members::member(tenant, observed, pool);
    match element(pool) {
        Some(element) if same_pool(element, &member.element) => Ok(Member {
            element: element.to_owned(),
            ..member
        }),
        Some(element) => Err(format!(
            "the status of Pool {} says {element}, but this operator would write {}: restore the topology",
            member.name, member.element,
        )),
        None => Err(format!(
            "Pool {} was in the lost topology, but its status names no element: restore the topology",
            member.name,
        )),
    }
}

fn outsiders(tenant: &Tenant, observed: &Observed, members: &[Member]) -> Result<(), String> {
    let outside =
        |pool: &Pool| !facts::drained(pool) && !members.iter().any(|member| member.name == meta::name(pool));
    let claims = |pool: &Pool| facts::joined(pool) || has_servers(tenant, observed, pool);
    match first_by_name(observed, |pool| outside(pool) && claims(pool)) {
        Some(pool) => Err(format!(
            "Pool {} has servers, but the Tenant's status does not list it as a member: restore the topology",
            meta::name(pool),
        )),
        None => Ok(()),
    }
}

fn revision(tenant: &Tenant, observed: &Observed) -> Result<u64, String> {
    let own = tenant
        .status
        .as_ref()
        .and_then(|status| Some(status.topology.as_ref()?.revision));
    let pools = || {
        let each = observed.pools.iter();
        each.filter_map(|pool| pool.status.as_ref()?.topology_revision)
            .max()
    };
    own.or_else(pools)
        .and_then(|revision| u64::try_from(revision).ok())
        .filter(|revision| *revision > 0)
        .ok_or_else(|| "no status names the revision of the lost topology: restore the topology".to_owned())
}

/// Without a word on it nothing else was served than what all servers were made with.
fn serving(tenant: &Tenant, revision: u64) -> Result<u64, String> {
    let said = tenant.status.as_ref().and_then(|status| status.topology.as_ref());
    let said = said.map(|topology| topology.serving);
    match said.map(u64::try_from) {
        None | Some(Ok(0)) => Ok(revision),
        Some(Ok(serving)) if serving <= revision => Ok(serving),
        Some(_) => Err(
            "the Tenant's status names a serving revision above the last one: restore the topology"
                .to_owned(),
        ),
    }
}

/// What the revisions' ConfigMaps name, or else the Tenant's status. Without either servers take the pair once more.
fn credentials(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Generations {
    let status = tenant
        .status
        .as_ref()
        .and_then(|status| status.credentials.as_ref());
    let generation = |revision, said: Option<&str>| {
        let written = facts::revision_credentials(tenant, observed, revision);
        pair::number(meta::name(tenant), written.or(said)?)
    };
    let latest = generation(
        topology.revision,
        status.map(|status| status.secret_name.as_str()),
    );
    let serving = status.map(|status| status.serving_secret_name.as_str());
    let before = generation(topology.serving, serving);
    match (latest, before) {
        (Some(latest), Some(before)) if before != latest => Generations {
            latest,
            since: topology.revision,
            before,
            renamed: false,
        },
        (latest, _) => Generations {
            latest: latest.unwrap_or_default(),
            ..Generations::default()
        },
    }
}

fn phase(tenant: &Tenant, member: &Member) -> Phase {
    let listed = tenant.status.iter().flat_map(|status| &status.pools);
    let listed = listed.into_iter().find(|pool| pool.name == member.name);
    match listed.map(|pool| pool.phase) {
        Some(PoolPhase::Joining) => Phase::Joining,
        Some(PoolPhase::Draining) => Phase::Draining,
        _ => Phase::Active,
    }
}

/// The last revision if one of its servers runs it: then they were on their way to it.
fn made_with(tenant: &Tenant, observed: &Observed, member: &Member, revision: &u64, serving: u64) -> u64 {
    let label = revision.to_string();
    let runs = servers::of(tenant, observed, member)
        .any(|pod| meta::label(pod, LABEL_TOPOLOGY_REVISION) == Some(label.as_str()));
    if runs || member.phase == Phase::Joining {
        *revision
    } else {
        serving
    }
}

/// By the status. Any rebalance that the servers know is taken for the one that was ordered.
fn rebalance(tenant: &Tenant) -> Option<Rebalance> {
    let last = tenant.status.as_ref()?.rebalance.as_ref()?;
    match last.state {
        RebalanceState::Requested => Some(Rebalance::Due),
        RebalanceState::Running | RebalanceState::Stopping => Some(Rebalance::Ordered {
            before: String::new(),
        }),
        RebalanceState::Stopped | RebalanceState::Failed => Some(Rebalance::Ended),
        RebalanceState::Complete => None,
    }
}

/// Pools that say that they were drained. Not released yet: whether servers still name them is looked at anew.
fn former(observed: &Observed) -> Vec<Former> {
    let mut pools: Vec<&Pool> = observed
        .pools
        .iter()
        .map(AsRef::as_ref)
        .filter(|pool| facts::drained(pool))
        .collect();
    pools.sort_by(|a, b| members::by_age(a, b));
    pools
        .into_iter()
        .filter_map(|pool| {
            Some(Former {
                name: meta::name(pool).to_owned(),
                uid: meta::uid(pool).to_owned(),
                element: element(pool)?.to_owned(),
                drained: true,
                released: false,
            })
        })
        .collect()
}

fn confirm_volumes(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Result<(), String> {
    let name = names::topology_revision(meta::name(tenant), topology.revision);
    match facts::revision_volumes(tenant, observed, topology.revision) {
        Some(written) if written == topology.volumes() => Ok(()),
        Some(_) => Err(format!(
            "ConfigMap {name} holds another volumes string than the Pools' statuses make up: restore the topology"
        )),
        None if topology.pools.len() <= 1
            || tenant
                .status
                .as_ref()
                .is_some_and(|status| !status.pools.is_empty()) =>
        {
            Ok(())
        }
        None => Err(format!(
            "ConfigMap {name} is gone too, so nothing tells the order of the pools: restore the topology"
        )),
    }
}

/// The same whatever the order of what was seen, so that a message does not flicker.
fn first_by_name(observed: &Observed, keep: impl Fn(&Pool) -> bool) -> Option<&Pool> {
    let pools = observed.pools.iter().map(AsRef::as_ref);
    pools
        .filter(|pool| keep(pool))
        .min_by(|a, b| meta::name(*a).cmp(meta::name(*b)))
}

fn element(pool: &Pool) -> Option<&str> {
    pool.status.as_ref()?.element.as_deref()
}

fn has_servers(tenant: &Tenant, observed: &Observed, pool: &Pool) -> bool {
    let set = names::stateful_set(meta::name(tenant), meta::name(pool));
    observed
        .stateful_sets
        .iter()
        .any(|found| meta::name(found.as_ref()) == set && meta::controls(pool, found.as_ref()))
}
