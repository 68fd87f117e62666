//! Which outdated servers may be replaced now. At most one server that serves is ever away because of this.

use crds::Pool;
use k8s_openapi::api::core::v1::Pod;

use super::stage::Terms;
use super::{Observed, pods};
use crate::meta;
use crate::step::{Step, Target, Why};

/// One server as far as replacing it is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Number in its pool.
    pub(super) ordinal: i32,
    /// Whether it runs something other than what is asked for.
    pub(super) outdated: bool,
    /// Whether it serves.
    pub(super) ready: bool,
    /// Whether it is on its way out.
    pub(super) leaving: bool,
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
    /// Servers the topology asks for, of all pools.
    pub(super) expected: usize,
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

/// The next step of replacing outdated servers. A server that does not serve may go at any time, since its absence
/// changes nothing for clients; one that serves only when every other server of the Tenant does.
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
    if all(now).any(|server| server.leaving) {
        return wait("another server is stopping");
    }
    let unready = outdated.iter().filter(|server| !server.ready);
    if let Some(server) = unready.min_by_key(|server| server.ordinal) {
        return Decision::Replace(vec![server.ordinal]);
    }
    if !now.turn {
        return wait("another Pool of the Tenant has its turn");
    }
    if all(now).count() < now.expected {
        return wait("a server is missing");
    }
    if all(now).any(|server| !server.ready) {
        return wait("another server is not ready");
    }
    let last = outdated.iter().map(|server| server.ordinal).max();
    Decision::Replace(last.into_iter().collect())
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

/// The decision for a Pool whose servers should be made from the template with this hash.
pub(super) fn decide(pool: &Pool, observed: &Observed, terms: &Terms, hash: &str) -> Decision {
    let server = |pod: &Pod, ordinal: i32| Server {
        ordinal,
        outdated: !pods::current(pod, hash),
        ready: pods::ready(pod),
        leaving: meta::deleting(pod),
    };
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for pod in &observed.pods {
        match pods::ordinal(pool, pod.as_ref()) {
            Some(ordinal) => own.push(server(pod.as_ref(), ordinal)),
            None => others.push(server(pod.as_ref(), 0)),
        }
    }
    let expected = terms
        .topology
        .pools
        .iter()
        .filter_map(|member| usize::try_from(member.servers).ok());
    next(&Situation {
        formed: terms.topology.formed,
        turn: terms.topology.turn.as_deref() == Some(meta::name(pool)),
        settled: observed.caught_up && applied(pool, observed, hash),
        expected: expected.sum(),
        own,
        others,
    })
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
fn applied(pool: &Pool, observed: &Observed, hash: &str) -> bool {
    observed.stateful_set.as_ref().is_some_and(|set| {
        meta::controls(pool, set.as_ref())
            && !meta::deleting(set.as_ref())
            && pods::template_hash(set.metadata.annotations.as_ref()) == Some(hash)
    })
}

fn replace(pod: &Pod) -> Step {
    let target = Target {
        resource_version: pod.metadata.resource_version.clone(),
        ..meta::target(pod)
    };
    let message = format!(
        "server {} is replaced: it runs an older template",
        meta::name(pod)
    );
    Step::Delete(
        target,
        Why {
            reason: "ServerReplaced",
            message,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(ordinal: i32, outdated: bool, ready: bool, leaving: bool) -> Server {
        Server {
            ordinal,
            outdated,
            ready,
            leaving,
        }
    }

    /// All states of a server.
    fn states(ordinal: i32) -> Vec<Server> {
        (0..8)
            .map(|bits| server(ordinal, bits & 1 != 0, bits & 2 != 0, bits & 4 != 0))
            .collect()
    }

    /// Every situation of a pool with two servers, beside one other server, in which one may be missing.
    fn situations() -> Vec<Situation> {
        let mut all = Vec::new();
        for flags in 0..8 {
            for expected in [3, 4] {
                for a in states(0) {
                    for b in states(1) {
                        for c in states(0) {
                            all.push(Situation {
                                formed: flags & 1 != 0,
                                turn: flags & 2 != 0,
                                settled: flags & 4 != 0,
                                expected,
                                own: vec![a.clone(), b.clone()],
                                others: vec![c],
                            });
                        }
                    }
                }
            }
        }
        all
    }

    fn replaced(now: &Situation) -> Vec<&Server> {
        match next(now) {
            Decision::Replace(numbers) => numbers
                .iter()
                .map(|number| &now.own[usize::try_from(*number).unwrap()])
                .collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_serving_server_goes_only_when_all_others_serve() {
        for now in situations().into_iter().filter(|now| now.formed) {
            for server in replaced(&now) {
                let others_serve = all(&now).all(|other| other.ready && !other.leaving);
                let complete = all(&now).count() == now.expected;
                assert!(!server.ready || (others_serve && complete && now.turn), "{now:?}");
            }
        }
    }

    #[test]
    fn at_most_one_server_of_a_store_that_serves_goes_at_a_time() {
        for now in situations().into_iter().filter(|now| now.formed) {
            assert!(replaced(&now).len() <= 1, "{now:?}");
        }
    }

    #[test]
    fn only_outdated_servers_that_are_not_leaving_go() {
        for now in situations() {
            assert!(
                replaced(&now)
                    .iter()
                    .all(|server| server.outdated && !server.leaving)
            );
        }
    }

    #[test]
    fn nothing_goes_on_what_may_be_an_old_view() {
        for now in situations().into_iter().filter(|now| !now.settled) {
            assert!(replaced(&now).is_empty(), "{now:?}");
        }
    }

    #[test]
    fn nothing_more_goes_while_a_server_of_a_serving_store_stops() {
        for now in situations().into_iter().filter(|now| now.formed) {
            if all(&now).any(|server| server.leaving) {
                assert!(replaced(&now).is_empty(), "{now:?}");
            }
        }
    }

    #[test]
    fn unready_servers_go_first() {
        for now in situations().into_iter().filter(|now| now.formed) {
            let unready = now
                .own
                .iter()
                .any(|server| server.outdated && !server.ready && !server.leaving);
            assert!(
                !unready || replaced(&now).iter().all(|server| !server.ready),
                "{now:?}"
            );
        }
    }

    #[test]
    fn before_the_store_has_served_all_outdated_servers_go_at_once() {
        let now = Situation {
            settled: true,
            own: vec![server(0, true, true, false), server(1, true, false, false)],
            ..Situation::default()
        };
        assert_eq!(next(&now), Decision::Replace(vec![0, 1]));
    }

    #[test]
    fn a_store_with_nothing_outdated_is_done() {
        for mut now in situations() {
            now.own.iter_mut().for_each(|server| server.outdated = false);
            assert_eq!(next(&now), Decision::Done);
        }
    }

    #[test]
    fn a_healthy_store_is_rolled_to_the_end() {
        let mut now = Situation {
            formed: true,
            turn: true,
            settled: true,
            expected: 4,
            own: (0..4).map(|number| server(number, true, true, false)).collect(),
            others: Vec::new(),
        };
        for left in (0..4).rev() {
            assert_eq!(next(&now), Decision::Replace(vec![left]));
            now.own[usize::try_from(left).unwrap()].outdated = false;
        }
        assert_eq!(next(&now), Decision::Done);
    }
}
