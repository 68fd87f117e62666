//! The stores that guides start from.

use std::time::Duration;

use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::SOON;

/// How long the cluster takes to give a silent Node up.
pub(super) const GIVEN_UP: Duration = Duration::from_secs(150);
/// Keeps the servers of other tests off a Node.
const OWN: &str = "test.example/guide";

/// The Pool of the sample store.
pub(super) fn pool() -> Value {
    let mut pool = objects::pool("store", 4, 1);
    pool["spec"]["volumeClaim"]["size"] = json!("10Gi");
    pool
}

/// The sample store with one Pool, `a`, once it serves: config/samples/store. It differs in two things: it does not ask
/// before it is deleted, and it has no Pool `b`, a name that guides therefore leave alone.
pub(super) async fn sample(world: &World, prefix: &str, pool: &Value) -> Space {
    let space = Space::make(&world.cluster.admin, prefix).await;
    space.apply_with_tls("store").await;
    space.apply::<Pool>("a", pool).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("a", SOON).await;
    space
}

/// The sample store on fake Nodes that nothing else runs on.
pub(super) async fn on_nodes_of_its_own(world: &World, prefix: &str, names: &[&str]) -> Space {
    let nodes: Api<Node> = Api::all(world.cluster.admin.clone());
    for name in names {
        // One may be left of a run that failed.
        let _ = nodes.delete(name, &DeleteParams::default()).await;
        nodes.create(&PostParams::default(), &node(name)).await.unwrap();
    }
    let mut pool = pool();
    pool["spec"]["scheduling"] = json!({
        "nodeSelector": {OWN: "true"},
        "tolerations": [{"key": OWN, "operator": "Exists"}],
    });
    let space = sample(world, prefix, &pool).await;
    let pods = space.list::<Pod>().await;
    let on = |name: &str| {
        let bound = |pod: &&Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(name);
        pods.iter().filter(bound).count()
    };
    assert!(on(names[0]) > 0, "no server runs on {}", names[0]);
    space
}

/// Nobody gives signs of life for a Node any more.
pub(super) async fn silence(world: &World, node: &str) {
    let silent = Patch::Merge(json!({"metadata": {"labels": {"kwok": null}}}));
    let nodes: Api<Node> = Api::all(world.cluster.admin.clone());
    nodes.patch(node, &PatchParams::default(), &silent).await.unwrap();
}

/// Takes Nodes away.
pub(super) async fn remove(world: &World, names: &[&str]) {
    let nodes: Api<Node> = Api::all(world.cluster.admin.clone());
    for name in names {
        nodes.delete(name, &DeleteParams::default()).await.unwrap();
    }
}

fn node(name: &str) -> Node {
    let resources = json!({"cpu": "16", "memory": "64Gi", "pods": "250"});
    serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kwok": "true", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", OWN: "true",
            },
        },
        "spec": {"taints": [{"key": OWN, "effect": "NoSchedule"}]},
        "status": {"allocatable": resources, "capacity": resources},
    }))
    .unwrap()
}
