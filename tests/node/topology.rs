//! Pools that join real stores, with a client that never stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::{Pool, Tenant};
use serde_json::Value;

use crate::World;
use crate::s3::Store;
use crate::stores::{create, one_disk};
use crate::support::objects;
use crate::support::space::Space;

/// How long a change of the topology may take: every server is replaced once.
const CHANGED: Duration = Duration::from_secs(420);
const OBJECTS: usize = 20;

pub async fn a_pool_joins_while_clients_read_what_they_wrote(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "topology").await;
    create(&space, one_disk(objects::tenant())).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);

    let traffic = store.traffic("busy");
    let started = Instant::now();
    space
        .apply::<Pool>("p1", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    space
        .condition::<Pool>("p1", "Joined", "True", "Joined", CHANGED)
        .await;
    space.ready::<Tenant>("store", CHANGED).await;
    eprintln!("  joined after {} s", started.elapsed().as_secs());
    undisturbed(&traffic.end());
    store.check("kept", OBJECTS);

    space.vacate().await;
}

/// Nothing that was acknowledged is lost, stale, or missing from a list at any time.
pub fn undisturbed(counts: &Value) {
    eprintln!("  {counts}");
    assert_eq!(counts["lost"], 0, "{counts}");
    assert_eq!(counts["stale"], 0, "{counts}");
    assert!(counts["fresh"].as_u64() > Some(3), "{counts}");
}
