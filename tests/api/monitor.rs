//! Figures and alerts of a Tenant whose servers answer.

use std::sync::Arc;
use std::time::Duration;

use crds::{Pool, Tenant, TenantMonitor};
use serde_json::json;

use crate::World;
use crate::support::dashboards::{self, Dashboard};
use crate::support::http;
use crate::support::objects;
use crate::support::operator::{NAMESPACE, Operator};
use crate::support::prometheus::{Page, Prometheus};
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

const KINDS: [&str; 2] = [
    "servicemonitors.monitoring.coreos.com",
    "prometheusrules.monitoring.coreos.com",
];

pub async fn a_monitor_waits_for_the_prometheus_kinds_and_serves_real_figures(world: Arc<World>) {
    let shared = world.running().await;
    let listen = listen(shared.as_ref());
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

/// Where the operator's pages are.
fn listen(shared: Option<&Operator>) -> String {
    shared.map(|operator| operator.listen.clone()).expect("it runs")
}

/// What only trouble, a drain or data that grows brings.
const SELDOM: [&str; 6] = [
    "rustfs_operator_reconcile_errors_total",
    "rustfs_operator_stale_reads_deferred_total",
    "rustfs_operator_watch_restarts_total",
    "rustfs_operator_objects_rejected",
    "deriv(",
    "rustfs_tenant_pool_drain_",
];

pub async fn a_prometheus_reads_every_figure_and_answers_every_dashboard(world: Arc<World>) {
    let shared = world.running().await;
    let listen = listen(shared.as_ref());
    let space = Space::serving(&world.cluster.admin, "prometheus", &objects::tenant(), "p0").await;
    space
        .apply::<TenantMonitor>("watch", &objects::monitor("store"))
        .await
        .unwrap();
    space.ready::<TenantMonitor>("watch", SOON).await;

    let figures = format!("/metrics/tenants/{}/watch", space.name);
    let page = |job, path, labels| Page {
        job,
        authority: &listen,
        path,
        labels,
    };
    let pages = [
        page("operator", "/metrics", json!({"namespace": NAMESPACE})),
        page("store", &figures, json!({})),
    ];
    let folder = world.cluster.scratch.join("prometheus");
    let prometheus = Prometheus::start(&folder, &pages, SOON).await;
    for query in dashboards::all().iter().flat_map(Dashboard::queries) {
        let seldom = SELDOM.iter().any(|part| query.expr.contains(part));
        let expr = query.of_all("20s");
        until(&query.place, SOON, || async {
            match prometheus.ask(&expr).await {
                Ok(series) if series.is_empty() && !seldom => Err(format!("{expr} comes to nothing")),
                Ok(_) => Ok(()),
                Err(error) => Err(format!("{expr}: {error}")),
            }
        })
        .await;
    }
    space.leave().await;
}
