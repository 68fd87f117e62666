//! Claims, volumes and classes by hand: what a driver's provisioner and resizer do.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::space::{Kind, Space};

/// What the claims ask for, by name.
pub async fn requests(space: &Space) -> BTreeMap<String, String> {
    let claims = space.list::<PersistentVolumeClaim>().await.into_iter();
    claims
        .map(|claim| {
            let requests = claim.spec.clone().unwrap().resources.unwrap().requests.unwrap();
            (claim.name_any(), requests["storage"].0.clone())
        })
        .collect()
}

pub async fn patch<K: Kind>(space: &Space, name: &str, change: &Value) {
    let how = PatchParams::default();
    space
        .api::<K>()
        .patch(name, &how, &Patch::Merge(change))
        .await
        .unwrap();
}

/// What a driver's resizer says of a volume.
pub async fn resize(space: &Space, server: i32, capacity: &str, conditions: Value) {
    let status = json!({"status": {"capacity": {"storage": capacity}, "conditions": conditions}});
    let how = PatchParams::default();
    let name = format!("data-0-store-p0-{server}");
    let claims = space.api::<PersistentVolumeClaim>();
    claims
        .patch_status(&name, &how, &Patch::Merge(&status))
        .await
        .unwrap();
}

/// A StorageClass with the name of the namespace.
pub async fn class(space: &Space, provisioner: &str, expands: bool) {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": space.name},
        "provisioner": provisioner, "allowVolumeExpansion": expands, "volumeBindingMode": "Immediate",
    });
    create::<StorageClass>(space, class).await;
}

/// Volumes of 1Gi that nobody resizes.
pub async fn volumes(space: &Space) {
    for number in 0..4 {
        let volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": format!("{}-{number}", space.name), "labels": {"test": space.name}},
            "spec": {
                "storageClassName": space.name, "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
                "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/nowhere"},
            },
        });
        create::<PersistentVolume>(space, volume).await;
    }
}

pub async fn create<K>(space: &Space, object: Value)
where
    K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + DeserializeOwned,
{
    let object: K = serde_json::from_value(object).unwrap();
    let api: Api<K> = Api::all(space.client.clone());
    api.create(&PostParams::default(), &object).await.unwrap();
}

pub async fn clear(space: &Space) {
    let classes: Api<StorageClass> = Api::all(space.client.clone());
    classes
        .delete(&space.name, &DeleteParams::default())
        .await
        .unwrap();
    let volumes: Api<PersistentVolume> = Api::all(space.client.clone());
    let ours = ListParams::default().labels(&format!("test={}", space.name));
    volumes
        .delete_collection(&DeleteParams::default(), &ours)
        .await
        .unwrap();
}
