//! What happens when someone edits, strips or deletes what the operator made.

use std::collections::BTreeSet;
use std::sync::Arc;

use crds::{Pool, Tenant};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::space::{Kind, Space};
use crate::support::wait::{SOON, until};

pub async fn deleted_children_come_back(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "deleted").await;
    recreated::<Service>(&space, "store-api").await;
    recreated::<Service>(&space, "store-hl").await;
    recreated::<ServiceAccount>(&space, "store").await;
    recreated::<PodDisruptionBudget>(&space, "store").await;
    recreated::<Pod>(&space, "store-p0-2").await;
    let volumes = space.get::<ConfigMap>("store-topology").await.unwrap().data;
    recreated::<ConfigMap>(&space, "store-topology").await;
    until("the topology to be what it was", SOON, || async {
        let again = space.get::<ConfigMap>("store-topology").await?.data;
        if again == volumes {
            Ok(())
        } else {
            Err(format!("{again:?} instead of {volumes:?}"))
        }
    })
    .await;
    recreated::<StatefulSet>(&space, "store-p0").await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn edited_and_stripped_children_are_restored(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "edited").await;
    restored::<Service>(
        &space,
        "store-api",
        json!({"spec": {"selector": {"storage.rustfs.com/tenant": "other"}}}),
        |service| service["spec"]["selector"]["storage.rustfs.com/tenant"] == "store",
    )
    .await;
    restored::<PodDisruptionBudget>(
        &space,
        "store",
        json!({"spec": {"maxUnavailable": 4}}),
        |budget| budget["spec"]["maxUnavailable"] == 2 || budget["spec"]["maxUnavailable"] == 1,
    )
    .await;
    restored::<StatefulSet>(&space, "store-p0", json!({"spec": {"replicas": 3}}), |set| {
        set["spec"]["replicas"] == 4
    })
    .await;
    for change in [
        json!({"metadata": {"ownerReferences": null}}),
        json!({"metadata": {"labels": {"storage.rustfs.com/tenant": null}}}),
    ] {
        restored::<Service>(&space, "store-console", change.clone(), whole).await;
        restored::<StatefulSet>(&space, "store-p0", change.clone(), whole).await;
        restored::<ConfigMap>(&space, "store-topology", change.clone(), whole).await;
        restored::<Pool>(&space, "p0", change, whole).await;
    }
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn lost_credentials_come_back_as_servers_run_with_them(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "lost").await;
    let before = space.get::<Secret>("store-credentials").await.unwrap();
    let servers = space.list::<Pod>().await;
    space.delete::<Secret>("store-credentials").await;
    let after = until("the Secret to come back", SOON, || {
        space.get::<Secret>("store-credentials")
    })
    .await;
    assert_eq!(after.data, before.data, "new credentials would lock everyone out");
    space.delete::<Secret>("store-rpc").await;
    let message = space
        .condition::<Tenant>("store", "CredentialsReady", "False", "CredentialsLost", SOON)
        .await;
    assert!(message.contains("store-rpc"), "{message}");
    assert!(space.get::<Secret>("store-rpc").await.is_err());
    let names = |pods: &[Pod]| pods.iter().filter_map(ResourceExt::uid).collect::<BTreeSet<_>>();
    assert_eq!(
        names(&space.list::<Pod>().await),
        names(&servers),
        "servers go on"
    );
    space.leave().await;
}

pub async fn an_object_of_someone_else_is_never_taken(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "taken").await;
    let owner = space.apply::<ConfigMap>("their-owner", &json!({})).await.unwrap();
    let reference = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "name": "their-owner", "uid": owner.uid().unwrap(), "controller": true
    });
    let theirs = json!({"metadata": {"ownerReferences": [reference]}, "spec": {"ports": [{"port": 80}]}});
    let other: Service = space.apply("store-api", &theirs).await.unwrap();
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space
        .condition::<Tenant>("store", "Stalled", "True", "NameTaken", SOON)
        .await;
    let now = space.get::<Service>("store-api").await.unwrap();
    assert_eq!(
        now.resource_version(),
        other.resource_version(),
        "it was not touched"
    );
    space.leave().await;
}

async fn store(world: &World, prefix: &str) -> Space {
    Space::serving(&world.cluster.admin, prefix, &objects::tenant(), "p0").await
}

pub async fn recreated<K: Kind>(space: &Space, name: &str) {
    let before = space.get::<K>(name).await.unwrap().meta().uid.clone();
    space.delete::<K>(name).await;
    until(&format!("{} {name} to come back", K::kind(&())), SOON, || async {
        let uid = space.get::<K>(name).await?.meta().uid.clone();
        if uid == before {
            Err("it is still the old one".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
}

pub async fn restored<K: Kind>(space: &Space, name: &str, change: Value, wanted: impl Fn(&Value) -> bool) {
    let how = PatchParams::default();
    space
        .api::<K>()
        .patch(name, &how, &Patch::Merge(&change))
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    until(
        &format!("{} {name} to be restored after {change}", K::kind(&())),
        SOON,
        || async {
            let now = serde_json::to_value(space.get::<K>(name).await?).map_err(|error| error.to_string())?;
            if wanted(&now) {
                Ok(())
            } else {
                Err(format!("{:#}", now["metadata"]))
            }
        },
    )
    .await;
}

fn whole(object: &Value) -> bool {
    object["metadata"]["labels"]["storage.rustfs.com/tenant"] == "store"
        && object["metadata"]["ownerReferences"][0]["controller"] == true
}
