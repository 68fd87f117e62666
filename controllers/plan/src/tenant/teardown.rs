//! Taking a Tenant down in order: what watches it, its servers, its certificates. The rest goes with its owner.

use crds::Tenant;
use crds::names::FINALIZER_TENANT;
use kube::Resource;

use super::observed::Observed;
use crate::meta;
use crate::step::{Step, Why};

/// The next steps, and what they wait for.
pub(crate) fn plan(tenant: &Tenant, observed: &Observed) -> (Vec<Step>, String) {
    if !meta::held(tenant, FINALIZER_TENANT) {
        return (Vec::new(), "another finalizer holds the Tenant".to_owned());
    }
    let monitors = owned(tenant, &observed.monitors);
    if let Some(stage) = remove(&monitors, "TenantMonitors") {
        return stage;
    }
    let members = observed
        .topology
        .topology()
        .map_or(&[][..], |topology| &topology.pools);
    let pools: Vec<_> = observed
        .pools
        .iter()
        .map(AsRef::as_ref)
        .filter(|pool| {
            let member = |member: &crate::topology::Member| member.uid == meta::uid(*pool);
            meta::controls(tenant, *pool) || members.iter().any(member)
        })
        .collect();
    if let Some(stage) = remove(&pools, "Pools") {
        return stage;
    }
    // The cache may lag; the API server's word decides whether the servers are gone.
    if !observed.lingering_pools.is_empty() {
        let names = observed.lingering_pools.join(", ");
        return (Vec::new(), format!("waiting for Pools to go: {names}"));
    }
    let certificates = owned(tenant, &observed.certificates);
    if let Some(stage) = remove(&certificates, "TenantCertificates") {
        return stage;
    }
    (
        vec![Step::Release(FINALIZER_TENANT)],
        "everything is gone".to_owned(),
    )
}

fn owned<'a, K: Resource<DynamicType = ()>>(tenant: &Tenant, objects: &'a [std::sync::Arc<K>]) -> Vec<&'a K> {
    let objects = objects.iter().map(AsRef::as_ref);
    objects.filter(|object| meta::controls(tenant, *object)).collect()
}

/// Deletes those that are not on their way out; `None` once there is nothing left to wait for.
fn remove<K: Resource<DynamicType = ()>>(objects: &[&K], what: &str) -> Option<(Vec<Step>, String)> {
    if objects.is_empty() {
        return None;
    }
    let mut names: Vec<_> = objects.iter().map(|object| meta::name(*object)).collect();
    names.sort_unstable();
    let mut steps: Vec<_> = objects
        .iter()
        .filter(|object| !meta::deleting(**object))
        .map(|object| meta::target(*object))
        .collect();
    steps.sort_by(|a, b| a.name.cmp(&b.name));
    let steps = steps
        .into_iter()
        .map(|target| {
            let message = "its Tenant is deleted".to_owned();
            let reason = "TenantDeleted";
            Step::Delete(target, Why { reason, message })
        })
        .collect();
    Some((steps, format!("waiting for {what} to go: {}", names.join(", "))))
}
