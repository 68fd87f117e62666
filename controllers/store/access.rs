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

use super::Fault;
use crate::context::Sources;

/// How long values of Secrets are kept.
const KEPT: Duration = Duration::from_secs(60);

/// Credentials and trust, read a short while ago.
pub(crate) struct Access {
    /// The Secrets they are from.
    from: Names,
    read: Instant,
    /// The root credentials.
    pub(super) credentials: Credentials,
    /// The trust for HTTPS; none = plain HTTP.
    pub(super) tls: Option<Arc<admin::Tls>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Names {
    credentials: String,
    certificate: Option<String>,
}

impl Access {
    fn fits(&self, names: &Names) -> bool {
        self.from == *names && self.read.elapsed() < KEPT
    }
}

/// Fills `access` if it is empty, too old, or from other Secrets than the Tenant uses now.
pub(super) async fn renew(
    kit: &Kit,
    sources: &Sources,
    tenant: &Tenant,
    access: &mut Option<Access>,
) -> Result<(), Fault> {
    let names = names(sources, tenant)?;
    if access.as_ref().is_some_and(|known| known.fits(&names)) {
        return Ok(());
    }
    *access = None;
    let namespace = meta::namespace(tenant);
    let credentials = credentials(kit, namespace, &names.credentials).await?;
    let tls = match &names.certificate {
        Some(secret) => Some(trust(kit, namespace, secret).await?),
        None => None,
    };
    *access = Some(Access {
        from: names,
        read: Instant::now(),
        credentials,
        tls,
    });
    Ok(())
}

fn names(sources: &Sources, tenant: &Tenant) -> Result<Names, Fault> {
    let credentials = tenant
        .status
        .as_ref()
        .and_then(|status| status.credentials_secret_name.clone())
        .ok_or_else(|| {
            missing("the Tenant has no credentials yet: its condition CredentialsReady says why")
        })?;
    let tls = tenant
        .spec
        .tls
        .as_ref()
        .filter(|tls| tls.mode == TlsMode::Enabled);
    let certificate = match tls {
        None => None,
        Some(tls) => {
            let name = tls
                .certificate_ref
                .as_ref()
                .map_or(meta::name(tenant), |reference| reference.name.as_str());
            let secret = sources
                .certificates
                .get(meta::namespace(tenant), name)
                .and_then(|certificate| certificate.status.as_ref()?.secret_name.clone())
                .ok_or_else(|| untrusted(&format!("TenantCertificate {name} has no Secret yet")))?;
            Some(secret)
        }
    };
    Ok(Names {
        credentials,
        certificate,
    })
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
    Fault::plain("CredentialsMissing", message)
}

fn untrusted(message: &str) -> Fault {
    Fault::plain("CertificateNotReady", message)
}
