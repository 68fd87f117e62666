//! What wakes a TenantMonitor.

use crds::TenantMonitor;
use futures::stream::BoxStream;
use kit::{Source, Wake};
use kube::Resource;
use kube::api::PartialObjectMeta;
use kube::core::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use plan::meta;

use crate::context::Sources;

/// One stream for each kind that a TenantMonitor depends on. Neither Pods nor Secrets are among them: they matter to
/// the next reading only.
#[must_use]
pub(super) fn wakes(sources: &Sources) -> Vec<BoxStream<'static, Wake<TenantMonitor>>> {
    let monitors = sources.monitors.clone();
    vec![
        sources
            .tenants
            .wakes(move |tenant| monitors.references_of(meta::namespace(tenant), meta::name(tenant))),
        sources.service_monitors.wakes(owner),
        sources.prometheus_rules.wakes(owner),
        installed(&sources.service_monitors, &sources.monitors),
        installed(&sources.prometheus_rules, &sources.monitors),
    ]
}

/// All monitors, when the kind begins or ceases to be served.
fn installed(
    source: &Source<PartialObjectMeta<DynamicObject>>,
    monitors: &Source<TenantMonitor>,
) -> BoxStream<'static, Wake<TenantMonitor>> {
    let monitors = monitors.clone();
    source.wakes_on_access(move || monitors.references())
}

fn owner(child: &PartialObjectMeta<DynamicObject>) -> Option<ObjectRef<TenantMonitor>> {
    let kind = TenantMonitor::kind(&());
    let owner = child
        .metadata
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true) && owner.kind == kind)?;
    Some(ObjectRef::new(&owner.name).within(child.metadata.namespace.as_deref()?))
}
