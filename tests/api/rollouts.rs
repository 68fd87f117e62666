//! How a change reaches the servers: how many at once, which first, and back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crds::rollout::RolloutOutcome::{Complete, RolledBack};
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::pods::is_ready;
use crate::support::space::Space;
use crate::support::wait::{SOON, always, until};

const NEW: &str = "rustfs/rustfs:next";
const BAD: &str = "rustfs/rustfs:bad";

pub async fn as_many_servers_are_replaced_at_once_as_may_be_and_can_be_spared(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "wide", &[("p0", 8), ("p1", 4)]).await;
    // Held in the middle of their end, so that it is seen how many go at once.
    keep(&space, json!(["test.example/kept"])).await;
    let rollout = json!({"maxUnavailable": 2});
    apply(&space, json!({"image": NEW, "rollout": rollout})).await;
    let stopping = || async {
        let pods = space.list::<Pod>().await;
        let stopping = pods
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_some());
        match stopping.map(ResourceExt::name_any).collect::<Vec<_>>() {
            names if names == ["store-p0-6", "store-p0-7"] => Ok(()),
            names => Err(format!("{names:?}")),
        }
    };
    until("two servers to stop", SOON, stopping).await;
    always("no third one stops", Duration::from_secs(3), stopping).await;
    keep(&space, json!(null)).await;
    until("every server to run the new image", SOON, || async {
        let pods = space.list::<Pod>().await;
        let absent = |pool: &str, servers: usize| {
            let of = |pod: &&Pod| pod.labels()["storage.rustfs.com/pool"] == pool;
            servers - pods.iter().filter(|pod| is_ready(pod)).filter(of).count()
        };
        let absent = (absent("p0", 8), absent("p1", 4));
        assert!(absent.0 <= 2 && absent.1 <= 1, "missing at once: {absent:?}");
        behind(&pods, NEW, 12)
    })
    .await;
    let tenant = space.ready::<Tenant>("store", SOON).await;
    assert_eq!(tenant.status.unwrap().rollout.unwrap().max_unavailable, 1);
    let message = space
        .condition::<Tenant>("store", "RolledOut", "True", "Complete", SOON)
        .await;
    assert!(
        message.contains("Pool p1: spec.rollout.maxUnavailable 2 is bounded to 1"),
        "{message}"
    );
    let in_force = |pool: Pool| pool.status.unwrap().max_unavailable;
    assert_eq!(in_force(space.get("p0").await.unwrap()), Some(2));
    assert_eq!(in_force(space.get("p1").await.unwrap()), Some(1));
    space.leave().await;
}

pub async fn an_annotation_restarts_every_server_of_a_tenant_or_of_one_pool(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "restart", &[("p0", 4), ("p1", 2)]).await;
    let first = uids(&space).await;
    let annotation = json!({"storage.rustfs.com/restartedAt": "2026-01-01T00:00:00Z"});
    let mut tenant = objects::tenant();
    tenant["metadata"]["annotations"] = annotation.clone();
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    until("every server to be another one", SOON, || async {
        let pods = space.list::<Pod>().await;
        let absent = 6 - pods.iter().filter(|pod| is_ready(pod)).count();
        assert!(absent <= 1, "{absent} servers are missing at once");
        let now = uids(&space).await;
        let kept = now
            .iter()
            .filter(|(name, uid)| first.get(*name) == Some(*uid))
            .count();
        if kept + absent == 0 {
            Ok(())
        } else {
            Err(format!("{kept} are the same"))
        }
    })
    .await;
    space.ready::<Tenant>("store", SOON).await;

    let second = uids(&space).await;
    let mut pool = objects::pool("store", 2, 2);
    pool["metadata"]["annotations"] = annotation;
    space.apply::<Pool>("p1", &pool).await.unwrap();
    until("the servers of that Pool to be other ones", SOON, || async {
        let now = uids(&space).await;
        let changed: Vec<_> = now
            .iter()
            .filter(|(name, uid)| second.get(*name) != Some(*uid))
            .collect();
        assert!(
            changed.iter().all(|(name, _)| name.starts_with("store-p1-")),
            "{changed:?}"
        );
        if changed.len() == 2 {
            Ok(())
        } else {
            Err(format!("{changed:?}"))
        }
    })
    .await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_canary_runs_alone_until_the_partition_is_lowered(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "canary", &[("p0", 4)]).await;
    let canary = json!({"image": NEW, "rollout": {"partition": 3}});
    apply(&space, canary).await;
    let message = space
        .condition::<Tenant>("store", "RolledOut", "False", "CanaryWaits", SOON)
        .await;
    assert!(message.contains("spec.rollout.partition"), "{message}");
    space.ready::<Tenant>("store", SOON).await;
    space
        .condition::<Pool>("p0", "WorkloadReady", "True", "CanaryWaits", SOON)
        .await;
    assert_eq!(images(&space).await, [OLD, OLD, OLD, NEW]);

    // One after the other: what is lost just as a canary is made may come back as one.
    for lost in ["store-p0-1", "store-p0-3"] {
        let before = uids(&space).await;
        space.delete::<Pod>(lost).await;
        until("it to be as it was", SOON, || async {
            let pods = space.list::<Pod>().await;
            let ready = pods.iter().filter(|pod| is_ready(pod)).count();
            let images = images(&space).await;
            if ready == 4
                && images == [OLD, OLD, OLD, NEW]
                && uids(&space).await.get(lost) != before.get(lost)
            {
                Ok(())
            } else {
                Err(format!("{lost}: {images:?}, {ready} are ready"))
            }
        })
        .await;
    }

    apply(&space, json!({"image": NEW})).await;
    until("every server to run the new image", SOON, || async {
        behind(&space.list::<Pod>().await, NEW, 4)
    })
    .await;
    space
        .condition::<Tenant>("store", "RolledOut", "True", "Complete", SOON)
        .await;
    space.leave().await;
}

pub async fn a_paused_rollout_replaces_nothing_and_is_as_asked(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "halt", &[("p0", 4)]).await;
    let before = uids(&space).await;
    apply(&space, json!({"image": NEW, "rollout": {"paused": true}})).await;
    space
        .condition::<Tenant>("store", "RolledOut", "False", "RolloutPaused", SOON)
        .await;
    space.ready::<Tenant>("store", SOON).await;
    space
        .condition::<Pool>("p0", "WorkloadReady", "True", "RolloutPaused", SOON)
        .await;
    always("no server is replaced", Duration::from_secs(3), || async {
        let now = uids(&space).await;
        if now == before {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    })
    .await;
    apply(&space, json!({"image": NEW})).await;
    until("every server to run the new image", SOON, || async {
        behind(&space.list::<Pod>().await, NEW, 4)
    })
    .await;
    space.leave().await;
}

pub async fn a_change_no_server_starts_with_is_taken_back_and_not_tried_again(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "back", &[("p0", 4)]).await;
    let before = uids(&space).await;
    apply(&space, bad(false)).await;
    let stalled = space
        .condition::<Tenant>("store", "Stalled", "True", "ProgressDeadlineExceeded", SOON)
        .await;
    assert!(
        stalled.contains("store-p0-3") && stalled.contains("Unschedulable"),
        "{stalled}"
    );
    assert_eq!(
        images(&space).await,
        [OLD, OLD, OLD, BAD],
        "it stops at one server"
    );

    apply(&space, bad(true)).await;
    taken_back(&space).await;
    always("it is not tried again", Duration::from_secs(12), || async {
        let images = images(&space).await;
        if images == [OLD; 4] {
            Ok(())
        } else {
            Err(format!("{images:?}"))
        }
    })
    .await;
    let mut kept = uids(&space).await;
    kept.retain(|name, uid| before.get(name) == Some(uid));
    assert_eq!(kept.len(), 3, "only the one that failed was replaced");

    apply(&space, json!({"image": NEW, "rollout": {"autoRollback": true}})).await;
    until("every server to run the mended image", SOON, || async {
        behind(&space.list::<Pod>().await, NEW, 4)
    })
    .await;
    let tenant = space.ready::<Tenant>("store", SOON).await;
    let rollout = tenant.status.unwrap().rollout.unwrap();
    let outcomes: Vec<_> = rollout.history.iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, [Complete, RolledBack, Complete]);
    assert_eq!(
        (rollout.revision, rollout.good_revision, rollout.rejected_hash),
        (3, Some(3), None)
    );
    space.leave().await;
}

pub async fn an_older_version_is_refused_until_a_person_allows_it(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "older", &[("p0", 4)]).await;
    apply(&space, json!({"image": "rustfs/rustfs:1.2.0"})).await;
    until("every server to run the newer version", SOON, || async {
        behind(&space.list::<Pod>().await, "rustfs/rustfs:1.2.0", 4)
    })
    .await;
    space
        .condition::<Tenant>("store", "RolledOut", "True", "Complete", SOON)
        .await;
    let before = uids(&space).await;
    let older = "rustfs/rustfs:1.1.0";
    apply(&space, json!({"image": older})).await;
    let message = space
        .condition::<Tenant>("store", "Stalled", "True", "DowngradeRefused", SOON)
        .await;
    assert!(message.contains("all servers have run 1.2.0"), "{message}");
    space
        .condition::<Pool>("p0", "WorkloadReady", "True", "ImageRefused", SOON)
        .await;
    assert_eq!(uids(&space).await, before, "no server was touched");

    let mut allowed = objects::tenant();
    allowed["spec"]["image"] = older.into();
    allowed["metadata"]["annotations"] = json!({"storage.rustfs.com/allow-downgrade": "1.1.0"});
    space.apply::<Tenant>("store", &allowed).await.unwrap();
    until("every server to run the older version", SOON, || async {
        behind(&space.list::<Pod>().await, older, 4)
    })
    .await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn killed_while_a_change_is_taken_back_it_goes_on(world: Arc<World>) {
    let _shared = world.stopped().await;
    let space = Space::make(&world.cluster.admin, "back-killed").await;
    let mut operator = world.own(&space).await;
    serve(&space, &[("p0", 4)]).await;
    // PodSecurity `restricted` refuses it, so that there is no Pod at all.
    let refused = json!({
        "image": BAD, "containerSecurityContext": {"allowPrivilegeEscalation": true},
        "rollout": {"autoRollback": true, "progressDeadlineSeconds": 10},
    });
    apply(&space, refused).await;
    until("a server to be missing", SOON, || async {
        let tenant = space.get::<Tenant>("store").await?;
        let rollout = tenant.status.and_then(|status| status.rollout);
        rollout
            .and_then(|rollout| rollout.missing)
            .ok_or_else(|| "none".to_owned())
    })
    .await;
    operator.process.kill();
    let mut operator = world.own(&space).await;
    space
        .condition::<Tenant>("store", "Stalled", "True", "RolledBack", SOON)
        .await;
    operator.process.kill();
    let _operator = world.own(&space).await;
    taken_back(&space).await;
    space.leave().await;
}

const OLD: &str = crds::names::DEFAULT_IMAGE;

/// An image that no node starts; here, because no node may.
fn bad(back: bool) -> Value {
    json!({
        "image": BAD, "scheduling": {"nodeSelector": {"there-is": "no-such-node"}},
        "rollout": {"autoRollback": back, "progressDeadlineSeconds": 10},
    })
}

async fn taken_back(space: &Space) {
    let message = space
        .condition::<Tenant>("store", "Stalled", "True", "RolledBack", SOON)
        .await;
    assert!(
        message.contains(BAD) && message.contains("store-p0-3"),
        "{message}"
    );
    until("all servers to be as they were", SOON, || async {
        behind(&space.list::<Pod>().await, OLD, 4)
    })
    .await;
    space
        .condition::<Pool>("p0", "Stalled", "True", "RolledBack", SOON)
        .await;
    space
        .condition::<Tenant>("store", "PoolsReady", "True", "AllReady", SOON)
        .await;
}

/// A Tenant with these Pools, of so many servers; waits until it serves and its first revision is known to be good.
async fn store(world: &World, prefix: &str, pools: &[(&str, i32)]) -> Space {
    let space = Space::make(&world.cluster.admin, prefix).await;
    serve(&space, pools).await;
    space
}

async fn serve(space: &Space, pools: &[(&str, i32)]) {
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    for (name, servers) in pools {
        let volumes = if *servers == 2 { 2 } else { 1 };
        let pool = objects::pool("store", *servers, volumes);
        space.apply::<Pool>(name, &pool).await.unwrap();
    }
    space.ready::<Tenant>("store", SOON).await;
    space
        .condition::<Tenant>("store", "RolledOut", "True", "Complete", SOON)
        .await;
}

async fn apply(space: &Space, spec: Value) {
    let tenant = objects::tenant_with(spec);
    space.apply::<Tenant>("store", &tenant).await.unwrap();
}

/// Puts finalizers on all servers there are.
async fn keep(space: &Space, finalizers: Value) {
    let change = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    let (pods, how) = (space.api::<Pod>(), PatchParams::default());
    for pod in space.list::<Pod>().await {
        pods.patch(&pod.name_any(), &how, &change).await.unwrap();
    }
}

/// Whether so many servers are ready with an image.
fn behind(pods: &[Pod], wanted: &str, servers: usize) -> Result<(), String> {
    let done = pods
        .iter()
        .filter(|pod| is_ready(pod) && image(pod) == wanted)
        .count();
    if done == servers && pods.len() == servers {
        Ok(())
    } else {
        Err(format!("{done} of {servers} serve with {wanted}"))
    }
}

async fn images(space: &Space) -> Vec<String> {
    let mut pods = space.list::<Pod>().await;
    pods.sort_by_key(ResourceExt::name_any);
    pods.iter().map(image).collect()
}

async fn uids(space: &Space) -> BTreeMap<String, String> {
    let pods = space.list::<Pod>().await;
    pods.iter()
        .map(|pod| (pod.name_any(), pod.uid().unwrap_or_default()))
        .collect()
}

fn image(pod: &Pod) -> String {
    let spec = pod.spec.as_ref().expect("a Pod has a spec");
    spec.containers[0].image.clone().unwrap_or_default()
}
