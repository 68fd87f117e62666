//! What cert-manager is asked for, and what it says of it.

use std::collections::BTreeMap;

use crds::TenantCertificate;
use crds::certificate::RotationPolicy;
use crds::names::issued_secret;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use kube::core::{ApiResource, DynamicObject};
use serde::{Deserialize, Serialize};

use crate::certificate::held::{Held, PublicKey};
use crate::certificate::names::Names;
use crate::certificate::parsed::KeyKind;
use crate::certificate::secret;
use crate::certificate::work::Case;
use crate::meta;

/// cert-manager's webhook takes no less.
const LEAST_RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// What cert-manager is asked for: the part of its Certificate that is written here. The name of each field is its own.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "cert-manager.io",
    version = "v1",
    kind = "Certificate",
    namespaced,
    status = "CertificateStatus",
    schema = "disabled",
    derive = "PartialEq",
    doc = "A Certificate of cert-manager."
)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "cert-manager documents its fields")]
pub struct CertificateSpec {
    pub secret_name: String,
    pub secret_template: SecretTemplate,
    pub issuer_ref: IssuerRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    pub dns_names: Vec<String>,
    pub ip_addresses: Vec<String>,
    pub duration: String,
    pub renew_before: String,
    pub private_key: PrivateKey,
    pub usages: Vec<String>,
}

/// What cert-manager puts on the Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "cert-manager documents its fields")]
pub struct SecretTemplate {
    pub labels: BTreeMap<String, String>,
}

/// Who issues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "cert-manager documents its fields")]
pub struct IssuerRef {
    pub name: String,
    pub kind: String,
    pub group: String,
}

/// The private key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "cert-manager documents its fields")]
pub struct PrivateKey {
    pub algorithm: String,
    pub encoding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    pub rotation_policy: String,
}

/// What cert-manager says of a Certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "cert-manager documents its fields")]
pub struct CertificateStatus {
    pub conditions: Vec<Said>,
    pub renewal_time: Option<Time>,
}

/// A condition: what is read of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "cert-manager documents its fields")]
pub struct Said {
    #[serde(rename = "type")]
    pub type_: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    pub observed_generation: Option<i64>,
}

/// The resource, as the API server names it.
#[must_use]
pub fn resource() -> ApiResource {
    ApiResource::erase::<Certificate>(&())
}

/// How far cert-manager is with what it is asked for.
pub(super) enum Progress {
    /// It has issued that, and has nothing to do.
    Done,
    /// It has not issued that yet; its own words.
    Asked(String),
    /// What it has issued is as asked, and the next one does not come; its own words.
    Overdue(String),
}

impl Certificate {
    fn said(&self, type_: &str) -> Option<&Said> {
        let conditions = &self.status.as_ref()?.conditions;
        conditions.iter().find(|condition| condition.type_ == type_)
    }

    /// How the last try ended, if it failed.
    fn failure(&self) -> Option<String> {
        let issuing = self.said("Issuing")?;
        let failed = issuing.status == "False" && issuing.reason != "Issued";
        failed.then(|| issuing.words())
    }

    pub(super) fn progress(&self, wanted: &CertificateSpec, now: Timestamp) -> Progress {
        if self.spec != *wanted {
            return Progress::Asked("it has yet to hear what is asked for now".to_owned());
        }
        let current = |said: &&Said| {
            said.observed_generation.is_none() || said.observed_generation == self.metadata.generation
        };
        let ready = self.said("Ready").filter(current);
        if ready.is_none_or(|ready| ready.status != "True") {
            let words = self.failure().or_else(|| ready.map(Said::words));
            return Progress::Asked(words.unwrap_or_else(|| "it has said nothing yet".to_owned()));
        }
        let due = self
            .status
            .as_ref()
            .and_then(|status| status.renewal_time.as_ref());
        let late = due.filter(|due| due.0 + PATIENCE < now);
        let late = late.map(|due| format!("it was to renew it at {}", due.0));
        self.failure().or(late).map_or(Progress::Done, Progress::Overdue)
    }
}

impl Said {
    fn words(&self) -> String {
        format!("it says {}: {}", self.reason, self.message)
    }
}

/// For so long a renewal may take before it is told.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// The Certificate that cert-manager is asked for.
#[must_use]
pub(super) fn build(certificate: &TenantCertificate, spec: CertificateSpec) -> DynamicObject {
    let name = meta::name(certificate);
    let request = Certificate {
        metadata: meta::child_meta(name, certificate, secret::labels(certificate)),
        spec,
        status: None,
    };
    let mut data = serde_json::to_value(&request).unwrap_or_default();
    if let Some(fields) = data.as_object_mut() {
        fields.retain(|field, _| field == "spec");
    }
    DynamicObject {
        metadata: request.metadata,
        ..DynamicObject::new(name, &resource())
    }
    .data(data)
}

/// What cert-manager is asked for.
pub(in crate::certificate) fn spec(case: &Case<'_>, issued: Option<&Held>) -> CertificateSpec {
    let Case {
        certificate,
        needed,
        asked,
        ..
    } = *case;
    // With a key of another kind at hand cert-manager would refuse to go on, rather than make one that fits.
    let fits = |key: &PublicKey| key.kind == asked.key;
    let keep_key = asked.rotation == RotationPolicy::Never
        && issued.is_none_or(|issued| issued.key.read().is_none_or(fits));
    let issuer = certificate.spec.issuer.cert_manager.clone().unwrap_or_default();
    let issuer = issuer.issuer_ref;
    let (algorithm, size) = match asked.key {
        KeyKind::Rsa(bits) => ("RSA", Some(bits)),
        KeyKind::Ecdsa(bits) => ("ECDSA", Some(bits)),
        KeyKind::Ed25519 | KeyKind::Other => ("Ed25519", None),
    };
    CertificateSpec {
        secret_name: issued_secret(meta::name(certificate)),
        secret_template: SecretTemplate {
            labels: secret::labels(certificate),
        },
        issuer_ref: IssuerRef {
            name: issuer.name,
            kind: issuer.kind.unwrap_or_else(|| "Issuer".to_owned()),
            group: issuer.group.unwrap_or_else(|| "cert-manager.io".to_owned()),
        },
        common_name: common_name(needed),
        dns_names: needed.dns.iter().cloned().collect(),
        ip_addresses: needed.addresses.iter().map(ToString::to_string).collect(),
        duration: period(asked.duration),
        renew_before: period(asked.renew_before.max(LEAST_RENEW_BEFORE)),
        private_key: PrivateKey {
            algorithm: algorithm.to_owned(),
            // As the keys the operator makes itself: servers read no other.
            encoding: "PKCS8".to_owned(),
            size,
            rotation_policy: if keep_key { "Never" } else { "Always" }.to_owned(),
        },
        usages: ["digital signature", "key encipherment", "server auth"]
            .map(str::to_owned)
            .to_vec(),
    }
}

/// One of the names, since some issuers take no other: the first that is no wildcard and not too long.
fn common_name(needed: &Names) -> Option<String> {
    let fits = |name: &&String| name.len() <= 64 && name.contains('.') && !name.starts_with('*');
    needed.dns.iter().find(fits).cloned()
}

/// As Go writes durations.
fn period(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
