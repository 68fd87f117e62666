//! Who is let in by the NetworkPolicy of a Tenant.

use std::sync::Arc;

use crds::Tenant;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyIngressRule};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::PartialObjectMeta;
use serde_json::{Value, json};

use super::super::{Observed, plan};
use super::world::*;
use crate::meta;
use crate::step::{Child, Step, Target};

fn asking(policy: Value) -> Tenant {
    let mut tenant = tenant();
    tenant.spec.network_policy = Some(serde_json::from_value(policy).unwrap());
    tenant
}

fn made(steps: &[Step]) -> Option<&NetworkPolicy> {
    steps.iter().find_map(|step| match step {
        Step::Apply(child) => match child.as_ref() {
            Child::NetworkPolicy(policy) => Some(policy),
            _ => None,
        },
        _ => None,
    })
}

/// Whom the rules let in beyond those who always get in, as port and peer.
fn guests(policy: Value) -> Vec<(i32, Value)> {
    let plan = plan(&asking(policy), &with_pools([pool("p0", 4, 1)]));
    let policy = made(&plan.steps).unwrap();
    let rules = policy.spec.as_ref().unwrap().ingress.clone().unwrap();
    assert!(
        rules.iter().all(names_somebody),
        "a rule without peers lets everybody in"
    );
    let guests = rules.iter().skip(1);
    guests
        .flat_map(|rule| {
            let Some(IntOrString::Int(port)) = rule.ports.as_ref().unwrap()[0].port else {
                panic!("the port is a number")
            };
            let peers = rule.from.iter().flatten();
            peers.map(move |peer| (port, serde_json::to_value(peer).unwrap()))
        })
        .collect()
}

fn names_somebody(rule: &NetworkPolicyIngressRule) -> bool {
    rule.from.as_ref().is_some_and(|from| !from.is_empty())
}

#[test]
fn servers_the_operator_and_hooks_always_get_in_to_the_api() {
    let mut observed = with_pools([pool("p0", 4, 1)]);
    let mut settings = observed.settings.as_ref().clone();
    settings.operator_namespace = "elsewhere".to_owned();
    observed.settings = Arc::new(settings);
    let plan = plan(&asking(json!({"clients": []})), &observed);
    insta::assert_yaml_snapshot!(made(&plan.steps));
}

#[test]
fn the_console_has_the_guests_of_the_api_unless_it_names_its_own() {
    let (shops, office) = (
        json!({"namespaceSelector": {"matchLabels": {"team": "shop"}}, "podSelector": {}}),
        json!({"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}}),
    );
    assert_eq!(
        guests(json!({"clients": [shops]})),
        [(9000, shops.clone()), (9001, shops.clone())]
    );
    assert_eq!(
        guests(json!({"clients": [shops], "console": [office]})),
        [(9000, shops.clone()), (9001, office)]
    );
    assert_eq!(
        guests(json!({"clients": [shops], "console": []})),
        [(9000, shops)]
    );
}

#[test]
fn a_list_that_names_nobody_lets_nobody_in() {
    assert_eq!(guests(json!({"clients": []})), []);
}

fn with_policy(mut observed: Observed, owner: &Tenant) -> Observed {
    let metadata = json!({
        "name": "store", "namespace": "shop", "uid": "policy-uid", "resourceVersion": "7",
        "ownerReferences": [meta::owner(owner)],
    });
    let policy = PartialObjectMeta {
        types: None,
        metadata: serde_json::from_value(metadata).unwrap(),
        _phantom: std::marker::PhantomData,
    };
    observed.network_policy = Some(Arc::new(policy));
    observed
}

fn deleted(tenant: &Tenant, observed: &Observed) -> Vec<Target> {
    let steps = plan(tenant, observed).steps.into_iter();
    steps
        .filter_map(|step| match step {
            Step::Delete(target, why) if why.reason == "TurnedOff" => Some(target),
            _ => None,
        })
        .collect()
}

#[test]
fn a_policy_that_is_not_asked_for_any_more_is_deleted_as_it_was_seen() {
    let tenant = tenant();
    let observed = with_policy(with_pools([pool("p0", 4, 1)]), &tenant);
    let target = deleted(&tenant, &observed).remove(0);
    assert_eq!(
        (
            target.kind.as_str(),
            target.uid.as_str(),
            target.resource_version.as_deref()
        ),
        ("NetworkPolicy", "policy-uid", Some("7"))
    );
    assert!(deleted(&asking(json!({"clients": []})), &observed).is_empty());
    assert_eq!(
        deleted(&asking(json!({})), &observed).len(),
        1,
        "empty is as absent"
    );
}

#[test]
fn a_policy_of_somebody_else_and_one_of_a_paused_tenant_stay() {
    let mut other = tenant();
    other.metadata.uid = Some("other".to_owned());
    let observed = with_policy(with_pools([pool("p0", 4, 1)]), &other);
    assert!(deleted(&tenant(), &observed).is_empty());
    let mut paused = tenant();
    paused.spec.paused = true;
    let observed = with_policy(with_pools([pool("p0", 4, 1)]), &paused);
    assert!(deleted(&paused, &observed).is_empty());
}

#[test]
fn a_tenant_that_asks_for_none_has_none() {
    let plan = plan(&tenant(), &with_pools([pool("p0", 4, 1)]));
    assert!(made(&plan.steps).is_none());
}
