//! What the cluster lacks is said before anything is made, and disturbs nothing that serves.

use std::sync::Arc;
use std::time::Duration;

use crds::{Pool, Tenant};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::ClusterResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::space::{Space, condition, conditions};
use crate::support::wait::{SOON, always, until};

/// Long enough to see a StatefulSet that is made although it should not be.
const A_WHILE: Duration = Duration::from_secs(3);

pub async fn a_missing_storage_class_holds_a_pool_back_until_it_is_created(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "class").await;
    let class = space.name.clone();
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    let pool = pool_with(json!({"volumeClaim": {"size": "1Gi", "storageClassName": class}}));
    space.apply::<Pool>("p0", &pool).await.unwrap();
    let said = space
        .condition::<Pool>("p0", "Preflight", "False", "NotPassed", SOON)
        .await;
    let field = format!("spec.volumeClaim.storageClassName {class}: there is no StorageClass of this name");
    assert!(said.contains(&field), "{said}");
    space
        .condition::<Pool>("p0", "Stalled", "True", "NotPassed", SOON)
        .await;
    let summed = space
        .condition::<Tenant>("store", "Preflight", "False", "NotPassed", SOON)
        .await;
    assert!(summed.contains(&format!("Pool p0: {field}")), "{summed}");
    nothing_is_made(&space).await;
    create(&space.client, &storage_class(&class)).await;
    space.ready::<Pool>("p0", SOON).await;
    space.ready::<Tenant>("store", SOON).await;
    delete::<StorageClass>(&space.client, &class).await;
    space.leave().await;
}

pub async fn a_pool_that_no_node_can_take_is_held_back_unless_it_asks_for_a_report(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "nodes").await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    let selecting = json!({"scheduling": {"nodeSelector": {"disk": "nowhere"}}});
    let greedy = json!({"resources": {"requests": {"cpu": "1000"}}});
    for (name, change, says) in [
        (
            "selecting",
            &selecting,
            "spec.scheduling.nodeSelector disk=nowhere",
        ),
        // The API server stores `1000` as `1k`.
        ("greedy", &greedy, "spec.resources: one server asks for cpu 1"),
    ] {
        space
            .apply::<Pool>(name, &pool_with(change.clone()))
            .await
            .unwrap();
        let said = space
            .condition::<Pool>(name, "Preflight", "False", "NotPassed", SOON)
            .await;
        assert!(said.contains(says), "{said}");
    }
    nothing_is_made(&space).await;
    let modest = json!({"resources": {"requests": {"cpu": "10m"}}});
    space.apply::<Pool>("greedy", &pool_with(modest)).await.unwrap();
    let mut reported = selecting;
    reported["preflight"] = "Report".into();
    space
        .apply::<Pool>("selecting", &pool_with(reported))
        .await
        .unwrap();
    for name in ["greedy", "selecting"] {
        until("its StatefulSet to be made", SOON, || async {
            space.get::<StatefulSet>(&format!("store-{name}")).await
        })
        .await;
    }
    space
        .condition::<Pool>("selecting", "Preflight", "False", "NotPassed", SOON)
        .await;
    space.leave().await;
}

pub async fn a_pool_that_serves_is_disturbed_by_no_finding(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "serving").await;
    let (client, own) = (space.client.clone(), space.name.clone());
    create(&client, &storage_class(&own)).await;
    create(&client, &node_of(&own)).await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    let pool = pool_with(json!({
        "volumeClaim": {"size": "1Gi", "storageClassName": own},
        "scheduling": {
            "nodeSelector": {"test": own},
            "tolerations": [{"key": "test", "operator": "Exists"}],
        },
    }));
    space.apply::<Pool>("p0", &pool).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    let warned = space
        .condition::<Pool>("p0", "Preflight", "True", "PassedWithWarnings", SOON)
        .await;
    assert!(warned.contains("WaitForFirstConsumer"), "{warned}");
    assert!(warned.contains("1 nodes may run them"), "{warned}");
    let before = running(&space).await;

    delete::<StorageClass>(&client, &own).await;
    cordon(&client, &own, true).await;
    let said = space
        .condition::<Pool>("p0", "Preflight", "False", "NotPassed", SOON)
        .await;
    assert!(said.contains("spec.volumeClaim.storageClassName"), "{said}");
    space
        .condition::<Tenant>("store", "Preflight", "False", "NotPassed", SOON)
        .await;
    always("the store to serve undisturbed", A_WHILE, || async {
        let pool = serde_json::to_value(space.get::<Pool>("p0").await?).unwrap();
        let tenant = serde_json::to_value(space.get::<Tenant>("store").await?).unwrap();
        for object in [pool, tenant] {
            if condition(&object, "Ready").0 != "True" {
                return Err(conditions(&object));
            }
        }
        Ok(())
    })
    .await;
    assert_eq!(running(&space).await, before);

    cordon(&client, &own, false).await;
    create(&client, &storage_class(&own)).await;
    space
        .condition::<Pool>("p0", "Preflight", "True", "PassedWithWarnings", SOON)
        .await;
    space.vacate().await;
    delete::<Node>(&client, &own).await;
    delete::<StorageClass>(&client, &own).await;
}

pub async fn pools_on_different_classes_are_warned_of(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "mixed").await;
    let class = space.name.clone();
    create(&space.client, &storage_class(&class)).await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    // Without a class it is on the cluster's default one.
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    let other = pool_with(json!({"volumeClaim": {"size": "1Gi", "storageClassName": class}}));
    space.apply::<Pool>("p1", &other).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    let said = space
        .condition::<Tenant>("store", "Preflight", "True", "PassedWithWarnings", SOON)
        .await;
    assert!(
        said.contains("spec.volumeClaim.storageClassName differs between Pools"),
        "{said}"
    );
    assert!(said.contains("standard (Pool p0)"), "{said}");
    assert!(said.contains(&format!("{class} (Pool p1)")), "{said}");
    delete::<StorageClass>(&space.client, &class).await;
    space.leave().await;
}

/// A Pool of the Tenant `store` with these fields of its spec changed.
fn pool_with(change: Value) -> Value {
    let mut pool = objects::pool("store", 4, 1);
    for (key, value) in change.as_object().into_iter().flatten() {
        pool["spec"][key] = value.clone();
    }
    pool
}

async fn nothing_is_made(space: &Space) {
    always("nothing to be made", A_WHILE, || async {
        let sets = space.list::<StatefulSet>().await.len();
        let claims = space.list::<PersistentVolumeClaim>().await.len();
        match (sets, claims) {
            (0, 0) => Ok(()),
            _ => Err(format!("{sets} StatefulSets and {claims} claims")),
        }
    })
    .await;
}

/// UIDs and generations of all that runs.
async fn running(space: &Space) -> Vec<(String, Option<String>, Option<i64>)> {
    let mut all: Vec<_> = Vec::new();
    for set in space.list::<StatefulSet>().await {
        all.push((set.name_any(), set.uid(), set.metadata.generation));
    }
    for pod in space.list::<Pod>().await {
        all.push((pod.name_any(), pod.uid(), None));
    }
    for claim in space.list::<PersistentVolumeClaim>().await {
        all.push((claim.name_any(), claim.uid(), None));
    }
    all
}

fn storage_class(name: &str) -> StorageClass {
    serde_json::from_value(json!({
        "metadata": {"name": name}, "provisioner": "localkube/folder",
        "volumeBindingMode": "Immediate", "reclaimPolicy": "Delete",
    }))
    .unwrap()
}

/// A fake node that only takes Pods that tolerate it.
fn node_of(name: &str) -> Node {
    let amounts = json!({"cpu": "8", "memory": "16Gi", "pods": "100", "ephemeral-storage": "100Gi"});
    serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kwok": "true", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "test": name},
        },
        "spec": {"taints": [{"key": "test", "value": name, "effect": "NoSchedule"}]},
        "status": {"allocatable": amounts, "capacity": amounts},
    }))
    .unwrap()
}

async fn create<K>(client: &Client, object: &K)
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    Api::<K>::all(client.clone())
        .create(&PostParams::default(), object)
        .await
        .expect("it can be made");
}

async fn delete<K>(client: &Client, name: &str)
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    Api::<K>::all(client.clone())
        .delete(name, &DeleteParams::default())
        .await
        .expect("it can be deleted");
}

async fn cordon(client: &Client, name: &str, closed: bool) {
    let change = json!({"spec": {"unschedulable": closed}});
    Api::<Node>::all(client.clone())
        .patch(name, &PatchParams::default(), &Patch::Merge(&change))
        .await
        .expect("a node can be cordoned");
}
