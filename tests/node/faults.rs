//! Real servers that end without a word, alone and all at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::Tenant;
use crds::names::LABEL_TENANT;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;

use crate::World;
use crate::s3::Store;
use crate::scene::{create_with, keeping, kill_program, undisturbed};
use crate::support::objects;
use crate::support::pods::{is_ready, ready};
use crate::support::space::Space;
use crate::support::wait::until;

/// How long killed servers may take to serve again; the kubelet waits longer before every further start.
const BACK: Duration = Duration::from_secs(180);
const OBJECTS: usize = 10;

pub async fn servers_that_are_killed_lose_nothing(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "faults").await;
    // On the machine's disk, where writing takes its time. RustFS refuses drives that share one otherwise.
    let mut tenant = objects::tenant();
    tenant["spec"]["env"] = json!([{"name": "RUSTFS_UNSAFE_BYPASS_DISK_CHECK", "value": "true"}]);
    create_with(&space, &tenant, &objects::pool("store", 4, 1)).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);

    let traffic = store.traffic("busy");
    killed(&space, &["store-p0-1"]).await;
    let all = ["store-p0-0", "store-p0-1", "store-p0-2", "store-p0-3"];
    killed(&space, &all).await;
    space.ready::<Tenant>("store", BACK).await;
    store.check("kept", OBJECTS);
    // The other client goes on meanwhile: most of the time before there was no server to answer it.
    store.put("after", OBJECTS);
    undisturbed(&traffic.end());
    space.vacate().await;
}

pub async fn a_node_that_is_drained_gives_up_no_more_servers_than_writes_can_spare(world: Arc<World>) {
    let (space, store) = keeping(&world, "emptied", &objects::tenant(), OBJECTS).await;

    let traffic = store.traffic("busy");
    let node = "real";
    let selector = format!("--pod-selector={LABEL_TENANT}=store");
    let emptied = &[
        "drain",
        node,
        "--delete-emptydir-data",
        "--timeout=20s",
        &selector,
    ];
    let refused = world
        .cluster
        .kubectl(emptied)
        .expect_err("there is no other node");
    let ready = ready(&space).await;
    world.cluster.kubectl(&["uncordon", node]).unwrap();
    assert_eq!(ready, 3, "{refused}");
    assert!(refused.contains("disruption budget"), "{refused}");
    space.ready::<Tenant>("store", BACK).await;
    undisturbed(&traffic.end());
    store.check("kept", OBJECTS);
    space.vacate().await;
}

/// Kills servers at once, and waits until all serve again.
async fn killed(space: &Space, servers: &[&str]) {
    let started = Instant::now();
    let mut before = 0;
    for server in servers {
        let pod = space.get::<Pod>(server).await.unwrap();
        before += restarts(&pod);
        kill_program(&pod.uid().unwrap(), "/usr/bin/rustfs");
    }
    until("killed servers to serve again", BACK, || async {
        let pods = space.list::<Pod>().await;
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let of = |pod: &&Pod| servers.contains(&pod.name_any().as_str());
        let again: i32 = pods.iter().filter(of).map(restarts).sum();
        if ready == pods.len() && again >= before + i32::try_from(servers.len()).unwrap() {
            Ok(())
        } else {
            Err(format!("{ready} are ready after {again} restarts"))
        }
    })
    .await;
    eprintln!(
        "  {} killed: all serve again after {} s",
        servers.len(),
        started.elapsed().as_secs()
    );
}

fn restarts(pod: &Pod) -> i32 {
    let status = pod.status.iter();
    let containers = status.flat_map(|status| status.container_statuses.iter().flatten());
    containers.map(|container| container.restart_count).sum()
}
