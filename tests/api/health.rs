//! Servers that can be read from and do not take writes yet.

use std::sync::Arc;
use std::time::Duration;

use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;

use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, always, until};

pub async fn a_store_serves_only_once_its_servers_take_writes(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "writes").await;
    world.servers.fault(&space.name, "store-p0-2", "readonly").await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    let waits = || async {
        let message = space
            .condition::<Tenant>("store", "TopologyReady", "True", "Forming", SOON)
            .await;
        if message.ends_with("server store-p0-2 does not take writes: it does not see enough drives") {
            Ok(())
        } else {
            Err(message)
        }
    };
    until("the store to wait for the server", SOON, waits).await;
    always("it serves nobody", Duration::from_secs(3), waits).await;
    world.servers.fault(&space.name, "store-p0-2", "none").await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_server_is_replaced_only_while_the_others_take_writes(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "spared", &objects::tenant(), "p0").await;
    for server in ["store-p0-0", "store-p0-1"] {
        world.servers.fault(&space.name, server, "readonly").await;
    }
    let change = objects::tenant_with(json!({"image": "rustfs/rustfs:next"}));
    space.apply::<Tenant>("store", &change).await.unwrap();
    let waits = || async {
        let message = space
            .condition::<Pool>("p0", "WorkloadReady", "False", "ServersOutdated", SOON)
            .await;
        if message.contains("server store-p0-0 does not take writes") {
            Ok(())
        } else {
            Err(message)
        }
    };
    until("the Pool to say whom it waits for", SOON, waits).await;
    let before: Vec<_> = space.list::<Pod>().await.iter().map(ResourceExt::uid).collect();
    always("nobody is replaced", Duration::from_secs(3), || async {
        let now: Vec<_> = space.list::<Pod>().await.iter().map(ResourceExt::uid).collect();
        if now == before {
            Ok(())
        } else {
            Err("a server is another one".to_owned())
        }
    })
    .await;
    for server in ["store-p0-0", "store-p0-1"] {
        world.servers.fault(&space.name, server, "none").await;
    }
    space.ready::<Tenant>("store", SOON).await;
    until("every server to run the new image", SOON, || async {
        let pods = space.list::<Pod>().await;
        let new = |pod: &&Pod| {
            pod.spec.as_ref().unwrap().containers[0].image.as_deref() == Some("rustfs/rustfs:next")
        };
        match pods.iter().filter(new).count() {
            4 => Ok(()),
            some => Err(format!("{some} run it")),
        }
    })
    .await;
    space.leave().await;
}
