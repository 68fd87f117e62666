//! Making Pools, TenantCertificates and TenantMonitors that name the Tenant its own.

use crds::Tenant;
use crds::names::LABEL_TENANT;
use kube::Resource;

use super::observed::Observed;
use crate::meta;
use crate::step::Step;

/// Adopts what names the Tenant, is not on its way out, and belongs to nobody else.
pub(crate) fn steps(tenant: &Tenant, observed: &Observed) -> Vec<Step> {
    let pools = observed
        .pools
        .iter()
        .filter_map(|object| adopt(tenant, object.as_ref()));
    let certificates = observed
        .certificates
        .iter()
        .filter_map(|object| adopt(tenant, object.as_ref()));
    let monitors = observed
        .monitors
        .iter()
        .filter_map(|object| adopt(tenant, object.as_ref()));
    let mut targets: Vec<_> = pools.chain(certificates).chain(monitors).collect();
    targets.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
    targets.into_iter().map(Step::Adopt).collect()
}

fn adopt<K: Resource<DynamicType = ()>>(tenant: &Tenant, object: &K) -> Option<crate::step::Target> {
    let free = meta::controller_uid(object).is_none();
    let ours = meta::controls(tenant, object);
    let labelled = meta::label(object, LABEL_TENANT) == Some(meta::name(tenant));
    let wanted = !meta::deleting(object) && (free || ours && !labelled);
    wanted.then(|| meta::target(object))
}
