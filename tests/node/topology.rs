//! Pools that join and leave real stores, with a client that never stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::names::ANNOTATION_HOLD_DRAIN;
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::World;
use crate::s3::Store;
use crate::scene::{create_with, dies, kill_operator, small, undisturbed};
use crate::support::objects;
use crate::support::pods::is_ready;
use crate::support::space::Space;
use crate::support::wait::until;

/// How long a change of the topology may take: every server is replaced once, and objects move one by one.
pub const CHANGED: Duration = Duration::from_secs(600);
/// Small servers on a small machine take seconds for each object that they move.
const OBJECTS: usize = 10;
/// Objects on both Pools.
const MANY: usize = 10;

pub async fn a_pool_joins_and_a_deleted_one_stays_as_long_as_its_drain_is_held(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "topology").await;
    create_with(&space, &objects::tenant(), &small()).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);

    let traffic = store.traffic("busy");
    let started = Instant::now();
    space.apply::<Pool>("p1", &small()).await.unwrap();
    until("the first new server", CHANGED, || space.get::<Pod>("store-p1-0")).await;
    kill_operator(&world).await;
    joined(&space, "p1").await;
    eprintln!("  joined after {} s", started.elapsed().as_secs());
    undisturbed(&traffic.end());
    store.check("kept", OBJECTS);
    store.put("spread", MANY);

    let traffic = store.easy_traffic("moving");
    space.delete::<Pool>("p1").await;
    drains(&space, "p1").await;
    hold(&space, "true").await;
    kill_operator(&world).await;
    dies(&space, "store-p0-1").await;
    space
        .condition::<Pool>("p1", "Drained", "False", "DrainHeld", CHANGED)
        .await;
    until("the servers to have forgotten the drain", CHANGED, || async {
        let drain = space.get::<Pool>("p1").await?.status.unwrap_or_default().drain;
        drain.map_or(Ok(()), |drain| Err(format!("{drain:?}")))
    })
    .await;
    space.ready::<Tenant>("store", CHANGED).await;
    store.check("kept", OBJECTS);
    store.check("spread", MANY);

    let started = Instant::now();
    hold(&space, "false").await;
    drains(&space, "p1").await;
    kill_operator(&world).await;
    space.gone::<Pool>("p1", CHANGED).await;
    without(&space, "p1").await;
    eprintln!("  left after {} s", started.elapsed().as_secs());
    undisturbed(&traffic.end());
    store.check("kept", OBJECTS);
    store.check("spread", MANY);
    space.vacate().await;
}

pub async fn joined(space: &Space, pool: &str) {
    space
        .condition::<Pool>(pool, "Joined", "True", "Joined", CHANGED)
        .await;
}

/// Waits until the servers move the data of a Pool away.
pub async fn drains(space: &Space, pool: &str) {
    until("the servers to have begun", CHANGED, || async {
        let drain = space.get::<Pool>(pool).await?.status.unwrap_or_default().drain;
        match drain {
            Some(drain) if drain.state != "Requested" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

async fn hold(space: &Space, whether: &str) {
    let annotations = json!({"metadata": {"annotations": {ANNOTATION_HOLD_DRAIN: whether}}});
    space
        .api::<Pool>()
        .patch("p1", &PatchParams::default(), &Patch::Merge(&annotations))
        .await
        .unwrap();
}

/// Waits until no server of a Pool is left, and all others run without it.
pub async fn without(space: &Space, pool: &str) {
    let prefix = format!("store-{pool}-");
    until("its servers to be gone", CHANGED, || async {
        let pods = space.list::<Pod>().await;
        let left = pods
            .iter()
            .filter(|pod| pod.name_any().starts_with(&prefix))
            .count();
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        if left == 0 && ready == pods.len() {
            Ok(())
        } else {
            Err(format!("{left} are left, {ready} servers are ready"))
        }
    })
    .await;
    space.ready::<Tenant>("store", CHANGED).await;
    let map = space.get::<ConfigMap>("store-topology").await.unwrap();
    assert!(!map.data.unwrap()["RUSTFS_VOLUMES"].contains(&prefix));
}
