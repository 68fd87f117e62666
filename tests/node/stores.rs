//! Stores on real servers.

use std::sync::Arc;

use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::World;
use crate::s3::Store;
use crate::scene::{FORMED, create, keeping, kill_operator, sized};
use crate::support::objects;
use crate::support::operator::NAMESPACE;
use crate::support::pods::{ready, uids};
use crate::support::space::Space;
use crate::support::wait::until;

const OBJECTS: usize = 10;

pub async fn the_operator_runs_from_its_own_image(world: Arc<World>) {
    world.rolled_out(FORMED);
    let pods: Api<Pod> = Api::namespaced(world.cluster.admin.clone(), NAMESPACE);
    let pods = pods.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(pods.len(), 1);
    let image = &pods[0].spec.as_ref().unwrap().containers[0].image;
    assert_eq!(image.as_deref(), Some("rustfs-operator:dev"));
}

pub async fn a_creation_ends_the_same_when_the_operator_is_killed(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "killed").await;
    let mut tenant = objects::tenant();
    tenant["spec"]["deletion"]["volumes"] = "Delete".into();
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    space.apply::<Pool>("p0", &sized("1Gi")).await.unwrap();
    until("the creation to begin", FORMED, || {
        space.get::<ConfigMap>("store-topology")
    })
    .await;
    kill_operator(&world).await;
    space.ready::<Tenant>("store", FORMED).await;
    world.rolled_out(FORMED);
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);

    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", FORMED).await;
    until("all claims to be deleted", FORMED, || async {
        match space.list::<PersistentVolumeClaim>().await.len() {
            0 => Ok(()),
            left => Err(format!("{left} are left")),
        }
    })
    .await;
    space.vacate().await;
}

pub async fn retained_volumes_serve_their_objects_again(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "again").await;
    let keys = json!({"stringData": {"accesskey": "someone", "secretkey": "a-secret-for-this-test"}});
    space.apply::<Secret>("keys", &keys).await.unwrap();
    let mut tenant = objects::tenant();
    tenant["spec"]["credentialsSecretRef"] = json!({"name": "keys"});
    tenant["spec"]["deletion"]["volumes"] = "Retain".into();
    create(&space, &tenant).await;
    let store = Store::find(&world, &space, "keys", None).await;
    store.put("kept", OBJECTS);

    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", FORMED).await;
    assert!(
        space.list::<Pool>().await.is_empty(),
        "Pools go before their Tenant"
    );
    until("the servers to be gone", FORMED, || async {
        match space.list::<Pod>().await.len() {
            0 => Ok(()),
            left => Err(format!("{left} are left")),
        }
    })
    .await;
    assert_eq!(space.list::<PersistentVolumeClaim>().await.len(), 4);

    create(&space, &tenant).await;
    let store = Store::find(&world, &space, "keys", None).await;
    store.put("more", OBJECTS);
    store.check("kept", OBJECTS);
    space.vacate().await;
}

pub async fn deletion_with_data_is_refused_until_confirmed(world: Arc<World>) {
    let (space, store) = keeping(&world, "kept", &objects::protected_tenant(), OBJECTS).await;
    let uid = space.get::<Tenant>("store").await.unwrap().uid().unwrap();

    space.delete::<Tenant>("store").await;
    let message = space
        .condition::<Tenant>("store", "DeletionAllowed", "False", "DataFound", FORMED)
        .await;
    assert!(message.contains("of 1 in all: kept (10 or more)"), "{message}");
    let before = uids(&space).await;
    space.delete::<Pod>("store-p0-0").await;
    until("the server to come back", FORMED, || async {
        let ready = ready(&space).await;
        let old = uids(&space).await.intersection(&before).count();
        if (old, ready) == (3, 4) {
            Ok(())
        } else {
            Err(format!("{old} are the old ones, {ready} are ready"))
        }
    })
    .await;
    store.check("kept", OBJECTS);

    let word = json!({"metadata": {"annotations": {"storage.rustfs.com/confirm-deletion": uid}}});
    space
        .api::<Tenant>()
        .patch("store", &PatchParams::default(), &Patch::Merge(&word))
        .await
        .unwrap();
    space.gone::<Tenant>("store", FORMED).await;
    assert!(
        space.list::<Pool>().await.is_empty(),
        "Pools go before their Tenant"
    );
    space.vacate().await;
}
