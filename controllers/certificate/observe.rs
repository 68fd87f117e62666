//! Reads what the decisions need: the Tenant from the watch, Secrets by GET.

use crds::{TenantCertificate, names};
use k8s_openapi::api::core::v1::Secret;
use kit::Error;
use plan::certificate::{Held, Observed, Part, cert_manager, status};
use plan::{Target, meta};

use super::Controller;
use super::material::{self, Key};

/// What was seen: the public part for the plan, the keys for the work.
pub(super) struct Seen {
    pub observed: Observed,
    pub key: Option<Key>,
    pub ca_key: Option<Key>,
    pub issued_key: Option<Key>,
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
        issued_key: None,
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
    if issuer.cert_manager.is_some() {
        of_cert_manager(controller, certificate, &mut seen).await?;
    } else {
        seen.observed.request.leftovers = leftovers(controller, certificate);
    }
    if issuer.provided.is_none() && issuer.cert_manager.is_none() {
        let name = match &issuer.ca {
            Some(given) => given.secret_ref.name.clone(),
            None => names::ca_secret(meta::name(certificate)),
        };
        let secret = controller.kit.get(namespace, &name).await?;
        (seen.observed.ca, seen.ca_key) = read(certificate, secret);
    }
    Ok(seen)
}

/// Its Certificate is read from the API server: the watch has no status. So is the Secret, which says whether it has an
/// owner yet.
async fn of_cert_manager(
    controller: &Controller,
    certificate: &TenantCertificate,
    seen: &mut Seen,
) -> Result<(), Error> {
    let (namespace, name) = (meta::namespace(certificate), meta::name(certificate));
    let request = &mut seen.observed.request;
    request.served = controller.context.sources.requests.is_served();
    if request.served {
        request.seen = controller.kit.get(namespace, name).await?;
    }
    let secret: Option<Secret> = controller.kit.get(namespace, &names::issued_secret(name)).await?;
    let target = secret.as_ref().map(meta::target);
    // cert-manager may be told to own its Secrets: then this one goes with its Certificate.
    let theirs = secret
        .as_ref()
        .zip(request.seen.as_ref())
        .is_some_and(|(secret, request)| {
            meta::controls(request, secret) && cert_manager::is_ours(certificate, request)
        });
    let (issued, key) = read(certificate, secret);
    let issued = issued.map(|issued| Held {
        ours: issued.ours || theirs,
        ..issued
    });
    let orphan = issued.as_ref().is_some_and(|issued| issued.orphan);
    request.orphan = target.filter(|_| orphan);
    (seen.observed.issued, seen.issued_key) = (issued, key);
    Ok(())
}

/// What it has of cert-manager's, by what the watches show: first the Certificate, which would bring the Secret back.
fn leftovers(controller: &Controller, certificate: &TenantCertificate) -> Vec<Target> {
    let sources = &controller.context.sources;
    let (namespace, name) = (meta::namespace(certificate), meta::name(certificate));
    let request = sources.requests.get(namespace, name);
    let request = request
        .filter(|request| cert_manager::is_ours(certificate, &**request))
        .map(|request| meta::target_as(&*request, &cert_manager::resource()));
    let secret = sources.secrets.get(namespace, &names::issued_secret(name));
    let secret = secret
        .filter(|secret| cert_manager::is_ours(certificate, &**secret))
        .map(|secret| meta::target(&*secret));
    request.into_iter().chain(secret).collect()
}

pub(super) fn read(certificate: &TenantCertificate, secret: Option<Secret>) -> (Option<Held>, Option<Key>) {
    let Some(mut secret) = secret else {
        return (None, None);
    };
    let (key, agree) = material::take(&mut secret);
    let public = key.as_ref().map_or(Part::Missing, Key::public);
    (Some(Held::read(certificate, &secret, public, agree)), key)
}
