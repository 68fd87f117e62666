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
