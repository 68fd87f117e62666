//! Which pools leave a store that serves. One after the other; never the last one; and only what the servers themselves
//! call empty leaves the string.

use crds::common::ReclaimPolicy;
use crds::conditions::DRAINED;
use crds::hook::Before;
use crds::pool::PoolState;
use crds::{Pool, Tenant};

use super::hooks::{self, Occasion};
use super::observed::Observed;
use super::{refusal, servers};
use crate::meta;
use crate::pool::{COMPLETE, RENUMBERED, RESPELLED, claims, drain};
use crate::topology::{Former, Member, Phase, Refusal, Topology, respelled, same_pool};

/// Takes back newcomers that were asked to go, or are gone, before a client was served with them: they hold nothing.
pub(crate) fn withdraw(observed: &Observed, next: &mut Topology) {
    if next.serving == next.revision {
        return;
    }
    let goes = |member: &Member| {
        let gone = || observed.gone_pools.contains(&member.uid);
        let pool = observed.pool(&member.name, &member.uid);
        member.phase == Phase::Joining && pool.map_or_else(gone, meta::deleting)
    };
    depart(next, goes, false);
}

/// Newcomers that no watch shows and no client was served with. One that was taken in by what a watch showed a moment too
/// late may be gone: it was no member yet when it was deleted, so nothing held it.
#[must_use]
pub fn unseen_newcomers(observed: &Observed) -> Vec<&Member> {
    let topology = observed.topology.topology();
    let topology = topology.filter(|topology| topology.formed && topology.serving != topology.revision);
    let members = topology.map_or(&[][..], |topology| &topology.pools);
    let joining = members.iter().filter(|member| member.phase == Phase::Joining);
    joining
        .filter(|member| observed.pool(&member.name, &member.uid).is_none())
        .collect()
}

/// Takes out what has been drained, calls back what is no longer asked to go, and lets the next one begin.
pub(crate) fn drain(tenant: &Tenant, observed: &Observed, base: &Topology, next: &mut Topology) {
    if base.serving == base.revision {
        depart(next, |member| is_empty(observed, member), true);
    }
    for member in &mut next.pools {
        let pool = observed.pool(&member.name, &member.uid);
        // A Pool that was written again knows nothing of what the servers were told. It learns it from them while it is
        // still to be drained, and calls it off then.
        let tells = |pool: &Pool| member.phase != Phase::Draining || drain::is_told(pool);
        let known = pool.is_some_and(tells);
        if known && member.phase != Phase::Joining && !asked(tenant, observed, base, member) {
            member.phase = Phase::Active;
            member.request = None;
        }
    }
    let before = next.volumes();
    respell(tenant, observed, base, next);
    renumber(tenant, observed, base, next);
    let spelled = (next.volumes() != before).then(|| "elements get another spelling".to_owned());
    for index in 0..next.pools.len() {
        let member = &next.pools[index];
        // Nothing is begun in a store that is to go.
        if member.phase != Phase::Active || meta::deleting(tenant) || !asked(tenant, observed, base, member) {
            continue;
        }
        let Some(pool) = observed.pool(&member.name, &member.uid) else {
            continue;
        };
        let others = next
            .pools
            .iter()
            .filter(|other| other.phase == Phase::Active)
            .count();
        let busy = super::living::busy(observed, next).or_else(|| super::living::busy(observed, base));
        let busy = busy.or_else(|| spelled.clone());
        if others < 2 {
            next.refused.push(refusal::last(pool));
        } else if let Some(busy) = busy.or_else(|| hooks_of_another(next, index)) {
            next.refused.push(refusal::drains_later(pool, &busy));
        } else {
            let refusal = begin(tenant, observed, pool, &mut next.pools[index]);
            next.refused.extend(refusal);
        }
    }
    next.refused.sort_by(|a, b| a.name.cmp(&b.name));
}

/// A drain that failed on an entry the servers could not make out can neither be cleared nor started again. They forget
/// it when the pool's element is spelled otherwise: which makes it another text, and no other pool.
fn respell(tenant: &Tenant, observed: &Observed, base: &Topology, next: &mut Topology) {
    if !base.at_rest() || base.turn.is_some() || base.rebalances() || meta::deleting(tenant) {
        return;
    }
    for member in &mut next.pools {
        let pool = observed.pool(&member.name, &member.uid);
        if member.phase == Phase::Active
            && pool.is_some_and(|pool| says(pool, RESPELLED))
            && observed.dead_elements.contains(&member.element)
        {
            member.element = respelled(&member.element);
        }
    }
}

/// RustFS keeps the number a pool had when it met its element, and drains none whose number is not its place, which one
/// that leaves before it changes. An element with another spelling is taken for one that was not met yet. So a drain that
/// has not begun is put off until all elements have their places.
fn renumber(tenant: &Tenant, observed: &Observed, base: &Topology, next: &mut Topology) {
    let settled = base.serving == base.revision && base.shrinking().is_empty();
    if !settled || base.turn.is_some() || base.rebalances() || meta::deleting(tenant) {
        return;
    }
    let waits = |member: &Member| {
        let pool = observed.pool(&member.name, &member.uid);
        member.phase == Phase::Draining && pool.is_some_and(|pool| says(pool, RENUMBERED))
    };
    if observed.misplaced_elements.is_empty() || !next.pools.iter().any(waits) {
        return;
    }
    for member in &mut next.pools {
        if waits(member) {
            member.phase = Phase::Active;
        }
        if observed.misplaced_elements.contains(&member.element) {
            member.element = respelled(&member.element);
        }
    }
}

/// Whether a Pool says how a drain of it ended, or the servers of one that has left are about to end, so that the servers
/// are to be asked before anything is made of it.
#[must_use]
pub fn says_ended(tenant: &Tenant, observed: &Observed, topology: &Topology) -> bool {
    let may_end = topology.serving == topology.revision && !topology.shrinking().is_empty();
    if may_end && servers::know_who_left(tenant, observed, topology) {
        return true;
    }
    let mut members = topology.pools.iter();
    members.any(|member| {
        let pool = observed.pool(&member.name, &member.uid);
        pool.is_some_and(|pool| says_complete(pool) || says(pool, RESPELLED) || says(pool, RENUMBERED))
    })
}

/// Whether a Pool gives this reason for its data not having left.
fn says(pool: &Pool, reason: &str) -> bool {
    let conditions = pool.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|found| found.type_ == DRAINED && found.reason == reason)
}

/// Lets the drain begin, unless hooks have to complete before. Their request gets the time it was first seen at, and
/// keeps it whatever else is changed meanwhile: nothing in the Pool itself tells one request from a later one.
fn begin(tenant: &Tenant, observed: &Observed, pool: &Pool, member: &mut Member) -> Option<Refusal> {
    if hooks::any(tenant, Before::Drain) {
        let first = || format!("{}/{}", meta::uid(pool), observed.now);
        let request = member.request.get_or_insert_with(first).clone();
        let gate = hooks::gate(tenant, observed, &Occasion::drain(member, &request));
        if let Some(verdict) = gate.verdict(DRAINED) {
            return Some(refusal::hooked(pool, &verdict));
        }
    }
    member.request = None;
    member.phase = Phase::Draining;
    None
}

fn hooks_of_another(next: &Topology, index: usize) -> Option<String> {
    let mut members = next.pools.iter().enumerate();
    let (_, other) = members.find(|(other, member)| *other != index && member.request.is_some())?;
    Some(format!("hooks run before Pool {} is drained", other.name))
}

/// Whether a member is to leave: by its own word, its deletion, or because a successor serves in its place. What has begun
/// for a successor goes on while a server of it is away: to call it off would only have everything moved twice.
fn asked(tenant: &Tenant, observed: &Observed, base: &Topology, member: &Member) -> bool {
    let Some(pool) = observed.pool(&member.name, &member.uid) else {
        return false;
    };
    if drain::held(pool) {
        return false;
    }
    let has_begun = member.phase == Phase::Draining || member.request.is_some();
    meta::deleting(pool)
        || pool.spec.state == PoolState::Decommissioned
        || base.pools.iter().any(|other| {
            other.phase != Phase::Joining
                && other.name != member.name
                && replaces(observed, other, &member.name)
                && (has_begun
                    || servers::ready(tenant, observed, other, Some(base.revision)) >= other.servers)
        })
}

fn replaces(observed: &Observed, successor: &Member, name: &str) -> bool {
    replaced(observed, successor).is_some_and(|replaced| replaced == name)
}

/// Whether a member takes over from another one.
pub(crate) fn replaces_any(observed: &Observed, member: &Member) -> bool {
    replaced(observed, member).is_some()
}

fn replaced<'a>(observed: &'a Observed, successor: &Member) -> Option<&'a str> {
    let pool = observed.pool(&successor.name, &successor.uid);
    let replaced = pool
        .filter(|pool| !meta::deleting(*pool))?
        .spec
        .replaces
        .as_ref()?;
    Some(&replaced.name)
}

/// Whether the servers of a pool that has left may end: when one of them, asked again, still calls it empty. One that was
/// started again after the others had stored a list without it would take it for a new pool and write to it. If none of
/// them serves, only volumes that are kept may be given up without their word.
pub(crate) fn may_end(tenant: &Tenant, observed: &Observed, former: &Former) -> bool {
    let Some(pool) = observed.pool(&former.name, &former.uid) else {
        return true;
    };
    let mut empty = observed.empty_elements.iter();
    !former.drained
        || empty.any(|element| same_pool(element, &former.element))
        || claims::reclaim(pool, Some(tenant)) == ReclaimPolicy::Retain
            && !servers::any_serves(observed, former)
}

/// Whether the Pool says that its data has left, and the servers, asked again for this very decision, say so too.
fn is_empty(observed: &Observed, member: &Member) -> bool {
    let pool = observed.pool(&member.name, &member.uid);
    pool.is_some_and(says_complete) && observed.empty_elements.contains(&member.element)
}

/// Whether a Pool says that the servers have moved all its data.
fn says_complete(pool: &Pool) -> bool {
    let conditions = pool.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|found| found.type_ == DRAINED && found.status == "True" && found.reason == COMPLETE)
}

fn depart(next: &mut Topology, goes: impl Fn(&Member) -> bool, drained: bool) {
    let (gone, kept) = std::mem::take(&mut next.pools)
        .into_iter()
        .partition::<Vec<Member>, _>(goes);
    next.pools = kept;
    next.former.extend(gone.into_iter().map(|member| Former {
        name: member.name,
        uid: member.uid,
        element: member.element,
        drained,
        released: false,
    }));
}
