//! A small model of a cluster around the real decisions: a Pool joins a store that serves, and one is drained, in every
//! order in which controllers may look, servers may start, stop and fail, drains may fail, uploads end and time pass.
//! Whatever the order: clients never meet two views of the store, no server that serves is stopped while another is
//! missing, no drain is begun twice or before a failure was told and forgotten, and there is always a way to the end.

mod cluster;
mod events;
mod failed_drains;
mod key;
mod laws;
mod looks;
mod made;
mod orders;
mod seen;
mod world;

use std::collections::{BTreeMap, VecDeque};

use crds::pool::PoolState;
use crds::rebalance::Rebalance::AfterJoin;

use made::new_pool;
use world::{Failing, Life, World};

/// Follows every order of events from `start`, and gives the number of worlds met. From each of them there must be a
/// way to one that is `done`.
fn explore(start: World, done: impl Fn(&World) -> bool) -> usize {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut leads_from: Vec<Vec<usize>> = Vec::new();
    let mut ends = Vec::new();
    let mut queue = VecDeque::new();
    numbers.insert(start.key(), 0);
    leads_from.push(Vec::new());
    queue.push_back((0, start));
    while let Some((number, world)) = queue.pop_front() {
        if done(&world) {
            ends.push(number);
        }
        for event in world.events() {
            let mut next = world.clone();
            if let Err(law) = next.happen(&event) {
                panic!("{law} after {event:?} in {}", world.key());
            }
            let found = *numbers.entry(next.key()).or_insert_with(|| {
                leads_from.push(Vec::new());
                queue.push_back((leads_from.len() - 1, next));
                leads_from.len() - 1
            });
            leads_from[found].push(number);
        }
    }
    let mut reached = vec![false; leads_from.len()];
    while let Some(number) = ends.pop() {
        if !std::mem::replace(&mut reached[number], true) {
            ends.extend(&leads_from[number]);
        }
    }
    let lost = reached.iter().filter(|reached| !**reached).count();
    assert_eq!(
        lost,
        0,
        "of {} worlds so many have no way to the end",
        reached.len()
    );
    reached.len()
}

fn all_serve(world: &World, servers: usize) -> bool {
    let topology = world.topology();
    topology.at_rest()
        && topology.turn.is_none()
        && world.servers.len() == servers
        && world.selected == topology.revision
        && world
            .servers
            .values()
            .all(|server| server.life == Life::Ready && server.revision == topology.revision)
}

#[test]
fn a_pool_joins_in_every_order_of_events() {
    let mut world = World::serving(&["a"]);
    world.pools.push(new_pool("b"));
    let worlds = explore(world, |world| {
        all_serve(world, 8) && world.topology().pools.len() == 2
    });
    assert!(worlds > 50, "{worlds}");
}

#[test]
fn a_pool_joins_although_a_server_fails_at_any_time() {
    let mut world = World::serving(&["a"]);
    world.pools.push(new_pool("b"));
    world.faults = 1;
    let worlds = explore(world, |world| {
        all_serve(world, 8) && world.topology().pools.len() == 2
    });
    assert!(worlds > 300, "{worlds}");
}

#[test]
fn objects_are_spread_once_after_a_join_wherever_the_operator_is_cut_off() {
    let mut world = World::serving(&["a"]);
    world.tenant.spec.rebalance = AfterJoin;
    world.pools.push(new_pool("b"));
    world.cuts = 1;
    let worlds = explore(world, |world| {
        all_serve(world, 8) && world.rebalances == (1, false) && world.topology().rebalance.is_none()
    });
    assert!(worlds > 100, "{worlds}");
}

#[test]
fn a_pool_is_drained_in_every_order_of_events() {
    let mut world = World::serving(&["a", "b"]);
    world.pools[1].spec.state = PoolState::Decommissioned;
    let worlds = explore(world, |world| {
        all_serve(world, 4) && world.topology().pools.len() == 1
    });
    assert!(worlds > 50, "{worlds}");
}

#[test]
fn the_first_pool_is_drained_in_every_order_of_events() {
    let mut world = World::serving(&["a", "b"]);
    world.pools[0].spec.state = PoolState::Decommissioned;
    let worlds = explore(world, |world| {
        all_serve(world, 4) && world.topology().pools[0].name == "b"
    });
    assert!(worlds > 50, "{worlds}");
}

#[test]
fn pools_get_numbers_of_their_places_before_another_one_is_drained() {
    let mut world = World::serving(&["b", "c"]);
    // Before them there was another one.
    world.numbers.values_mut().for_each(|number| *number += 1);
    world.pools[0].spec.state = PoolState::Decommissioned;
    let worlds = explore(world, |world| {
        let topology = world.topology();
        all_serve(world, 4) && topology.pools[0].name == "c" && topology.pools[0].element.ends_with('/')
    });
    assert!(worlds > 50, "{worlds}");
}

#[test]
fn a_drain_that_cannot_be_forgotten_is_left_behind_in_every_order_of_events() {
    let mut world = World::serving(&["a", "b"]);
    world.pools[1].spec.state = PoolState::Decommissioned;
    world.failing = Failing::ForGood;
    world.doubts = 1;
    let worlds = explore(world, |world| {
        let topology = world.topology();
        let told = world.pools[1]
            .status
            .as_ref()
            .and_then(|status| status.drain.as_ref());
        all_serve(world, 8) && topology.pools[1].element.ends_with('/') && told.is_none()
    });
    assert!(worlds > 50, "{worlds}");
}

/// Whether all servers run the pair that was offered last.
fn rotated(world: &World, servers: usize) -> bool {
    let name = crds::names::credentials_generation("store", world.offered);
    let pair = |server: &world::Server| server.credentials == name;
    world.rotations.is_empty() && all_serve(world, servers) && world.servers.values().all(pair)
}

#[test]
fn root_credentials_change_in_every_order_of_events_although_a_server_fails() {
    let mut world = World::serving(&["a"]);
    world.rotations = vec![2];
    world.alike = false;
    world.faults = 1;
    let worlds = explore(world, |world| rotated(world, 4));
    assert!(worlds > 100, "{worlds}");
}

#[test]
fn root_credentials_change_again_or_back_at_any_time() {
    for rotations in [vec![2, 1, 3], vec![2, 3]] {
        let mut world = World::serving(&["a"]);
        world.rotations = rotations;
        world.alike = false;
        let worlds = explore(world, |world| rotated(world, 4));
        assert!(worlds > 100, "{worlds}");
    }
}

#[test]
fn root_credentials_change_while_a_pool_joins() {
    let mut world = World::serving(&["a"]);
    world.pools.push(new_pool("b"));
    world.rotations = vec![2];
    world.alike = false;
    let worlds = explore(world, |world| {
        rotated(world, 8) && world.topology().pools.len() == 2
    });
    assert!(worlds > 500, "{worlds}");
}
