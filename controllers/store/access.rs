//! What asking needs besides an address: the root credentials and the trust in the servers' certificate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use admin::Credentials;
use crds::Tenant;
use crds::names::{KEY_ACCESS, KEY_SECRET};
use crds::tenant::TlsMode;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kit::Kit;
use plan::meta;
use tokio::time::Instant;
use zeroize::Zeroize;

use super::{Fault, Server};
use crate::context::Sources;

/// How long values of Secrets are kept.
const KEPT: Duration = Duration::from_secs(60);

/// Reason where there are no credentials to ask with.
const MISSING: &str = "CredentialsMissing";

/// Credentials and trust, read a short while ago.
#[derive(Default)]
pub(crate) struct Access {
    /// Pairs by the Secret they are from.
    pairs: BTreeMap<String, (Instant, Credentials)>,
    /// The trust for HTTPS, and the Secret it is from.
    trust: Option<(Instant, String, Arc<admin::Tls>)>,
}

/// What asking one server needs.
pub(super) struct Identity {
    /// The pair this server was started with: it knows no other.
    pub(super) credentials: Credentials,
    /// The trust for HTTPS; none = plain HTTP.
    pub(super) tls: Option<Arc<admin::Tls>>,
}

/// Reads what is not known, or was read too long ago.
pub(super) async fn identity(
    kit: &Kit,
    sources: &Sources,
    tenant: &Tenant,
    server: &Server,
    access: &mut Access,
) -> Result<Identity, Fault> {
    let namespace = meta::namespace(tenant);
    let secret = server.credentials.as_str();
    let fresh = |read: &Instant| read.elapsed() < KEPT;
    let known = access.pairs.get(secret).filter(|(read, _)| fresh(read));
    let credentials = match known {
        Some((_, credentials)) => credentials.clone(),
        None => {
            let read = pair_of(kit, tenant, secret).await?;
            access
                .pairs
                .insert(secret.to_owned(), (Instant::now(), read.clone()));
            read
        }
    };
    let Some(secret) = certificate(sources, tenant)? else {
        return Ok(Identity {
            credentials,
            tls: None,
        });
    };
    let known = access.trust.as_ref();
    let tls = match known.filter(|(read, name, _)| fresh(read) && *name == secret) {
        Some((_, _, tls)) => Arc::clone(tls),
        None => {
            let tls = trust(kit, namespace, &secret).await?;
            access.trust = Some((Instant::now(), secret, Arc::clone(&tls)));
            tls
        }
    };
    Ok(Identity {
        credentials,
        tls: Some(tls),
    })
}

/// The pair a server was started with. Where its Secret was removed, what the Tenant takes pairs from holds the same,
/// unless that was changed too; then the server refuses it.
async fn pair_of(kit: &Kit, tenant: &Tenant, secret: &str) -> Result<Credentials, Fault> {
    let namespace = meta::namespace(tenant);
    let found = credentials(kit, namespace, secret).await;
    let source = tenant
        .status
        .as_ref()
        .and_then(|status| status.credentials_secret_name.as_deref());
    match (found, source) {
        (Err(fault), Some(source)) if fault.reason == MISSING => {
            credentials(kit, namespace, source).await.map_err(|_| fault)
        }
        (found, _) => found,
    }
}

/// The Secret with the servers' certificate; none while TLS is off.
fn certificate(sources: &Sources, tenant: &Tenant) -> Result<Option<String>, Fault> {
    let tls = tenant
        .spec
        .tls
        .as_ref()
        .filter(|tls| tls.mode == TlsMode::Enabled);
    let Some(tls) = tls else {
        return Ok(None);
    };
    let name = tls
        .certificate_ref
        .as_ref()
        .map_or(meta::name(tenant), |reference| reference.name.as_str());
    let found = sources.certificates.get(meta::namespace(tenant), name);
    found
        .and_then(|certificate| certificate.status.as_ref()?.secret_name.clone())
        .map(Some)
        .ok_or_else(|| untrusted(&format!("TenantCertificate {name} has no Secret yet")))
}

async fn credentials(kit: &Kit, namespace: &str, name: &str) -> Result<Credentials, Fault> {
    let mut data = data(kit, namespace, name).await?;
    let text = |key: &str| data.get(key).and_then(|bytes| std::str::from_utf8(&bytes.0).ok());
    let pair = match (text(KEY_ACCESS), text(KEY_SECRET)) {
        (Some(access), Some(secret)) => Ok(Credentials::new(access, secret)),
        _ => Err(missing(&format!(
            "Secret {name} has no text under {KEY_ACCESS} and {KEY_SECRET}"
        ))),
    };
    wipe(&mut data);
    pair
}

async fn trust(kit: &Kit, namespace: &str, name: &str) -> Result<Arc<admin::Tls>, Fault> {
    let mut data = data(kit, namespace, name).await?;
    let trust = match data.get("ca.crt") {
        None => Err(untrusted(&format!("Secret {name} has no ca.crt"))),
        Some(ca) => admin::trust(&ca.0)
            .map_err(|error| untrusted(&format!("ca.crt of Secret {name} cannot be used: {error}"))),
    };
    wipe(&mut data);
    trust
}

async fn data(kit: &Kit, namespace: &str, name: &str) -> Result<BTreeMap<String, ByteString>, Fault> {
    match kit.get::<Secret>(namespace, name).await {
        Ok(Some(secret)) => Ok(secret.data.unwrap_or_default()),
        Ok(None) => Err(missing(&format!("there is no Secret {name}"))),
        Err(error) => Err(Fault {
            reason: "SecretUnreadable",
            message: format!("Secret {name} could not be read from the API server"),
            detail: error.to_string(),
        }),
    }
}

/// The key of the certificate comes along with its CA, and the credentials as they were sent.
fn wipe(data: &mut BTreeMap<String, ByteString>) {
    for value in data.values_mut() {
        value.0.zeroize();
    }
}

fn missing(message: &str) -> Fault {
    Fault::plain(MISSING, message)
}

fn untrusted(message: &str) -> Fault {
    Fault::plain("CertificateNotReady", message)
}
