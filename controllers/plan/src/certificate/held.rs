//! What a Secret holds, without what is secret in it.

use std::collections::BTreeMap;

use crds::TenantCertificate;
use crds::names::{LABEL_MANAGED_BY, LABEL_TENANT, MANAGED_BY};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::parsed::{self, Cert, KeyKind};
use crate::meta;

/// A Secret with a certificate and its key, as decisions may see it: public parts only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Name of the Secret.
    pub name: String,
    /// Whether the TenantCertificate is its controlling owner, or it is one of the operator's that lost its owner.
    pub ours: bool,
    /// Whether it has to be given its owner back.
    pub orphan: bool,
    /// Labels of the Secret.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Secret.
    pub annotations: BTreeMap<String, String>,
    /// `tls.crt`: the certificate, then its intermediates.
    pub chain: Part<Vec<Cert>>,
    /// `ca.crt`: the roots.
    pub roots: Part<Vec<Cert>>,
    /// The public half of `tls.key`.
    pub key: Part<PublicKey>,
    /// Whether the keys RustFS reads hold the same as `tls.crt` and `tls.key`.
    pub copies_agree: bool,
}

/// One key of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part<T> {
    /// It is not there, or empty.
    #[default]
    Missing,
    /// It is there and cannot be used; says why, in words that follow the key's name.
    Unreadable(String),
    /// It is there.
    Read(T),
}

impl<T> Part<T> {
    /// What was read.
    #[must_use]
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Missing | Self::Unreadable(_) => None,
        }
    }
}

/// The public half of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The bits of `subjectPublicKey`.
    pub bytes: Vec<u8>,
    /// Algorithm and size.
    pub kind: KeyKind,
}

impl Held {
    /// Reads the public parts of a Secret. The private key is read by the caller, who hands in its public half.
    #[must_use]
    pub fn read(
        certificate: &TenantCertificate,
        secret: &Secret,
        key: Part<PublicKey>,
        copies_agree: bool,
    ) -> Self {
        let certs = |name: &str| match secret.data.as_ref().and_then(|data| data.get(name)) {
            Some(value) if !value.0.is_empty() => {
                parsed::parse(&value.0).map_or_else(Part::Unreadable, Part::Read)
            }
            _ => Part::Missing,
        };
        Self {
            name: meta::name(secret).to_owned(),
            ours: meta::controls(certificate, secret) || lost(secret),
            orphan: lost(secret),
            labels: secret.metadata.labels.clone().unwrap_or_default(),
            annotations: secret.metadata.annotations.clone().unwrap_or_default(),
            chain: certs("tls.crt"),
            roots: certs("ca.crt"),
            key,
            copies_agree,
        }
    }

    /// The certificate itself.
    #[must_use]
    pub fn leaf(&self) -> Option<&Cert> {
        self.chain.read()?.first()
    }

    /// The root its chain leads to.
    #[must_use]
    pub fn root(&self, now: Timestamp) -> Option<&Cert> {
        parsed::root(self.chain.read()?, self.roots.read()?, now)
    }

    /// An instant from an annotation.
    #[must_use]
    pub fn instant(&self, annotation: &str) -> Option<Timestamp> {
        self.annotations.get(annotation)?.parse().ok()
    }
}

/// Whether it is ours but for an owner. Another operator calls itself by the same name; the label of the Tenant is ours.
fn lost(secret: &Secret) -> bool {
    meta::controller_uid(secret).is_none()
        && meta::label(secret, LABEL_MANAGED_BY) == Some(MANAGED_BY)
        && meta::label(secret, LABEL_TENANT).is_some()
}
