//! A connection to one server by address, with or without TLS.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Endpoint, Error};

/// What both kinds of connection can do.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A TLS configuration that trusts the certificates in `ca_pem` and nothing else.
///
/// # Errors
/// [`Error::Tls`] when the text holds no certificate, or one that cannot be a trust anchor.
pub fn trust(ca_pem: &[u8]) -> Result<Arc<rustls::ClientConfig>, Error> {
    let fault = |why: String| Error::Tls {
        host: "the servers".to_owned(),
        why,
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        let certificate = certificate.map_err(|error| fault(format!("the CA is not PEM: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| fault(format!("the CA cannot be trusted: {error}")))?;
    }
    if roots.is_empty() {
        return Err(fault("the CA holds no certificate".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Opens the connection; `within` covers both the TCP and the TLS handshake.
pub(crate) async fn connect(endpoint: &Endpoint, within: Duration) -> Result<Box<dyn Stream>, Error> {
    let unreachable = |why: String| Error::Unreachable {
        addr: endpoint.addr,
        why,
    };
    match tokio::time::timeout(within, open(endpoint)).await {
        Ok(result) => result,
        Err(_) => Err(unreachable(format!(
            "no connection within {} s",
            within.as_secs_f32()
        ))),
    }
}

async fn open(endpoint: &Endpoint) -> Result<Box<dyn Stream>, Error> {
    let tcp = TcpStream::connect(endpoint.addr)
        .await
        .map_err(|error| Error::Unreachable {
            addr: endpoint.addr,
            why: error.to_string(),
        })?;
    let _ = tcp.set_nodelay(true);
    let Some(config) = &endpoint.tls else {
        return Ok(Box::new(tcp));
    };
    let fault = |why: String| Error::Tls {
        host: endpoint.host.clone(),
        why,
    };
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| fault(error.to_string()))?;
    let tls = TlsConnector::from(config.clone())
        .connect(name, tcp)
        .await
        .map_err(|error| fault(error.to_string()))?;
    Ok(Box::new(tls))
}

#[cfg(test)]
mod tests {
    use super::trust;

    #[test]
    fn a_ca_without_certificates_is_refused_with_a_reason() {
        let error = trust(b"nothing here").unwrap_err();
        assert_eq!(
            error.to_string(),
            "TLS with the servers failed: the CA holds no certificate"
        );
    }
}
