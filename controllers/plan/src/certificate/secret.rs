//! The Secrets, without the private keys: the controller puts those in.

use crds::TenantCertificate;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use super::ca::ANNOTATION_REPLACES;
use super::parsed::{self, Cert};
use crate::meta;

/// On the Secret of a certificate: since when the newest root is in `ca.crt`.
pub const ANNOTATION_ROOTS_SINCE: &str = "storage.rustfs.com/roots-since";
/// On the Secret of a certificate: until when `ca.crt` keeps roots that no longer issue.
pub const ANNOTATION_OLD_ROOTS_UNTIL: &str = "storage.rustfs.com/old-roots-until";

/// The keys of the Secret that hold a private key, all the same one.
pub const PRIVATE: [&str; 2] = ["tls.key", "rustfs_key.pem"];

/// What `ca.crt` is to hold, and since and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// The roots, the issuing one first.
    pub certs: Vec<Cert>,
    /// Since when the newest is there.
    pub since: jiff::Timestamp,
    /// Until when the ones that no longer issue stay; none when there is none.
    pub old_until: Option<jiff::Timestamp>,
}

/// The Secret that servers mount: under the names the TLS Secret type prescribes, and under those RustFS reads.
#[must_use]
pub fn certificate(certificate: &TenantCertificate, chain: &[Cert], roots: &Roots) -> Secret {
    let mut secret = secret(
        certificate,
        crds::names::certificate_secret(meta::name(certificate)),
    );
    let mut annotations =
        std::collections::BTreeMap::from([(ANNOTATION_ROOTS_SINCE.to_owned(), roots.since.to_string())]);
    annotations.extend(
        roots
            .old_until
            .map(|until| (ANNOTATION_OLD_ROOTS_UNTIL.to_owned(), until.to_string())),
    );
    secret.metadata.annotations = Some(annotations);
    let chain = parsed::pem(chain);
    secret.data = Some(
        [
            ("tls.crt", chain.clone()),
            ("rustfs_cert.pem", chain),
            ("ca.crt", parsed::pem(&roots.certs)),
        ]
        .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
        .into(),
    );
    secret
}

/// The Secret of an own CA.
#[must_use]
pub fn ca(certificate: &TenantCertificate, ca: &Cert, replaces: Option<&str>) -> Secret {
    let mut secret = secret(certificate, crds::names::ca_secret(meta::name(certificate)));
    secret.metadata.annotations =
        replaces.map(|root| [(ANNOTATION_REPLACES.to_owned(), root.to_owned())].into());
    let pem = parsed::pem(std::slice::from_ref(ca));
    secret.data = Some([("tls.crt".to_owned(), ByteString(pem.into_bytes()))].into());
    secret
}

fn secret(certificate: &TenantCertificate, name: String) -> Secret {
    Secret {
        metadata: meta::child_meta(name, certificate, labels(certificate)),
        type_: Some("kubernetes.io/tls".to_owned()),
        ..Secret::default()
    }
}

/// Labels of both Secrets.
#[must_use]
pub fn labels(certificate: &TenantCertificate) -> std::collections::BTreeMap<String, String> {
    meta::labels(&certificate.spec.tenant_ref.name, "certificate")
}
