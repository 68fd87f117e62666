mod figures;

use std::time::Duration;

use crds::conditions::{COLLECTING, READY, RECONCILING, STALLED, TARGETS_READY, TENANT_FOUND};
use crds::{Tenant, TenantMonitor, TenantMonitorStatus};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::step::{Enacted, Failure, Outcome};

fn monitor(spec: serde_json::Value) -> TenantMonitor {
    let mut all = json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "TenantMonitor",
        "metadata": {"name": "watcher", "namespace": "shop", "uid": "m-1", "generation": 3},
        "spec": {"tenantRef": {"name": "store"}},
    });
    for (key, value) in spec.as_object().unwrap() {
        all["spec"][key] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn tenant(spec: serde_json::Value) -> Tenant {
    serde_json::from_value(json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant",
        "metadata": {"name": "store", "namespace": "shop", "uid": "t-1"}, "spec": spec,
    }))
    .unwrap()
}

fn served() -> Presence {
    Presence {
        served: true,
        own: None,
    }
}

fn made(name: &str) -> Presence {
    let own = Target {
        name: name.into(),
        uid: "seen".into(),
        ..Target::default()
    };
    Presence {
        served: true,
        own: Some(own),
    }
}

fn observed() -> Observed {
    Observed {
        tenant: Some(tenant(json!({}))),
        service_monitor: served(),
        prometheus_rule: served(),
        collection: Collection::Answering,
        ..Observed::default()
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn report(monitor: &TenantMonitor, observed: &Observed, enacted: &Enacted) -> TenantMonitorStatus {
    let plan = plan(monitor, observed, now());
    status(monitor, observed, &plan, enacted, now())
}

fn says(status: &TenantMonitorStatus, type_: &str) -> (String, String) {
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_)
        .unwrap();
    (found.status.clone(), found.reason.clone())
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn a_served_cluster_gets_both_objects_and_is_ready() {
    let monitor = monitor(json!({}));
    let plan = plan(&monitor, &observed(), now());
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(plan.collect, Some(Duration::from_secs(30)));
    assert_eq!(plan.requeue, None);
    let status = report(&monitor, &observed(), &Enacted::default());
    assert_eq!(says(&status, READY), pair("True", "Ready"));
    assert_eq!(
        status.metrics_path.as_deref(),
        Some("/metrics/tenants/shop/watcher")
    );
    assert_eq!(status.observed_generation, Some(3));
}

#[test]
fn a_missing_tenant_is_waited_for_and_nothing_is_written() {
    let monitor = monitor(json!({}));
    let observed = Observed {
        tenant: None,
        ..observed()
    };
    assert_eq!(plan(&monitor, &observed, now()).steps, vec![]);
    let status = report(&monitor, &observed, &Enacted::default());
    assert_eq!(says(&status, TENANT_FOUND), pair("False", "TenantMissing"));
    assert_eq!(says(&status, RECONCILING), pair("True", "TenantMissing"));
    assert_eq!(says(&status, STALLED).0, "False");
}

#[test]
fn without_the_prometheus_operator_it_waits_says_so_and_still_collects() {
    let monitor = monitor(json!({}));
    let observed = Observed {
        service_monitor: Presence::default(),
        prometheus_rule: Presence::default(),
        ..observed()
    };
    let plan = plan(&monitor, &observed, now());
    assert_eq!(plan.steps, vec![]);
    assert_eq!(plan.collect, Some(Duration::from_secs(30)));
    assert_eq!(plan.requeue, Some(Duration::from_secs(30)));
    let status = report(&monitor, &observed, &Enacted::default());
    assert_eq!(
        says(&status, TARGETS_READY),
        pair("False", "PrometheusOperatorMissing")
    );
    assert_eq!(
        says(&status, RECONCILING),
        pair("True", "PrometheusOperatorMissing")
    );
    assert_eq!(says(&status, COLLECTING), pair("True", "Answering"));
}

#[test]
fn without_the_prometheus_operator_a_monitor_that_asks_for_nothing_is_ready() {
    let monitor = monitor(json!({"serviceMonitor": {"enabled": false}, "rules": {"enabled": false}}));
    let observed = Observed {
        service_monitor: Presence::default(),
        prometheus_rule: Presence::default(),
        ..observed()
    };
    let status = report(&monitor, &observed, &Enacted::default());
    assert_eq!(says(&status, TARGETS_READY), pair("True", "TurnedOff"));
    assert_eq!(says(&status, READY), pair("True", "Ready"));
}

#[test]
fn what_is_turned_off_is_deleted_by_its_uid_only_if_it_is_ours() {
    let monitor = monitor(json!({"rules": {"enabled": false}}));
    let ours = Observed {
        prometheus_rule: made("watcher"),
        ..observed()
    };
    let steps = plan(&monitor, &ours, now()).steps;
    assert!(
        matches!(&steps[1], Step::Delete(target, _) if target.uid == "seen"),
        "{steps:?}"
    );
    assert_eq!(
        plan(&monitor, &observed(), now()).steps.len(),
        1,
        "a stranger's is left alone"
    );
}

#[test]
fn a_paused_tenant_writes_nothing_to_children_and_is_still_read() {
    let monitor = monitor(json!({}));
    let observed = Observed {
        tenant: Some(tenant(json!({"paused": true}))),
        ..observed()
    };
    let plan = plan(&monitor, &observed, now());
    assert_eq!(plan.steps, vec![]);
    assert!(plan.collect.is_some());
    let status = report(&monitor, &observed, &Enacted::default());
    assert_eq!(says(&status, RECONCILING), pair("True", "Paused"));
    assert_eq!(says(&status, TARGETS_READY), pair("False", "Paused"));
}

#[test]
fn a_tenant_on_its_way_out_is_neither_read_nor_given_objects() {
    let monitor = monitor(json!({}));
    let mut going = tenant(json!({}));
    going.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    let waiting = Observed {
        tenant: Some(going.clone()),
        ..observed()
    };
    assert!(
        plan(&monitor, &waiting, now()).collect.is_some(),
        "a store that may not go yet is watched as before"
    );
    let allowed = crate::condition::yes(crds::conditions::DELETION_ALLOWED, "Confirmed", "by a person");
    going.status.get_or_insert_default().conditions = crate::condition::merge(&[], [allowed], None, now());
    let observed = Observed {
        tenant: Some(going),
        ..observed()
    };
    let plan = plan(&monitor, &observed, now());
    assert_eq!((plan.steps.len(), plan.collect), (0, None));
    let status = report(&monitor, &observed, &Enacted::default());
    assert_eq!(says(&status, COLLECTING), pair("False", "TenantDeleting"));
}

#[test]
fn a_store_that_does_not_answer_is_not_ready_and_says_why() {
    let monitor = monitor(json!({}));
    let collection = Collection::Failing {
        reason: "Unreachable",
        message: "no answer".into(),
    };
    let observed = Observed {
        collection,
        ..observed()
    };
    let status = report(&monitor, &observed, &Enacted::default());
    assert_eq!(says(&status, COLLECTING), pair("False", "Unreachable"));
    assert_eq!(says(&status, READY), pair("False", "Unreachable"));
    assert_eq!(says(&status, TARGETS_READY).0, "True");
}

#[test]
fn a_restarted_operator_reports_the_last_verdict_until_it_has_read() {
    let mut monitor = monitor(json!({}));
    let unread = Observed {
        collection: Collection::Pending,
        ..observed()
    };
    assert_eq!(
        says(&report(&monitor, &unread, &Enacted::default()), COLLECTING),
        pair("False", "Pending")
    );
    let before = report(&monitor, &observed(), &Enacted::default());
    monitor.status = Some(before.clone());
    assert_eq!(report(&monitor, &unread, &Enacted::default()), before);
}

#[test]
fn an_interval_that_cannot_be_read_stalls_with_the_fields_path() {
    let monitor = monitor(json!({"interval": "soon"}));
    let status = report(&monitor, &observed(), &Enacted::default());
    assert_eq!(says(&status, STALLED), pair("True", "InvalidSpec"));
    let message = &status
        .conditions
        .iter()
        .find(|c| c.type_ == STALLED)
        .unwrap()
        .message;
    assert!(message.starts_with("spec.interval"), "{message}");
}

#[test]
fn a_failed_write_is_the_reason_of_targets_and_of_the_whole() {
    let failure = Failure {
        reason: "NameTaken",
        message: "someone else's".into(),
        transient: false,
    };
    let outcomes = vec![Outcome {
        action: "apply".into(),
        result: Err(failure),
    }];
    let status = report(&monitor(json!({})), &observed(), &Enacted { outcomes });
    assert_eq!(says(&status, TARGETS_READY), pair("False", "NameTaken"));
    assert_eq!(says(&status, STALLED), pair("True", "NameTaken"));
}

#[test]
fn intervals_are_read_as_go_writes_them() {
    let table = [
        (None, Some(30)),
        (Some("30s"), Some(30)),
        (Some("1m30s"), Some(90)),
        (Some("1h"), Some(3600)),
        (Some("1.5m"), Some(90)),
        (Some("4s"), None),
        (Some("2h"), None),
        (Some(""), None),
        (Some("30"), None),
        (Some("s"), None),
        (Some("1e3s"), None),
    ];
    for (text, seconds) in table {
        assert_eq!(
            interval::parse(text).ok().map(|d| d.as_secs()),
            seconds,
            "{text:?}"
        );
    }
}

#[test]
fn the_objects_for_prometheus_are_as_reviewed() {
    let monitor = monitor(json!({
        "interval": "90s",
        "serviceMonitor": {"labels": {"release": "prometheus", "app.kubernetes.io/name": "mine"}},
        "rules": {"labels": {"release": "prometheus"}, "freeCapacityPercent": 20},
    }));
    let built: Vec<_> = plan(&monitor, &observed(), now())
        .steps
        .into_iter()
        .map(|step| match step {
            Step::Apply(child) => match *child {
                Child::Dynamic(object) => object,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect();
    insta::assert_yaml_snapshot!(built);
}

#[test]
fn every_alert_has_a_place_in_the_runbook() {
    let text = include_str!("../../../../../docs/monitoring.md");
    for alert in alerts::all(&monitor(json!({})), Duration::from_secs(30)) {
        assert!(
            text.contains(&format!("\n### {}\n", alert.name)),
            "{}",
            alert.name
        );
    }
}

proptest! {
    #[test]
    fn a_status_written_twice_is_the_same(paused: bool, sm_served: bool, rule_served: bool, sm: bool, rules: bool) {
        let mut monitor = monitor(json!({"serviceMonitor": {"enabled": sm}, "rules": {"enabled": rules}}));
        let observed = Observed {
            tenant: Some(tenant(json!({"paused": paused}))),
            service_monitor: Presence { served: sm_served, own: None },
            prometheus_rule: Presence { served: rule_served, own: None },
            ..observed()
        };
        let first = report(&monitor, &observed, &Enacted::default());
        prop_assert_eq!(first.conditions.len(), 6);
        monitor.status = Some(first.clone());
        let later = now().checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
        let plan = plan(&monitor, &observed, later);
        prop_assert_eq!(first, status(&monitor, &observed, &plan, &Enacted::default(), later));
    }
}
