//! Nodes that are lost, and Nodes that are emptied on purpose.

use std::sync::Arc;
use std::time::Duration;

use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, EvictParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, always, until};

/// How long the cluster takes to give a silent Node up, or to release what was on it.
const GIVEN_UP: Duration = Duration::from_secs(150);
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

pub async fn a_server_on_a_silent_node_is_told_and_released_by_a_word_alone(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "lost").await;
    let nodes: Api<Node> = Api::all(world.cluster.admin.clone());
    for node in ["lost-0", "lost-1"] {
        nodes
            .create(&PostParams::default(), &own_node(node))
            .await
            .unwrap();
    }
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    let mut pool = objects::pool("store", 4, 1);
    pool["spec"]["scheduling"] = json!({
        "nodeSelector": {"test.example/lost": "true"},
        "tolerations": [
            {"key": "test.example/lost", "operator": "Exists"},
            // Sooner than the five minutes Kubernetes would wait.
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1},
        ],
    });
    space.apply::<Pool>("p0", &pool).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    let on_it = on_node(&space, "lost-0").await;
    assert!(!on_it.is_empty(), "no server runs on the Node that is to be lost");

    // Nobody gives signs of life for it any more.
    let silent = Patch::Merge(json!({"metadata": {"labels": {"kwok": null}}}));
    nodes
        .patch("lost-0", &PatchParams::default(), &silent)
        .await
        .unwrap();
    let message = space
        .condition::<Pool>("p0", "WorkloadReady", "False", "NodeLost", GIVEN_UP)
        .await;
    assert!(
        message.contains("is on Node lost-0, which has not answered since"),
        "{message}"
    );
    until("its servers to be given up", GIVEN_UP, || async {
        let pods = space.list::<Pod>().await;
        let going = pods
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_some());
        match going.count() {
            given_up if given_up == on_it.len() => Ok(()),
            some => Err(format!("{some} of {} are", on_it.len())),
        }
    })
    .await;
    always(
        "nobody deletes them by force",
        Duration::from_secs(10),
        || async {
            match on_node(&space, "lost-0").await {
                still if still == on_it => Ok(()),
                other => Err(format!("{other:?}")),
            }
        },
    )
    .await;

    let taint = json!({"spec": {"taints": [
        {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"},
    ]}});
    let how = PatchParams::default();
    nodes.patch("lost-0", &how, &Patch::Merge(taint)).await.unwrap();
    until("the servers to run on the other Node", GIVEN_UP, || async {
        match on_node(&space, "lost-1").await.len() {
            4 => Ok(()),
            some => Err(format!("{some} do")),
        }
    })
    .await;
    space.ready::<Pool>("p0", SOON).await;
    space.leave().await;
    for node in ["lost-0", "lost-1"] {
        nodes.delete(node, &DeleteParams::default()).await.unwrap();
    }
}

pub async fn emptying_nodes_never_takes_more_servers_than_a_store_can_spare(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "evict", &objects::tenant(), "p0").await;
    let pods: Api<Pod> = space.api();
    // Held in the middle of its end, so that it is away for certain.
    let held = Patch::Merge(json!({"metadata": {"finalizers": ["test.example/held"]}}));
    let how = PatchParams::default();
    pods.patch("store-p0-0", &how, &held).await.unwrap();
    until("the budget to know the servers", SOON, || async {
        let evicted = pods.evict("store-p0-0", &EvictParams::default()).await;
        evicted.map_err(|error| error.to_string())
    })
    .await;
    // The client asks again for as long as it is told "not now".
    let others = ["store-p0-1", "store-p0-2", "store-p0-3"].map(|server| {
        let pods = pods.clone();
        async move {
            let how = EvictParams::default();
            let answer = tokio::time::timeout(Duration::from_secs(5), pods.evict(server, &how)).await;
            assert!(answer.is_err(), "{server}: {answer:?}");
        }
    });
    futures::future::join_all(others).await;
    let left = space.list::<Pod>().await;
    let going = left
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_some());
    assert_eq!(going.count(), 1);
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    pods.patch("store-p0-0", &how, &free).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

/// Servers that are bound to a Node, by name and UID.
async fn on_node(space: &Space, node: &str) -> Vec<(String, String)> {
    let pods = space.list::<Pod>().await;
    let bound = |pod: &&Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(node);
    let mut found: Vec<_> = pods
        .iter()
        .filter(bound)
        .map(|pod| (pod.name_any(), pod.uid().unwrap_or_default()))
        .collect();
    found.sort();
    found
}

/// A fake Node for servers of one test only.
fn own_node(name: &str) -> Node {
    let resources = json!({"cpu": "16", "memory": "64Gi", "pods": "250"});
    let node: Value = json!({
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kwok": "true", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                "test.example/lost": "true", "topology.kubernetes.io/zone": name,
            },
        },
        "spec": {"taints": [{"key": "test.example/lost", "effect": "NoSchedule"}]},
        "status": {"allocatable": resources, "capacity": resources},
    });
    serde_json::from_value(node).unwrap()
}
