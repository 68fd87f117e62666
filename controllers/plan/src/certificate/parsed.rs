//! Certificates as values: what their public bytes say, and who signed whom.

use std::net::IpAddr;

use crds::certificate::KeyAlgorithm;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::names::Names;

/// A certificate: its bytes, and what the decisions need of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cert {
    /// The whole certificate, DER.
    pub der: Vec<u8>,
    /// Subject, DER.
    pub subject: Vec<u8>,
    /// Issuer, DER.
    pub issuer: Vec<u8>,
    /// The bare public key: the bits of `subjectPublicKey`.
    pub public_key: Vec<u8>,
    /// Algorithm and size of the public key.
    pub key: KeyKind,
    /// Serial number in lower-case hex.
    pub serial: String,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Subject alternative names.
    pub names: Names,
    /// Whether it may sign certificates: basicConstraints and, where present, keyUsage say so.
    pub may_sign: bool,
    /// Whether it is marked as a CA.
    pub is_ca: bool,
    /// Whether a TLS server may show it: extendedKeyUsage is absent or holds serverAuth.
    pub for_servers: bool,
}

/// Algorithm and size of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with a modulus of this many bits.
    Rsa(usize),
    /// ECDSA on the NIST curve of this many bits.
    Ecdsa(usize),
    /// Ed25519.
    Ed25519,
    /// Anything else.
    Other,
}

impl KeyKind {
    /// What a spec asks for; `None` for a size that no such key has.
    #[must_use]
    pub fn asked(algorithm: KeyAlgorithm, size: Option<i32>) -> Option<Self> {
        match (algorithm, size) {
            (KeyAlgorithm::RSA, None | Some(2048)) => Some(Self::Rsa(2048)),
            (KeyAlgorithm::RSA, Some(3072)) => Some(Self::Rsa(3072)),
            (KeyAlgorithm::RSA, Some(4096)) => Some(Self::Rsa(4096)),
            (KeyAlgorithm::ECDSA, None | Some(256)) => Some(Self::Ecdsa(256)),
            (KeyAlgorithm::ECDSA, Some(384)) => Some(Self::Ecdsa(384)),
            (KeyAlgorithm::Ed25519, None) => Some(Self::Ed25519),
            _ => None,
        }
    }
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(formatter, "RSA {bits}"),
            Self::Ecdsa(bits) => write!(formatter, "ECDSA P-{bits}"),
            Self::Ed25519 => write!(formatter, "Ed25519"),
            Self::Other => write!(formatter, "unknown"),
        }
    }
}

/// Reads every certificate of a PEM text; `Err` says what is wrong. No certificate at all is an error too.
pub fn parse(pem: &[u8]) -> Result<Vec<Cert>, String> {
    let mut certs = Vec::new();
    for block in Pem::iter_from_buffer(pem) {
        let block = block.map_err(|error| format!("it is not PEM: {error}"))?;
        if block.label == "CERTIFICATE" {
            certs.push(Cert::from_der(&block.contents)?);
        }
    }
    if certs.is_empty() {
        return Err("it holds no PEM block 'CERTIFICATE'".to_owned());
    }
    Ok(certs)
}

impl Cert {
    /// Reads one certificate; `Err` says what is wrong.
    pub fn from_der(der: &[u8]) -> Result<Self, String> {
        let (rest, cert) = X509Certificate::from_der(der)
            .map_err(|error| format!("a certificate in it cannot be read: {error}"))?;
        if !rest.is_empty() {
            return Err("a certificate in it is followed by other bytes".to_owned());
        }
        let is_ca = cert.is_ca();
        let key_usage = cert.key_usage().ok().flatten();
        let time = |seconds| {
            Timestamp::from_second(seconds).map_err(|error| format!("a date in it is wrong: {error}"))
        };
        Ok(Self {
            der: der.to_vec(),
            subject: cert.subject().as_raw().to_vec(),
            issuer: cert.issuer().as_raw().to_vec(),
            public_key: cert.public_key().subject_public_key.data.to_vec(),
            key: kind(&cert),
            serial: cert
                .raw_serial()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            not_before: time(cert.validity().not_before.timestamp())?,
            not_after: time(cert.validity().not_after.timestamp())?,
            names: subject_names(&cert),
            may_sign: is_ca && key_usage.is_none_or(|usage| usage.value.key_cert_sign()),
            is_ca,
            for_servers: cert
                .extended_key_usage()
                .ok()
                .flatten()
                .is_none_or(|usage| usage.value.server_auth || usage.value.any),
        })
    }

    /// Whether it names itself as its issuer.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether `signer` signed this one: its name is the issuer's, and the signature holds.
    #[must_use]
    pub fn signed_by(&self, signer: &Self) -> bool {
        if self.issuer != signer.subject {
            return false;
        }
        let (Ok((_, cert)), Ok((_, signer))) = (
            X509Certificate::from_der(&self.der),
            X509Certificate::from_der(&signer.der),
        ) else {
            return false;
        };
        cert.verify_signature(Some(signer.public_key())).is_ok()
    }

    /// Whether its validity includes this instant.
    #[must_use]
    pub fn valid_at(&self, time: Timestamp) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    /// SHA-256 of the certificate, in hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(&self.der))
    }

    /// The certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in base64(&self.der).as_bytes().chunks(64) {
            text.extend(line.iter().map(|byte| char::from(*byte)));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
        text
    }
}

/// Certificates as one PEM text.
#[must_use]
pub fn pem(certs: &[Cert]) -> String {
    certs.iter().map(Cert::pem).collect()
}

/// SHA-256 over all certificates in order, in hex.
#[must_use]
pub fn digest(certs: &[Cert]) -> String {
    let mut digest = Sha256::new();
    for cert in certs {
        digest.update(&cert.der);
    }
    hex(&digest.finalize())
}

/// The root that `chain` leads to: every signature on the way is checked, intermediates may come in any order.
/// `None` when there is no such way. A certificate outside its validity does not count.
#[must_use]
pub fn root<'a>(chain: &[Cert], roots: &'a [Cert], now: Timestamp) -> Option<&'a Cert> {
    let mut at = chain.first()?;
    // Longer ways than the chain has members go round in a circle.
    for _ in 0..chain.len() {
        let anchor = |root: &&Cert| root.valid_at(now) && (root.der == at.der || signs(root, at));
        if let Some(root) = roots.iter().find(anchor) {
            return Some(root);
        }
        at = chain
            .iter()
            .find(|next| next.der != at.der && next.valid_at(now) && signs(next, at))?;
    }
    None
}

fn signs(signer: &Cert, cert: &Cert) -> bool {
    signer.may_sign && cert.signed_by(signer)
}

fn kind(cert: &X509Certificate<'_>) -> KeyKind {
    // RFC 8410: id-Ed25519.
    if cert.public_key().algorithm.algorithm.to_id_string() == "1.3.101.112" {
        return KeyKind::Ed25519;
    }
    match cert.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => KeyKind::Rsa(key.key_size()),
        Ok(PublicKey::EC(point)) => KeyKind::Ecdsa(point.key_size()),
        _ => KeyKind::Other,
    }
}

fn subject_names(cert: &X509Certificate<'_>) -> Names {
    let mut names = Names::default();
    let extension = cert.subject_alternative_name().ok().flatten();
    for name in extension
        .iter()
        .flat_map(|extension| &extension.value.general_names)
    {
        match name {
            GeneralName::DNSName(name) => names.add_dns(name),
            GeneralName::IPAddress(bytes) => {
                let address = <[u8; 4]>::try_from(*bytes)
                    .map(IpAddr::from)
                    .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                names.addresses.extend(address);
            }
            _ => {}
        }
    }
    names
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            if index <= chunk.len() {
                let letter = (bits >> (18 - 6 * index)) & 63;
                text.push(char::from(LETTERS[letter as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}
