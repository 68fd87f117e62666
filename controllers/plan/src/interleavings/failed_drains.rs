//! Drains that fail and can be forgotten are begun again.

use crds::pool::PoolState;

use super::world::{Failing, Upload, World, start, told};
use super::{all_serve, explore};

/// A store of two pools of which the second is asked to go.
fn going() -> World {
    let mut world = World::serving(&["a", "b"]);
    world.pools[1].spec.state = PoolState::Decommissioned;
    world
}

fn stumbling(times: u32) -> World {
    World {
        failing: Failing::Times(times),
        ..going()
    }
}

/// With an upload open since before anybody asked for the drain.
fn uploading(waits: u32) -> World {
    World {
        waits,
        upload: Some(Upload {
            initiated: start(),
            in_the_way: true,
        }),
        ..going()
    }
}

/// A person calls the drain off, which fails each time.
fn hopeless() -> World {
    World {
        failing: Failing::Always,
        doubts: 1,
        ..going()
    }
}

fn has_left(world: &World) -> bool {
    all_serve(world, 4) && world.topology().pools.len() == 1
}

fn both_serve(world: &World) -> bool {
    all_serve(world, 8) && world.drains.is_empty() && world.pools.iter().all(|pool| told(pool).is_none())
}

#[test]
fn a_drain_that_fails_is_begun_again_in_every_order_of_events() {
    let worlds = explore(stumbling(2), has_left);
    assert!(worlds > 400, "{worlds}");
}

#[test]
fn a_drain_that_fails_is_begun_again_although_a_server_fails_at_any_time() {
    let mut world = stumbling(1);
    world.faults = 1;
    let worlds = explore(world, has_left);
    assert!(worlds > 1000, "{worlds}");
}

#[test]
fn a_drain_that_fails_is_begun_again_wherever_the_operator_is_cut_off() {
    let mut world = stumbling(1);
    world.cuts = 1;
    let worlds = explore(world, has_left);
    assert!(worlds > 500, "{worlds}");
}

#[test]
fn a_drain_that_an_upload_keeps_from_its_end_completes_once_it_is_gone_in_every_order_of_events() {
    let worlds = explore(uploading(1), has_left);
    assert!(worlds > 300, "{worlds}");
}

#[test]
fn a_drain_that_an_upload_keeps_from_its_end_completes_although_a_server_fails_at_any_time() {
    let mut world = uploading(0);
    world.faults = 1;
    let worlds = explore(world, has_left);
    assert!(worlds > 1000, "{worlds}");
}

#[test]
fn a_drain_that_an_upload_keeps_from_its_end_completes_wherever_the_operator_is_cut_off() {
    let mut world = uploading(0);
    world.cuts = 1;
    let worlds = explore(world, has_left);
    assert!(worlds > 400, "{worlds}");
}

#[test]
fn a_drain_that_fails_for_an_upload_may_fail_for_something_else_too() {
    let mut world = uploading(1);
    world.failing = Failing::Times(1);
    let worlds = explore(world, has_left);
    assert!(worlds > 500, "{worlds}");
}

#[test]
fn a_drain_completes_although_an_upload_begins_just_before_it_does() {
    let mut world = going();
    world.uploads = 1;
    let worlds = explore(world, has_left);
    assert!(worlds > 300, "{worlds}");
}

#[test]
fn an_upload_on_another_pool_keeps_no_drain_from_being_begun_again() {
    let mut world = uploading(1);
    world.failing = Failing::Times(1);
    world.upload.as_mut().unwrap().in_the_way = false;
    let worlds = explore(world, has_left);
    assert!(worlds > 300, "{worlds}");
}

#[test]
fn both_pools_serve_on_once_a_failed_drain_is_called_off_in_every_order_of_events() {
    let worlds = explore(hopeless(), both_serve);
    assert!(worlds > 50, "{worlds}");
}

#[test]
fn both_pools_serve_on_once_a_failed_drain_is_called_off_although_a_server_fails_at_any_time() {
    let mut world = hopeless();
    world.faults = 1;
    let worlds = explore(world, both_serve);
    assert!(worlds > 500, "{worlds}");
}

#[test]
fn both_pools_serve_on_once_a_failed_drain_is_called_off_wherever_the_operator_is_cut_off() {
    let mut world = hopeless();
    world.cuts = 1;
    let worlds = explore(world, both_serve);
    assert!(worlds > 100, "{worlds}");
}

#[test]
fn a_drain_that_was_called_off_may_be_asked_for_again_at_any_time() {
    let mut world = stumbling(1);
    world.doubts = 2;
    let worlds = explore(world, |world| {
        // Whoever calls it off too late finds that the pool has left.
        let stays = world.pools[1].spec.state == PoolState::Active;
        has_left(world) || stays && both_serve(world)
    });
    assert!(worlds > 500, "{worlds}");
}

#[test]
fn while_a_drain_fails_again_and_again_no_other_one_begins_before_it_is_called_off() {
    let mut world = World::serving(&["a", "b", "c"]);
    world.failing = Failing::Always;
    world.doubts = 1;
    for index in [1, 2] {
        world.pools[index].spec.state = PoolState::Decommissioned;
    }
    let worlds = explore(world, |world| {
        // The other one of the two is tried in its turn, until that is left to a person.
        let other = world.called_off.and_then(|index| told(&world.pools[3 - index]));
        let given_up = other.is_some_and(|drain| drain.state == "failed" && drain.retry_at.is_none());
        given_up && world.drains.is_empty()
    });
    assert!(worlds > 100, "{worlds}");
}
