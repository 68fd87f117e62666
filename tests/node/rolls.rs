//! Servers that are replaced one after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::Tenant;
use crds::names::ANNOTATION_RESTARTED_AT;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::World;
use crate::scene::{FORMED, answers_decode, dies, keeping, kill_operator, kill_program, undisturbed};
use crate::support::objects;
use crate::support::pods::{is_ready, ready, uids};
use crate::support::space::Space;
use crate::support::wait::until;

/// How long four servers may take to be replaced one after the other.
pub const ROLLED: Duration = Duration::from_secs(240);
const OBJECTS: usize = 10;

pub async fn a_store_takes_objects_and_keeps_them_while_every_server_is_replaced(world: Arc<World>) {
    let (space, store) = keeping(&world, "plain", &objects::tenant(), OBJECTS).await;
    answers_decode(&store).await;

    let bare = restarted(&space, "store-p0-3").await;
    let traffic = store.traffic("busy");
    let before = uids(&space).await;
    let started = Instant::now();
    let mut changed = objects::tenant();
    changed["spec"]["env"] = json!([{"name": "RUSTFS_OBS_LOGGER_LEVEL", "value": "warn"}]);
    space.apply::<Tenant>("store", &changed).await.unwrap();
    replaced(&space, &before, 3).await;
    let took = started.elapsed();
    let counts = traffic.end();
    eprintln!(
        "  replaced in {} s: {:.1} s a server, one that is deleted by hand is back in {:.1} s",
        took.as_secs(),
        took.as_secs_f64() / 4.0,
        bare.as_secs_f64()
    );
    served(&counts);
    store.check("kept", OBJECTS);
    space.vacate().await;
}

pub async fn servers_are_replaced_although_the_operator_and_a_server_die_meanwhile(world: Arc<World>) {
    let (space, store) = keeping(&world, "dying", &objects::tenant(), OBJECTS).await;
    let traffic = store.traffic("busy");
    let before = uids(&space).await;
    let mut changed = objects::tenant();
    changed["metadata"] = json!({"annotations": {ANNOTATION_RESTARTED_AT: "2026-01-02T03:04:05Z"}});
    space.apply::<Tenant>("store", &changed).await.unwrap();
    operator_and_a_server_die(&world, &space, &before).await;
    // Two at most: the one that died, and the one whose turn it is.
    replaced(&space, &before, 2).await;
    served(&traffic.end());
    store.check("kept", OBJECTS);
    space.vacate().await;
}

/// Once the first server is another one, the operator is killed, and one of those whose turn has not come.
pub async fn operator_and_a_server_die(world: &World, space: &Space, before: &BTreeSet<String>) {
    until("the first server to be replaced", ROLLED, || async {
        let new = uids(space).await.difference(before).count();
        if new > 0 {
            Ok(())
        } else {
            Err("none is new".to_owned())
        }
    })
    .await;
    kill_operator(world).await;
    let pods = space.list::<Pod>().await;
    let old = pods
        .iter()
        .find(|pod| pod.uid().is_some_and(|uid| before.contains(&uid)));
    kill_program(&old.unwrap().uid().unwrap(), "/usr/bin/rustfs");
}

/// Waits until every server is another one, and never fewer of the four than told are ready meanwhile.
pub async fn replaced(space: &Space, before: &BTreeSet<String>, least: usize) {
    until("every server to be replaced", ROLLED, || async {
        let ready = ready(space).await;
        assert!(ready >= least, "{} servers are missing at once", 4 - ready);
        let old = uids(space).await.intersection(before).count();
        if old == 0 && ready == 4 {
            Ok(())
        } else {
            Err(format!("{old} are left of the old ones, {ready} are ready"))
        }
    })
    .await;
    space.ready::<Tenant>("store", FORMED).await;
}

/// How long a server takes that a person deletes, without an operator having a part in it.
async fn restarted(space: &Space, server: &str) -> Duration {
    let before = space.get::<Pod>(server).await.unwrap().uid();
    let started = Instant::now();
    space.delete::<Pod>(server).await;
    until("the server to be back", ROLLED, || async {
        let pod = space.get::<Pod>(server).await?;
        if pod.uid() != before && is_ready(&pod) {
            Ok(())
        } else {
            Err("it is not ready".to_owned())
        }
    })
    .await;
    let took = started.elapsed();
    space.ready::<Tenant>("store", FORMED).await;
    took
}

pub fn served(counts: &Value) {
    undisturbed(counts);
    assert!(counts["writes"].as_u64() > Some(5), "{counts}");
}

const BAD: &str = "rustfs/rustfs:there-is-no-such";

pub async fn a_bad_image_is_rolled_back_while_clients_are_served(world: Arc<World>) {
    let (space, store) = keeping(&world, "back", &objects::tenant(), OBJECTS).await;
    space
        .condition::<Tenant>("store", "RolledOut", "True", "Complete", FORMED)
        .await;
    let before = uids(&space).await;
    let traffic = store.traffic("busy");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let started = Instant::now();
    let mut bad = objects::tenant();
    bad["spec"]["image"] = BAD.into();
    bad["spec"]["imagePullPolicy"] = "Never".into();
    bad["spec"]["rollout"] = json!({"autoRollback": true, "progressDeadlineSeconds": 15});
    space.apply::<Tenant>("store", &bad).await.unwrap();
    let bad = |pod: &Pod| pod.spec.as_ref().unwrap().containers[0].image.as_deref() == Some(BAD);
    until("a server to be tried", ROLLED, || async {
        let pods = space.list::<Pod>().await;
        pods.iter()
            .any(bad)
            .then_some(())
            .ok_or("none has the image".to_owned())
    })
    .await;
    // One of the others ends while the operator looks on: it must not be given the image too.
    let pods = space.list::<Pod>().await;
    let other = pods.iter().find(|pod| !bad(pod)).unwrap().name_any();
    dies(&space, &other).await;
    until("the other server to run again", ROLLED, || async {
        let pod = space.get::<Pod>(&other).await?;
        let statuses = pod.status.and_then(|status| status.container_statuses);
        match statuses.iter().flatten().map(|one| one.restart_count).max() {
            Some(restarts) if restarts > 0 => Ok(()),
            _ => Err("it has not been started again".to_owned()),
        }
    })
    .await;
    kill_operator(&world).await;
    let message = space
        .condition::<Tenant>("store", "Stalled", "True", "RolledBack", ROLLED)
        .await;
    assert!(message.contains("ErrImageNeverPull"), "{message}");
    until("the server to be back", ROLLED, || async {
        let ready = ready(&space).await;
        assert!(ready >= 2, "{} servers are missing at once", 4 - ready);
        if ready == 4 {
            Ok(())
        } else {
            Err(format!("{ready} are ready"))
        }
    })
    .await;
    let took = started.elapsed().as_secs();
    let kept = uids(&space).await.intersection(&before).count();
    assert_eq!(kept, 3, "only one server was ever tried");
    let counts = traffic.end();
    eprintln!("  taken back in {took} s");
    served(&counts);
    store.check("kept", OBJECTS);
    space.vacate().await;
}
