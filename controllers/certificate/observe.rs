//! Reads what the decisions need: the Tenant from the watch, Secrets by GET.

use crds::{TenantCertificate, names};
use k8s_openapi::api::core::v1::Secret;
use kit::Error;
use plan::certificate::{Held, Observed, Part, status};
use plan::meta;

use super::Controller;
use super::material::{self, Key};

/// What was seen: the public part for the plan, the keys for the work.
pub(super) struct Seen {
    pub observed: Observed,
    pub key: Option<Key>,
    pub ca_key: Option<Key>,
}

pub(super) async fn observe(controller: &Controller, certificate: &TenantCertificate) -> Result<Seen, Error> {
    let namespace = meta::namespace(certificate);
    let tenant = controller
        .context
        .sources
        .tenants
        .get(namespace, &certificate.spec.tenant_ref.name);
    let mut seen = Seen {
        observed: Observed {
            tenant: tenant.map(|tenant| (*tenant).clone()),
            ..Observed::default()
        },
        key: None,
        ca_key: None,
    };
    if seen.observed.tenant.is_none() {
        return Ok(seen);
    }
    let issuer = &certificate.spec.issuer;
    let secret = controller
        .kit
        .get(namespace, &status::secret_name(certificate))
        .await?;
    (seen.observed.held, seen.key) = read(certificate, secret);
    if issuer.provided.is_none() {
        let name = match &issuer.ca {
            Some(given) => given.secret_ref.name.clone(),
            None => names::ca_secret(meta::name(certificate)),
        };
        let secret = controller.kit.get(namespace, &name).await?;
        (seen.observed.ca, seen.ca_key) = read(certificate, secret);
    }
    Ok(seen)
}

pub(super) fn read(certificate: &TenantCertificate, secret: Option<Secret>) -> (Option<Held>, Option<Key>) {
    let Some(mut secret) = secret else {
        return (None, None);
    };
    let (key, agree) = material::take(&mut secret);
    let public = key.as_ref().map_or(Part::Missing, Key::public);
    (Some(Held::read(certificate, &secret, public, agree)), key)
}
