//! Pools that leave the volumes string from its front, for a successor or for good.

use std::sync::Arc;
use std::time::Instant;

use crds::{Pool, Tenant};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::World;
use crate::s3::Store;
use crate::stores::{admin_of, create, create_with, is_ready, kill_program, sized};
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::until;
use crate::topology::{CHANGED, drains, joined, undisturbed, without};

const OBJECTS: usize = 10;

pub async fn a_pool_is_replaced_by_one_with_larger_volumes_although_servers_die(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "replace").await;
    let mut tenant = objects::tenant();
    tenant["spec"]["hooks"] = json!([{
        "name": "backup",
        "before": ["Drain"],
        "job": {"image": "rustfs/rustfs:1.0.1", "command": ["/usr/bin/mkdir", "/tmp/copy"]},
    }]);
    create(&space, &tenant).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);

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
    know_one_pool(&space, &store, "-larger-").await;
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

pub async fn pools_leave_from_the_front_one_after_the_other(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "front").await;
    space.apply::<Pool>("p1", &small()).await.unwrap();
    create_with(&space, &objects::tenant(), &small()).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);

    let traffic = store.slow_traffic("busy");
    leaves(&space, "p0").await;
    know_one_pool(&space, &store, "-p1-").await;
    space.apply::<Pool>("p2", &small()).await.unwrap();
    joined(&space, "p2").await;
    store.put("made-after", OBJECTS);
    // Its number is not its place, since p0 was before it.
    leaves(&space, "p1").await;
    know_one_pool(&space, &store, "-p2-").await;
    undisturbed(&traffic.end());
    for bucket in ["kept", "made-after"] {
        store.check(bucket, OBJECTS);
    }
    store.put("after", OBJECTS);
    space.vacate().await;
}

/// Two servers with two drives each: little for a small machine.
fn small() -> Value {
    let mut pool = sized("1Gi");
    pool["spec"]["servers"] = 2.into();
    pool["spec"]["volumesPerServer"] = 2.into();
    pool
}

async fn leaves(space: &Space, pool: &str) {
    let started = Instant::now();
    space.delete::<Pool>(pool).await;
    space.gone::<Pool>(pool, CHANGED).await;
    space.ready::<Tenant>("store", CHANGED).await;
    eprintln!("  {pool} left after {} s", started.elapsed().as_secs());
}

/// No server counts the Pool that has left among its own, or takes what is left for it: until a server has heard of the
/// end, it gives the first one the number, and the state, of the one that was there before.
async fn know_one_pool(space: &Space, store: &Store, name: &str) {
    for server in space.list::<Pod>().await.iter().filter(|pod| is_ready(pod)) {
        let address = server.status.as_ref().unwrap().pod_ip.clone().unwrap();
        until("the server to know one pool", CHANGED, || async {
            let pools = admin_of(store, &address).pools().await;
            let pools = pools.map_err(|error| error.to_string())?;
            match &pools[..] {
                [pool] if pool.cmdline.contains(name) && pool.status == "active" => Ok(()),
                other => Err(format!("{}: {other:?}", server.name_any())),
            }
        })
        .await;
    }
}

/// Ends a server without a word; the kubelet starts it again.
async fn dies(space: &Space, server: &str) {
    let pod = space.get::<Pod>(server).await.unwrap();
    kill_program(&pod.uid().unwrap(), "/usr/bin/rustfs");
}
