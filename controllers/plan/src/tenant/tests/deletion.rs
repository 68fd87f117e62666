use std::sync::Arc;

use crds::Tenant;
use crds::conditions::{DELETION_ALLOWED, READY, STALLED};
use crds::names::ANNOTATION_CONFIRM_DELETION;
use crds::tenant::{Deletion, Protection};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::super::{Contents, Filled, Holdings, Observed, Stored, may_go, must_ask, plan, status};
use super::world::*;
use crate::step::{Child, Enacted, Failure, Outcome, Step};
use crate::topology::Phase;

/// A store of eight drives that serves, which somebody has asked to go.
fn asked() -> (Tenant, Observed) {
    let (tenant, observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    (deleted(tenant), observed)
}

fn holding(filled: &[(&str, usize)]) -> Contents {
    Contents::Found(Holdings {
        buckets: 3,
        all_seen: true,
        filled: filled
            .iter()
            .map(|(name, seen)| Filled::of(name, *seen))
            .collect(),
        drives: 8,
    })
}

fn confirmed(tenant: &mut Tenant, token: &str) {
    let token = (ANNOTATION_CONFIRM_DELETION.to_owned(), token.to_owned());
    tenant.metadata.annotations = Some([token].into());
}

fn unprotected(tenant: &mut Tenant) {
    tenant.spec.deletion = Some(Deletion {
        protection: Protection::None,
        ..Deletion::default()
    });
}

/// One reconcile; what the condition says.
fn told(tenant: &mut Tenant, observed: &mut Observed) -> (String, String) {
    let plan = reconcile(tenant, observed);
    assert!(!plan.steps.iter().any(takes_down), "{:?}", plan.steps);
    let conditions = &tenant.status.as_ref().unwrap().conditions;
    let found = conditions.iter().find(|found| found.type_ == DELETION_ALLOWED);
    let message = found.map(|found| found.message.clone()).unwrap_or_default();
    (condition(tenant, DELETION_ALLOWED), message)
}

fn takes_down(step: &Step) -> bool {
    match step {
        Step::Delete(target, _) => target.kind != "ConfigMap",
        Step::Release(_) => true,
        _ => false,
    }
}

#[test]
fn a_store_that_holds_objects_stays_and_tells_the_buckets_and_what_to_type() {
    let (mut tenant, mut observed) = asked();
    observed.contents = holding(&[("logs", 7), ("photos", 1000)]);
    let (verdict, message) = told(&mut tenant, &mut observed);
    assert_eq!(verdict, "-DataFound");
    assert_eq!(condition(&tenant, READY), "-DataFound");
    assert_eq!(condition(&tenant, STALLED), "+DataFound");
    assert_eq!(
        message,
        "nothing is taken down while the store holds objects, unless you confirm it by `kubectl -n shop annotate \
         --overwrite tenants.storage.rustfs.com/store storage.rustfs.com/confirm-deletion=tenant-uid`. Buckets that \
         hold objects, of 3 in all: logs (1 or more), photos (1000 or more)"
    );
    assert!(!may_go(&tenant));
}

#[test]
fn counts_that_go_up_under_load_leave_the_status_as_it_is() {
    let (mut tenant, mut observed) = asked();
    observed.contents = holding(&[("logs", 12)]);
    let _ = told(&mut tenant, &mut observed);
    let before = tenant.status.clone();
    observed.contents = holding(&[("logs", 99)]);
    let _ = told(&mut tenant, &mut observed);
    assert_eq!(tenant.status, before);
}

#[test]
fn while_it_stays_it_is_kept_as_before_but_takes_nobody_in() {
    let (mut tenant, mut observed) = asked();
    observed.contents = holding(&[("logs", 1)]);
    observed.pools.push(Arc::new(pool("for-the-next-store", 4, 1)));
    let plan = reconcile(&mut tenant, &mut observed);
    let services = |step: &&Step| matches!(step, Step::Apply(child) if matches!(**child, Child::Service(_)));
    assert_eq!(plan.steps.iter().filter(services).count(), 3);
    assert!(!plan.steps.iter().any(|step| matches!(step, Step::Adopt(_))));
    assert!(plan.requeue.is_some(), "nothing tells when the store is empty");
    assert_eq!(members(&stored(&observed)), ["a", "b"]);
}

#[test]
fn nothing_is_drained_in_a_store_that_is_to_go() {
    let (mut tenant, mut observed) = asked();
    observed.contents = holding(&[("logs", 1)]);
    observed.pools[0] = Arc::new(deleted(observed.pools[0].as_ref().clone()));
    let _ = reconcile(&mut tenant, &mut observed);
    let phases: Vec<Phase> = stored(&observed)
        .pools
        .iter()
        .map(|member| member.phase)
        .collect();
    assert_eq!(phases, [Phase::Active, Phase::Active]);
}

#[test]
fn the_uid_of_the_tenant_confirms_and_nothing_else_does() {
    let (mut tenant, mut observed) = asked();
    observed.contents = holding(&[("logs", 1)]);
    for wrong in ["", "yes", "true", "store", "tenant-uid ", "another-uid"] {
        confirmed(&mut tenant, wrong);
        let (verdict, message) = told(&mut tenant, &mut observed);
        assert_eq!(verdict, "-DataFound", "{wrong:?}");
        assert!(message.contains("is not this Tenant's UID"), "{message}");
    }
    confirmed(&mut tenant, "tenant-uid");
    assert_eq!(told(&mut tenant, &mut observed).0, "+Confirmed");
    assert!(may_go(&tenant));
    assert!(plan(&tenant, &observed).steps.iter().any(takes_down));
}

#[test]
fn without_protection_or_a_store_that_served_nobody_is_asked() {
    let (mut tenant, observed) = asked();
    assert!(must_ask(&tenant, &observed));
    unprotected(&mut tenant);
    assert!(!must_ask(&tenant, &observed));
    let (mut young, mut forming) = (super::world::tenant(), with_pools([pool("a", 4, 1)]));
    let _ = reconcile(&mut young, &mut forming);
    let mut young = deleted(young);
    assert!(!must_ask(&young, &forming));
    assert_eq!(told(&mut young, &mut forming).0, "+NeverServed");
}

#[test]
fn volumes_that_were_there_before_a_tenant_may_hold_what_an_earlier_one_kept() {
    let made = |seconds: i64| Time(jiff::Timestamp::from_second(seconds).unwrap());
    let (mut young, mut forming) = (super::world::tenant(), with_pools([pool("a", 4, 1)]));
    young.metadata.creation_timestamp = Some(made(200));
    let _ = reconcile(&mut young, &mut forming);
    let mut young = deleted(young);
    for (pool, seconds, reason) in [
        ("a", 200, "+NeverServed"),
        ("b", 100, "+NeverServed"),
        ("a", 100, "-DataUnknown"),
    ] {
        let claim = PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(format!("data-0-store-{pool}-0")),
                labels: Some(crate::meta::pool_labels("store", pool, "server")),
                creation_timestamp: Some(made(seconds)),
                ..ObjectMeta::default()
            },
            ..PersistentVolumeClaim::default()
        };
        forming.claims = vec![Arc::new(claim)];
        assert_eq!(
            told(&mut young.clone(), &mut forming.clone()).0,
            reason,
            "{pool} {seconds}"
        );
    }
    young.metadata.creation_timestamp = None;
    assert!(!must_ask(&young, &forming), "without times nothing is older");
}

#[test]
fn what_cannot_be_read_is_no_proof_that_a_store_never_served() {
    let (mut tenant, mut observed) = asked();
    for lost in [Stored::Missing, Stored::Foreign, Stored::Unreadable("no".into())] {
        observed.topology = lost;
        assert!(must_ask(&tenant, &observed));
        observed.contents = holding(&[]);
        assert_eq!(told(&mut tenant, &mut observed).0, "-DataUnknown");
    }
    tenant.status = None;
    assert!(must_ask(&tenant, &observed), "an unreadable topology");
}

#[test]
fn an_empty_store_goes_when_all_of_it_was_seen() {
    let (tenant, mut observed) = asked();
    observed.contents = holding(&[]);
    assert_eq!(told(&mut tenant.clone(), &mut observed).0, "+StoreEmpty");
    let cases = [
        Holdings {
            all_seen: false,
            drives: 8,
            ..Holdings::default()
        },
        Holdings {
            all_seen: true,
            drives: 7,
            ..Holdings::default()
        },
    ];
    for case in cases {
        observed.contents = Contents::Found(case.clone());
        assert_eq!(
            told(&mut tenant.clone(), &mut observed).0,
            "-DataUnknown",
            "{case:?}"
        );
    }
}

#[test]
fn a_store_that_cannot_be_asked_is_not_taken_for_empty() {
    let (mut tenant, mut observed) = asked();
    observed.contents = Contents::Unknown("no server of the Tenant is ready".into());
    let (verdict, message) = told(&mut tenant, &mut observed);
    assert_eq!(verdict, "-DataUnknown");
    assert!(message.contains("no server of the Tenant is ready"), "{message}");
    assert!(message.contains("confirm-deletion=tenant-uid"), "{message}");
    observed.contents = Contents::NotAsked;
    assert_eq!(told(&mut tenant, &mut observed).0, "-DataUnknown");
}

#[test]
fn once_it_may_go_it_goes_whatever_is_seen_or_written_later() {
    let (mut tenant, mut observed) = asked();
    observed.contents = holding(&[]);
    let first = reconcile(&mut tenant, &mut observed);
    assert_eq!(first.requeue, Some(std::time::Duration::ZERO));
    assert!(!must_ask(&tenant, &observed));
    observed.contents = holding(&[("late", 1)]);
    let second = reconcile(&mut tenant, &mut observed);
    assert!(second.steps.iter().any(takes_down));
    assert_eq!(condition(&tenant, DELETION_ALLOWED), "+StoreEmpty");
}

#[test]
fn what_kubernetes_takes_down_itself_is_not_made_again() {
    let (tenant, mut observed) = asked();
    observed.contents = holding(&[("logs", 1)]);
    let mut foreground = tenant.clone();
    foreground
        .metadata
        .finalizers
        .as_mut()
        .unwrap()
        .push("foregroundDeletion".into());
    assert_eq!(plan(&foreground, &observed).steps, []);
    let mut paused = tenant.clone();
    paused.spec.paused = true;
    assert_eq!(plan(&paused, &observed).steps, []);
    observed.topology = Stored::Missing;
    assert_eq!(plan(&tenant, &observed).steps, [], "its namespace goes");
}

#[test]
fn a_write_that_fails_meanwhile_does_not_hide_what_a_person_must_do() {
    let (tenant, mut observed) = asked();
    observed.contents = holding(&[("logs", 1)]);
    let plan = plan(&tenant, &observed);
    let failure = Failure {
        reason: "ApiForbidden",
        message: "no right".into(),
        transient: false,
    };
    let outcome = Outcome {
        action: "apply Service store-api".into(),
        result: Err(failure),
    };
    let enacted = Enacted {
        outcomes: vec![outcome],
    };
    let status = status(&tenant, &observed, &plan, &enacted, now());
    let stalled = status
        .conditions
        .iter()
        .find(|found| found.type_ == STALLED)
        .unwrap();
    assert_eq!(stalled.reason, "DataFound");
}
