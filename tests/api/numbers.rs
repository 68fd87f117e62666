//! Pools that leave from the front of the volumes string, of which servers remember the old places.

use std::sync::Arc;
use std::time::Duration;

use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;

use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

/// How long all servers of a store may take to be replaced, and more than once.
const REPLACED: Duration = Duration::from_secs(180);

pub async fn elements_get_other_spellings_before_the_second_pool_is_drained(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "numbers").await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    let names = ["p0", "p1", "p2"];
    for name in names {
        space
            .apply::<Pool>(name, &objects::pool("store", 2, 1))
            .await
            .unwrap();
    }
    for name in names {
        space.ready::<Pool>(name, SOON).await;
    }
    space.ready::<Tenant>("store", SOON).await;
    world.servers.drains(&space.name, "store", "go").await;

    space.delete::<Pool>("p0").await;
    space.gone::<Pool>("p0", REPLACED).await;
    space.ready::<Tenant>("store", SOON).await;
    assert_eq!(spelled(&space).await, [("p1", ""), ("p2", "")].map(owned));

    let mut leaving = objects::pool("store", 2, 1);
    leaving["spec"]["state"] = json!("Decommissioned");
    space.apply::<Pool>("p1", &leaving).await.unwrap();
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    assert_eq!(spelled(&space).await, [("p2", "/")].map(owned));
    let element = format!("p1-{{0...1}}.store-hl.{}.", space.name);
    let told = world.servers.starts(&element).await;
    assert_eq!(told, 1, "no drain was begun that the servers would refuse");
    // Their store may be ready before they have ended.
    until(
        "the servers of the Pool that has left to be gone",
        SOON,
        || async {
            match space.list::<Pod>().await.len() {
                2 => Ok(()),
                all => Err(format!("there are {all}")),
            }
        },
    )
    .await;
    space.leave().await;
}

fn owned((pool, end): (&str, &str)) -> (String, String) {
    (pool.to_owned(), end.to_owned())
}

/// The Pools in the volumes string, and what follows the drives of each.
async fn spelled(space: &Space) -> Vec<(String, String)> {
    let map = space.get::<ConfigMap>("store-topology").await.unwrap();
    let volumes = map.data.unwrap()["RUSTFS_VOLUMES"].clone();
    let parts = |element: &str| {
        let (_, name) = element.split_once("://store-").unwrap();
        let (_, end) = element.rsplit_once('}').unwrap();
        (name.split('-').next().unwrap().to_owned(), end.to_owned())
    };
    volumes.split(' ').map(parts).collect()
}
