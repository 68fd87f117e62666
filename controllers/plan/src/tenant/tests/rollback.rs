//! A change that a server does not become ready with.

use std::sync::Arc;

use crds::Tenant;
use crds::conditions::{READY, ROLLED_OUT, STALLED};
use crds::names::ANNOTATION_RESTARTED_AT;
use crds::rollout::{Rollout, RolloutOutcome};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::super::Observed;
use super::world::*;
use crate::rollout;

const BAD: &str = "rustfs/rustfs:bad";

/// A store that serves, whose image was changed to one that does not start; server 3 was replaced and is not ready.
fn broken(rollout: Rollout) -> (Tenant, Observed) {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    tenant.spec.rollout = Some(rollout);
    tenant.spec.image = Some(BAD.into());
    replace(&tenant, &mut observed, 3, false);
    (tenant, observed)
}

/// Makes one server as it is asked for at this moment.
fn replace(tenant: &Tenant, observed: &mut Observed, ordinal: usize, ready: bool) {
    let mut renewed = observed.clone();
    start_servers(tenant, &mut renewed);
    let mut pod: Pod = renewed.pods[ordinal].as_ref().clone();
    let conditions = pod.status.as_mut().and_then(|status| status.conditions.as_mut());
    let condition = &mut conditions.unwrap()[0];
    condition.status = if ready { "True" } else { "False" }.into();
    condition.last_transition_time = Some(Time(observed.now));
    observed.pods[ordinal] = Arc::new(pod);
}

fn after(observed: &mut Observed, seconds: i64) {
    observed.now += SignedDuration::from_secs(seconds);
}

fn automatic() -> Rollout {
    Rollout {
        auto_rollback: true,
        ..Rollout::default()
    }
}

fn outcomes(tenant: &Tenant) -> Vec<RolloutOutcome> {
    let rollout = tenant.status.as_ref().unwrap().rollout.as_ref().unwrap();
    rollout.history.iter().map(|entry| entry.outcome).collect()
}

fn rejected(observed: &Observed) -> bool {
    let record = observed.rollout.rollout().unwrap();
    record.rejected.is_some()
}

#[test]
fn a_server_that_is_late_stalls_its_tenant_and_nothing_is_taken_back_unasked() {
    let (mut tenant, mut observed) = broken(Rollout::default());
    let plan = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, READY), "-ServersNotReady");
    assert_eq!(plan.requeue, Some(std::time::Duration::from_secs(601)));
    after(&mut observed, 599);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, STALLED), "-ServersNotReady");
    after(&mut observed, 1);
    let plan = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, STALLED), "+ProgressDeadlineExceeded");
    assert_eq!(plan.requeue, None);
    assert!(!rejected(&observed));

    replace(&tenant, &mut observed, 3, true);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, READY), "-RollingOut", "it goes on by itself");
}

#[test]
fn a_late_server_is_taken_back_where_that_was_asked_for_and_not_tried_again() {
    let (mut tenant, mut observed) = broken(automatic());
    let _ = reconcile(&mut tenant, &mut observed);
    after(&mut observed, 600);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(rejected(&observed));
    assert_eq!(condition(&tenant, STALLED), "+RolledBack");
    assert_eq!(
        outcomes(&tenant),
        [RolloutOutcome::RolledBack, RolloutOutcome::Complete]
    );

    replace(&tenant, &mut observed, 3, true);
    let (_, second) = (
        reconcile(&mut tenant, &mut observed),
        reconcile(&mut tenant, &mut observed),
    );
    assert_eq!(
        stored(&observed).turn,
        None,
        "the old servers are as they should be"
    );
    assert_eq!(condition(&tenant, STALLED), "+RolledBack");
    assert_eq!(second.requeue, None);
    after(&mut observed, 100_000);
    let before = tenant.status.clone();
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(tenant.status, before, "it is remembered");
}

#[test]
fn a_mended_spec_is_tried_and_so_is_the_same_one_once_a_restart_is_asked_for() {
    let (mut tenant, mut observed) = broken(automatic());
    let _ = reconcile(&mut tenant, &mut observed);
    after(&mut observed, 600);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(rejected(&observed));
    let mut again = (tenant.clone(), observed.clone());
    tenant.spec.image = Some("rustfs/rustfs:good".into());
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!rejected(&observed));
    assert_eq!(stored(&observed).turn.as_deref(), Some("a"));
    start_servers(&tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, READY), "+Ready");
    use RolloutOutcome::{Complete, RolledBack};
    assert_eq!(outcomes(&tenant), [Complete, RolledBack, Complete]);

    let annotations = again.0.metadata.annotations.get_or_insert_default();
    annotations.insert(ANNOTATION_RESTARTED_AT.into(), "now".into());
    let _ = reconcile(&mut again.0, &mut again.1);
    assert!(!rejected(&again.1));
}

#[test]
fn a_paused_rollout_takes_nothing_back() {
    let paused = Rollout {
        paused: true,
        ..automatic()
    };
    let (mut tenant, mut observed) = broken(automatic());
    tenant.spec.rollout = Some(paused);
    after(&mut observed, 600);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!rejected(&observed));
}

#[test]
fn a_server_that_gets_no_pod_is_late_too() {
    let (mut tenant, mut observed) = broken(automatic());
    observed.pods.pop();
    let _ = reconcile(&mut tenant, &mut observed);
    let status = tenant.status.clone().unwrap().rollout.unwrap();
    assert_eq!(status.missing.unwrap().name, "store-a-3");
    after(&mut observed, 599);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!rejected(&observed));
    after(&mut observed, 1);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(rejected(&observed));
}

#[test]
fn a_server_that_fails_while_nothing_is_rolled_out_is_not_the_specs_fault() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    tenant.spec.rollout = Some(automatic());
    replace(&tenant, &mut observed, 3, false);
    after(&mut observed, 100_000);
    let plan = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, STALLED), "-ServersNotReady");
    assert_eq!((plan.requeue, rejected(&observed)), (None, false));
}

#[test]
fn a_record_that_is_lost_or_spoiled_is_begun_anew_with_a_new_number() {
    for lost in [
        rollout::Stored::Missing,
        rollout::Stored::Found {
            rollout: None,
            resource_version: Some("9".into()),
        },
    ] {
        let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
        observed.rollout = lost;
        let _ = reconcile(&mut tenant, &mut observed);
        let record = observed.rollout.rollout().unwrap();
        assert_eq!(record.latest.revision, 2);
        assert_eq!(record.good.as_ref(), Some(&record.latest));
        assert_eq!(condition(&tenant, READY), "+Ready");
    }
}

#[test]
fn a_canary_and_a_pause_are_as_asked_and_say_so() {
    for (rollout, reason) in [
        (
            Rollout {
                partition: Some(3),
                ..Rollout::default()
            },
            "-CanaryWaits",
        ),
        (
            Rollout {
                paused: true,
                ..Rollout::default()
            },
            "-RolloutPaused",
        ),
    ] {
        let (mut tenant, mut observed) = broken(rollout.clone());
        let _ = reconcile(&mut tenant, &mut observed);
        replace(&tenant, &mut observed, 3, true);
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(stored(&observed).turn, None);
        assert_eq!(condition(&tenant, READY), "+Ready");
        assert_eq!(condition(&tenant, ROLLED_OUT), reason);
        assert_eq!(
            outcomes(&tenant),
            [RolloutOutcome::Progressing, RolloutOutcome::Complete]
        );
        tenant.spec.rollout = None;
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(stored(&observed).turn.as_deref(), Some("a"));
    }
}

/// Makes a server not ready since so many seconds ago.
fn ails(observed: &mut Observed, index: usize, seconds: i64) {
    let since = Time(observed.now - SignedDuration::from_secs(seconds));
    let pod = Arc::make_mut(&mut observed.pods[index]);
    let conditions = pod.status.as_mut().and_then(|status| status.conditions.as_mut());
    let condition = &mut conditions.unwrap()[0];
    condition.status = "False".into();
    condition.last_transition_time = Some(since);
}

fn ask_restart(observed: &mut Observed, name: &str) {
    let mut pools = observed.pools.iter_mut();
    let pool = pools
        .find(|pool| crate::meta::name(pool.as_ref()) == name)
        .unwrap();
    let annotations = Arc::make_mut(pool).metadata.annotations.get_or_insert_default();
    annotations.insert(ANNOTATION_RESTARTED_AT.into(), "noon".into());
}

#[test]
fn a_change_of_one_pool_is_not_taken_back_for_a_server_that_was_down_long_before() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    tenant.spec.rollout = Some(automatic());
    let _ = reconcile(&mut tenant, &mut observed);
    ails(&mut observed, 0, 3600);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, STALLED), "-ServersNotReady");
    ask_restart(&mut observed, "b");
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!rejected(&observed), "{}", message(&tenant, ROLLED_OUT));
    after(&mut observed, 700);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(
        rejected(&observed),
        "it counts from when the change was asked for"
    );
}

#[test]
fn a_change_is_not_blamed_for_a_server_that_was_down_long_before() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    ails(&mut observed, 0, 3600);
    ask_restart(&mut observed, "b");
    let _ = reconcile(&mut tenant, &mut observed);
    assert_ne!(
        condition(&tenant, STALLED),
        "+ProgressDeadlineExceeded",
        "{}",
        message(&tenant, ROLLED_OUT)
    );
}

#[test]
fn a_change_is_not_blamed_for_a_server_that_had_no_pod_long_before() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    ask_restart(&mut observed, "a");
    observed.pods.remove(0);
    let _ = reconcile(&mut tenant, &mut observed);
    after(&mut observed, 500);
    ask_restart(&mut observed, "b");
    let _ = reconcile(&mut tenant, &mut observed);
    after(&mut observed, 200);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_ne!(condition(&tenant, STALLED), "+ProgressDeadlineExceeded");
}

#[test]
fn a_canary_that_served_is_not_taken_back_because_the_store_lost_its_quorum() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    tenant.spec.rollout = Some(Rollout {
        partition: Some(3),
        ..automatic()
    });
    tenant.spec.image = Some(BAD.into());
    let _ = reconcile(&mut tenant, &mut observed);
    replace(&tenant, &mut observed, 3, true);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, ROLLED_OUT), "-CanaryWaits");
    after(&mut observed, 86_400);
    let runs = serde_json::json!({
        "name": "rustfs", "image": "", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": "2023-11-14T22:13:00Z"}},
    });
    let canary = Arc::make_mut(&mut observed.pods[3]);
    canary.status.as_mut().unwrap().container_statuses = Some(vec![serde_json::from_value(runs).unwrap()]);
    // Two machines are off, and no server is ready without its peers.
    for index in 0..4 {
        ails(&mut observed, index, 0);
    }
    let _ = reconcile(&mut tenant, &mut observed);
    after(&mut observed, 700);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!rejected(&observed), "{}", message(&tenant, ROLLED_OUT));
    // Once the others serve again it is the canary's own.
    for index in 0..3 {
        replace_ready(&mut observed, index);
    }
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(rejected(&observed));
}

fn replace_ready(observed: &mut Observed, index: usize) {
    let pod = Arc::make_mut(&mut observed.pods[index]);
    let conditions = pod.status.as_mut().and_then(|status| status.conditions.as_mut());
    conditions.unwrap()[0].status = "True".into();
}

#[test]
fn a_node_whose_clock_is_slow_takes_nothing_back() {
    let (mut tenant, mut observed) = broken(automatic());
    ails(&mut observed, 3, 1200);
    let pod = Arc::make_mut(&mut observed.pods[3]);
    pod.metadata.creation_timestamp = Some(Time(observed.now));
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!rejected(&observed), "{}", message(&tenant, ROLLED_OUT));
}

#[test]
fn while_the_tenant_is_paused_nothing_is_said_to_have_been_taken_back() {
    let (mut tenant, mut observed) = broken(automatic());
    let _ = reconcile(&mut tenant, &mut observed);
    tenant.spec.paused = true;
    after(&mut observed, 700);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!rejected(&observed));
    assert_ne!(
        condition(&tenant, ROLLED_OUT),
        "-RolledBack",
        "{}",
        message(&tenant, ROLLED_OUT)
    );
}
