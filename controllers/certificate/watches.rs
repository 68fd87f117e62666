//! What wakes a TenantCertificate, besides its own changes: its Tenant, the Secrets it owns, and what it asks of
//! cert-manager.

use crds::{Tenant, TenantCertificate};
use futures::stream::BoxStream;
use kit::watch::Wake;
use kube::Resource;
use kube::api::PartialObjectMeta;
use kube::core::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use plan::certificate::cert_manager::Certificate;
use plan::meta;

use super::Controller;
use crate::context::Sources;

impl Controller {
    /// The streams that wake it.
    #[must_use]
    pub fn wakes(sources: &Sources) -> Vec<BoxStream<'static, Wake<TenantCertificate>>> {
        let certificates = sources.certificates.clone();
        let naming =
            move |tenant: &Tenant| certificates.references_of(meta::namespace(tenant), meta::name(tenant));
        let all = sources.certificates.clone();
        vec![
            sources.tenants.wakes(naming),
            sources.secrets.wakes(owner),
            sources.requests.wakes(owner_of_request),
            sources.requests.wakes_on_access(move || all.references()),
        ]
    }
}

/// The TenantCertificate a Secret belongs to: its controlling owner, or by the Secret's name if the owner was taken
/// off by hand.
pub(super) fn owner<K: Resource>(object: &K) -> Option<ObjectRef<TenantCertificate>> {
    let controller = object
        .meta()
        .owner_references
        .iter()
        .flatten()
        .find(|reference| reference.controller == Some(true));
    let name = match controller {
        // A Certificate has the name of the TenantCertificate that asks for it.
        Some(reference)
            if [TenantCertificate::kind(&()), Certificate::kind(&())]
                .contains(&reference.kind.as_str().into()) =>
        {
            reference.name.as_str()
        }
        Some(_) => return None,
        None => {
            let name = meta::name(object);
            ["-tls", "-ca", "-issued"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))?
        }
    };
    Some(ObjectRef::new(name).within(meta::namespace(object)))
}

/// The TenantCertificate that asks for a Certificate of cert-manager: both have one name.
fn owner_of_request(request: &PartialObjectMeta<DynamicObject>) -> Option<ObjectRef<TenantCertificate>> {
    let name = request.metadata.name.as_deref()?;
    Some(ObjectRef::new(name).within(request.metadata.namespace.as_deref()?))
}
