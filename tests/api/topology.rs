//! Pools that come to a store that serves, and leave it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crds::names::{LABEL_POOL, LABEL_TOPOLOGY_REVISION};
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::World;
use crate::support::objects;
use crate::support::pods::{is_ready, uids};
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

/// How long clients may be without a server while they move to the next revision.
const GAP: Duration = Duration::from_secs(5);
/// How long all servers of a store may take to be replaced one after the other.
pub const REPLACED: Duration = Duration::from_secs(90);

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
        if forced {
            until("the kept claims to be older than what is made now", SOON, || {
                claims_are_past(&space)
            })
            .await;
        }
        space.apply::<Pool>("late", &late).await.unwrap();
        if forced {
            // Nobody knows what the one before has kept.
            space
                .condition::<Pool>("late", "StorageReady", "False", "VolumesNotEmpty", SOON)
                .await;
            let kept = ListParams::default().labels(&format!("{LABEL_POOL}=late"));
            let claims = space.api::<PersistentVolumeClaim>();
            claims
                .delete_collection(&DeleteParams::default(), &kept)
                .await
                .unwrap();
        }
        space
            .condition::<Pool>("late", "Joined", "False", "Joining", SOON)
            .await;
        space
            .condition::<Pool>("late", "StorageReady", "True", "Bound", SOON)
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
        // Kubernetes collects what a Pool that was removed by force leaves behind.
        until("the servers to be those of before", SOON, || async {
            match uids(&space).await {
                now if now == before => Ok(()),
                now => Err(format!("{now:?}, before {before:?}")),
            }
        })
        .await;
        assert_eq!(selected(&space).await, "1");
    }
    space.leave().await;
}

/// Whether an object made now is younger than the claims of Pool `late`: its time has whole seconds.
async fn claims_are_past(space: &Space) -> Result<(), String> {
    let now = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let made = ConfigMap {
        metadata: ObjectMeta {
            name: Some("now".to_owned()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    let made = space.api::<ConfigMap>().create(&now, &made).await.unwrap();
    let claims = space.list::<PersistentVolumeClaim>().await;
    let kept = claims
        .iter()
        .filter(|claim| claim.labels().get(LABEL_POOL).is_some_and(|pool| pool == "late"));
    let youngest = kept.filter_map(ResourceExt::creation_timestamp).max();
    if youngest.is_some() && youngest < made.creation_timestamp() {
        Ok(())
    } else {
        Err(format!("{youngest:?}"))
    }
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
pub async fn selected(space: &Space) -> String {
    let service = space.get::<Service>("store-api").await.unwrap();
    service.spec.unwrap().selector.unwrap()[LABEL_TOPOLOGY_REVISION].clone()
}

fn revision(pod: &Pod) -> String {
    pod.labels()
        .get(LABEL_TOPOLOGY_REVISION)
        .cloned()
        .unwrap_or_default()
}
