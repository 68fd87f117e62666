//! Stores with a hook, and what becomes of its Job.

use std::collections::BTreeMap;

use crds::hook::HookOutcome;
use crds::names::LABEL_HOOK;
use crds::{Pool, Tenant};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::REPLACED;
use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

/// A hook whose Pod fits no node, and is not tried again.
pub(super) fn held(before: &str) -> Value {
    json!({
        "name": "backup", "before": [before], "retries": 0,
        "job": {"image": "backup:1", "nodeSelector": {"there-is": "no-such-node"}}
    })
}

pub(super) fn with(hook: Value) -> Value {
    let mut tenant = objects::tenant();
    tenant["spec"]["hooks"] = json!([hook]);
    tenant
}

/// A store with this hook that serves, with four servers in each Pool.
pub(super) async fn store(world: &World, prefix: &str, hook: Value, pools: &[&str]) -> Space {
    let space = Space::make(&world.cluster.admin, prefix).await;
    space.apply::<Tenant>("store", &with(hook)).await.unwrap();
    for pool in pools {
        space
            .apply::<Pool>(pool, &objects::pool("store", 4, 1))
            .await
            .unwrap();
    }
    space.ready::<Tenant>("store", SOON).await;
    for pool in pools {
        space.ready::<Pool>(pool, SOON).await;
    }
    space
}

pub(super) async fn the_job(space: &Space) -> Job {
    until("one Job", SOON, || async {
        let mut jobs = space.list::<Job>().await;
        match jobs.len() {
            1 => Ok(jobs.remove(0)),
            count => Err(format!("{count}")),
        }
    })
    .await
}

/// UIDs by name.
pub(super) async fn jobs(space: &Space) -> BTreeMap<String, String> {
    let jobs = space.list::<Job>().await.into_iter();
    jobs.filter_map(|job| Some((job.name_any(), job.uid()?)))
        .collect()
}

pub(super) async fn pod_of(space: &Space, job: &Job) -> Pod {
    until("the Pod of the Job", SOON, || async {
        let pods = space.list::<Pod>().await.into_iter();
        let mut own = pods.filter(|pod| {
            let owners = pod.owner_references().iter();
            owners
                .map(|owner| Some(owner.uid.clone()))
                .any(|uid| uid == job.uid())
        });
        own.next().ok_or_else(|| "there is none".to_owned())
    })
    .await
}

/// Lets the Pod of a Job end, as its kubelet would.
pub(super) async fn end(space: &Space, job: &Job, phase: &str) {
    let pod = pod_of(space, job).await.name_any();
    let change = json!({"status": {"phase": phase}});
    space
        .api::<Pod>()
        .patch_status(&pod, &PatchParams::default(), &Patch::Merge(&change))
        .await
        .unwrap();
}

pub(super) async fn remove(space: &Space, job: &Job) {
    let how = DeleteParams::background();
    space.api::<Job>().delete(&job.name_any(), &how).await.unwrap();
}

pub(super) fn is_server(pod: &Pod) -> bool {
    !pod.labels().contains_key(LABEL_HOOK)
}

pub(super) async fn uids(space: &Space) -> BTreeMap<String, String> {
    let pods = space.list::<Pod>().await.into_iter();
    pods.filter(is_server)
        .filter_map(|pod| Some((pod.name_any(), pod.uid()?)))
        .collect()
}

pub(super) async fn run(space: &Space, image: &str) -> usize {
    let pods = space.list::<Pod>().await.into_iter().filter(is_server);
    pods.filter_map(|pod| pod.spec?.containers.into_iter().next())
        .filter(|container| container.image.as_deref() == Some(image))
        .count()
}

pub(super) async fn everywhere(space: &Space, image: &str) {
    until("every server to run the new image", REPLACED, || async {
        match run(space, image).await {
            4 => Ok(()),
            count => Err(format!("{count} of 4")),
        }
    })
    .await;
}

pub(super) async fn outcomes(space: &Space) -> Vec<HookOutcome> {
    let tenant = space.get::<Tenant>("store").await.unwrap();
    let hooks = tenant.status.unwrap().hooks.into_iter();
    hooks.map(|run| run.outcome).collect()
}

pub(super) async fn made_again(space: &Space, job: &Job) -> Job {
    until("the Job to be made again", SOON, || async {
        let again = space.get::<Job>(&job.name_any()).await?;
        match again.uid() == job.uid() {
            true => Err("it is the old one".to_owned()),
            false => Ok(again),
        }
    })
    .await
}
