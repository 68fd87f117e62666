//! A store that is looked after: keys of its own that change, objects that are spread, hooks before what cannot be undone.

use std::sync::Arc;

use crds::names::{LABEL_HOOK, LABEL_TENANT};
use crds::{Pool, Tenant};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{PATIENTLY, apply_pool, apply_tenant, drained, joined, nothing_left, settled};
use crate::lane::Lane;
use crate::support::wait::until;

pub(super) async fn store_with_keys_and_hooks(lane: Arc<Lane>) {
    give(&lane, "the-first-secret").await;
    apply_tenant(&lane, spec("Never")).await;
    apply_pool(&lane, "p0", json!({})).await;
    settled(&lane, &["p0"]).await;
}

pub(super) async fn rotate_root_keys(lane: Arc<Lane>) {
    give(&lane, "the-second-secret").await;
    until("clients to meet the new pair", PATIENTLY, || async {
        let tenant = lane.space.get::<Tenant>("store").await?;
        let told = tenant.status.and_then(|status| status.credentials);
        match told {
            Some(told) if told.serving_secret_name == "store-credentials-r2" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    lane.space.gone::<Secret>("store-credentials-r1", PATIENTLY).await;
    settled(&lane, &["p0"]).await;
}

pub(super) async fn join_and_spread_objects(lane: Arc<Lane>) {
    lane.ground
        .servers
        .rebalances(&lane.space.name, "store", "go")
        .await;
    apply_tenant(&lane, spec("AfterJoin")).await;
    apply_pool(&lane, "p1", json!({})).await;
    joined(&lane, "p1", "True", "Joined").await;
    lane.space
        .condition::<Tenant>("store", "Balanced", "True", "Complete", PATIENTLY)
        .await;
    settled(&lane, &["p0", "p1"]).await;
}

pub(super) async fn drain_after_a_hook(lane: Arc<Lane>) {
    lane.ground.servers.drains(&lane.space.name, "store", "go").await;
    let before = jobs(&lane).await;
    apply_pool(&lane, "p1", json!({"state": "Decommissioned"})).await;
    drained(&lane, "False", "HookRunning").await;
    hook_ends(&lane, &before).await;
    drained(&lane, "True", "Left").await;
    settled(&lane, &["p0", "p1"]).await;
    lane.space.delete::<Pool>("p1").await;
    lane.space.gone::<Pool>("p1", PATIENTLY).await;
    settled(&lane, &["p0"]).await;
}

pub(super) async fn delete_after_a_hook(lane: Arc<Lane>) {
    let before = jobs(&lane).await;
    lane.space.delete::<Tenant>("store").await;
    lane.space
        .condition::<Tenant>("store", "DeletionAllowed", "False", "HookRunning", PATIENTLY)
        .await;
    hook_ends(&lane, &before).await;
    nothing_left(&lane).await;
}

/// With a hook whose Pod fits no node, so that the scenario says when it ends.
fn spec(rebalance: &str) -> Value {
    json!({
        "credentialsSecretRef": {"name": "keys"},
        "rebalance": rebalance,
        "hooks": [{
            "name": "backup", "before": ["Drain", "Deletion"], "retries": 0,
            "job": {"image": "backup:1", "nodeSelector": {"there-is": "no-such-node"}},
        }],
    })
}

async fn give(lane: &Lane, secret: &str) {
    // With the label a change is noticed at once.
    let keys = json!({
        "metadata": {"labels": {LABEL_TENANT: "store"}},
        "stringData": {"accesskey": "someone", "secretkey": secret},
    });
    lane.space
        .apply::<Secret>("keys", &keys)
        .await
        .expect("it is a Secret");
}

async fn jobs(lane: &Lane) -> Vec<String> {
    let jobs = lane.space.list::<Job>().await;
    jobs.iter().map(ResourceExt::name_any).collect()
}

/// Lets the Pod of a Job that was not there before end, as its kubelet would. The Tenant may say that it runs before the
/// API server has taken it.
async fn hook_ends(lane: &Lane, before: &[String]) {
    let change = Patch::Merge(json!({"status": {"phase": "Succeeded"}}));
    until("the hook to complete", PATIENTLY, || async {
        let pods = lane.space.list::<Pod>().await;
        let waits = |pod: &&Pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            pod.labels().contains_key(LABEL_HOOK) && phase == Some("Pending")
        };
        for pod in pods.iter().filter(waits) {
            let name = pod.name_any();
            let pods = lane.space.api::<Pod>();
            let _ = pods.patch_status(&name, &PatchParams::default(), &change).await;
        }
        let jobs = lane.space.list::<Job>().await;
        let new = jobs.iter().find(|job| !before.contains(&job.name_any()));
        let status = new
            .ok_or("there is no new Job")?
            .status
            .clone()
            .unwrap_or_default();
        match status.completion_time {
            Some(_) => Ok(()),
            None => Err(format!("it runs: {status:?}")),
        }
    })
    .await;
}
