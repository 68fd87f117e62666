//! NetworkPolicies of Tenants: that they are made, kept and taken back. No network plugin enforces them here.

use std::sync::Arc;

use crds::Tenant;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::World;
use crate::hands::{recreated, restored};
use crate::support::objects;
use crate::support::pods::uids;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

fn asking(policy: &Value) -> Value {
    let mut tenant = objects::tenant();
    tenant["spec"]["networkPolicy"] = policy.clone();
    tenant
}

/// Waits until the policy is, or is not, what `fits` asks for.
async fn policy(space: &Space, what: &str, fits: impl Fn(Option<&Value>) -> bool) {
    until(what, SOON, || async {
        let all = space.list::<NetworkPolicy>().await;
        let found = all.iter().find(|policy| policy.name_any() == "store");
        let found = found.map(|policy| serde_json::to_value(policy).unwrap());
        if fits(found.as_ref()) {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await;
}

/// Ports with the number of peers of each rule.
fn rules(policy: &Value) -> Vec<(i64, usize)> {
    let rules = policy["spec"]["ingress"].as_array();
    let rules = rules.into_iter().flatten().map(|rule| {
        let peers = rule["from"].as_array().map_or(0, Vec::len);
        (rule["ports"][0]["port"].as_i64().unwrap_or_default(), peers)
    });
    rules.collect()
}

pub async fn a_store_lets_in_whom_it_names_and_goes_on_without_a_policy(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "network", &objects::tenant(), "p0").await;
    let servers = uids(&space).await;
    assert!(space.list::<NetworkPolicy>().await.is_empty());

    let guests = json!({
        "clients": [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"team": "shop"}}}],
        "console": [],
    });
    space.apply::<Tenant>("store", &asking(&guests)).await.unwrap();
    let asked = [(9000, 3), (9000, 2)];
    policy(&space, "a policy as asked for", |found| {
        found.is_some_and(|policy| rules(policy) == asked)
    })
    .await;

    let open = json!({"spec": {"ingress": [{}]}});
    restored::<NetworkPolicy>(&space, "store", open, |policy| rules(policy) == asked).await;
    recreated::<NetworkPolicy>(&space, "store").await;

    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    policy(&space, "the policy to be taken back", |found| found.is_none()).await;
    assert_eq!(uids(&space).await, servers, "no server was touched");
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_policy_that_is_refused_or_taken_keeps_nothing_else_from_being_done(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "refused", &objects::tenant(), "p0").await;
    let wrong = json!({"clients": [{"podSelector": {"matchLabels": {"team": "not a label"}}}]});
    space.apply::<Tenant>("store", &asking(&wrong)).await.unwrap();
    let stalled = |reason: &'static str| {
        let space = &space;
        async move {
            space
                .condition::<Tenant>("store", "Stalled", "True", reason, SOON)
                .await
        }
    };
    let message = stalled("ApiInvalid").await;
    assert!(message.contains("podSelector.matchLabels"), "{message}");

    let theirs = space
        .apply::<k8s_openapi::api::core::v1::ConfigMap>("their-owner", &json!({}))
        .await
        .unwrap();
    let owner = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "name": "their-owner", "uid": theirs.uid().unwrap(), "controller": true
    });
    let other = json!({"metadata": {"ownerReferences": [owner]}, "spec": {"podSelector": {}}});
    space.apply::<NetworkPolicy>("store", &other).await.unwrap();
    let mut right = asking(&json!({"clients": []}));
    right["spec"]["podMetadata"] = json!({"labels": {"team": "shop"}});
    space.apply::<Tenant>("store", &right).await.unwrap();
    let message = stalled("NameTaken").await;
    assert!(message.contains("NetworkPolicy"), "{message}");
    // The change that came with it reaches the servers all the same.
    until("every server to have the label", SOON, || async {
        let pods = space.list::<Pod>().await;
        let without = pods
            .iter()
            .filter(|pod| !pod.labels().contains_key("team"))
            .count();
        if pods.len() == 4 && without == 0 {
            Ok(())
        } else {
            Err(format!("{without} have not"))
        }
    })
    .await;
    let kept = space.get::<NetworkPolicy>("store").await.unwrap();
    assert!(kept.spec.unwrap().ingress.is_none(), "it stays theirs");
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    assert!(space.get::<NetworkPolicy>("store").await.is_ok());
    space.leave().await;
}
