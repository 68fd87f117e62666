//! Every situation of small stores, and every way on from them.

use std::collections::{BTreeSet, VecDeque};

use super::*;

fn server(ordinal: i32, outdated: bool, ready: bool, leaving: bool) -> Server {
    Server {
        ordinal,
        outdated,
        ready: ready && !leaving,
        ailing: false,
        leaving,
        may_come: false,
    }
}

/// All states of a server.
fn states(ordinal: i32) -> Vec<Server> {
    let plain = (0..8).map(|bits| server(ordinal, bits & 1 != 0, bits & 2 != 0, bits & 4 != 0));
    let ailing = plain.clone().filter(|server| server.ready).map(|server| Server {
        ailing: true,
        ..server
    });
    let probed = plain
        .clone()
        .filter(|server| !server.ready && !server.leaving)
        .map(|server| Server {
            may_come: true,
            ..server
        });
    plain.chain(ailing).chain(probed).collect()
}

/// Those of a server of which no more is asked than whether it serves.
fn plain_states(ordinal: i32) -> Vec<Server> {
    states(ordinal)
        .into_iter()
        .filter(|server| !server.ailing && !server.may_come)
        .collect()
}

/// Every situation of a pool with two servers, beside one other server, in which one may be missing.
fn situations() -> Vec<Situation> {
    let mut all = Vec::new();
    for flags in 0..16 {
        for (expected, limit) in [(3, 1), (4, 1), (3, 2), (4, 2), (3, 3), (4, 3)] {
            for a in states(0) {
                for b in plain_states(1) {
                    for c in plain_states(0) {
                        all.push(Situation {
                            formed: flags & 1 != 0,
                            turn: flags & 2 != 0,
                            settled: flags & 4 != 0,
                            moving: flags & 8 != 0,
                            known: true,
                            trouble: None,
                            expected,
                            limit,
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

/// Four servers that serve and are all outdated.
fn four(limit: usize) -> Situation {
    Situation {
        formed: true,
        turn: true,
        settled: true,
        known: true,
        expected: 4,
        limit,
        own: (0..4).map(|number| server(number, true, true, false)).collect(),
        ..Situation::default()
    }
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

/// Servers that do not serve, wherever they are.
fn away(now: &Situation) -> usize {
    now.expected - all(now).filter(|server| server.ready).count()
}

#[test]
fn a_serving_server_goes_only_while_no_more_than_the_limit_are_away_without_it() {
    for now in situations().into_iter().filter(|now| now.formed) {
        let going = replaced(&now).into_iter().filter(|server| server.ready).count();
        assert!(
            going == 0 || (now.turn && away(&now) + going <= now.limit),
            "{now:?}"
        );
    }
}

#[test]
fn by_default_a_serving_server_goes_only_when_all_others_serve() {
    for now in situations()
        .into_iter()
        .filter(|now| now.formed && now.limit == 1)
    {
        for server in replaced(&now) {
            assert!(!server.ready || away(&now) == 0, "{now:?}");
        }
    }
}

#[test]
fn no_more_servers_of_a_store_that_serves_stop_at_a_time_than_may() {
    for now in situations().into_iter().filter(|now| now.formed) {
        let stopping = all(&now).filter(|server| server.leaving).count();
        let going = replaced(&now).len();
        assert!(going == 0 || stopping + going <= now.limit, "{now:?}");
    }
}

#[test]
fn a_serving_server_goes_only_while_no_more_than_the_limit_are_away_or_ail_without_it() {
    for now in situations().into_iter().filter(|now| now.formed) {
        let going = replaced(&now);
        let well = going.iter().filter(|server| server.ready && !server.ailing);
        let ailing = all(&now).filter(|server| server.ailing).count();
        let weak = away(&now) + ailing + well.count();
        assert!(
            going.iter().all(|server| !server.ready) || weak <= now.limit,
            "{now:?}"
        );
    }
}

#[test]
fn a_server_that_ails_goes_before_those_that_are_well() {
    let mut now = four(1);
    now.own[1].ailing = true;
    assert_eq!(next(&now), Decision::Replace(vec![1]));
    now.own[2].ailing = true;
    assert!(matches!(next(&now), Decision::Wait(_)));
}

#[test]
fn no_serving_server_goes_while_it_is_not_known_how_the_others_are() {
    for mut now in situations().into_iter().filter(|now| now.formed) {
        now.known = false;
        now.trouble = Some("nobody answers".into());
        assert!(replaced(&now).iter().all(|server| !server.ready), "{now:?}");
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
fn a_server_that_only_fails_its_probes_stays_while_too_many_are_away_or_data_moves() {
    for now in situations().into_iter().filter(|now| now.formed) {
        let spared = now.moving || super::away(&now) > now.limit;
        let probed = replaced(&now).iter().any(|server| server.may_come);
        assert!(!(spared && probed), "{now:?}");
    }
}

#[test]
fn a_change_that_no_server_starts_with_is_not_given_to_one_that_fails_its_probes_meanwhile() {
    let mut now = four(1);
    // The one that was given it ends again and again; another one is slow to answer.
    now.own[3] = server(3, false, false, false);
    now.own[1] = Server {
        may_come: true,
        ..server(1, true, false, false)
    };
    assert!(matches!(next(&now), Decision::Wait(_)));
    // What is asked for by now mends it.
    now.own[3].outdated = true;
    assert_eq!(next(&now), Decision::Replace(vec![3]));
    now.own[3] = server(3, false, true, false);
    assert_eq!(next(&now), Decision::Replace(vec![1]));
}

#[test]
fn before_the_store_has_served_all_outdated_servers_go_at_once() {
    let now = Situation {
        settled: true,
        limit: 1,
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
fn the_last_servers_go_first_and_as_many_as_may() {
    let now = four(2);
    assert_eq!(next(&now), Decision::Replace(vec![2, 3]));
}

/// Where one server of the model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Serves,
    Stops,
    Gone,
    Starts,
}

/// Two pools of four at one moment: where each server is, and whether it is outdated.
type Store = [[(Place, bool); 4]; 2];

/// The first pool with an outdated server that is not stopping, as the Tenant gives the turn.
fn turn(store: &Store) -> Option<usize> {
    store.iter().position(|pool| {
        pool.iter()
            .any(|(place, outdated)| *outdated && matches!(place, Place::Serves | Place::Starts))
    })
}

fn seen(store: &Store, pool: usize, turn: Option<usize>, limit: usize) -> Situation {
    let servers = |pool: &[(Place, bool); 4]| -> Vec<Server> {
        let all = (0..).zip(pool.iter());
        all.filter(|(_, (place, _))| *place != Place::Gone)
            .map(|(number, (place, outdated))| {
                let (serves, stops) = (*place == Place::Serves, *place == Place::Stops);
                server(number, *outdated, serves, stops)
            })
            .collect()
    };
    Situation {
        formed: true,
        turn: turn == Some(pool),
        settled: true,
        moving: false,
        known: true,
        trouble: None,
        expected: 8,
        limit,
        own: servers(&store[pool]),
        others: servers(&store[1 - pool]),
    }
}

/// What the operator may do next: each Pool's controller at any time, and with any Pool believed to have the turn.
fn decided(store: &Store, limit: usize) -> Vec<Store> {
    let mut next_ones = Vec::new();
    for pool in 0..2 {
        for turn in [turn(store), Some(0), Some(1)] {
            if let Decision::Replace(numbers) = next(&seen(store, pool, turn, limit)) {
                let mut after = *store;
                for number in numbers {
                    after[pool][usize::try_from(number).unwrap()].0 = Place::Stops;
                }
                next_ones.push(after);
            }
        }
    }
    next_ones
}

/// What the cluster may do next: each server goes one place further, in any order.
fn happened(store: &Store) -> Vec<Store> {
    let mut next_ones = Vec::new();
    for pool in 0..2 {
        for number in 0..4 {
            let (place, outdated) = store[pool][number];
            let then = match place {
                Place::Serves => continue,
                Place::Stops => (Place::Gone, outdated),
                Place::Gone => (Place::Starts, false),
                Place::Starts => (Place::Serves, outdated),
            };
            let mut after = *store;
            after[pool][number] = then;
            next_ones.push(after);
        }
    }
    next_ones
}

/// Explores everything that can follow, and says how many stores that are.
fn explore(limit: usize) -> usize {
    let start: Store = [[(Place::Serves, true); 4]; 2];
    let mut known = BTreeSet::from([start]);
    let mut open = VecDeque::from([start]);
    let mut ended = false;
    while let Some(store) = open.pop_front() {
        let absent = store
            .iter()
            .flatten()
            .filter(|(place, _)| *place != Place::Serves)
            .count();
        assert!(absent <= limit, "{absent} are away: {store:?}");
        let mut after = decided(&store, limit);
        after.extend(happened(&store));
        if after.is_empty() {
            let updated = store.iter().flatten().all(|(_, outdated)| !outdated);
            assert!(updated && absent == 0, "it stands still: {store:?}");
            ended = true;
        }
        open.extend(after.into_iter().filter(|after| known.insert(*after)));
    }
    assert!(ended);
    known.len()
}

#[test]
fn whatever_comes_in_between_no_more_than_the_limit_are_away_and_it_always_ends() {
    for (limit, at_least) in [(1, 16), (2, 100), (3, 500)] {
        let explored = explore(limit);
        assert!(explored > at_least, "{explored} stores with the limit {limit}");
    }
}
