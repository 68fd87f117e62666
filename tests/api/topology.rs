//! Pools that come to a store that serves, and leave it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crds::names::LABEL_TOPOLOGY_REVISION;
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::pods::{is_ready, uids};
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

/// How long clients may be without a server while they move to the next revision.
const GAP: Duration = Duration::from_secs(2);
/// How long all servers of a store may take to be replaced one after the other.
const REPLACED: Duration = Duration::from_secs(90);

pub async fn a_pool_joins_a_store_that_serves_and_clients_meet_one_revision(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "join").await;
    let before = uids(&space).await;
    space
        .apply::<Pool>("late", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    meets_one_revision(&space, "1", "2").await;
    space.ready::<Tenant>("store", SOON).await;
    space
        .condition::<Pool>("late", "Joined", "True", "Joined", SOON)
        .await;
    let pods = space.list::<Pod>().await;
    assert_eq!(pods.len(), 8);
    assert!(pods.iter().all(|pod| revision(pod) == "2"));
    assert!(uids(&space).await.is_disjoint(&before));
    let volumes = space.get::<ConfigMap>("store-topology-r2").await.unwrap();
    let volumes = &volumes.data.unwrap()["RUSTFS_VOLUMES"];
    assert!(volumes.starts_with("http://store-p0-"), "{volumes}");
    assert!(volumes.contains(" http://store-late-"), "{volumes}");
    space.leave().await;
}

pub async fn a_newcomer_that_cannot_start_costs_nobody_a_server(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "stuck").await;
    let mut late = objects::pool("store", 4, 1);
    late["spec"]["scheduling"] = json!({"nodeSelector": {"there-is": "no-such-node"}});
    // The preflight would hold its servers back before they exist.
    late["spec"]["preflight"] = json!("Report");
    space.apply::<Pool>("late", &late).await.unwrap();
    space
        .condition::<Pool>("late", "Joined", "False", "Joining", SOON)
        .await;
    // A server that is lost meanwhile comes back with the string it had.
    space.delete::<Pod>("store-p0-1").await;
    until("the server to come back as it was", SOON, || async {
        let pods = space.list::<Pod>().await;
        let found: Vec<_> = pods
            .iter()
            .filter(|pod| pod.name_any().starts_with("store-p0-"))
            .collect();
        let serves = found
            .iter()
            .filter(|pod| is_ready(pod) && revision(pod) == "1")
            .count();
        if serves == 4 {
            Ok(())
        } else {
            Err(format!("{serves} serve"))
        }
    })
    .await;
    assert_eq!(selected(&space).await, "1");
    space
        .condition::<Tenant>("store", "Available", "True", "Serving", SOON)
        .await;
    space.leave().await;
}

pub async fn a_pool_that_does_not_fit_is_refused_and_disturbs_nothing(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "refused").await;
    let before = uids(&space).await;
    space
        .apply::<Pool>("late", &objects::pool("store", 17, 1))
        .await
        .unwrap();
    let message = space
        .condition::<Pool>("late", "Accepted", "False", "LayoutInvalid", SOON)
        .await;
    assert!(message.contains("16 or 18 servers"), "{message}");
    let refused = space.get::<Pool>("late").await.unwrap();
    assert!(
        refused.finalizers().is_empty(),
        "a refused Pool can be deleted at once"
    );
    space.delete::<Pool>("late").await;
    space.gone::<Pool>("late", SOON).await;
    space.ready::<Tenant>("store", SOON).await;
    assert_eq!(uids(&space).await, before, "no server was touched");
    space.leave().await;
}

pub async fn a_newcomer_is_taken_back_while_no_client_was_served_with_it(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "back").await;
    let before = uids(&space).await;
    let mut late = objects::pool("store", 4, 1);
    late["spec"]["scheduling"] = json!({"nodeSelector": {"there-is": "no-such-node"}});
    // The preflight would hold its servers back before they exist.
    late["spec"]["preflight"] = json!("Report");
    for forced in [false, true] {
        space.apply::<Pool>("late", &late).await.unwrap();
        space
            .condition::<Pool>("late", "Joined", "False", "Joining", SOON)
            .await;
        space.delete::<Pool>("late").await;
        if forced {
            let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            // The operator may have been faster.
            let _ = space
                .api::<Pool>()
                .patch("late", &PatchParams::default(), &free)
                .await;
        }
        space.gone::<Pool>("late", SOON).await;
        space.ready::<Tenant>("store", SOON).await;
        assert_eq!(uids(&space).await, before, "no server was touched");
        assert_eq!(selected(&space).await, "1");
    }
    space.leave().await;
}

pub async fn a_decommissioned_pool_leaves_once_its_data_has_moved(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "drain").await;
    // 1, or 2 where the Tenant had met one Pool before the other.
    let before: u64 = selected(&space).await.parse().unwrap();
    servers.drains(&space.name, "store", "hold").await;
    set_state(&space, "p1", "Decommissioned").await;
    until("the servers to say how far they are", SOON, || async {
        let pool = space.get::<Pool>("p1").await?;
        match pool.status.and_then(|status| status.drain) {
            Some(drain) if drain.state == "running" && drain.objects == 12 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    space
        .condition::<Pool>("p1", "Drained", "False", "Draining", SOON)
        .await;
    servers.drains(&space.name, "store", "go").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    until("its servers to be gone", REPLACED, || async {
        let left = space.list::<Pod>().await.len();
        if left == 4 {
            Ok(())
        } else {
            Err(format!("{left} servers"))
        }
    })
    .await;
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("p1", SOON).await;
    assert_eq!(
        servers
            .starts(&format!("p1-{{0...3}}.store-hl.{}.", space.name))
            .await,
        1
    );
    let map = space.get::<ConfigMap>("store-topology").await.unwrap();
    assert!(!map.data.unwrap()["RUSTFS_VOLUMES"].contains("store-p1"));
    assert_eq!(selected(&space).await, (before + 1).to_string());
    let claims = space.list::<PersistentVolumeClaim>().await;
    assert_eq!(
        claims.len(),
        8,
        "volumes are kept unless the policy says otherwise"
    );
    space.delete::<Pool>("p1").await;
    space.gone::<Pool>("p1", SOON).await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_drain_is_called_off_and_begun_again(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "recall").await;
    servers.drains(&space.name, "store", "hold").await;
    let before = uids(&space).await;
    let element = format!("p1-{{0...3}}.store-hl.{}.", space.name);
    for time in 1..=2 {
        set_state(&space, "p1", "Decommissioned").await;
        space
            .condition::<Pool>("p1", "Drained", "False", "Draining", SOON)
            .await;
        assert_eq!(servers.starts(&element).await, time);
        set_state(&space, "p1", "Active").await;
        space
            .condition::<Pool>("p1", "Drained", "False", "NotAsked", SOON)
            .await;
        space.ready::<Pool>("p1", SOON).await;
        space.ready::<Tenant>("store", SOON).await;
    }
    assert_eq!(uids(&space).await, before, "no server was touched");
    space.leave().await;
}

pub async fn a_pool_deleted_by_mistake_keeps_its_servers_until_its_data_has_moved(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "mistake").await;
    servers.drains(&space.name, "store", "hold").await;
    space.delete::<Pool>("p1").await;
    space
        .condition::<Pool>("p1", "Drained", "False", "Draining", SOON)
        .await;
    assert_eq!(space.list::<Pod>().await.len(), 8);
    servers.drains(&space.name, "store", "go").await;
    space.gone::<Pool>("p1", REPLACED).await;
    space.ready::<Tenant>("store", SOON).await;

    space.delete::<Pool>("p0").await;
    let message = space
        .condition::<Pool>("p0", "Drained", "False", "LastPool", SOON)
        .await;
    assert!(message.contains("add a Pool"), "{message}");
    space
        .condition::<Pool>("p0", "Stalled", "True", "LastPool", SOON)
        .await;
    assert_eq!(
        space.list::<Pod>().await.len(),
        4,
        "the last Pool keeps its servers"
    );
    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn a_drain_that_the_servers_give_up_is_told_and_begun_again_by_itself(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "failed").await;
    servers.drains(&space.name, "store", "fail").await;
    set_state(&space, "p1", "Decommissioned").await;
    let failed = || space.condition::<Pool>("p1", "Drained", "False", "DrainFailed", SOON);
    let message = failed().await;
    assert!(message.contains("Nothing is lost"), "{message}");
    assert_eq!(space.list::<Pod>().await.len(), 8);
    set_state(&space, "p1", "Active").await;
    space.ready::<Pool>("p1", SOON).await;

    set_state(&space, "p1", "Decommissioned").await;
    let message = failed().await;
    assert!(message.contains("(1 of 4 times)"), "{message}");
    servers.drains(&space.name, "store", "go").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    space.leave().await;
}

pub async fn no_drain_begins_before_the_scanners_record_is_in_every_pool(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "behind").await;
    servers.drains(&space.name, "store", "behind").await;
    set_state(&space, "p1", "Decommissioned").await;
    let message = space
        .condition::<Pool>("p1", "Drained", "False", "ScannerBehind", SOON)
        .await;
    assert!(
        message.contains("in 0 of the 1 erasure sets of the other Pools"),
        "{message}"
    );
    servers.drains(&space.name, "store", "go").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    space.leave().await;
}

pub async fn a_drain_that_cannot_be_forgotten_is_left_behind_and_begun_again(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "dead").await;
    servers.drains(&space.name, "store", "die").await;
    set_state(&space, "p1", "Decommissioned").await;
    let message = space
        .condition::<Pool>("p1", "Stalled", "True", "DrainFailed", SOON)
        .await;
    assert!(
        message.contains("photos/2026/lost.jpg is on fewer than half the drives"),
        "{message}"
    );
    servers.drains(&space.name, "store", "go").await;
    set_state(&space, "p1", "Active").await;
    space
        .condition::<Pool>("p1", "Drained", "False", "Respelled", SOON)
        .await;
    space
        .condition::<Pool>("p1", "Drained", "False", "NotAsked", REPLACED)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    let map = space.get::<ConfigMap>("store-topology").await.unwrap();
    let volumes = map.data.unwrap()["RUSTFS_VOLUMES"].clone();
    assert!(volumes.ends_with("/data/rustfs{0...0}/"), "{volumes}");
    assert_eq!(space.list::<Pod>().await.len(), 8);

    set_state(&space, "p1", "Decommissioned").await;
    space
        .condition::<Pool>("p1", "Drained", "True", "Left", REPLACED)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    space.leave().await;
}

pub async fn a_deleted_pool_keeps_its_data_while_a_person_holds_it(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = two_pools(&world, "held").await;
    servers.drains(&space.name, "store", "hold").await;
    let before = uids(&space).await;
    space.delete::<Pool>("p1").await;
    space
        .condition::<Pool>("p1", "Drained", "False", "Draining", SOON)
        .await;
    hold_drain(&space, "p1", json!("true")).await;
    space
        .condition::<Pool>("p1", "Drained", "False", "DrainHeld", SOON)
        .await;
    space.ready::<Tenant>("store", SOON).await;
    assert_eq!(uids(&space).await, before, "no server was touched");
    servers.drains(&space.name, "store", "go").await;
    hold_drain(&space, "p1", json!(null)).await;
    space.gone::<Pool>("p1", REPLACED).await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

async fn hold_drain(space: &Space, pool: &str, value: Value) {
    let annotations = json!({"storage.rustfs.com/hold-drain": value});
    let change = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    let api = space.api::<Pool>();
    api.patch(pool, &PatchParams::default(), &change).await.unwrap();
}

pub async fn a_successor_takes_over_from_the_pool_it_replaces(world: Arc<World>) {
    let _operator = world.running().await;

    let space = store(&world, "replace").await;
    let mut next = objects::pool("store", 2, 2);
    next["spec"]["replaces"] = json!({"name": "p0"});
    space.apply::<Pool>("next", &next).await.unwrap();
    space
        .condition::<Pool>("p0", "Drained", "True", "Left", REPLACED)
        .await;
    space.ready::<Tenant>("store", REPLACED).await;
    space.ready::<Pool>("next", SOON).await;
    until(
        "the servers of the replaced Pool to be gone",
        REPLACED,
        || async {
            let left = space.list::<Pod>().await;
            let old = left
                .iter()
                .filter(|pod| pod.name_any().starts_with("store-p0-"))
                .count();
            if old == 0 && left.len() == 2 {
                Ok(())
            } else {
                Err(format!("{old} of {}", left.len()))
            }
        },
    )
    .await;
    space.leave().await;
}

async fn set_state(space: &Space, pool: &str, state: &str) {
    let mut object = objects::pool("store", 4, 1);
    object["spec"]["state"] = json!(state);
    space.apply::<Pool>(pool, &object).await.unwrap();
}

/// A store of two Pools with four servers each.
async fn two_pools(world: &World, prefix: &str) -> Space {
    let space = Space::make(&world.cluster.admin, prefix).await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    for pool in ["p0", "p1"] {
        space
            .apply::<Pool>(pool, &objects::pool("store", 4, 1))
            .await
            .unwrap();
    }
    space.ready::<Tenant>("store", SOON).await;
    for pool in ["p0", "p1"] {
        space.ready::<Pool>(pool, SOON).await;
    }
    space
}

/// Waits until clients have moved from one revision to the next, and sees that servers of both never serve together.
async fn meets_one_revision(space: &Space, from: &str, to: &str) {
    let nobody = Mutex::new(None::<Instant>);
    until("clients to be served by the next revision", REPLACED, || async {
        let selected = selected(space).await;
        let pods = space.list::<Pod>().await;
        let old = pods.iter().filter(|pod| revision(pod) == from).count();
        if selected == to {
            assert_eq!(old, 0, "two revisions serve");
            return Ok(());
        }
        assert_eq!(selected, from);
        // The last old server has ended and the Service is about to follow.
        let mut since = nobody.lock().unwrap();
        if old > 0 {
            *since = None;
        }
        let without = (old == 0).then(|| since.get_or_insert_with(Instant::now).elapsed());
        assert!(
            without.is_none_or(|without| without < GAP),
            "clients are left without a server"
        );
        Err(format!("{old} servers run revision {from}"))
    })
    .await;
}

/// A store of one Pool with four servers that serves.
async fn store(world: &World, prefix: &str) -> Space {
    Space::serving(&world.cluster.admin, prefix, &objects::tenant(), "p0").await
}

/// The topology revision clients are sent to.
async fn selected(space: &Space) -> String {
    let service = space.get::<Service>("store-api").await.unwrap();
    service.spec.unwrap().selector.unwrap()[LABEL_TOPOLOGY_REVISION].clone()
}

fn revision(pod: &Pod) -> String {
    pod.labels()
        .get(LABEL_TOPOLOGY_REVISION)
        .cloned()
        .unwrap_or_default()
}
