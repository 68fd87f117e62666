//! Before a Pool is drained, and before servers get another image.

use std::sync::Arc;

use crds::conditions::{READY, ROLLED_OUT, STALLED};
use crds::hook::{Before, HookOutcome};
use crds::pool::PoolState;
use crds::rollout::Rollout;
use k8s_openapi::api::core::v1::EnvVar;

use super::super::super::Observed;
use super::super::world::*;
use super::{NEXT, end, hook, jobs, message, outcomes, store, upgrading};
use crate::topology::Phase;

#[test]
fn a_pool_serves_until_the_hook_before_its_drain_has_completed() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1), pool("c", 4, 1)]);
    tenant.spec.hooks = vec![hook("backup", Before::Drain)];
    let asks = |observed: &mut Observed, index: usize, state: PoolState| {
        Arc::make_mut(&mut observed.pools[index]).spec.state = state;
        observed.now += jiff::SignedDuration::from_millis(1);
    };
    let phases = |observed: &Observed| {
        let topology = stored(observed);
        topology
            .pools
            .iter()
            .map(|member| member.phase)
            .collect::<Vec<_>>()
    };
    let refusals = |observed: &Observed| {
        let refused = stored(observed).refused.into_iter();
        refused
            .map(|one| (one.name, one.reason, one.waits))
            .collect::<Vec<_>>()
    };
    asks(&mut observed, 0, PoolState::Decommissioned);
    asks(&mut observed, 1, PoolState::Decommissioned);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(phases(&observed), [Phase::Active; 3]);
    assert_eq!(
        refusals(&observed),
        [
            ("a".into(), "HookRunning".into(), true),
            ("b".into(), "DrainWaits".into(), true)
        ]
    );
    let first = jobs(&observed);
    assert_eq!(first.len(), 1);
    let request = stored(&observed).pools[0].request.clone();
    assert!(request.is_some(), "it is stored before the Job is made");

    // The same at a later time is no other request.
    asks(&mut observed, 0, PoolState::Decommissioned);
    end(&mut observed, "Failed");
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(refusals(&observed)[0], ("a".into(), "HookFailed".into(), false));
    assert_eq!(stored(&observed).pools[0].request, request);
    assert_eq!(
        condition(&tenant, READY),
        "+Ready",
        "nothing that runs is disturbed"
    );

    // Called off and asked again: it runs anew.
    asks(&mut observed, 0, PoolState::Active);
    asks(&mut observed, 1, PoolState::Active);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).pools[0].request, None);
    asks(&mut observed, 0, PoolState::Decommissioned);
    let _ = reconcile(&mut tenant, &mut observed);
    let second = jobs(&observed).pop().unwrap();
    assert_ne!(first[0], second);
    end(&mut observed, "Complete");
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(phases(&observed), [Phase::Draining, Phase::Active, Phase::Active]);
    assert_eq!(stored(&observed).pools[0].request, None);
    assert_eq!(outcomes(&tenant), [("backup".into(), HookOutcome::Succeeded)]);
}

#[test]
fn a_run_that_nobody_saw_is_told_when_the_drain_begins() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    tenant.spec.hooks = vec![hook("backup", Before::Drain)];
    Arc::make_mut(&mut observed.pools[1]).spec.state = PoolState::Decommissioned;
    let _ = reconcile(&mut tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    // As if the operator had been cut off after it made the Job.
    tenant.status.as_mut().unwrap().hooks.clear();
    end(&mut observed, "Complete");
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).pools[1].phase, Phase::Draining);
    for _ in 0..2 {
        assert_eq!(outcomes(&tenant), [("backup".to_owned(), HookOutcome::Succeeded)]);
        tenant.status.as_mut().unwrap().hooks.clear();
        let _ = reconcile(&mut tenant, &mut observed);
    }
}

#[test]
fn no_server_takes_another_image_before_the_hook_has_completed() {
    let (mut tenant, mut observed) = upgrading(&[hook("backup", Before::Upgrade)]);
    for _ in 0..2 {
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(stored(&observed).turn, None);
        assert_eq!(condition(&tenant, ROLLED_OUT), "-HookRunning");
        assert_eq!(jobs(&observed).len(), 1);
    }
    end(&mut observed, "Complete");
    let _ = reconcile(&mut tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).turn.as_deref(), Some("a"));
    assert_eq!(condition(&tenant, ROLLED_OUT), "-RollingOut");

    // Its clearance stands, whatever else of the spec is mended on the way.
    observed.jobs.clear();
    tenant.spec.env = vec![EnvVar {
        name: "RUSTFS_REGION".into(),
        ..EnvVar::default()
    }];
    let _ = reconcile(&mut tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(jobs(&observed), [""; 0]);
    assert_eq!(stored(&observed).turn.as_deref(), Some("a"));
}

#[test]
fn an_upgrade_whose_hook_fails_stalls_and_going_back_needs_no_hook() {
    let (mut tenant, mut observed) = upgrading(&[hook("backup", Before::Upgrade)]);
    let _ = reconcile(&mut tenant, &mut observed);
    end(&mut observed, "Failed");
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, STALLED), "+HookFailed");
    assert!(message(&tenant, ROLLED_OUT).contains("Every server runs what it ran before"));
    let first = jobs(&observed);

    tenant.spec.image = None;
    let _ = reconcile(&mut tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, READY), "+Ready");
    assert_eq!(jobs(&observed), first);

    tenant.spec.image = Some(NEXT.into());
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(jobs(&observed).len(), 2, "asked for anew, it runs anew");
    assert_eq!(condition(&tenant, ROLLED_OUT), "-HookRunning");
}

#[test]
fn a_rollout_that_keeps_the_image_or_is_paused_runs_no_hook() {
    let (mut tenant, mut observed) = store(&[hook("backup", Before::Upgrade)]);
    tenant.spec.service_account_name = Some("another".into());
    let _ = reconcile(&mut tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).turn.as_deref(), Some("a"));
    assert_eq!(jobs(&observed), [""; 0]);

    let (mut tenant, mut observed) = upgrading(&[hook("backup", Before::Upgrade)]);
    tenant.spec.rollout = Some(Rollout {
        paused: true,
        ..Rollout::default()
    });
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, ROLLED_OUT), "-RolloutPaused");
    assert_eq!(jobs(&observed), [""; 0]);
    tenant.spec.rollout = None;
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(jobs(&observed).len(), 1);
}

#[test]
fn a_hook_that_is_added_while_servers_take_the_image_comes_too_late() {
    let (mut tenant, mut observed) = upgrading(&[]);
    let _ = reconcile(&mut tenant, &mut observed);
    tenant.spec.hooks = vec![hook("backup", Before::Upgrade)];
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(jobs(&observed), [""; 0]);
    assert_eq!(stored(&observed).turn.as_deref(), Some("a"));
}
