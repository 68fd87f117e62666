//! Deleting a Tenant that holds objects.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{Client, Credentials, Deadlines, Endpoint};
use crds::{Pool, Tenant};
use hyper::Method;
use hyper::body::Bytes;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Pod, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, PropagationPolicy};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

/// A store that waits is asked every half minute.
const ASKED_AGAIN: Duration = Duration::from_secs(75);

pub async fn a_store_with_objects_serves_on_until_its_owner_confirms(world: Arc<World>) {
    let _shared = world.stopped().await;
    let space = Space::make(&world.cluster.admin, "guarded").await;
    let mut operator = world.own(&space).await;
    space.serve(&objects::protected_tenant(), "p0").await;
    put(&space, "photos", 12).await;
    put(&space, "attic", 0).await;
    put(&space, "logs", 1).await;
    let uid = space.get::<Tenant>("store").await.unwrap().uid().unwrap();
    let before = volumes(&space).await;

    space.delete::<Tenant>("store").await;
    let message = refused(&space, "DataFound", SOON).await;
    assert!(
        message.contains("of 3 in all: logs (1 or more), photos (10 or more)"),
        "{message}"
    );
    let command = format!(
        "kubectl -n {} annotate --overwrite tenants.storage.rustfs.com/store storage.rustfs.com/confirm-deletion={uid}",
        space.name
    );
    assert!(message.contains(&command), "{message}");
    served(&space).await;

    operator.process.kill();
    let _again = world.own(&space).await;
    confirm(&space, "yes").await;
    until("the wrong word to be told", SOON, || async {
        let message = refused(&space, "DataFound", SOON).await;
        if message.contains("is not this Tenant's UID") {
            Ok(())
        } else {
            Err(message)
        }
    })
    .await;
    served(&space).await;

    confirm(&space, &uid).await;
    space.gone::<Tenant>("store", SOON).await;
    assert!(
        space.list::<Pool>().await.is_empty(),
        "Pools go before their Tenant"
    );
    assert_eq!(volumes(&space).await, before, "deletion.volumes is Retain");
    space.leave().await;
}

pub async fn a_store_that_cannot_be_asked_waits_and_an_empty_one_goes(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "emptied").await;
    put(&space, "photos", 1).await;
    all(&world, &space, "down").await;
    space.delete::<Tenant>("store").await;
    let message = refused(&space, "DataUnknown", SOON).await;
    assert!(message.contains("the operator gets no answer"), "{message}");
    assert!(message.contains("confirm-deletion="), "{message}");
    served(&space).await;

    all(&world, &space, "none").await;
    refused(&space, "DataFound", ASKED_AGAIN).await;
    send(&space, Method::DELETE, "/photos/0").await;
    space.gone::<Tenant>("store", ASKED_AGAIN).await;
    space.leave().await;
}

pub async fn what_deletes_around_the_operator_waits_for_the_same_word(world: Arc<World>) {
    let _operator = world.running().await;
    for way in ["namespace", "foreground"] {
        let space = store(&world, way).await;
        put(&space, "photos", 1).await;
        let uid = space.get::<Tenant>("store").await.unwrap().uid().unwrap();
        let (client, name) = (space.client.clone(), space.name.clone());
        let namespaces: Api<Namespace> = Api::all(client);
        if way == "namespace" {
            namespaces.delete(&name, &DeleteParams::default()).await.unwrap();
        } else {
            let how = DeleteParams {
                propagation_policy: Some(PropagationPolicy::Foreground),
                ..DeleteParams::default()
            };
            space.api::<Tenant>().delete("store", &how).await.unwrap();
        }
        until("the servers to be gone", SOON, || async {
            match space.list::<Pod>().await.len() {
                0 => Ok(()),
                left => Err(format!("{left} are left")),
            }
        })
        .await;
        let message = refused(&space, "DataUnknown", ASKED_AGAIN).await;
        assert!(message.contains("do not come back"), "{message}");
        let finalizers = space.get::<Pool>("p0").await.unwrap().metadata.finalizers;
        assert!(
            finalizers.is_some_and(|held| !held.is_empty()),
            "the Pool waits with its Tenant"
        );
        confirm(&space, &uid).await;
        space.gone::<Tenant>("store", SOON).await;
        if way == "namespace" {
            until("the namespace to be gone", SOON, || async {
                match namespaces.get_opt(&name).await {
                    Ok(None) => Ok(()),
                    other => Err(format!(
                        "{:?}",
                        other.map(|found| found.and_then(|one| one.status))
                    )),
                }
            })
            .await;
        } else {
            space.leave().await;
        }
    }
}

/// A store of four servers that answer, and that is protected.
async fn store(world: &World, prefix: &str) -> Space {
    Space::serving(&world.cluster.admin, prefix, &objects::protected_tenant(), "p0").await
}

/// Makes all servers misbehave, or none.
async fn all(world: &World, space: &Space, mode: &str) {
    for ordinal in 0..4 {
        let pod = format!("store-p0-{ordinal}");
        world.servers.fault(&space.name, &pod, mode).await;
    }
}

pub async fn put(space: &Space, bucket: &str, objects: usize) {
    send(space, Method::PUT, &format!("/{bucket}")).await;
    for number in 0..objects {
        send(space, Method::PUT, &format!("/{bucket}/{number}")).await;
    }
}

/// Sends an S3 request to the first server until it is taken.
async fn send(space: &Space, method: Method, path: &str) {
    let secret = space
        .get::<Secret>("store-credentials")
        .await
        .unwrap()
        .data
        .unwrap();
    let text = |key: &str| String::from_utf8(secret[key].0.clone()).unwrap();
    let credentials = Credentials::new(&text("accesskey"), &text("secretkey"));
    until(&format!("{method} {path} to be taken"), SOON, || async {
        let pod = space.get::<Pod>("store-p0-0").await?;
        let address = pod.status.and_then(|status| status.pod_ip).ok_or("no address")?;
        let endpoint = Endpoint {
            addr: SocketAddr::new(address.parse().unwrap(), 9000),
            host: "store-p0-0".to_owned(),
            tls: None,
        };
        let client = Client::new(endpoint, credentials.clone(), Deadlines::default());
        let answer = client.send(method.clone(), path, Bytes::new()).await;
        match answer.map_err(|error| error.to_string())? {
            answer if answer.status < 300 => Ok(()),
            answer => Err(format!("{}: {:?}", answer.status, answer.body)),
        }
    })
    .await;
}

async fn refused(space: &Space, reason: &str, within: Duration) -> String {
    let message = space
        .condition::<Tenant>("store", "DeletionAllowed", "False", reason, within)
        .await;
    space
        .condition::<Tenant>("store", "Stalled", "True", reason, SOON)
        .await;
    message
}

/// Nothing is taken down, and what someone takes away comes back.
async fn served(space: &Space) {
    let before = space.get::<Pod>("store-p0-1").await.unwrap().uid();
    space.delete::<Pod>("store-p0-1").await;
    until("the server to come back", SOON, || async {
        if space.get::<Pod>("store-p0-1").await?.uid() == before {
            return Err("it is still the old one".to_owned());
        }
        Ok(())
    })
    .await;
    space.ready::<Pool>("p0", SOON).await;
    assert_eq!(space.list::<Pod>().await.len(), 4);
    let tenant = space.get::<Tenant>("store").await.unwrap();
    assert!(!tenant.finalizers().is_empty(), "the finalizer stays");
}

async fn confirm(space: &Space, token: &str) {
    let change = json!({"metadata": {"annotations": {"storage.rustfs.com/confirm-deletion": token}}});
    space
        .api::<Tenant>()
        .patch("store", &PatchParams::default(), &Patch::Merge(&change))
        .await
        .unwrap();
}

async fn volumes(space: &Space) -> Vec<String> {
    let claims = space.list::<PersistentVolumeClaim>().await;
    claims.iter().filter_map(ResourceExt::uid).collect()
}
