//! Jobs that run before a deletion, a drain and an upgrade, made by the real Job controller. The Pods of those that are
//! held fit no node, so that a test says how they end.

mod held;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crds::hook::HookOutcome;
use crds::names::LABEL_TENANT;
use crds::{Pool, Tenant};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::World;
use crate::support::audit::Audit;
use crate::support::objects;
use crate::support::space::{Space, condition, conditions};
use crate::support::wait::{SOON, until};
use held::{
    end, everywhere, held, is_server, jobs, made_again, outcomes, pod_of, remove, run, store, the_job, uids,
    with,
};

const NEW: &str = "rustfs/rustfs:next";
/// A drain or a roll of several servers.
const REPLACED: Duration = Duration::from_secs(180);

pub async fn a_store_is_taken_down_only_once_its_hook_has_completed(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "goodbye", held("Deletion"), &["p0"]).await;
    space.delete::<Tenant>("store").await;
    let message = space
        .condition::<Tenant>("store", "DeletionAllowed", "False", "HookRunning", SOON)
        .await;
    let job = the_job(&space).await;
    assert!(message.contains(&job.name_any()), "{message}");
    let pod = pod_of(&space, &job).await;
    assert!(
        !pod.labels().contains_key(LABEL_TENANT),
        "it is not taken for a server"
    );
    assert_eq!(space.list::<Pod>().await.len(), 5);

    let quiet = Audit::at_rest(&world.cluster, &space.name).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let writes = quiet.writes_in(&space.name);
    assert!(writes.is_empty(), "while the hook runs: {writes:?}");

    remove(&space, &job).await;
    let again = made_again(&space, &job).await;
    assert!(space.get::<Tenant>("store").await.is_ok(), "it has not completed");
    end(&space, &again, "Succeeded").await;
    space.gone::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn killed_while_hooks_are_started_it_starts_each_of_them_once(world: Arc<World>) {
    let _shared = world.stopped().await;
    let space = Space::make(&world.cluster.admin, "hookcrash").await;
    let mut operator = world.own(&space).await;
    let stores: Vec<String> = (0..8).map(|number| format!("store-{number}")).collect();
    let goes = |number: usize| number.is_multiple_of(2);
    let tenant = |number: usize| with(held(if goes(number) { "Deletion" } else { "Upgrade" }));
    for (number, name) in stores.iter().enumerate() {
        space.apply::<Tenant>(name, &tenant(number)).await.unwrap();
        let pool = objects::pool(name, 2, 1);
        space.apply::<Pool>(&format!("p{number}"), &pool).await.unwrap();
    }
    for name in &stores {
        space.ready::<Tenant>(name, REPLACED).await;
    }
    // So that the crash finds some whose Job is made, and some at any step before.
    for (number, name) in stores.iter().enumerate() {
        if number == stores.len() / 2 {
            until("the first Jobs", SOON, || async {
                match jobs(&space).await.len() {
                    0..=2 => Err("there are fewer than three".to_owned()),
                    _ => Ok(()),
                }
            })
            .await;
        }
        if goes(number) {
            space.delete::<Tenant>(name).await;
        } else {
            let mut next = tenant(number);
            next["spec"]["image"] = json!(NEW);
            space.apply::<Tenant>(name, &next).await.unwrap();
        }
    }
    operator.process.kill();
    let before: BTreeMap<String, String> = jobs(&space).await;
    println!("Jobs made before the crash: {} of {}", before.len(), stores.len());
    let _again = world.own(&space).await;
    for (number, name) in stores.iter().enumerate() {
        let type_ = if goes(number) {
            "DeletionAllowed"
        } else {
            "RolledOut"
        };
        space
            .condition::<Tenant>(name, type_, "False", "HookRunning", SOON)
            .await;
    }
    // One whose start failed is started again, after it was told.
    let after = until("every hook to have its Job", SOON, || async {
        let jobs = jobs(&space).await;
        if jobs.len() == stores.len() {
            Ok(jobs)
        } else {
            Err(format!("{jobs:?}"))
        }
    })
    .await;
    for (name, uid) in &before {
        assert_eq!(after.get(name), Some(uid), "the one that was made runs on");
    }
    for job in space.list::<Job>().await {
        end(&space, &job, "Succeeded").await;
    }
    for (number, name) in stores.iter().enumerate() {
        if goes(number) {
            space.gone::<Tenant>(name, SOON).await;
        } else {
            space
                .condition::<Tenant>(name, "RolledOut", "True", "Complete", REPLACED)
                .await;
        }
    }
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
    let servers = &world.servers;
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
    let again = made_again(&space, &job).await;
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

pub async fn a_namespace_that_goes_waits_until_the_hook_that_cannot_run_is_removed(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "hookspace", held("Deletion"), &["p0"]).await;
    let namespaces: Api<Namespace> = Api::all(space.client.clone());
    namespaces
        .delete(&space.name, &DeleteParams::default())
        .await
        .unwrap();
    until("the API server's refusal to be told", SOON, || async {
        let tenant = space.get::<Tenant>("store").await?;
        let value = serde_json::to_value(&tenant).map_err(|error| error.to_string())?;
        let (_, _, message) = condition(&value, "Ready");
        match message.contains("being terminated") {
            true => Ok(()),
            false => Err(conditions(&value)),
        }
    })
    .await;
    let message = space
        .condition::<Tenant>("store", "DeletionAllowed", "False", "HookRunning", SOON)
        .await;
    assert!(message.contains("remove it from spec.hooks"), "{message}");
    let change = json!({"spec": {"hooks": null}});
    space
        .api::<Tenant>()
        .patch("store", &PatchParams::default(), &Patch::Merge(&change))
        .await
        .unwrap();
    space.gone::<Tenant>("store", SOON).await;
    space.vacate().await;
}
