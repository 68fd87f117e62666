//! What wakes a TenantCertificate: itself, its Tenant, and the Secrets it owns.

use crds::{Tenant, TenantCertificate};
use futures::stream::BoxStream;
use kit::watch::Wake;
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use plan::meta;

use super::Controller;
use crate::context::Sources;

impl Controller {
    /// The streams that wake it.
    #[must_use]
    pub fn wakes(sources: &Sources) -> Vec<BoxStream<'static, Wake<TenantCertificate>>> {
        let certificates = sources.certificates.clone();
        let naming = move |tenant: &Tenant| {
            let name = meta::name(tenant);
            certificates
                .select(meta::namespace(tenant), |certificate| {
                    certificate.spec.tenant_ref.name == name
                })
                .iter()
                .map(|certificate| ObjectRef::from_obj(&**certificate))
                .collect::<Vec<_>>()
        };
        vec![
            sources.certificates.wakes(|own| [ObjectRef::from_obj(own)]),
            sources.tenants.wakes(naming),
            sources.secrets.wakes(owner),
        ]
    }
}

/// The TenantCertificate that controls an object.
pub(super) fn owner<K: Resource>(object: &K) -> Option<ObjectRef<TenantCertificate>> {
    let kind = TenantCertificate::kind(&());
    let reference = object
        .meta()
        .owner_references
        .iter()
        .flatten()
        .find(|reference| reference.controller == Some(true) && reference.kind == kind)?;
    Some(ObjectRef::new(&reference.name).within(meta::namespace(object)))
}
