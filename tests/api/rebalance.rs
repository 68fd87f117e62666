//! Objects that are spread over a Pool that has joined.

use std::sync::Arc;
use std::time::Duration;

use crds::rebalance::{RebalanceState, RebalanceStatus};
use crds::{Pool, Tenant};
use k8s_openapi::api::events::v1::Event;
use serde_json::json;

use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

/// How long all servers of a store may take to be replaced one after the other.
const JOINED: Duration = Duration::from_secs(120);

pub async fn after_a_join_objects_are_spread_once_and_only_while_it_is_wished(world: Arc<World>) {
    let _operator = world.running().await;
    let servers = &world.servers;
    let space = Space::make(&world.cluster.admin, "spread").await;
    servers.rebalances(&space.name, "store", "hold").await;
    joined(&space, "AfterJoin").await;
    balanced(&space, "False", "Rebalancing").await;
    let told = told(&space, RebalanceState::Running).await;
    assert_eq!((told.objects, told.bytes), (42, 59_243_114));
    let fills: Vec<_> = told
        .pools
        .iter()
        .map(|pool| (pool.name.as_str(), pool.used_percent))
        .collect();
    assert_eq!(fills, [("p0", 2), ("late", 0)]);
    space.ready::<Tenant>("store", SOON).await;

    state(&space, "Decommissioned").await;
    let message = space
        .condition::<Pool>("late", "Drained", "False", "DrainWaits", SOON)
        .await;
    assert!(message.contains("spec.rebalance Never"), "{message}");
    state(&space, "Active").await;

    wish(&space, "Never").await;
    balanced(&space, "False", "NotAsked").await;
    self::told(&space, RebalanceState::Stopped).await;
    assert_eq!(servers.rebalances_begun(&space.name, "store").await, 1);

    wish(&space, "AfterJoin").await;
    balanced(&space, "False", "Rebalancing").await;
    servers.rebalances(&space.name, "store", "go").await;
    let message = balanced(&space, "True", "Complete").await;
    assert!(message.contains("42 objects"), "{message}");
    self::told(&space, RebalanceState::Complete).await;
    assert_eq!(servers.rebalances_begun(&space.name, "store").await, 2);

    // What is done is done: the same wish again changes nothing.
    wish(&space, "Never").await;
    balanced(&space, "False", "NotAsked").await;
    wish(&space, "AfterJoin").await;
    balanced(&space, "True", "Complete").await;
    space.ready::<Tenant>("store", SOON).await;
    assert_eq!(servers.rebalances_begun(&space.name, "store").await, 2);
    space.leave().await;
}

pub async fn killed_in_the_middle_it_goes_on_and_what_failed_waits_for_a_person(world: Arc<World>) {
    let _shared = world.stopped().await;
    let servers = &world.servers;
    let space = Space::make(&world.cluster.admin, "balance").await;
    let mut operator = world.own(&space).await;
    joined(&space, "Never").await;
    space.ready::<Tenant>("store", JOINED).await;
    let message = balanced(&space, "False", "NotAsked").await;
    assert!(message.contains("AfterJoin has a part of it moved"), "{message}");
    assert_eq!(servers.rebalances_begun(&space.name, "store").await, 0);

    servers.rebalances(&space.name, "store", "refuse").await;
    wish(&space, "AfterJoin").await;
    until(
        "the servers to be told although they take it back",
        SOON,
        || async {
            let message = space
                .condition::<Tenant>("store", "Balanced", "False", "Requested", SOON)
                .await;
            let begun = servers.rebalances_begun(&space.name, "store").await;
            if begun > 1 && message.contains("told again") {
                Ok(())
            } else {
                Err(format!("{begun} times: {message}"))
            }
        },
    )
    .await;
    space.ready::<Tenant>("store", SOON).await;
    servers.rebalances(&space.name, "store", "hold").await;
    told(&space, RebalanceState::Running).await;
    let begun = servers.rebalances_begun(&space.name, "store").await;

    operator.process.kill();
    let _again = world.own(&space).await;
    servers.rebalances(&space.name, "store", "fail").await;
    let message = balanced(&space, "False", "RebalanceFailed").await;
    assert!(message.contains("no space left on the target"), "{message}");
    space.ready::<Tenant>("store", SOON).await;
    until("a person to be told", SOON, || async {
        let events = space.list::<Event>().await;
        let of = |event: &Event| event.reason.as_deref() == Some("RebalanceFailed");
        match events.iter().find(|event| of(event)) {
            Some(event) if event.type_.as_deref() == Some("Warning") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    servers.rebalances(&space.name, "store", "go").await;
    wish(&space, "Never").await;
    balanced(&space, "False", "NotAsked").await;
    wish(&space, "AfterJoin").await;
    balanced(&space, "True", "Complete").await;
    assert_eq!(
        servers.rebalances_begun(&space.name, "store").await,
        begun + 1,
        "neither the kill nor the failure began another one"
    );
    space.leave().await;
}

/// A store that serves and that a second Pool has joined.
async fn joined(space: &Space, wish: &str) {
    self::wish(space, wish).await;
    let pool = objects::pool("store", 4, 1);
    space.apply::<Pool>("p0", &pool).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("p0", SOON).await;
    space.apply::<Pool>("late", &pool).await.unwrap();
    space
        .condition::<Pool>("late", "Joined", "True", "Joined", JOINED)
        .await;
}

async fn wish(space: &Space, wish: &str) {
    let mut tenant = objects::tenant();
    tenant["spec"]["rebalance"] = json!(wish);
    space.apply::<Tenant>("store", &tenant).await.unwrap();
}

async fn state(space: &Space, state: &str) {
    let mut pool = objects::pool("store", 4, 1);
    pool["spec"]["state"] = json!(state);
    space.apply::<Pool>("late", &pool).await.unwrap();
}

async fn balanced(space: &Space, status: &str, reason: &str) -> String {
    space
        .condition::<Tenant>("store", "Balanced", status, reason, JOINED)
        .await
}

/// What the status says of a rebalance once it stands there.
async fn told(space: &Space, state: RebalanceState) -> RebalanceStatus {
    until("the status to tell how far it is", SOON, || async {
        let tenant = space.get::<Tenant>("store").await?;
        let told = tenant.status.and_then(|status| status.rebalance);
        match told {
            Some(told) if told.state == state => Ok(told),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}
