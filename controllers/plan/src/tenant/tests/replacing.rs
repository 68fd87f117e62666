//! A Pool that takes the place of another one.

use std::sync::Arc;

use crds::common::{NameRef, ReclaimPolicy};
use crds::{Pool, Tenant};

use super::super::Observed;
use super::world::*;
use crate::topology::Phase;

/// A store of Pool `a` that Pool `b` has joined to take its place; `a` is drained.
fn replacing() -> (Tenant, Observed) {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    let mut successor: Pool = pool("b", 4, 1);
    successor.spec.replaces = Some(NameRef { name: "a".into() });
    observed.pools.push(Arc::new(successor));
    for _ in 0..3 {
        let _ = reconcile(&mut tenant, &mut observed);
        start_servers(&tenant, &mut observed);
    }
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(phases(&observed), [Phase::Draining, Phase::Active]);
    (tenant, observed)
}

fn phases(observed: &Observed) -> Vec<Phase> {
    stored(observed).pools.iter().map(|member| member.phase).collect()
}

#[test]
fn data_goes_on_moving_while_a_server_of_the_successor_is_away() {
    let (mut tenant, mut observed) = replacing();
    let revision = stored(&observed).revision;
    observed
        .pods
        .retain(|pod| crate::meta::name(pod.as_ref()) != "store-b-1");
    let away = server(&tenant, &observed, "b", 1, revision, false);
    observed.pods.push(away);
    for _ in 0..2 {
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(phases(&observed), [Phase::Draining, Phase::Active]);
    }
}

#[test]
fn a_successor_that_no_longer_wants_the_place_leaves_the_other_where_it_was() {
    let (mut tenant, mut observed) = replacing();
    Arc::make_mut(&mut observed.pools[1]).spec.replaces = None;
    told(&mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(phases(&observed), [Phase::Active, Phase::Active]);
}

/// The status of `a` tells of a drain.
fn told(observed: &mut Observed) {
    let status = Arc::make_mut(&mut observed.pools[0])
        .status
        .get_or_insert_default();
    status.drain = Some(crds::pool::DrainStatus::default());
}

#[test]
fn a_drain_is_not_forgotten_with_the_object_that_told_of_it() {
    let (mut tenant, mut observed) = replacing();
    told(&mut observed);
    let mut again = pool("a", 4, 1);
    again.metadata.uid = Some("another-uid".into());
    observed.pools[0] = Arc::new(again);
    Arc::make_mut(&mut observed.pools[1]).spec.replaces = None;
    for _ in 0..2 {
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(stored(&observed).pools[0].uid, "another-uid");
        assert_eq!(phases(&observed), [Phase::Draining, Phase::Active]);
    }
    told(&mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(phases(&observed), [Phase::Active, Phase::Active]);
}

/// The same store once `a` has left the string and `b` runs without it.
fn left() -> (Tenant, Observed) {
    let (mut tenant, mut observed) = replacing();
    complete(&mut observed, true);
    for _ in 0..3 {
        let _ = reconcile(&mut tenant, &mut observed);
        complete(&mut observed, false);
        start_servers(&tenant, &mut observed);
        let stays = stored(&observed).serving - 1;
        for ordinal in 0..4 {
            let name = format!("store-a-{ordinal}");
            observed
                .pods
                .retain(|pod| crate::meta::name(pod.as_ref()) != name);
            let old = server(&tenant, &observed, "a", ordinal, stays, true);
            observed.pods.push(old);
        }
    }
    assert_eq!(members(&stored(&observed)), ["b"]);
    (tenant, observed)
}

/// Lets the servers of `a` say, when they are asked again, that nothing is on it, or be silent.
fn complete(observed: &mut Observed, said: bool) {
    let element = stored(observed)
        .pools
        .first()
        .map(|member| member.element.clone());
    let status = Arc::make_mut(&mut observed.pools[0])
        .status
        .get_or_insert_default();
    status.conditions = vec![preflight("True", "Complete", "12 objects have moved")];
    status.conditions[0].type_ = crds::conditions::DRAINED.into();
    observed.empty_elements = element.filter(|_| said).into_iter().collect();
}

#[test]
fn servers_of_a_pool_that_left_end_only_once_they_are_heard_to_call_it_empty() {
    let (mut tenant, mut observed) = left();
    let element = stored(&observed).former[0].element.clone();
    for _ in 0..2 {
        let _ = reconcile(&mut tenant, &mut observed);
        assert!(!stored(&observed).former[0].released);
    }
    observed.empty_elements = vec![element];
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(stored(&observed).former[0].released);
}

#[test]
fn servers_of_a_pool_that_left_stay_until_all_others_are_back() {
    let (mut tenant, mut observed) = left();
    let topology = stored(&observed);
    observed.empty_elements = vec![topology.former[0].element.clone()];
    // The first server of the first pool alone writes down who has left.
    observed
        .pods
        .retain(|pod| crate::meta::name(pod.as_ref()) != "store-b-0");
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!stored(&observed).former[0].released, "it is away");
    let starts = server(&tenant, &observed, "b", 0, topology.revision, false);
    observed.pods.push(starts);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!stored(&observed).former[0].released, "it starts");
    observed.pods.pop();
    let back = server(&tenant, &observed, "b", 0, topology.revision, true);
    observed.pods.push(back);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(stored(&observed).former[0].released);
}

#[test]
fn if_none_of_its_servers_serves_only_volumes_that_are_kept_are_given_up() {
    for (policy, released) in [(ReclaimPolicy::Delete, false), (ReclaimPolicy::Retain, true)] {
        let (mut tenant, mut observed) = left();
        observed
            .pods
            .retain(|pod| !crate::meta::name(pod.as_ref()).starts_with("store-a-"));
        Arc::make_mut(&mut observed.pools[0]).spec.reclaim_policy = Some(policy);
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(stored(&observed).former[0].released, released, "{policy:?}");
    }
}
