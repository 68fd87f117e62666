//! The PrometheusRule with the alerts of one Tenant.

use std::time::Duration;

use crds::TenantMonitor;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use super::{alerts, service_monitor};
use crate::meta;

/// Its kind.
pub const KIND: &str = "PrometheusRule";
/// Its plural resource name.
pub const PLURAL: &str = "prometheusrules";

/// The resource, as the API server names it.
#[must_use]
pub fn resource() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("monitoring.coreos.com", "v1", KIND),
        PLURAL,
    )
}

/// Builds the PrometheusRule. It lies in the monitor's namespace.
#[must_use]
pub fn build(monitor: &TenantMonitor, every: Duration) -> DynamicObject {
    let name = meta::name(monitor);
    let labels = service_monitor::labels(monitor, &monitor.spec.rules.labels);
    DynamicObject {
        metadata: meta::child_meta(name, monitor, labels),
        ..DynamicObject::new(name, &resource())
    }
    .data(json!({ "spec": spec(monitor, every) }))
}

/// The groups of rules, in the form of a rule file of Prometheus.
#[must_use]
pub fn spec(monitor: &TenantMonitor, every: Duration) -> Value {
    json!({
        "groups": [{
            "name": format!("rustfs-tenant.{}.{}", meta::namespace(monitor), meta::name(monitor)),
            "rules": alerts::all(monitor, every)
                .into_iter()
                .map(alerts::Alert::render)
                .collect::<Vec<_>>(),
        }]
    })
}
