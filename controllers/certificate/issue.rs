//! Makes keys and certificates. Everything here blocks for as long as a processor needs; RSA needs seconds.

use std::time::Duration;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::Timestamp;
use plan::certificate::{CaOrder, Cert, KeyKind, Names, Order, parsed};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, RsaKeySize, SanType, SerialNumber,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::material::{Key, Pair};

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssueError {
    /// The CA's key could not be read.
    #[error("the key of the CA cannot be used: {0}")]
    CaKey(String),
    /// The CA's own name could not be copied into the certificate.
    #[error(
        "the subject of the CA is written in a way that cannot be copied exactly, such as with an attribute that \
         occurs twice: give a CA with a simple subject"
    )]
    CaSubject,
    /// The cryptographic library refused.
    #[error("failed to {0}: {1}")]
    Crypto(&'static str, rcgen::Error),
    /// The system gave no randomness.
    #[error("the system gave no random bytes")]
    Random,
    /// A new certificate could not be read again.
    #[error("the new certificate cannot be read: {0}")]
    Unreadable(String),
}

/// Makes an own CA with a new key.
pub(super) fn make_ca(order: &CaOrder, subject: impl Fn(&str) -> String) -> Result<(Cert, Key), IssueError> {
    let pair = generate(order.key)?;
    let serial = random_serial()?;
    let unique: String = serial.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    let mut params = params(&subject(&unique), serial, order.not_before, order.not_after);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let cert = params
        .self_signed(pair.get())
        .map_err(|error| IssueError::Crypto("sign the CA", error))?;
    Ok((read(cert.der())?, Key::of(&pair)))
}

/// Issues a certificate: the chain from it up to, but without, the root. `old` is the key that may be kept.
pub(super) fn issue(order: &Order, ca_key: &Key, old: Option<&Key>) -> Result<(Vec<Cert>, Key), IssueError> {
    let pair = match old.filter(|_| order.keep_key).map(Key::pair) {
        Some(Ok(pair)) => pair,
        _ => generate(order.key)?,
    };
    let ca_pair = ca_key.pair().map_err(IssueError::CaKey)?;
    let ca = CertificateDer::from(order.issuing.ca.der.as_slice());
    let issuer = Issuer::from_ca_cert_der(&ca, ca_pair.get()).map_err(|_| IssueError::CaSubject)?;
    let mut params = params(
        &order.common_name,
        random_serial()?,
        order.not_before,
        order.not_after,
    );
    params.subject_alt_names = alternative_names(&order.names)?;
    // Not `NoCa`: that would leave out the key identifier.
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if matches!(order.key, KeyKind::Rsa(_)) {
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let cert = params
        .signed_by(pair.get(), &issuer)
        .map_err(|error| IssueError::Crypto("sign the certificate", error))?;
    let leaf = read(cert.der())?;
    if !leaf.signed_by(&order.issuing.ca) {
        return Err(IssueError::CaSubject);
    }
    let mut chain = vec![leaf];
    chain.extend(order.issuing.intermediates.iter().cloned());
    debug_assert!(parsed::root(&chain, std::slice::from_ref(&order.issuing.root), order.not_after).is_some());
    Ok((chain, Key::of(&pair)))
}

fn params(common_name: &str, serial: [u8; 16], from: Timestamp, until: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "RustFS operator");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let instant = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    params.not_before = epoch + instant(from);
    params.not_after = epoch + instant(until);
    params
}

fn alternative_names(names: &Names) -> Result<Vec<SanType>, IssueError> {
    let dns = names.dns.iter().map(|name| {
        let name = name
            .as_str()
            .try_into()
            .map_err(|error| IssueError::Crypto("write a name into the certificate", error))?;
        Ok(SanType::DnsName(name))
    });
    let addresses = names
        .addresses
        .iter()
        .map(|address| Ok(SanType::IpAddress(*address)));
    dns.chain(addresses).collect()
}

fn generate(kind: KeyKind) -> Result<Pair, IssueError> {
    let pair = match kind {
        KeyKind::Ed25519 => return ed25519(),
        KeyKind::Rsa(bits) => {
            let size = match bits {
                4096 => RsaKeySize::_4096,
                3072 => RsaKeySize::_3072,
                _ => RsaKeySize::_2048,
            };
            KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size)
        }
        KeyKind::Ecdsa(384) => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        KeyKind::Ecdsa(_) | KeyKind::Other => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
    };
    pair.map(Pair::from)
        .map_err(|error| IssueError::Crypto("make a key", error))
}

/// In the first version of PKCS #8: the second, which is the library's default, OpenSSL does not read.
fn ed25519() -> Result<Pair, IssueError> {
    let document = Ed25519KeyPair::generate()
        .and_then(|pair| pair.to_pkcs8v1())
        .map_err(|_| IssueError::Random)?;
    let der = PrivatePkcs8KeyDer::from(document.as_ref());
    KeyPair::try_from(&der)
        .map(Pair::from)
        .map_err(|error| IssueError::Crypto("make a key", error))
}

/// 126 random bits: positive, and always of the same length (RFC 5280 §4.1.2.2).
fn random_serial() -> Result<[u8; 16], IssueError> {
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| IssueError::Random)?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

fn read(der: &CertificateDer<'_>) -> Result<Cert, IssueError> {
    Cert::from_der(der).map_err(IssueError::Unreadable)
}
