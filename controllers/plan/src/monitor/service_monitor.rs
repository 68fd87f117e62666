//! The ServiceMonitor that leads a Prometheus to the operator's figures of one Tenant.

use std::collections::BTreeMap;
use std::time::Duration;

use crds::TenantMonitor;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::json;

use super::{interval, metrics_path};
use crate::meta;
use crate::settings::Settings;

/// Its kind.
pub const KIND: &str = "ServiceMonitor";
/// Its plural resource name.
pub const PLURAL: &str = "servicemonitors";

/// The resource, as the API server names it.
#[must_use]
pub fn resource() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("monitoring.coreos.com", "v1", KIND),
        PLURAL,
    )
}

/// Builds the ServiceMonitor. It lies in the monitor's namespace and selects the operator's metrics Service in the
/// operator's; `honorLabels` keeps the figures' own `namespace` and `tenant`.
#[must_use]
pub fn build(monitor: &TenantMonitor, settings: &Settings, every: Duration) -> DynamicObject {
    let name = meta::name(monitor);
    DynamicObject {
        metadata: meta::child_meta(
            name,
            monitor,
            labels(monitor, &monitor.spec.service_monitor.labels),
        ),
        ..DynamicObject::new(name, &resource())
    }
    .data(json!({
        "spec": {
            "namespaceSelector": { "matchNames": [settings.operator_namespace] },
            "selector": { "matchLabels": settings.metrics_service_labels },
            "endpoints": [{
                "port": "metrics",
                "path": metrics_path(meta::namespace(monitor), name),
                "interval": interval::render(every),
                "honorLabels": true,
            }],
        }
    }))
}

/// The user's labels, and ours over them.
pub(super) fn labels(monitor: &TenantMonitor, users: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = users.clone();
    labels.extend(meta::labels(&monitor.spec.tenant_ref.name, "monitor"));
    labels
}
