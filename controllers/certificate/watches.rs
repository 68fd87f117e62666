//! What wakes a TenantCertificate, besides its own changes: its Tenant, and the Secrets it owns.

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
        let naming =
            move |tenant: &Tenant| certificates.references_of(meta::namespace(tenant), meta::name(tenant));
        vec![sources.tenants.wakes(naming), sources.secrets.wakes(owner)]
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
        Some(reference) if reference.kind == TenantCertificate::kind(&()) => reference.name.as_str(),
        Some(_) => return None,
        None => {
            let name = meta::name(object);
            name.strip_suffix("-tls").or_else(|| name.strip_suffix("-ca"))?
        }
    };
    Some(ObjectRef::new(name).within(meta::namespace(object)))
}
