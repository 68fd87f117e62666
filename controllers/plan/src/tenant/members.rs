//! Which Pools are members, in which order.

use std::cmp::Ordering;

use crds::{Pool, Tenant};

use super::facts;
use super::living;
use super::observed::Observed;
use super::refusal;
use crate::meta;
use crate::topology::{Member, Phase, Refusal, Topology};

/// Members and refusals of one moment.
pub(crate) struct Census {
    pub(crate) members: Vec<Member>,
    pub(crate) refused: Vec<Refusal>,
    /// Whether a fit Pool waits because nothing is taken in now.
    pub(crate) waiting: bool,
}

/// Before the store has formed: every fit Pool is a member. Those that are in keep their place once a server was
/// started, because its drives may have been formatted; newcomers follow in the order of their creation.
pub(crate) fn forming(tenant: &Tenant, observed: &Observed, base: &Topology, open: bool) -> Census {
    let mut fit: Vec<&Pool> = Vec::new();
    let mut refused = Vec::new();
    for pool in candidates(observed) {
        match refusal::unfit(tenant, pool) {
            None => fit.push(pool),
            Some(refusal) => refused.push(refusal),
        }
    }
    let place = |pool: &Pool| {
        let found = base.pools.iter().position(|member| is(member, pool));
        found.filter(|_| observed.started()).unwrap_or(usize::MAX)
    };
    fit.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| by_age(a, b)));
    let all = fit.len();
    fit.retain(|pool| open || base.pools.iter().any(|member| is(member, pool)));
    Census {
        members: fit.iter().map(|pool| member(tenant, observed, pool)).collect(),
        waiting: fit.len() < all,
        refused: sorted(refused),
    }
}

/// Once the store has formed: fit Pools join, those of one moment together, while nothing else changes. A Pool that was
/// written again, after its object was removed by force, takes its own place: the same name and layout, so the same
/// servers and volumes.
pub(crate) fn settled(tenant: &Tenant, observed: &Observed, base: &Topology, open: bool) -> Census {
    let mut members = base.pools.clone();
    for member in &mut members {
        if observed.pool(&member.name, &member.uid).is_none()
            && let Some(pool) = observed.pool_named(&member.name)
            && takes_place(tenant, pool, member)
        {
            meta::uid(pool).clone_into(&mut member.uid);
        }
    }
    let busy = living::busy(observed, base).or_else(|| living::unended(observed, base));
    let (mut fit, mut refused) = (Vec::new(), Vec::new());
    for pool in candidates(observed) {
        if members.iter().any(|member| is(member, pool))
            || base.former(meta::name(pool), meta::uid(pool)).is_some()
        {
            continue;
        }
        let why = refusal::unfit(tenant, pool)
            .or_else(|| refusal::taken(pool, &members))
            .or_else(|| refusal::not_now(pool, busy.as_deref(), open));
        match why {
            Some(refusal) => refused.push(refusal),
            None => fit.push(pool),
        }
    }
    fit.sort_by(|a, b| by_age(a, b));
    members.extend(fit.into_iter().map(|pool| member(tenant, observed, pool)));
    Census {
        members,
        refused: sorted(refused),
        waiting: false,
    }
}

fn takes_place(tenant: &Tenant, pool: &Pool, member: &Member) -> bool {
    !meta::deleting(pool)
        && refusal::unfit(tenant, pool).is_none()
        && pool.spec.servers == member.servers
        && pool.spec.volumes_per_server == member.volumes_per_server
}

fn candidates(observed: &Observed) -> Vec<&Pool> {
    let pools = observed.pools.iter().map(AsRef::as_ref);
    pools.filter(|pool| !meta::deleting(*pool)).collect()
}

fn is(member: &Member, pool: &Pool) -> bool {
    member.name == meta::name(pool) && member.uid == meta::uid(pool)
}

/// Older first; of the same second, by name.
pub(crate) fn by_age(a: &Pool, b: &Pool) -> Ordering {
    let age = |pool: &Pool| pool.metadata.creation_timestamp.as_ref().map(|time| time.0);
    age(a).cmp(&age(b)).then_with(|| meta::name(a).cmp(meta::name(b)))
}

/// The Pool as a member.
pub(crate) fn member(tenant: &Tenant, observed: &Observed, pool: &Pool) -> Member {
    let (servers, volumes_per_server) = (pool.spec.servers, pool.spec.volumes_per_server);
    Member {
        name: meta::name(pool).to_owned(),
        uid: meta::uid(pool).to_owned(),
        element: facts::element(tenant, observed, meta::name(pool), servers, volumes_per_server),
        servers,
        volumes_per_server,
        phase: Phase::Joining,
        revision: 0,
        request: None,
    }
}

fn sorted(mut refused: Vec<Refusal>) -> Vec<Refusal> {
    refused.sort_by(|a, b| a.name.cmp(&b.name));
    refused
}
