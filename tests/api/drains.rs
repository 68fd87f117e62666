//! Pools whose data is moved to the others, so that they can leave.

use std::sync::Arc;

use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::World;
use crate::protection::put;
use crate::support::objects;
use crate::support::pods::uids;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};
use crate::topology::{REPLACED, selected};

pub async fn a_decommissioned_pool_leaves_once_its_data_has_moved(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "drain").await;
    // 1, or 2 where the Tenant had met one Pool before the other.
    let before: u64 = selected(&space).await.parse().unwrap();
    servers.drains(&space.name, "store", "hold").await;
    set_state(&space, "p1", "Decommissioned").await;
    until("the servers to say how far they are", SOON, || async {
        let pool = space.get::<Pool>("p1").await?;
        match pool.status.and_then(|status| status.drain) {
            Some(drain) if drain.state == "running" && drain.objects == 12 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    space
        .condition::<Pool>("p1", "Drained", "False", "Draining", SOON)
        .await;
    servers.drains(&space.name, "store", "go").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    until("its servers to be gone", REPLACED, || async {
        let left = space.list::<Pod>().await.len();
        if left == 4 {
            Ok(())
        } else {
            Err(format!("{left} servers"))
        }
    })
    .await;
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("p1", SOON).await;
    assert_eq!(
        servers
            .starts(&format!("p1-{{0...3}}.store-hl.{}.", space.name))
            .await,
        1
    );
    let map = space.get::<ConfigMap>("store-topology").await.unwrap();
    assert!(!map.data.unwrap()["RUSTFS_VOLUMES"].contains("store-p1"));
    assert_eq!(selected(&space).await, (before + 1).to_string());
    let claims = space.list::<PersistentVolumeClaim>().await;
    assert_eq!(
        claims.len(),
        8,
        "volumes are kept unless the policy says otherwise"
    );
    space.delete::<Pool>("p1").await;
    space.gone::<Pool>("p1", SOON).await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_drain_is_called_off_and_begun_again(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "recall").await;
    servers.drains(&space.name, "store", "hold").await;
    let before = uids(&space).await;
    let element = format!("p1-{{0...3}}.store-hl.{}.", space.name);
    for time in 1..=2 {
        set_state(&space, "p1", "Decommissioned").await;
        space
            .condition::<Pool>("p1", "Drained", "False", "Draining", SOON)
            .await;
        assert_eq!(servers.starts(&element).await, time);
        set_state(&space, "p1", "Active").await;
        space
            .condition::<Pool>("p1", "Drained", "False", "NotAsked", SOON)
            .await;
        space.ready::<Pool>("p1", SOON).await;
        space.ready::<Tenant>("store", SOON).await;
    }
    assert_eq!(uids(&space).await, before, "no server was touched");
    space.leave().await;
}

pub async fn a_pool_deleted_by_mistake_keeps_its_servers_until_its_data_has_moved(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "mistake").await;
    servers.drains(&space.name, "store", "hold").await;
    space.delete::<Pool>("p1").await;
    space
        .condition::<Pool>("p1", "Drained", "False", "Draining", SOON)
        .await;
    assert_eq!(space.list::<Pod>().await.len(), 8);
    servers.drains(&space.name, "store", "go").await;
    space.gone::<Pool>("p1", REPLACED).await;
    space.ready::<Tenant>("store", SOON).await;

    space.delete::<Pool>("p0").await;
    let message = space
        .condition::<Pool>("p0", "Drained", "False", "LastPool", SOON)
        .await;
    assert!(message.contains("add a Pool"), "{message}");
    space
        .condition::<Pool>("p0", "Stalled", "True", "LastPool", SOON)
        .await;
    assert_eq!(
        space.list::<Pod>().await.len(),
        4,
        "the last Pool keeps its servers"
    );
    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_drain_that_the_servers_give_up_is_told_and_begun_again_by_itself(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "failed").await;
    servers.drains(&space.name, "store", "fail").await;
    set_state(&space, "p1", "Decommissioned").await;
    let failed = || space.condition::<Pool>("p1", "Drained", "False", "DrainFailed", SOON);
    let message = failed().await;
    assert!(message.contains("Nothing is lost"), "{message}");
    assert_eq!(space.list::<Pod>().await.len(), 8);
    set_state(&space, "p1", "Active").await;
    space.ready::<Pool>("p1", SOON).await;

    set_state(&space, "p1", "Decommissioned").await;
    let message = failed().await;
    assert!(message.contains("(1 of 4 times)"), "{message}");
    servers.drains(&space.name, "store", "go").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    space.leave().await;
}

pub async fn no_drain_begins_before_the_scanners_record_is_in_every_pool(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "behind").await;
    servers.drains(&space.name, "store", "behind").await;
    set_state(&space, "p1", "Decommissioned").await;
    let message = space
        .condition::<Pool>("p1", "Drained", "False", "ScannerBehind", SOON)
        .await;
    assert!(
        message.contains("in 0 of the 1 erasure sets of the other Pools"),
        "{message}"
    );
    servers.drains(&space.name, "store", "go").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    space.leave().await;
}

pub async fn an_upload_that_keeps_a_drain_from_its_end_is_named(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "uploads").await;
    put(&space, "films", 0).await;
    servers.drains(&space.name, "store", "upload").await;
    set_state(&space, "p1", "Decommissioned").await;
    let message = space
        .condition::<Pool>("p1", "Drained", "False", "DrainFailed", SOON)
        .await;
    assert!(message.contains("complete or abort films/film.mkv."), "{message}");
    until(
        "the servers to have forgotten it while it waits",
        SOON,
        || async {
            let status = space.get::<Pool>("p1").await?.status.unwrap_or_default();
            let drain = status.drain.unwrap_or_default();
            let drained = status.conditions.iter().find(|one| one.type_ == "Drained");
            let message = drained.map(|one| one.message.clone()).unwrap_or_default();
            match (
                drain.state.as_str(),
                drain.open_uploads,
                message.contains("make no bucket"),
            ) {
                ("failed", Some(1), false) => Ok(()),
                _ => Err(format!("{drain:?} {message}")),
            }
        },
    )
    .await;
    servers.drains(&space.name, "store", "go").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    space.leave().await;
}

pub async fn a_drain_that_cannot_be_forgotten_is_left_behind_and_begun_again(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "dead").await;
    servers.drains(&space.name, "store", "die").await;
    set_state(&space, "p1", "Decommissioned").await;
    let message = space
        .condition::<Pool>("p1", "Stalled", "True", "DrainFailed", SOON)
        .await;
    assert!(
        message.contains("photos/2026/lost.jpg is on fewer than half the drives"),
        "{message}"
    );
    servers.drains(&space.name, "store", "go").await;
    set_state(&space, "p1", "Active").await;
    space
        .condition::<Pool>("p1", "Drained", "False", "Respelled", SOON)
        .await;
    space
        .condition::<Pool>("p1", "Drained", "False", "NotAsked", REPLACED)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    let map = space.get::<ConfigMap>("store-topology").await.unwrap();
    let volumes = map.data.unwrap()["RUSTFS_VOLUMES"].clone();
    assert!(volumes.ends_with("/data/rustfs{0...0}/"), "{volumes}");
    assert_eq!(space.list::<Pod>().await.len(), 8);

    set_state(&space, "p1", "Decommissioned").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    space.leave().await;
}

pub async fn a_deleted_pool_keeps_its_data_while_a_person_holds_it(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "held").await;
    servers.drains(&space.name, "store", "hold").await;
    let before = uids(&space).await;
    space.delete::<Pool>("p1").await;
    space
        .condition::<Pool>("p1", "Drained", "False", "Draining", SOON)
        .await;
    hold_drain(&space, "p1", json!("true")).await;
    space
        .condition::<Pool>("p1", "Drained", "False", "DrainHeld", SOON)
        .await;
    space.ready::<Tenant>("store", SOON).await;
    assert_eq!(uids(&space).await, before, "no server was touched");
    servers.drains(&space.name, "store", "go").await;
    hold_drain(&space, "p1", json!(null)).await;
    space.gone::<Pool>("p1", REPLACED).await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

async fn hold_drain(space: &Space, pool: &str, value: Value) {
    let annotations = json!({"storage.rustfs.com/hold-drain": value});
    let change = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    let api = space.api::<Pool>();
    api.patch(pool, &PatchParams::default(), &change).await.unwrap();
}

async fn set_state(space: &Space, pool: &str, state: &str) {
    let mut object = objects::pool("store", 4, 1);
    object["spec"]["state"] = json!(state);
    space.apply::<Pool>(pool, &object).await.unwrap();
}

/// A store of two Pools with four servers each.
async fn two_pools(world: &World, prefix: &str) -> Space {
    let space = Space::make(&world.cluster.admin, prefix).await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    for pool in ["p0", "p1"] {
        space
            .apply::<Pool>(pool, &objects::pool("store", 4, 1))
            .await
            .unwrap();
    }
    space.ready::<Tenant>("store", SOON).await;
    for pool in ["p0", "p1"] {
        space.ready::<Pool>(pool, SOON).await;
    }
    space
}
