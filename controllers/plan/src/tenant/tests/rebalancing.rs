//! Objects are spread over Pools that have joined.

use std::sync::Arc;

use crds::common::NameRef;
use crds::conditions::{BALANCED, READY};
use crds::rebalance::{Rebalance as Wish, RebalanceState};
use crds::{Pool, Tenant};

use super::super::rebalance::{Order, Report, State, Word, concerns};
use super::super::{Observed, Plan, Stored, plan};
use super::world::*;
use crate::topology::Rebalance;

/// A store of Pool `a` that serves and that `later` has just joined.
fn joined(wish: Wish, later: Pool) -> (Tenant, Observed) {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    tenant.spec.rebalance = wish;
    observed.pools.push(Arc::new(later));
    for _ in 0..3 {
        let _ = reconcile(&mut tenant, &mut observed);
        start_servers(&tenant, &mut observed);
    }
    assert!(stored(&observed).at_rest());
    (tenant, observed)
}

fn says(observed: &mut Observed, id: &str, state: State) {
    observed.rebalance = Word::Said(Report {
        id: id.to_owned(),
        state,
        objects: if id.is_empty() { 0 } else { 42 },
        bytes: 4096,
        used: vec![60, 20],
        error: if state == State::Failed {
            "no space left".to_owned()
        } else {
            String::new()
        },
    });
}

fn order(plan: &Plan, tenant: &Tenant, observed: &Observed) -> Option<Order> {
    plan.rebalance_order(tenant, observed).map(|(order, _)| order)
}

/// One reconcile; what the servers are told in it.
fn looks(tenant: &mut Tenant, observed: &mut Observed) -> Option<Order> {
    let before = observed.clone();
    let plan = reconcile(tenant, observed);
    order(&plan, tenant, &before)
}

fn state(tenant: &Tenant) -> Option<RebalanceState> {
    Some(tenant.status.as_ref()?.rebalance.as_ref()?.state)
}

/// A store whose servers rebalance because of a join.
fn running() -> (Tenant, Observed) {
    let (mut tenant, mut observed) = joined(Wish::AfterJoin, pool("b", 4, 1));
    says(&mut observed, "", State::Complete);
    let _ = looks(&mut tenant, &mut observed);
    assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Start));
    says(&mut observed, "one", State::Running);
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(condition(&tenant, BALANCED), "-Rebalancing");
    (tenant, observed)
}

#[test]
fn the_write_that_ends_a_join_remembers_that_objects_are_to_be_spread() {
    for wish in [Wish::Never, Wish::AfterJoin] {
        let (_, observed) = joined(wish, pool("b", 4, 1));
        assert_eq!(stored(&observed).rebalance, Some(Rebalance::Due), "{wish:?}");
    }
    let (_, observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    assert_eq!(stored(&observed).rebalance, None, "all were empty when they came");
}

#[test]
fn a_pool_that_takes_over_from_another_asks_for_nothing() {
    let mut next = pool("b", 4, 1);
    next.spec.replaces = Some(NameRef { name: "a".into() });
    let (_, observed) = joined(Wish::AfterJoin, next);
    assert_eq!(stored(&observed).rebalance, None);
}

#[test]
fn without_the_wish_nobody_is_asked_or_told() {
    let (mut tenant, mut observed) = joined(Wish::Never, pool("b", 4, 1));
    assert!(!concerns(&tenant, &observed));
    says(&mut observed, "", State::Complete);
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(stored(&observed).rebalance, Some(Rebalance::Due));
    assert_eq!(condition(&tenant, BALANCED), "-NotAsked");
    assert_eq!(condition(&tenant, READY), "+Ready");
    assert_eq!(state(&tenant), None);
}

#[test]
fn the_servers_are_told_once_the_topology_and_the_status_say_so() {
    let (mut tenant, mut observed) = joined(Wish::AfterJoin, pool("b", 4, 1));
    assert!(concerns(&tenant, &observed));
    assert_eq!(condition(&tenant, BALANCED), "-Requested");
    says(&mut observed, "old", State::Complete);
    assert_eq!(looks(&mut tenant, &mut observed), None);
    let before = "old".to_owned();
    assert_eq!(stored(&observed).rebalance, Some(Rebalance::Ordered { before }));
    assert_eq!(state(&tenant), Some(RebalanceState::Requested));
    assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Start));
}

#[test]
fn cut_off_after_the_order_nothing_is_ordered_twice() {
    let (mut tenant, mut observed) = joined(Wish::AfterJoin, pool("b", 4, 1));
    says(&mut observed, "old", State::Complete);
    let _ = looks(&mut tenant, &mut observed);
    let (before, seen) = (tenant.clone(), observed.clone());
    assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Start));
    // The order was heard; nothing of that reconcile was written.
    for (heard, then) in [
        (State::Running, "-Rebalancing"),
        (State::Complete, "-Settling"),
        (State::Failed, "-RebalanceFailed"),
    ] {
        let (mut tenant, mut observed) = (before.clone(), seen.clone());
        says(&mut observed, "new", heard);
        assert_eq!(looks(&mut tenant, &mut observed), None, "{heard:?}");
        assert_eq!(condition(&tenant, BALANCED), then);
    }
}

#[test]
fn servers_that_did_not_all_begin_are_told_again() {
    let (mut tenant, mut observed) = joined(Wish::AfterJoin, pool("b", 4, 1));
    says(&mut observed, "", State::Complete);
    let _ = looks(&mut tenant, &mut observed);
    assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Start));
    says(&mut observed, "taken-back", State::Stopped);
    assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Start));
    assert_eq!(condition(&tenant, BALANCED), "-Requested");
}

#[test]
fn nothing_begins_before_every_server_is_ready_and_nothing_else_changes() {
    let (mut tenant, mut observed) = joined(Wish::AfterJoin, pool("b", 4, 1));
    says(&mut observed, "", State::Complete);
    let _ = looks(&mut tenant, &mut observed);
    assert!(stored(&observed).rebalances());
    let gone = observed.pods.pop().unwrap();
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(
        stored(&observed).rebalance,
        Some(Rebalance::Due),
        "it holds nothing else up"
    );
    assert!(!concerns(&tenant, &observed));
    observed.pods.push(gone);
    tenant.spec.image = Some("rustfs/rustfs:next".into());
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert!(stored(&observed).turn.is_some());
    assert!(!concerns(&tenant, &observed));
}

#[test]
fn one_that_somebody_else_began_is_waited_for() {
    let (mut tenant, mut observed) = joined(Wish::AfterJoin, pool("b", 4, 1));
    says(&mut observed, "theirs", State::Running);
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(stored(&observed).rebalance, Some(Rebalance::Due));
    assert_eq!(condition(&tenant, BALANCED), "-Requested");
}

#[test]
fn while_it_runs_the_store_is_ready_and_the_status_tells_how_far_it_is() {
    let (tenant, _) = running();
    assert_eq!(condition(&tenant, READY), "+Ready");
    let told = tenant.status.unwrap().rebalance.unwrap();
    assert_eq!(
        (told.state, told.objects, told.bytes),
        (RebalanceState::Running, 42, 4096)
    );
    let fills: Vec<_> = told
        .pools
        .iter()
        .map(|pool| (pool.name.as_str(), pool.used_percent))
        .collect();
    assert_eq!(fills, [("a", 60), ("b", 20)]);
}

#[test]
fn while_it_runs_no_pool_joins_or_is_drained_and_servers_may_be_replaced() {
    let (mut tenant, mut observed) = running();
    observed.pools.push(Arc::new(pool("c", 4, 1)));
    Arc::make_mut(&mut observed.pools[1]).spec.state = crds::pool::PoolState::Decommissioned;
    tenant.spec.image = Some("rustfs/rustfs:next".into());
    let _ = looks(&mut tenant, &mut observed);
    let topology = stored(&observed);
    let reasons: Vec<_> = topology
        .refused
        .iter()
        .map(|refusal| refusal.reason.as_str())
        .collect();
    assert_eq!(reasons, ["DrainWaits", "JoinWaits"]);
    assert!(topology.refused[0].message.contains("spec.rebalance"));
    assert!(topology.turn.is_some(), "it survives a restart of any server");
    assert!(topology.rebalances());
}

#[test]
fn its_end_is_written_and_nobody_is_asked_any_more() {
    let (mut tenant, mut observed) = running();
    says(&mut observed, "one", State::Complete);
    assert_eq!(looks(&mut tenant, &mut observed), None, "the status tells first");
    // Whatever is cut off: they are told until it is known that all have heard.
    for state in [State::Complete, State::Stopped, State::Complete] {
        says(&mut observed, "one", state);
        assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Settle));
        assert_eq!(condition(&tenant, BALANCED), "-Settling");
        assert!(stored(&observed).rebalances());
    }
    says(&mut observed, "one", State::Stopped);
    observed.settled = true;
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(condition(&tenant, BALANCED), "+Complete");
    assert_eq!(stored(&observed).rebalance, None);
    assert!(!concerns(&tenant, &observed));
    let told = tenant.status.clone();
    observed.rebalance = Word::NotAsked;
    let plan = reconcile(&mut tenant, &mut observed);
    assert_eq!(
        (plan.requeue, &tenant.status),
        (None, &told),
        "and nothing changes"
    );
}

#[test]
fn without_the_wish_one_that_runs_is_stopped_and_with_it_one_begins_anew() {
    let (mut tenant, mut observed) = running();
    tenant.spec.rebalance = Wish::Never;
    assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Stop));
    assert_eq!(condition(&tenant, BALANCED), "-Stopping");
    says(&mut observed, "one", State::Stopping);
    assert_eq!(looks(&mut tenant, &mut observed), None);
    says(&mut observed, "one", State::Stopped);
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(condition(&tenant, BALANCED), "-NotAsked");
    assert_eq!(state(&tenant), Some(RebalanceState::Stopped));
    assert_eq!(stored(&observed).rebalance, Some(Rebalance::Due));
    assert!(!concerns(&tenant, &observed));

    tenant.spec.rebalance = Wish::AfterJoin;
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(state(&tenant), Some(RebalanceState::Requested));
    assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Start));
}

#[test]
fn wished_again_before_it_has_stopped_it_is_begun_anew() {
    let (mut tenant, mut observed) = running();
    tenant.spec.rebalance = Wish::Never;
    assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Stop));
    tenant.spec.rebalance = Wish::AfterJoin;
    says(&mut observed, "one", State::Stopped);
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(condition(&tenant, BALANCED), "-Requested");
    assert_eq!(stored(&observed).rebalance, Some(Rebalance::Due));
}

#[test]
fn one_that_failed_is_told_and_tried_again_only_when_a_person_asks_again() {
    for (end, why) in [
        (State::Failed, "no space left"),
        (State::Stopped, "not by this operator"),
    ] {
        let (mut tenant, mut observed) = running();
        says(&mut observed, "one", end);
        observed.settled = true;
        if end == State::Failed {
            assert_eq!(looks(&mut tenant, &mut observed), None);
        }
        for _ in 0..3 {
            assert_eq!(looks(&mut tenant, &mut observed), None);
            assert_eq!(condition(&tenant, BALANCED), "-RebalanceFailed");
            assert_eq!(condition(&tenant, READY), "+Ready", "the store serves");
            assert!(!concerns(&tenant, &observed));
            observed.rebalance = Word::NotAsked;
        }
        let told = message(&tenant, BALANCED);
        assert!(told.contains(why), "{told}");
        tenant.spec.rebalance = Wish::Never;
        let _ = looks(&mut tenant, &mut observed);
        assert_eq!(condition(&tenant, BALANCED), "-NotAsked");
        tenant.spec.rebalance = Wish::AfterJoin;
        says(&mut observed, "one", end);
        let _ = looks(&mut tenant, &mut observed);
        assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Start));
    }
}

#[test]
fn that_one_failed_is_told_to_every_server_before_it_is_forgotten() {
    for (wish, then) in [(Wish::AfterJoin, Rebalance::Ended), (Wish::Never, Rebalance::Due)] {
        let (mut tenant, mut observed) = running();
        says(&mut observed, "one", State::Failed);
        assert_eq!(
            looks(&mut tenant, &mut observed),
            None,
            "the status tells of it first"
        );
        let why = message(&tenant, BALANCED);
        assert!(why.contains("no space left"), "{why}");
        tenant.spec.rebalance = wish;
        for told in [State::Failed, State::Stopped] {
            says(&mut observed, "one", told);
            assert_eq!(looks(&mut tenant, &mut observed), Some(Order::Settle), "{told:?}");
            assert!(concerns(&tenant, &observed));
            assert_eq!(condition(&tenant, READY), "+Ready");
        }
        if wish == Wish::AfterJoin {
            assert_eq!(
                message(&tenant, BALANCED),
                why,
                "what one server says afterwards changes nothing"
            );
        }
        observed.settled = true;
        assert_eq!(looks(&mut tenant, &mut observed), None);
        assert_eq!(stored(&observed).rebalance, Some(then));
        assert_eq!(state(&tenant), Some(RebalanceState::Failed));
        assert!(!concerns(&tenant, &observed));
    }
}

#[test]
fn servers_that_do_not_answer_change_nothing() {
    let (mut tenant, mut observed) = running();
    let before = (stored(&observed), tenant.status.clone().unwrap().rebalance);
    observed.rebalance = Word::Silent {
        reason: "Unreachable",
        message: "no answer".into(),
    };
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert_eq!(
        (stored(&observed), tenant.status.clone().unwrap().rebalance),
        before
    );
    assert_eq!(condition(&tenant, BALANCED), "-Unreachable");
}

#[test]
fn a_deleted_tenant_begins_nothing() {
    let (tenant, mut observed) = joined(Wish::AfterJoin, pool("b", 4, 1));
    let mut tenant = deleted(tenant);
    says(&mut observed, "", State::Complete);
    for _ in 0..3 {
        assert_eq!(looks(&mut tenant, &mut observed), None);
    }
    assert_eq!(stored(&observed).rebalance, Some(Rebalance::Due));
}

#[test]
fn a_paused_tenant_is_not_looked_at_and_forgets_nothing() {
    let (mut tenant, mut observed) = running();
    let told = tenant.status.clone().unwrap().rebalance;
    tenant.spec.paused = true;
    assert!(!concerns(&tenant, &observed));
    observed.rebalance = Word::NotAsked;
    assert_eq!(looks(&mut tenant, &mut observed), None);
    assert!(stored(&observed).rebalances());
    assert_eq!(tenant.status.unwrap().rebalance, told);
}

#[test]
fn a_lost_topology_remembers_by_the_status_what_runs() {
    let (tenant, mut observed) = running();
    observed.topology = Stored::Missing;
    let rebuilt = plan(&tenant, &observed);
    assert!(rebuilt.topology.as_ref().unwrap().rebalances());
    assert_eq!(order(&rebuilt, &tenant, &observed), None);
}

#[test]
fn an_end_is_forgotten_only_once_the_status_tells_of_it() {
    let (mut tenant, mut observed) = running();
    let before = tenant.status.clone();
    says(&mut observed, "new", State::Complete);
    observed.settled = true;
    for _ in 0..2 {
        let _ = looks(&mut tenant, &mut observed);
        assert!(stored(&observed).rebalance.is_some());
        let told = tenant.status.clone().unwrap().rebalance.unwrap();
        assert_eq!((told.state, told.objects), (RebalanceState::Complete, 42));
        // As if the operator had been cut off before it wrote the status.
        tenant.status.clone_from(&before);
    }
    let _ = looks(&mut tenant, &mut observed);
    let _ = looks(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).rebalance, None);
    assert_eq!(condition(&tenant, BALANCED), "+Complete");
}
