//! Pools that leave the volumes string from its front, for a successor or for good.

use std::sync::Arc;
use std::time::Instant;

use crds::{Pool, Tenant};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use serde_json::json;

use crate::World;
use crate::s3::Store;
use crate::scene::{admin_of, create_with, dies, keeping, sized, small, undisturbed};
use crate::support::objects;
use crate::support::pods::is_ready;
use crate::support::space::Space;
use crate::support::wait::until;
use crate::topology::{CHANGED, drains, joined, without};

const OBJECTS: usize = 10;

pub async fn a_pool_is_replaced_by_one_with_larger_volumes_although_servers_die(world: Arc<World>) {
    let mut tenant = objects::tenant();
    tenant["spec"]["hooks"] = json!([{
        "name": "backup",
        "before": ["Drain"],
        "job": {"image": "rustfs/rustfs:1.0.1", "command": ["/usr/bin/mkdir", "/tmp/copy"]},
    }]);
    let (space, store) = keeping(&world, "replace", &tenant, OBJECTS).await;

    let traffic = store.slow_traffic("busy");
    let started = Instant::now();
    let mut larger = sized("2Gi");
    larger["spec"]["replaces"] = json!({"name": "p0"});
    space.apply::<Pool>("larger", &larger).await.unwrap();
    until("the first new server", CHANGED, || {
        space.get::<Pod>("store-larger-0")
    })
    .await;
    dies(&space, "store-p0-2").await;
    joined(&space, "larger").await;
    eprintln!("  joined after {} s", started.elapsed().as_secs());

    drains(&space, "p0").await;
    dies(&space, "store-larger-1").await;
    space
        .condition::<Pool>("p0", "Drained", "True", "Left", CHANGED)
        .await;
    without(&space, "p0").await;
    eprintln!("  replaced after {} s", started.elapsed().as_secs());
    know(&space, &store, &["-larger-"]).await;
    undisturbed(&traffic.end());
    store.check("kept", OBJECTS);
    store.put("after", OBJECTS);

    let jobs = space.list::<Job>().await;
    let succeeded = |job: &&Job| job.status.as_ref().and_then(|status| status.succeeded) == Some(1);
    assert_eq!((jobs.len(), jobs.iter().filter(succeeded).count()), (1, 1));
    let claims = space.list::<PersistentVolumeClaim>().await;
    let left = claims.iter().filter(|claim| claim.name_any().contains("-p0-"));
    assert_eq!(left.count(), 4, "volumes are kept unless asked otherwise");
    space.delete::<Pool>("p0").await;
    space.gone::<Pool>("p0", CHANGED).await;
    until("the Tenant to tell of the volumes", CHANGED, || async {
        let status = space.get::<Tenant>("store").await?.status.unwrap_or_default();
        match &status.orphaned_volumes[..] {
            [of_one] if of_one.pool == "p0" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    space.vacate().await;
}

pub async fn the_first_of_three_pools_leaves_and_the_others_are_known_to_every_server(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "front").await;
    for pool in ["p1", "p2"] {
        space.apply::<Pool>(pool, &small()).await.unwrap();
    }
    create_with(&space, &objects::tenant(), &small()).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    // Before: a bucket that is made just as a drain begins makes it fail.
    let traffic = store.slow_traffic("busy");
    store.put("kept", OBJECTS);

    let started = Instant::now();
    space.delete::<Pool>("p0").await;
    space.gone::<Pool>("p0", CHANGED).await;
    space.ready::<Tenant>("store", CHANGED).await;
    eprintln!("  p0 left after {} s", started.elapsed().as_secs());
    know(&space, &store, &["-p1-", "-p2-"]).await;
    undisturbed(&traffic.end());
    store.check("kept", OBJECTS);
    store.put("after", OBJECTS);
    space.vacate().await;
}

/// No server counts the Pool that has left among its own, or takes what is left for it: until a server has heard of the
/// end, it gives the first one the number, and the state, of the one that was there before.
async fn know(space: &Space, store: &Store, names: &[&str]) {
    for server in space.list::<Pod>().await.iter().filter(|pod| is_ready(pod)) {
        let address = server.status.as_ref().unwrap().pod_ip.clone().unwrap();
        until("the server to know its pools", CHANGED, || async {
            let pools = admin_of(store, &address).pools().await;
            let pools = pools.map_err(|error| error.to_string())?;
            let mut pairs = pools.iter().zip(names);
            let right = pairs.all(|(pool, name)| pool.cmdline.contains(name) && pool.status == "active");
            if right && pools.len() == names.len() {
                Ok(())
            } else {
                Err(format!("{}: {pools:?}", server.name_any()))
            }
        })
        .await;
    }
}
