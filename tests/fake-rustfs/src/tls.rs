//! The server's certificate: read from the Secret that the Pod mounts, and read again as it changes.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{Api, Client, ResourceExt};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::Fault;

const CERTIFICATE: &str = "rustfs_cert.pem";
const KEY: &str = "rustfs_key.pem";
/// How often the Secret is looked at. The real server looks every 30 s; tests should not wait that long.
const INTERVAL: Duration = Duration::from_secs(1);

/// Which keys of which Secret appear under the names the server reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    namespace: String,
    secret: String,
    certificate: String,
    key: String,
}

/// Finds the Secret that the container mounts at `path`.
pub fn source(pod: &Pod, container: &str, path: &str) -> Result<Source, Fault> {
    let spec = pod.spec.as_ref().ok_or("the Pod is empty")?;
    let mounts = spec
        .containers
        .iter()
        .find(|one| one.name == container)
        .and_then(|one| one.volume_mounts.as_ref());
    let mount = mounts
        .and_then(|mounts| mounts.iter().find(|mount| mount.mount_path == path))
        .ok_or_else(|| format!("nothing is mounted at {path}"))?;
    let secret = spec
        .volumes
        .iter()
        .flatten()
        .find(|volume| volume.name == mount.name)
        .and_then(|volume| volume.secret.as_ref())
        .ok_or_else(|| format!("what is mounted at {path} is not a Secret"))?;
    let named = |file: &str| match &secret.items {
        None => Ok(file.to_owned()),
        Some(items) => items
            .iter()
            .find(|item| item.path == file)
            .map(|item| item.key.clone())
            .ok_or_else(|| format!("no item of the volume is mounted as {file}")),
    };
    Ok(Source {
        namespace: pod.namespace().unwrap_or_default(),
        secret: secret
            .secret_name
            .clone()
            .ok_or("the Secret volume names no Secret")?,
        certificate: named(CERTIFICATE)?,
        key: named(KEY)?,
    })
}

/// A certificate that may be exchanged while connections come in.
#[derive(Debug)]
pub struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// The certificate of now, and the configuration that serves it.
pub async fn load(
    client: &Client,
    source: &Source,
) -> Result<(Arc<Current>, Arc<rustls::ServerConfig>), Fault> {
    let current = Arc::new(Current(RwLock::new(Arc::new(read(client, source).await?))));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current.clone());
    Ok((current, Arc::new(config)))
}

/// Exchanges the certificate whenever the Secret holds another one. A Secret that cannot be used changes nothing.
pub async fn follow(client: &Client, source: &Source, current: &Current) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        match read(client, source).await {
            Ok(key) => {
                let mut held = current.0.write().unwrap_or_else(PoisonError::into_inner);
                if held.cert != key.cert {
                    tracing::info!(secret = source.secret, "certificate exchanged");
                    *held = Arc::new(key);
                }
            }
            Err(error) => tracing::debug!(%error, secret = source.secret, "the certificate is kept"),
        }
    }
}

async fn read(client: &Client, source: &Source) -> Result<CertifiedKey, Fault> {
    let secret = Api::<Secret>::namespaced(client.clone(), &source.namespace)
        .get(&source.secret)
        .await?;
    let data = secret.data.unwrap_or_default();
    let value = |key: &str| {
        data.get(key)
            .ok_or_else(|| format!("Secret {} has no {key}", source.secret))
    };
    certified(&value(&source.certificate)?.0, &value(&source.key)?.0)
}

fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, Fault> {
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key)?;
    Ok(CertifiedKey::from_der(
        chain,
        key,
        &aws_lc_rs::default_provider(),
    )?)
}
