//! Reads all a plan for a TenantMonitor is made on.

use crds::TenantMonitor;
use kit::Source;
use kube::api::PartialObjectMeta;
use kube::core::{ApiResource, DynamicObject};
use plan::meta;
use plan::monitor::{Observed, Presence, prometheus_rule, service_monitor};

use super::exporter::{Exporter, Key};
use crate::context::Context;

/// Reads from stores only, so it cannot fail.
pub(super) fn observe(context: &Context, exporter: &Exporter, monitor: &TenantMonitor) -> Observed {
    let sources = &context.sources;
    Observed {
        settings: (*context.settings).clone(),
        tenant: sources
            .tenants
            .get(meta::namespace(monitor), &monitor.spec.tenant_ref.name)
            .map(|tenant| (*tenant).clone()),
        service_monitor: presence(&sources.service_monitors, &service_monitor::resource(), monitor),
        prometheus_rule: presence(&sources.prometheus_rules, &prometheus_rule::resource(), monitor),
        collection: exporter.collection(&Key::of(monitor)),
    }
}

fn presence(
    source: &Source<PartialObjectMeta<DynamicObject>>,
    resource: &ApiResource,
    monitor: &TenantMonitor,
) -> Presence {
    let (namespace, name) = (meta::namespace(monitor), meta::name(monitor));
    let found = source.get(namespace, name);
    let own = found.filter(|found| meta::controls(monitor, &**found));
    Presence {
        served: source.is_served(),
        own: own.map(|found| meta::target_as(&*found, resource)),
    }
}
