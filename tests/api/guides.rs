//! What the guides tell people to type, typed; and what they say it prints, printed.

mod shell;
mod stores;

use std::sync::Arc;

use crds::{Pool, Tenant, TenantMonitor};
use serde_json::json;

use crate::World;
use crate::protection::put;
use crate::support::http;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};
use shell::follow;

pub async fn pools_come_and_go_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "pools", &objects::tenant(), "a").await;
    follow(&world, &space, "pools");
    space.leave().await;
}

pub async fn rollouts_are_steered_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "rollouts", &objects::tenant(), "a").await;
    follow(&world, &space, "rollouts");
    space.leave().await;
}

pub async fn a_store_is_deleted_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(
        &world.cluster.admin,
        "deletion",
        &objects::protected_tenant(),
        "p0",
    )
    .await;
    put(&space, "photos", 3).await;
    follow(&world, &space, "deletion");
    space.gone::<Tenant>("store", SOON).await;
}

pub async fn a_store_is_explained_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "explain", &objects::tenant(), "a").await;
    follow(&world, &space, "explain");
    space.leave().await;
}

pub async fn a_store_grows_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let mut pool = stores::pool();
    pool["spec"]["volumeClaim"]["storageClassName"] = json!("expandable");
    let space = stores::sample(&world, "growing", &pool).await;
    follow(&world, &space, "growing");
    space.leave().await;
}

pub async fn a_backup_is_made_before_an_upgrade_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = stores::sample(&world, "hooks", &stores::pool()).await;
    follow(&world, &space, "hooks");
    space.leave().await;
}

pub async fn root_credentials_change_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = stores::sample(&world, "credentials", &stores::pool()).await;
    follow(&world, &space, "credentials");
    space.leave().await;
}

pub async fn a_store_is_moved_here_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "migrating").await;
    follow(&world, &space, "migrating");
    let tenant = objects::tls_tenant();
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    space.leave().await;
}

pub async fn certificates_are_kept_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "certificates").await;
    follow(&world, &space, "certificates");
    // The guide's own Tenant asks before it goes; nobody is there to answer.
    let tenant = objects::tls_tenant();
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    space.leave().await;
}

pub async fn a_pool_that_does_not_fit_is_held_back_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = stores::sample(&world, "preflight", &stores::pool()).await;
    follow(&world, &space, "preflight");
    space.leave().await;
}

pub async fn a_store_is_monitored_as_the_guide_says(world: Arc<World>) {
    let operator = world.running().await;
    let listen = operator.as_ref().map(|one| one.listen.clone()).unwrap();
    let space = stores::sample(&world, "monitoring", &stores::pool()).await;
    follow(&world, &space, "monitoring");
    // No port of a fake node's Pod can be forwarded, so the page is fetched where the operator really listens.
    let monitor = space.get::<TenantMonitor>("store").await.unwrap();
    let path = monitor.status.and_then(|status| status.metrics_path).unwrap();
    until("the page of figures", SOON, || async {
        let (status, page) = http::get(&listen, &path).await?;
        let up = page
            .lines()
            .any(|line| line.starts_with("rustfs_tenant_up{") && line.ends_with(" 1"));
        if status == 200 && up { Ok(()) } else { Err(page) }
    })
    .await;
    space.leave().await;
}

pub async fn who_may_reach_a_store_is_said_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = stores::sample(&world, "isolation", &stores::pool()).await;
    follow(&world, &space, "isolation");
    space.leave().await;
}

pub async fn a_server_leaves_a_lost_node_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let nodes = ["n1", "n2", "n3"];
    let space = stores::on_nodes_of_its_own(&world, "node-loss", &nodes).await;
    stores::silence(&world, "n1").await;
    space
        .condition::<Pool>("a", "WorkloadReady", "False", "NodeLost", stores::GIVEN_UP)
        .await;
    follow(&world, &space, "node-loss");
    space.leave().await;
    stores::remove(&world, &nodes).await;
}
