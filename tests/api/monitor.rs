//! Figures and alerts of a Tenant whose servers answer.

use std::sync::Arc;
use std::time::Duration;

use crds::{Pool, Tenant, TenantMonitor};
use serde_json::json;

use crate::World;
use crate::support::http;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

const KINDS: [&str; 2] = [
    "servicemonitors.monitoring.coreos.com",
    "prometheusrules.monitoring.coreos.com",
];

pub async fn a_monitor_waits_for_the_prometheus_kinds_and_serves_real_figures(world: Arc<World>) {
    let shared = world.running().await;
    let listen = shared
        .as_ref()
        .map(|operator| operator.listen.clone())
        .expect("it runs");
    let cluster = &world.cluster;

    let space = Space::make(&cluster.admin, "monitor").await;
    space.apply_with_tls("store").await;
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    space.ready::<Tenant>("store", SOON).await;

    let asked = json!({"spec": {"tenantRef": {"name": "store"}, "interval": "5s", "rules": {"labels": {"team": "storage"}}}});
    space.apply::<TenantMonitor>("watch", &asked).await.unwrap();
    let message = space
        .condition::<TenantMonitor>(
            "watch",
            "TargetsReady",
            "False",
            "PrometheusOperatorMissing",
            SOON,
        )
        .await;
    assert!(message.contains("spec.serviceMonitor.enabled"), "{message}");
    let folder = cluster
        .localkube_plain(&["crds", "prometheus"])
        .expect("the kinds of the Prometheus operator");
    cluster
        .kubectl(&["apply", "--server-side", "-f", folder.trim()])
        .expect("they can be installed");
    space.ready::<TenantMonitor>("watch", SOON).await;
    let namespace = &space.name;
    for kind in KINDS {
        let found = cluster
            .kubectl(&["get", kind, "-n", namespace, "-o", "name"])
            .unwrap();
        assert_eq!(found.lines().count(), 1, "{kind}: {found}");
    }

    let path = format!("/metrics/tenants/{namespace}/watch");
    let wanted = [("rustfs_tenant_up", "1"), ("rustfs_tenant_servers", "4")];
    until("real figures", Duration::from_secs(30), || async {
        let (status, body) = http::get(&listen, &path).await?;
        let line = |name: &str, value: &str| {
            body.lines()
                .any(|line| line.starts_with(&format!("{name}{{")) && line.ends_with(&format!(" {value}")))
        };
        match wanted.iter().find(|(name, value)| !line(name, value)) {
            None if status == 200 => Ok(()),
            missing => Err(format!("{status}, {missing:?} is not in:\n{body}")),
        }
    })
    .await;

    let off = json!({"spec": {"tenantRef": {"name": "store"}, "interval": "5s", "serviceMonitor": {"enabled": false}, "rules": {"enabled": false}}});
    space.apply::<TenantMonitor>("watch", &off).await.unwrap();
    for kind in KINDS {
        until(&format!("{kind} to go"), SOON, || async {
            let left = cluster.kubectl(&["get", kind, "-n", namespace, "-o", "name"])?;
            if left.trim().is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
    space.ready::<TenantMonitor>("watch", SOON).await;
    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", SOON).await;
    assert!(
        space.list::<TenantMonitor>().await.is_empty(),
        "monitors go before their Tenant"
    );
    space.leave().await;
}
