//! Makes certificates, Secrets and objects for the tests.

use std::time::Duration;

use crds::{Tenant, TenantCertificate, TenantCertificateStatus};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};

use crate::certificate::asked::BACKDATE;
use crate::certificate::held::{Held, Part, PublicKey};
use crate::certificate::parsed::{Cert, KeyKind};
use crate::certificate::{Asked, Issuing, Names, Observed, Roots};
use crate::certificate::{asked, names};

pub const UID: &str = "2f3c7a51-6c0e-4f62-9c0e-0d3a6b1e9a11";

pub fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub fn tenant() -> Tenant {
    serde_json::from_value(serde_json::json!({
        "metadata": {"name": "store", "namespace": "ns", "uid": "tenant-uid"}, "spec": {},
        "status": {"serverNames": ["*.store-hl.ns.svc.cluster.local", "store-api.ns.svc", "localhost"]}
    }))
    .unwrap()
}

pub fn certificate(spec: serde_json::Value) -> TenantCertificate {
    let mut spec = spec;
    spec["tenantRef"] = serde_json::json!({"name": "store"});
    serde_json::from_value(serde_json::json!({
        "metadata": {"name": "site", "namespace": "ns", "uid": UID, "generation": 3}, "spec": spec
    }))
    .unwrap()
}

pub fn own() -> TenantCertificate {
    certificate(serde_json::json!({"issuer": {"selfSigned": {}}}))
}

pub fn needed() -> Names {
    names::needed(&own(), &tenant()).unwrap()
}

pub fn default_asked() -> Asked {
    asked::asked(&own()).unwrap()
}

/// A key pair and its certificate.
pub struct Party {
    pub pair: KeyPair,
    pub cert: Cert,
}

pub fn public(pair: &KeyPair) -> PublicKey {
    PublicKey {
        bytes: pair.der_bytes().to_vec(),
        kind: KeyKind::Ecdsa(256),
    }
}

fn params(name: &str, from: Timestamp, until: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from.as_second().try_into().unwrap());
    params.not_after = epoch + Duration::from_secs(until.as_second().try_into().unwrap());
    params
}

pub fn ca_between(name: &str, from: Timestamp, until: Timestamp, signer: Option<&Party>) -> Party {
    let mut params = params(name, from, until);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    sign(params, signer)
}

pub fn root(name: &str) -> Party {
    ca_between(name, now() - days(30), now() + days(3650), None)
}

pub fn intermediate(name: &str, signer: &Party) -> Party {
    ca_between(name, now() - days(20), now() + days(1000), Some(signer))
}

fn sign(params: CertificateParams, signer: Option<&Party>) -> Party {
    let pair = KeyPair::generate().unwrap();
    let made = match signer {
        None => params.self_signed(&pair).unwrap(),
        Some(signer) => {
            let der = signer.cert.der.as_slice().into();
            let issuer = Issuer::from_ca_cert_der(&der, &signer.pair).unwrap();
            params.signed_by(&pair, &issuer).unwrap()
        }
    };
    let cert = Cert::from_der(made.der()).unwrap();
    Party { pair, cert }
}

/// A certificate as the operator would have issued it at `issued`; `change` may spoil it.
pub fn leaf_at(signer: &Party, issued: Timestamp, change: impl FnOnce(&mut CertificateParams)) -> Party {
    let mut params = params("store", issued - BACKDATE, issued + days(90));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.subject_alt_names = needed()
        .dns
        .iter()
        .map(|name| SanType::DnsName(name.as_str().try_into().unwrap()))
        .collect();
    change(&mut params);
    sign(params, Some(signer))
}

pub fn leaf(signer: &Party) -> Party {
    leaf_at(signer, now() - days(10), |_| {})
}

/// The Secret of a certificate, intact.
pub fn held(leaf: &Party, chain: &[&Party], roots: &[&Party]) -> Held {
    let certs = |parties: &[&Party]| parties.iter().map(|party| party.cert.clone()).collect::<Vec<_>>();
    let mut whole = vec![leaf.cert.clone()];
    whole.extend(certs(chain));
    Held {
        name: "site-tls".into(),
        ours: true,
        orphan: false,
        labels: crate::certificate::secret::labels(&own()),
        annotations: [(
            "storage.rustfs.com/roots-since".to_owned(),
            (now() - days(10)).to_string(),
        )]
        .into(),
        chain: Part::Read(whole),
        roots: Part::Read(certs(roots)),
        key: Part::Read(public(&leaf.pair)),
        copies_agree: true,
    }
}

/// The Secret of an own CA, intact.
pub fn held_ca(ca: &Party) -> Held {
    Held {
        name: "site-ca".into(),
        ours: true,
        labels: crate::certificate::secret::labels(&own()),
        chain: Part::Read(vec![ca.cert.clone()]),
        key: Part::Read(public(&ca.pair)),
        ..Held::default()
    }
}

pub fn issuing(ca: &Party) -> Issuing {
    Issuing {
        ca: ca.cert.clone(),
        intermediates: Vec::new(),
        root: ca.cert.clone(),
        replaces: None,
    }
}

pub fn observed(held: Option<Held>, ca: Option<Held>) -> Observed {
    Observed {
        tenant: Some(tenant()),
        held,
        ca,
        ..Observed::default()
    }
}

/// The same Secret, with these roots told to servers.
pub fn announced(held: &Held, roots: &Roots) -> Held {
    let since = roots.since.to_string();
    Held {
        roots: Part::Read(roots.certs.clone()),
        annotations: [("storage.rustfs.com/roots-since".to_owned(), since)].into(),
        ..held.clone()
    }
}

/// Status and reason of the condition `Stalled`.
pub fn stalled(status: &TenantCertificateStatus) -> (&str, &str) {
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Stalled")
        .unwrap();
    (found.status.as_str(), found.reason.as_str())
}
