//! A Pool that takes the place of another one.

use std::sync::Arc;

use crds::common::NameRef;
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
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(phases(&observed), [Phase::Active, Phase::Active]);
}
