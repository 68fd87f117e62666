//! Objects that real servers spread over a Pool that has joined.

use std::sync::Arc;
use std::time::Instant;

use crds::{Pool, Tenant};
use hyper::Method;
use hyper::body::Bytes;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;

use crate::World;
use crate::s3::Store;
use crate::scene::{admin_of, keeping, sized, undisturbed};
use crate::support::objects;
use crate::support::pods::is_ready;
use crate::topology::{CHANGED, joined};

const OBJECTS: usize = 60;

pub async fn objects_are_spread_and_every_server_makes_buckets_afterwards(world: Arc<World>) {
    let mut tenant = objects::tenant();
    tenant["spec"]["rebalance"] = json!("AfterJoin");
    let (space, store) = keeping(&world, "spread", &tenant, OBJECTS).await;
    let traffic = store.slow_traffic("busy");
    space.apply::<Pool>("p1", &sized("1Gi")).await.unwrap();
    joined(&space, "p1").await;
    let started = Instant::now();
    space
        .condition::<Tenant>("store", "Balanced", "False", "Rebalancing", CHANGED)
        .await;
    let message = space
        .condition::<Tenant>("store", "Balanced", "True", "Complete", CHANGED)
        .await;
    eprintln!("  spread after {} s: {message}", started.elapsed().as_secs());
    // The server that moved the objects knows that it is over; the others have to be told.
    for server in space.list::<Pod>().await.iter().filter(|pod| is_ready(pod)) {
        assert_eq!(makes_a_bucket(&store, server).await, 200, "{}", server.name_any());
    }
    undisturbed(&traffic.end());
    store.check("kept", OBJECTS);
    space.vacate().await;
}

async fn makes_a_bucket(store: &Store, server: &Pod) -> u16 {
    let address = server.status.as_ref().unwrap().pod_ip.clone().unwrap();
    let bucket = format!("/from-{}", server.name_any());
    let answer = admin_of(store, &address)
        .send(Method::PUT, &bucket, Bytes::new())
        .await;
    answer.unwrap().status
}
