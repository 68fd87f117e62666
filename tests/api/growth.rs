//! Volumes that grow under servers that run on.

mod volumes;

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::{Pool, Tenant};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};
use volumes::{class, clear, patch, requests, resize, volumes};

/// Keeps a StatefulSet that is being deleted where it is.
const HELD: &str = "test.example.com/held";

pub async fn volumes_grow_and_every_server_runs_on(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "grow", "expandable").await;
    let (set, servers) = (set(&space).await, servers(&space).await);
    let larger = json!({"spec": {"resources": {"requests": {"storage": "5Gi"}}}});
    patch::<PersistentVolumeClaim>(&space, "data-0-store-p0-2", &larger).await;
    grow(&space, "expandable", "2Gi").await;
    reached(&space, "2Gi").await;
    space.ready::<Pool>("p0", SOON).await;
    space.ready::<Tenant>("store", SOON).await;
    let asked = requests(&space).await;
    assert_eq!(
        asked["data-0-store-p0-2"], "5Gi",
        "what a person made larger is left alone"
    );
    assert!(
        asked.values().filter(|size| *size == "2Gi").count() == 3,
        "{asked:?}"
    );
    adopted(&space, &set, &servers, "2Gi").await;

    let answer = space.apply::<Pool>("p0", &sized("expandable", "1Gi")).await;
    let refusal = answer.unwrap_err().to_string();
    assert!(
        refusal.contains("volumeClaim.size may grow and never shrink"),
        "{refusal}"
    );
    // The same in other words is no change of the volumes.
    let again = self::set(&space).await;
    grow(&space, "expandable", "2048Mi").await;
    space.ready::<Pool>("p0", SOON).await;
    assert_eq!(self::set(&space).await.uid(), again.uid());
    space.leave().await;
}

pub async fn what_a_class_forbids_is_said_and_servers_are_still_cared_for(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "forbids").await;
    class(&space, "localkube/folder", false).await;
    let fixed = space.name.clone();
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space.apply::<Pool>("p0", &sized(&fixed, "1Gi")).await.unwrap();
    space.ready::<Pool>("p0", SOON).await;
    space.ready::<Tenant>("store", SOON).await;
    let (set, servers) = (self::set(&space).await, servers(&space).await);
    grow(&space, &fixed, "2Gi").await;
    let message = space
        .condition::<Pool>("p0", "StorageReady", "False", "ExpansionNotSupported", SOON)
        .await;
    assert!(message.starts_with("spec.volumeClaim.size: "), "{message}");
    assert!(message.contains(&format!("StorageClass {fixed}")), "{message}");
    space
        .condition::<Pool>("p0", "Stalled", "True", "ExpansionNotSupported", SOON)
        .await;
    assert!(requests(&space).await.values().all(|size| size == "1Gi"));
    assert_eq!(self::set(&space).await.uid(), set.uid());
    assert_eq!(self::servers(&space).await, servers);

    let image = objects::tenant_with(json!({"image": "rustfs/rustfs:next"}));
    space.apply::<Tenant>("store", &image).await.unwrap();
    until("every server to be replaced all the same", SOON, || async {
        let now = self::servers(&space).await;
        let kept = now
            .values()
            .filter(|uid| servers.values().any(|old| old == *uid))
            .count();
        if kept == 0 && now.len() == 4 {
            Ok(())
        } else {
            Err(format!("{kept} are left"))
        }
    })
    .await;

    let allow = json!({"allowVolumeExpansion": true});
    let classes: Api<StorageClass> = Api::all(space.client.clone());
    classes
        .patch(&fixed, &PatchParams::default(), &Patch::Merge(&allow))
        .await
        .unwrap();
    // Nothing is watched that would tell of it.
    reached(&space, "2Gi").await;
    space.ready::<Pool>("p0", SOON).await;
    classes.delete(&fixed, &DeleteParams::default()).await.unwrap();
    space.leave().await;
}

pub async fn killed_while_the_stateful_set_is_away_it_makes_it_anew_with_the_same_servers(world: Arc<World>) {
    let _shared = world.stopped().await;
    let space = Space::make(&world.cluster.admin, "killed").await;
    let mut operator = world.own(&space).await;
    serve(&space, "expandable").await;
    let (set, servers) = (set(&space).await, servers(&space).await);
    take_away(&space).await;
    operator.process.kill();
    release(&space).await;
    assert_eq!(
        self::servers(&space).await,
        servers,
        "no server needs the StatefulSet"
    );

    let _again = world.own(&space).await;
    reached(&space, "2Gi").await;
    space.ready::<Pool>("p0", SOON).await;
    adopted(&space, &set, &servers, "2Gi").await;
    space.leave().await;
}

pub async fn a_store_deleted_while_a_stateful_set_is_away_leaves_no_server(world: Arc<World>) {
    let _shared = world.stopped().await;
    let space = Space::make(&world.cluster.admin, "away").await;
    let mut operator = world.own(&space).await;
    serve(&space, "expandable").await;
    take_away(&space).await;
    operator.process.kill();
    release(&space).await;
    space.delete::<Tenant>("store").await;
    let _again = world.own(&space).await;
    space.gone::<Tenant>("store", SOON).await;
    until("every server to be gone", SOON, || async {
        let left = servers(&space).await;
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
    assert_eq!(requests(&space).await.len(), 4, "volumes are kept");
    space.leave().await;
}

pub async fn volumes_that_grow_are_waited_for_and_may_be_told_to_grow_further(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "resize").await;
    class(&space, "kubernetes.io/no-provisioner", true).await;
    let by_hand = space.name.clone();
    volumes(&space).await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space.apply::<Pool>("p0", &sized(&by_hand, "1Gi")).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    let (set, servers) = (self::set(&space).await, servers(&space).await);

    space
        .apply::<Tenant>("store", &objects::tenant_with(json!({"paused": true})))
        .await
        .unwrap();
    space
        .condition::<Pool>("p0", "Ready", "False", "Paused", SOON)
        .await;
    grow(&space, &by_hand, "2Gi").await;
    until("the paused Pool to be looked at", SOON, || async {
        let pool = space.get::<Pool>("p0").await?;
        let seen = pool.status.as_ref().and_then(|status| status.observed_generation);
        if seen == pool.meta().generation {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    })
    .await;
    assert!(
        requests(&space).await.values().all(|size| size == "1Gi"),
        "paused"
    );

    space
        .apply::<Tenant>("store", &objects::tenant_with(json!({"paused": false})))
        .await
        .unwrap();
    until("claims and StatefulSet to ask for more", SOON, || {
        sizes_are(&space, "2Gi")
    })
    .await;
    until("the volumes to be counted", SOON, || async {
        let message = space
            .condition::<Pool>("p0", "StorageReady", "False", "VolumesGrowing", SOON)
            .await;
        let counted = message.contains("4 volumes have not reached 2Gi yet");
        if counted { Ok(()) } else { Err(message) }
    })
    .await;
    grow(&space, &by_hand, "3Gi").await;
    until("claims and StatefulSet to ask for still more", SOON, || {
        sizes_are(&space, "3Gi")
    })
    .await;
    for server in 0..3 {
        resize(&space, server, "3Gi", json!([])).await;
    }
    let pending = json!([{"type": "FileSystemResizePending", "status": "True", "lastTransitionTime": null}]);
    resize(&space, 3, "1Gi", pending).await;
    until("the last volume to be named", SOON, || async {
        let message = space
            .condition::<Pool>("p0", "StorageReady", "False", "VolumesGrowing", SOON)
            .await;
        let wanted = message.starts_with("1 volumes")
            && message.contains("data-0-store-p0-3 has 1Gi (FileSystemResizePending");
        if wanted { Ok(()) } else { Err(message) }
    })
    .await;
    resize(&space, 3, "3Gi", json!([])).await;
    reached(&space, "3Gi").await;
    space.ready::<Pool>("p0", SOON).await;
    adopted(&space, &set, &servers, "3Gi").await;
    clear(&space).await;
    space.leave().await;
}

/// A store of one Pool that serves on volumes of 1Gi.
async fn store(world: &World, prefix: &str, class: &str) -> Space {
    let space = Space::make(&world.cluster.admin, prefix).await;
    serve(&space, class).await;
    space
}

async fn serve(space: &Space, class: &str) {
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space.apply::<Pool>("p0", &sized(class, "1Gi")).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("p0", SOON).await;
}

fn sized(class: &str, size: &str) -> Value {
    let mut pool = objects::pool("store", 4, 1);
    pool["spec"]["volumeClaim"] = json!({"size": size, "storageClassName": class});
    pool
}

async fn grow(space: &Space, class: &str, size: &str) {
    space.apply::<Pool>("p0", &sized(class, size)).await.unwrap();
}

async fn reached(space: &Space, size: &str) {
    // A class that was changed is read again after a minute.
    until(&format!("volumes of {size}"), SOON + SOON, || async {
        let pool = space.get::<Pool>("p0").await?;
        let has = pool.status.and_then(|status| status.volume_size);
        if has.as_ref().is_some_and(|has| has.0 == size) {
            Ok(())
        } else {
            Err(format!("{has:?}"))
        }
    })
    .await;
}

/// Asks for larger volumes and waits until the StatefulSet is on its way out, where it is held.
async fn take_away(space: &Space) {
    let hold = json!({"metadata": {"finalizers": [HELD]}});
    patch::<StatefulSet>(space, "store-p0", &hold).await;
    grow(space, "expandable", "2Gi").await;
    until("the StatefulSet to go without its servers", SOON, || async {
        let set = set(space).await;
        let left = servers_of(space, None).await;
        match set.metadata.deletion_timestamp {
            Some(_) if left == 4 && set.finalizers() == [HELD] => Ok(()),
            _ => Err(format!("{left} servers have no owner: {:?}", set.finalizers())),
        }
    })
    .await;
}

async fn release(space: &Space) {
    let free = json!({"metadata": {"finalizers": null}});
    patch::<StatefulSet>(space, "store-p0", &free).await;
    space.gone::<StatefulSet>("store-p0", SOON).await;
}

/// The same servers, each of the new StatefulSet, which makes them of the same revision and of larger volumes.
async fn adopted(space: &Space, before: &StatefulSet, servers: &BTreeMap<String, String>, size: &str) {
    until("the servers to be adopted", SOON, || async {
        let now = set(space).await;
        match servers_of(space, now.uid()).await {
            4 => Ok(()),
            count => Err(format!("{count} are")),
        }
    })
    .await;
    let now = set(space).await;
    assert_ne!(now.uid(), before.uid());
    assert_eq!(&self::servers(space).await, servers, "no server was touched");
    until("the revision to be the same", SOON, || async {
        let revision = |set: &StatefulSet| set.status.clone().and_then(|status| status.update_revision);
        let now = set(space).await;
        if revision(&now) == revision(before) {
            Ok(())
        } else {
            Err(format!("{:?}", revision(&now)))
        }
    })
    .await;
    sizes_are(space, size).await.unwrap();
}

async fn sizes_are(space: &Space, size: &str) -> Result<(), String> {
    let set = space.get::<StatefulSet>("store-p0").await?;
    let value = serde_json::to_value(&set).map_err(|error| error.to_string())?;
    let template = &value["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"];
    let deleting = set.metadata.deletion_timestamp.is_some();
    let asked = requests(space).await;
    // One was made larger by a person.
    let small = asked.values().any(|asked| asked != size && asked != "5Gi");
    if *template == size && !small && !deleting {
        Ok(())
    } else {
        Err(format!("{template} {asked:?}"))
    }
}

async fn set(space: &Space) -> StatefulSet {
    space.get::<StatefulSet>("store-p0").await.unwrap()
}

/// UIDs of the server Pods, by name.
async fn servers(space: &Space) -> BTreeMap<String, String> {
    let pods = space.list::<Pod>().await.into_iter();
    pods.map(|pod| (pod.name_any(), pod.uid().unwrap())).collect()
}

/// How many servers the StatefulSet with this UID controls, or nothing does.
async fn servers_of(space: &Space, uid: Option<String>) -> usize {
    let controller = |pod: &Pod| {
        let owner = pod
            .owner_references()
            .iter()
            .find(|owner| owner.controller == Some(true));
        owner.map(|owner| owner.uid.clone())
    };
    let pods = space.list::<Pod>().await;
    pods.iter().filter(|pod| controller(pod) == uid).count()
}
