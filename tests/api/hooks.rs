//! Jobs that run before a deletion, a drain and an upgrade, made by the real Job controller. The Pods of those that are
//! held fit no node, so that a test says how they end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crds::hook::HookOutcome;
use crds::names::{LABEL_HOOK, LABEL_TENANT};
use crds::{Pool, Tenant};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::World;
use crate::support::audit::Audit;
use crate::support::objects;
use crate::support::operator::{How, Operator};
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

const NEW: &str = "rustfs/rustfs:next";
/// A drain or a roll of several servers.
const REPLACED: Duration = Duration::from_secs(180);

pub async fn a_store_is_taken_down_only_once_its_hook_has_completed(world: Arc<World>) {
    let mut shared = world.operator.write().await;
    shared.take();
    let how = How {
        kubeconfig: world.kubeconfig.clone(),
        identity: "hooked".to_owned(),
        arguments: vec![],
        environment: vec![],
    };
    let mut operator = Operator::start(&world.cluster, &how).await;
    let space = store(&world, "goodbye", held("Deletion"), &["p0"]).await;
    space.delete::<Tenant>("store").await;
    // In the very moment in which it is started, and later.
    for delay in [0, 30, 100] {
        tokio::time::sleep(Duration::from_millis(delay)).await;
        operator.process.kill();
        operator = Operator::start(&world.cluster, &how).await;
        operator.ready(SOON).await;
    }
    let message = space
        .condition::<Tenant>("store", "DeletionAllowed", "False", "HookRunning", SOON)
        .await;
    let job = the_job(&space).await;
    assert!(message.contains(&job.name_any()), "{message}");
    let made = Audit::from_start(&world.cluster);
    let made = made.writes_in(&space.name);
    let made = made.iter().filter(|request| request.resource == "jobs");
    println!("requests to make the Job, with three crashes: {}", made.count());
    let pod = pod_of(&space, &job).await;
    assert!(
        !pod.labels().contains_key(LABEL_TENANT),
        "it is not taken for a server"
    );
    assert_eq!(space.list::<Pod>().await.len(), 5);

    let quiet = Audit::from_now(&world.cluster);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let writes = quiet.writes_in(&space.name);
    assert!(writes.is_empty(), "while the hook runs: {writes:?}");

    remove(&space, &job).await;
    let again = until("the Job to be made again", SOON, || async {
        let again = space.get::<Job>(&job.name_any()).await?;
        match again.uid() == job.uid() {
            true => Err("it is the old one".to_owned()),
            false => Ok(again),
        }
    })
    .await;
    assert!(space.get::<Tenant>("store").await.is_ok(), "it has not completed");
    end(&space, &again, "Succeeded").await;
    space.gone::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_hook_that_misses_its_deadline_keeps_the_store_until_it_is_removed(world: Arc<World>) {
    let _operator = world.running().await;
    let mut hook = held("Deletion");
    hook["deadlineSeconds"] = json!(10);
    let space = store(&world, "late", hook, &["p0"]).await;
    space.delete::<Tenant>("store").await;
    let message = space
        .condition::<Tenant>("store", "DeletionAllowed", "False", "HookFailed", SOON)
        .await;
    let job = the_job(&space).await.name_any();
    for part in [
        "DeadlineExceeded".to_owned(),
        format!("kubectl -n {} logs job/{job}", space.name),
        format!("kubectl -n {} delete job {job}", space.name),
        "set its failurePolicy to Ignore".to_owned(),
    ] {
        assert!(message.contains(&part), "{part}: {message}");
    }
    space
        .condition::<Tenant>("store", "Stalled", "True", "HookFailed", SOON)
        .await;
    let servers = space.list::<Pod>().await;
    assert_eq!(servers.iter().filter(|pod| is_server(pod)).count(), 4);
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space.gone::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_pool_is_drained_only_once_its_hook_has_completed(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "hookdrain", held("Drain"), &["p0", "p1"]).await;
    let servers = world.servers().await;
    let element = format!("p1-{{0...3}}.store-hl.{}.", space.name);
    let before = uids(&space).await;
    let mut pool = objects::pool("store", 4, 1);
    pool["spec"]["state"] = json!("Decommissioned");
    space.apply::<Pool>("p1", &pool).await.unwrap();
    space
        .condition::<Pool>("p1", "Drained", "False", "HookRunning", SOON)
        .await;
    let job = the_job(&space).await;
    let environment = pod_of(&space, &job).await.spec.unwrap().containers.remove(0).env;
    let pool = environment
        .unwrap()
        .into_iter()
        .find(|one| one.name == "RUSTFS_POOL");
    assert_eq!(pool.unwrap().value.as_deref(), Some("p1"));

    end(&space, &job, "Failed").await;
    let message = space
        .condition::<Pool>("p1", "Stalled", "True", "HookFailed", SOON)
        .await;
    assert!(message.contains("BackoffLimitExceeded"), "{message}");
    assert_eq!(servers.starts(&element).await, 0);
    assert_eq!(uids(&space).await, before, "no server was touched");
    space.ready::<Tenant>("store", SOON).await;

    remove(&space, &job).await;
    let again = until("the Job to be made again", SOON, || async {
        let again = space.get::<Job>(&job.name_any()).await?;
        match again.uid() == job.uid() {
            true => Err("it is the old one".to_owned()),
            false => Ok(again),
        }
    })
    .await;
    end(&space, &again, "Succeeded").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    assert_eq!(servers.starts(&element).await, 1);
    space.ready::<Tenant>("store", REPLACED).await;
    assert_eq!(space.list::<Job>().await.len(), 1);
    space.leave().await;
}

pub async fn no_server_takes_another_image_before_the_hook_has_completed(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "hookroll", held("Upgrade"), &["p0"]).await;
    let before = uids(&space).await;
    let mut tenant = with(held("Upgrade"));
    tenant["spec"]["image"] = json!(NEW);
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    space
        .condition::<Tenant>("store", "RolledOut", "False", "HookRunning", SOON)
        .await;
    space
        .condition::<Pool>("p0", "WorkloadReady", "False", "UpgradeWaits", SOON)
        .await;
    assert_eq!(uids(&space).await, before, "no server was touched");
    space.delete::<Pod>("store-p0-3").await;
    until("the lost server to come back", SOON, || async {
        match space.get::<Pod>("store-p0-3").await {
            Ok(pod) if pod.uid().as_ref() != before.get("store-p0-3") => Ok(()),
            _ => Err("it is gone, or the old one".to_owned()),
        }
    })
    .await;
    assert_eq!(run(&space, NEW).await, 0, "it comes back as it was");
    let job = the_job(&space).await;
    end(&space, &job, "Succeeded").await;
    everywhere(&space, NEW).await;
    space.ready::<Tenant>("store", SOON).await;
    assert_eq!(outcomes(&space).await, [HookOutcome::Succeeded]);

    // Cleaned up, it does not run again.
    remove(&space, &job).await;
    tenant["spec"]["env"] = json!([{"name": "RUSTFS_REGION", "value": "eu-1"}]);
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    space
        .condition::<Tenant>("store", "RolledOut", "False", "RollingOut", SOON)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    assert!(space.list::<Job>().await.is_empty(), "the image stays");
    space.leave().await;
}

pub async fn a_hook_that_may_fail_holds_nothing_up(world: Arc<World>) {
    let _operator = world.running().await;
    let mut may_fail = held("Upgrade");
    may_fail["failurePolicy"] = json!("Ignore");
    let space = store(&world, "ignored", may_fail.clone(), &["p0"]).await;
    let mut tenant = with(may_fail);
    tenant["spec"]["image"] = json!(NEW);
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    let job = the_job(&space).await;
    end(&space, &job, "Failed").await;
    everywhere(&space, NEW).await;
    space.ready::<Tenant>("store", SOON).await;
    assert_eq!(outcomes(&space).await, [HookOutcome::Ignored]);

    // One that fits a node runs to its end by itself.
    let hook = json!({"name": "farewell", "before": ["Deletion"], "job": {"image": "backup:1"}});
    let mut tenant = with(hook);
    tenant["spec"]["image"] = json!(NEW);
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", SOON).await;
    let left = space.list::<Job>().await;
    println!("Jobs that wait for the garbage collector: {}", left.len());
    space.leave().await;
}

/// A hook whose Pod fits no node, and is not tried again.
fn held(before: &str) -> Value {
    json!({
        "name": "backup", "before": [before], "retries": 0,
        "job": {"image": "backup:1", "nodeSelector": {"there-is": "no-such-node"}}
    })
}

fn with(hook: Value) -> Value {
    let mut tenant = objects::tenant();
    tenant["spec"]["hooks"] = json!([hook]);
    tenant
}

/// A store with this hook that serves, with four servers in each Pool.
async fn store(world: &World, prefix: &str, hook: Value, pools: &[&str]) -> Space {
    world.servers().await;
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

async fn the_job(space: &Space) -> Job {
    until("one Job", SOON, || async {
        let mut jobs = space.list::<Job>().await;
        match jobs.len() {
            1 => Ok(jobs.remove(0)),
            count => Err(format!("{count}")),
        }
    })
    .await
}

async fn pod_of(space: &Space, job: &Job) -> Pod {
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
async fn end(space: &Space, job: &Job, phase: &str) {
    let pod = pod_of(space, job).await.name_any();
    let change = json!({"status": {"phase": phase}});
    space
        .api::<Pod>()
        .patch_status(&pod, &PatchParams::default(), &Patch::Merge(&change))
        .await
        .unwrap();
}

async fn remove(space: &Space, job: &Job) {
    let how = DeleteParams::background();
    space.api::<Job>().delete(&job.name_any(), &how).await.unwrap();
}

fn is_server(pod: &Pod) -> bool {
    !pod.labels().contains_key(LABEL_HOOK)
}

async fn uids(space: &Space) -> BTreeMap<String, String> {
    let pods = space.list::<Pod>().await.into_iter();
    pods.filter(is_server)
        .filter_map(|pod| Some((pod.name_any(), pod.uid()?)))
        .collect()
}

async fn run(space: &Space, image: &str) -> usize {
    let pods = space.list::<Pod>().await.into_iter().filter(is_server);
    pods.filter_map(|pod| pod.spec?.containers.into_iter().next())
        .filter(|container| container.image.as_deref() == Some(image))
        .count()
}

async fn everywhere(space: &Space, image: &str) {
    until("every server to run the new image", REPLACED, || async {
        match run(space, image).await {
            4 => Ok(()),
            count => Err(format!("{count} of 4")),
        }
    })
    .await;
}

async fn outcomes(space: &Space) -> Vec<HookOutcome> {
    let tenant = space.get::<Tenant>("store").await.unwrap();
    let hooks = tenant.status.unwrap().hooks.into_iter();
    hooks.map(|run| run.outcome).collect()
}
