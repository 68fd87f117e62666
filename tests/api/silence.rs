//! After convergence: no writes. On the way there: no more than needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::World;
use crate::support::audit::{Audit, Request};
use crate::support::http;
use crate::support::objects;
use crate::support::operator::{How, Operator};
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

/// Long enough to see anything that repeats.
const QUIET: Duration = Duration::from_secs(60);

pub async fn nothing_is_written_once_all_is_ready(world: Arc<World>) {
    // Alone, so that every write of the operator is about this store.
    let mut shared = world.operator.write().await;
    shared.take();
    let how = How::plain(&world.kubeconfig, "silent");
    let operator = Operator::start(&world.cluster, &how).await;
    operator.ready(SOON).await;
    let space = Space::make(&world.cluster.admin, "silence").await;
    let audit = Audit::from_now(&world.cluster);
    let began = Instant::now();
    space.apply_with_tls("store").await;
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("p0", SOON).await;
    space.ready::<TenantCertificate>("store", SOON).await;
    let took = usize::try_from(began.elapsed().as_secs()).unwrap();
    let quiet = Audit::at_rest(&world.cluster, &space.name).await;
    let way = audit.writes_in(&space.name);
    println!("writes to converge: {}", summary(&way));
    let status = way.iter().filter(|write| write.subresource == "status").count();
    // Four for each of the three objects, and progress every 2 s on a machine that takes long.
    let most = 3 * 4 + 3 * took / 2;
    assert!(
        status <= most,
        "{status} status writes in {took} s:\n{}",
        summary(&way)
    );
    tokio::time::sleep(QUIET).await;
    signs_of_life_wake_nobody(&world, &operator).await;
    let writes: Vec<Request> = quiet.writes_in(&space.name);
    assert!(writes.is_empty(), "after convergence:\n{}", summary(&writes));
    drop(operator);
    space.leave().await;
}

/// A node's status changes with every sign of life; no Pool is looked at for that.
async fn signs_of_life_wake_nobody(world: &World, operator: &Operator) {
    let nodes = Api::<Node>::all(world.cluster.admin.clone());
    let before = reconciles_of_pools(operator).await;
    for beat in 0..20 {
        let status = json!({"status": {"conditions": [
            {"type": "Beat", "status": "True", "reason": format!("N{beat}"), "message": ""},
        ]}});
        nodes
            .patch_status("fake-0", &PatchParams::default(), &Patch::Strategic(&status))
            .await
            .expect("a node's status can be written");
        // So that two are not taken for one.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A label does matter: once that has come through, so have the signs of life before it.
    let label = |value: Value| json!({"metadata": {"labels": {"silence": value}}});
    nodes
        .patch(
            "fake-0",
            &PatchParams::default(),
            &Patch::Merge(&label("x".into())),
        )
        .await
        .expect("a node can be labelled");
    let after = until("the label to be noticed", SOON, || async {
        match reconciles_of_pools(operator).await {
            now if now > before => Ok(now),
            _ => Err("nobody was woken".to_owned()),
        }
    })
    .await;
    println!(
        "reconciles of Pools for 20 signs of life and one label: {}",
        after - before
    );
    // The label wakes each Pool there is, of other tests too; each sign of life would wake it once more.
    let pools = Api::<Pool>::all(world.cluster.admin.clone());
    let pools = pools.list(&ListParams::default()).await.unwrap().items.len() as u64;
    assert!(
        after - before < 3 * pools + 7,
        "{before} before, {after} after, {pools} Pools"
    );
    nodes
        .patch(
            "fake-0",
            &PatchParams::default(),
            &Patch::Merge(&label(Value::Null)),
        )
        .await
        .expect("a label can be taken off");
}

async fn reconciles_of_pools(operator: &Operator) -> u64 {
    let (_, text) = http::get(&operator.listen, "/metrics").await.unwrap();
    text.lines()
        .filter(|line| line.starts_with("rustfs_operator_reconcile_duration_seconds_count"))
        .filter(|line| line.contains(r#"controller="pool""#))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

pub async fn a_monitor_that_waits_for_its_tenant_writes_once(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "waits").await;
    space
        .apply::<TenantMonitor>("watch", &objects::monitor("store"))
        .await
        .unwrap();
    space
        .condition::<TenantMonitor>("watch", "TenantFound", "False", "TenantMissing", SOON)
        .await;
    let quiet = Audit::at_rest(&world.cluster, &space.name).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let writes = quiet.writes_in(&space.name);
    assert!(writes.is_empty(), "{}", summary(&writes));
    space.leave().await;
}

fn summary(writes: &[Request]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for write in writes {
        *counts
            .entry(format!(
                "{} {} {} {}",
                write.verb, write.resource, write.name, write.subresource
            ))
            .or_default() += 1;
    }
    let lines: Value = serde_json::to_value(&counts).unwrap_or_default();
    format!("{} in all\n{lines:#}", writes.len())
}
