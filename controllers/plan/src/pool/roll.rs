//! Which outdated servers may be replaced now. Never are more servers away because of this than may be.

use std::collections::{BTreeMap, BTreeSet};

use crds::Pool;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};

use super::stage::{Stage, Terms};
use super::{Limit, Observed, Wanted, pods, template};
use crate::health::Health;
use crate::meta;
use crate::step::{Step, Why};

/// One server as far as replacing it is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Number in its pool.
    pub(super) ordinal: i32,
    /// Whether it runs something other than what is asked for.
    pub(super) outdated: bool,
    /// Whether it serves.
    pub(super) ready: bool,
    /// Whether it serves but can be relied on in part only.
    pub(super) ailing: bool,
    /// Whether it is on its way out.
    pub(super) leaving: bool,
    /// Whether it was ready in this life or the one before, or is in its Pod's first: it may serve its peers, and come
    /// back, or begin, by itself.
    pub(super) may_come: bool,
}

/// The whole Tenant's servers at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Situation {
    /// Whether the store has served once. Before that nothing can be disturbed.
    pub(super) formed: bool,
    /// Whether it is this pool's turn.
    pub(super) turn: bool,
    /// Whether what is seen includes all that was done.
    pub(super) settled: bool,
    /// Whether data is moved from one pool to the others.
    pub(super) moving: bool,
    /// Whether it is known how servers that serve are.
    pub(super) known: bool,
    /// What is in the way of relying on all of them; none while nothing is.
    pub(super) trouble: Option<String>,
    /// Servers the topology asks for, of all pools.
    pub(super) expected: usize,
    /// Servers that may be away at once, of all pools; at least one.
    pub(super) limit: usize,
    /// Servers of this pool.
    pub(super) own: Vec<Server>,
    /// Servers of the Tenant's other pools.
    pub(super) others: Vec<Server>,
}

/// What may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// No server is outdated.
    Done,
    /// Not now; why.
    Wait(String),
    /// Replace the servers with these numbers.
    Replace(Vec<i32>),
}

/// The next step of replacing outdated servers. One that cannot serve may go at any time, since its absence changes
/// nothing; one that only fails its probes still holds drives and locks for its peers, and one that has ended once, or
/// is started in a new Pod, comes by itself, so they go only while no more servers of the Tenant are away than may be,
/// themselves among them; one that serves only while that is so without it.
#[must_use]
pub(super) fn next(now: &Situation) -> Decision {
    let outdated: Vec<&Server> = now
        .own
        .iter()
        .filter(|server| server.outdated && !server.leaving)
        .collect();
    if outdated.is_empty() {
        return Decision::Done;
    }
    if !now.settled {
        return wait("what was written last has not been seen yet");
    }
    if !now.formed {
        return Decision::Replace(numbers(&outdated));
    }
    let stopping = all(now).filter(|server| server.leaving).count();
    let may_stop = now.limit.saturating_sub(stopping);
    if may_stop == 0 {
        return wait(if now.limit == 1 {
            "another server is stopping"
        } else {
            "as many servers as may be away are stopping"
        });
    }
    let (ready, mut unready): (Vec<&Server>, Vec<&Server>) =
        outdated.into_iter().partition(|server| server.ready);
    if unready.is_empty() {
        return serving(now, ready);
    }
    let spared = now.moving || away(now) > now.limit;
    unready.retain(|server| !(server.may_come && spared));
    if unready.is_empty() {
        return wait(
            "servers that fail their probes, have ended once or are being started may come by themselves, and too many \
             are away to replace one: see why they are not ready; one whose Pod is deleted by hand comes back as asked for",
        );
    }
    unready.sort_by_key(|server| server.ordinal);
    unready.truncate(may_stop);
    Decision::Replace(numbers(&unready))
}

/// How many servers of the Tenant cannot be relied on.
fn away(now: &Situation) -> usize {
    let weak = |server: &&Server| server.leaving || !server.ready || server.ailing;
    absent(now) + all(now).filter(weak).count()
}

/// How many have no Pod.
fn absent(now: &Situation) -> usize {
    now.expected.saturating_sub(all(now).count())
}

/// The last ones first, as a StatefulSet does it.
fn serving(now: &Situation, ready: Vec<&Server>) -> Decision {
    if !now.turn {
        return wait("another Pool of the Tenant has its turn");
    }
    let (missing, away) = (absent(now), away(now));
    // One that ails is counted as away already.
    let (mut going, mut well): (Vec<&Server>, Vec<&Server>) =
        ready.into_iter().partition(|server| server.ailing);
    well.sort_by_key(|server| std::cmp::Reverse(server.ordinal));
    well.truncate(now.limit.saturating_sub(away));
    going.extend(well);
    if going.is_empty() || away > now.limit {
        return wait(match (&now.trouble, now.limit, missing) {
            (Some(why), ..) if now.known => why,
            (_, 1, 0) => "another server is not ready",
            (_, 1, _) => "a server is missing",
            _ => "as many servers as may be are missing or not ready",
        });
    }
    // Last, because they are asked only where nothing else is in the way.
    if let Some(why) = now.trouble.as_ref().filter(|_| !now.known) {
        return wait(why);
    }
    Decision::Replace(numbers(&going))
}

fn all(now: &Situation) -> impl Iterator<Item = &Server> {
    now.own.iter().chain(&now.others)
}

fn numbers(servers: &[&Server]) -> Vec<i32> {
    let mut numbers: Vec<i32> = servers.iter().map(|server| server.ordinal).collect();
    numbers.sort_unstable();
    numbers
}

fn wait(why: &str) -> Decision {
    Decision::Wait(why.to_owned())
}

/// The decision for a Pool, and the template its StatefulSet is to have: that of the servers that are about to be made.
/// While nothing is to be made it is that of those held back, so that one of them that is lost comes back as it was.
pub(super) fn decide<'a>(
    pool: &Pool,
    observed: &Observed,
    terms: &Terms,
    wanted: &'a Wanted,
    health: &Health,
) -> (Decision, &'a PodTemplateSpec) {
    let mut now = situation(pool, observed, terms, wanted, health);
    // The template must not depend on whether the servers were asked: they are asked only once it has been seen.
    let known = std::mem::replace(&mut now.known, true);
    now.settled = true;
    let held = match (missing(pool, &now, wanted), next(&now)) {
        (Some(held), _) => held,
        (None, Decision::Replace(numbers)) => numbers.first().is_some_and(|first| wanted.holds(*first)),
        (None, Decision::Done | Decision::Wait(_)) => wanted.hold.is_some(),
    };
    let template = wanted.template(held);
    now.known = known;
    now.settled = observed.caught_up && applied(pool, observed, template);
    let decision = match next(&now) {
        Decision::Replace(mut numbers) => {
            numbers.retain(|number| wanted.holds(*number) == held);
            if numbers.is_empty() {
                wait("servers of another template are made first")
            } else {
                Decision::Replace(numbers)
            }
        }
        other => other,
    };
    (decision, template)
}

/// Whether a server that serves is about to be replaced, if all are well: so that they are to be asked.
#[must_use]
pub fn concerns_health(pool: &Pool, observed: &Observed) -> bool {
    let (Stage::Serving(terms) | Stage::Needed(Some(terms)) | Stage::Guarded(Some(terms))) =
        super::stage::judge(pool, observed)
    else {
        return false;
    };
    // Nobody else takes a serving server away, and at rest nobody has the turn: making the templates is spared then.
    if terms.obstacle.is_some()
        || !terms.topology.formed
        || terms.topology.turn.as_deref() != Some(meta::name(pool))
    {
        return false;
    }
    let well = Health::Said(BTreeMap::new());
    let wanted = terms.wanted(pool, observed);
    let (decision, _) = decide(pool, observed, &terms, &wanted, &well);
    let serves = |pod: &Pod, numbers: &[i32]| {
        pods::ready(pod) && pods::ordinal(pool, pod).is_some_and(|ordinal| numbers.contains(&ordinal))
    };
    match decision {
        Decision::Replace(numbers) => observed.pods.iter().any(|pod| serves(pod, &numbers)),
        Decision::Done | Decision::Wait(_) => false,
    }
}

/// Whether the servers that are about to be made are held back ones; none if all are there. A wrong template makes one
/// that is held back run what it should not, and one that is not is only replaced once more.
fn missing(pool: &Pool, now: &Situation, wanted: &Wanted) -> Option<bool> {
    let there = |ordinal| {
        now.own
            .iter()
            .any(|server| server.ordinal == ordinal && !server.leaving)
    };
    let missing = (0..pool.spec.servers).filter(|ordinal| !there(*ordinal));
    missing.map(|ordinal| wanted.holds(ordinal)).max()
}

/// The UIDs of all servers that serve.
#[must_use]
pub fn ready(observed: &Observed) -> BTreeSet<&str> {
    let pods = observed.pods.iter().map(AsRef::as_ref);
    pods.filter(|pod| pods::ready(pod)).map(meta::uid).collect()
}

fn situation(pool: &Pool, observed: &Observed, terms: &Terms, wanted: &Wanted, health: &Health) -> Situation {
    let server = |pod: &Pod, ordinal: i32| Server {
        ordinal,
        outdated: wanted.outdated(pod, ordinal),
        ready: pods::ready(pod),
        ailing: pods::ready(pod) && health.ails(meta::name(pod)),
        leaving: meta::deleting(pod),
        may_come: pods::served(pod) || pods::begins(pod, observed.now),
    };
    let own = |pod: &Pod| Some(server(pod, pods::ordinal(pool, pod)?));
    // Servers of a pool that has left the topology are there for a while: they must not stand in for missing ones.
    let other = |pod: &Pod| {
        let tenant = meta::name(terms.tenant.as_ref());
        let members = terms.topology.pools.iter();
        members
            .filter(|member| member.name != meta::name(pool))
            .find_map(|member| pods::numbered(tenant, &member.name, member.servers, pod))
            .map(|ordinal| server(pod, ordinal))
    };
    let seen = || observed.pods.iter().map(AsRef::as_ref);
    let members = terms.topology.pools.iter();
    let expected = members.filter_map(|member| usize::try_from(member.servers).ok());
    let limit = Limit::of_pool(&terms.tenant, pool).most;
    Situation {
        formed: terms.topology.formed,
        turn: terms.topology.turn.as_deref() == Some(meta::name(pool)),
        settled: false,
        moving: terms.topology.draining().is_some(),
        known: matches!(health, Health::Said(_)),
        trouble: health.trouble(),
        expected: expected.sum(),
        limit: usize::try_from(limit).unwrap_or(1).max(1),
        own: seen().filter_map(own).collect(),
        others: seen().filter_map(other).collect(),
    }
}

/// Deletes the Pods with these numbers, only as they were seen; the StatefulSet makes them anew.
pub(super) fn steps(pool: &Pool, observed: &Observed, numbers: &[i32]) -> Vec<Step> {
    let chosen = observed
        .pods
        .iter()
        .filter(|pod| pods::ordinal(pool, pod.as_ref()).is_some_and(|ordinal| numbers.contains(&ordinal)));
    let mut chosen: Vec<&Pod> = chosen
        .map(AsRef::as_ref)
        .filter(|pod| !meta::deleting(*pod))
        .collect();
    chosen.sort_by_key(|pod| meta::name(*pod));
    chosen.into_iter().map(replace).collect()
}

/// Whether the StatefulSet with this template has come back through the watch, and stays. On an older one a deleted
/// Pod would come back as it was, without one it would not come back.
fn applied(pool: &Pool, observed: &Observed, template: &PodTemplateSpec) -> bool {
    observed.stateful_set.as_ref().is_some_and(|set| {
        meta::controls(pool, set.as_ref())
            && !meta::deleting(set.as_ref())
            && pods::template_hash(set.metadata.annotations.as_ref()) == template::hash_of(template)
    })
}

fn replace(pod: &Pod) -> Step {
    let message = format!(
        "server {} is replaced: it does not run what is asked for",
        meta::name(pod)
    );
    Step::Delete(
        meta::target_at(pod),
        Why {
            reason: "ServerReplaced",
            message,
        },
    )
}

#[cfg(test)]
mod tests;
