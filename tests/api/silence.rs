//! After convergence: no writes. On the way there: no more than needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use serde_json::Value;

use crate::World;
use crate::support::audit::{Audit, Request};
use crate::support::objects;
use crate::support::operator::{How, Operator};
use crate::support::space::Space;
use crate::support::wait::SOON;

/// Long enough to see anything that repeats.
const QUIET: Duration = Duration::from_secs(60);

pub async fn nothing_is_written_once_all_is_ready(world: Arc<World>) {
    // Alone, so that every write of the operator is about this store.
    let mut shared = world.operator.write().await;
    shared.take();
    let how = How {
        kubeconfig: world.kubeconfig.clone(),
        identity: "silent".to_owned(),
        arguments: vec![],
        environment: vec![],
    };
    let operator = Operator::start(&world.cluster, &how).await;
    operator.ready(SOON).await;
    let space = Space::make(&world.cluster.admin, "silence").await;
    let audit = Audit::from_now(&world.cluster);
    space
        .apply::<Tenant>("store", &objects::tls_tenant())
        .await
        .unwrap();
    space
        .apply::<TenantCertificate>("store", &objects::certificate("store"))
        .await
        .unwrap();
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("p0", SOON).await;
    space.ready::<TenantCertificate>("store", SOON).await;
    // The last writes may still be on their way into the log.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let way = audit.writes_in(&space.name);
    println!("writes to converge: {}", summary(&way));
    let status = way.iter().filter(|write| write.subresource == "status").count();
    assert!(status <= 3 * 4, "{status} status writes:\n{}", summary(&way));
    let quiet = Audit::from_now(&world.cluster);
    tokio::time::sleep(QUIET).await;
    let writes: Vec<Request> = quiet.writes_in(&space.name);
    assert!(writes.is_empty(), "after convergence:\n{}", summary(&writes));
    drop(operator);
    space.leave().await;
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
    let quiet = Audit::from_now(&world.cluster);
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
