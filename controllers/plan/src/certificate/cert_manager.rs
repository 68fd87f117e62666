//! A certificate that cert-manager issues: what it is asked for, and when servers get what it has issued.
//!
//! cert-manager writes one Secret at once: key, chain and root. Were servers to mount that, a new root and a certificate
//! that needs it would reach each of them at another time. So theirs is another Secret, into which the operator puts
//! the new root first, as it does with its own certificates.

use std::collections::BTreeMap;

use crds::TenantCertificate;
use crds::certificate::RotationPolicy;
use crds::names::issued_secret;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use kube::core::{ApiResource, DynamicObject};
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::ca::Issuing;
use super::checks::{self, Input, RENEWAL_DUE, SECRET_MISSING, Violation};
use super::held::Held;
use super::names::Names;
use super::parsed::{self, KeyKind};
use super::work::{self, Case, earliest};
use super::{Copy, Observed, Plan, Work, secret, verdict};
use crate::condition::Finding;
use crate::meta;
use crate::step::{Child, Step, Target, Why};

/// cert-manager's webhook takes no less.
const LEAST_RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);
const FIELD: &str = "spec.issuer.certManager";

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
    pub common_name: String,
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
    pub conditions: Vec<Condition>,
    pub renewal_time: Option<Time>,
}

/// What was seen of a Certificate of cert-manager.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Whether the API server serves the kind.
    pub served: bool,
    /// The Certificate of our name, whoever it belongs to.
    pub seen: Option<Certificate>,
    /// What this TenantCertificate made of cert-manager's while that was its issuer, to be deleted in this order.
    pub leftovers: Vec<Target>,
    /// The Secret that cert-manager wrote, while it has no owner.
    pub orphan: Option<Target>,
}

/// The resource, as the API server names it.
#[must_use]
pub fn resource() -> ApiResource {
    ApiResource::erase::<Certificate>(&())
}

impl Certificate {
    /// Why it is not ready, in cert-manager's words.
    fn word(&self) -> Option<String> {
        let conditions = &self.status.as_ref()?.conditions;
        let open = |type_: &str| {
            let found = conditions.iter().find(|condition| condition.type_ == type_)?;
            (found.status == "False").then(|| format!("{}: {}", found.reason, found.message))
        };
        // The first tells how the last try ended, the second only that there is no certificate.
        open("Issuing").or_else(|| open("Ready"))
    }
}

pub(super) fn managed(
    found: Finding,
    certificate: &TenantCertificate,
    observed: &Observed,
    needed: &Names,
    asked: &Asked,
    now: Timestamp,
) -> Plan {
    let case = Case {
        certificate,
        held: observed.held.as_ref(),
        needed,
        asked,
        now,
        renewal: renewal(observed, now),
    };
    let taken = [
        (
            case.held,
            crds::names::certificate_secret(meta::name(certificate)),
        ),
        (observed.issued.as_ref(), issued_secret(meta::name(certificate))),
    ];
    if let Some((_, name)) = taken.iter().find(|(held, _)| held.is_some_and(|held| !held.ours)) {
        return verdict::name_taken(found, name);
    }
    let issued = issued(&case, observed);
    let violation = violation(&case, issued.as_ref().ok());
    let issuing = issued.as_ref().map(|issued| &issued.issuing);
    let mut plan = verdict::managed(found, &case, violation.as_ref(), Some(issuing));
    plan.steps = steps(certificate, observed, needed, asked);
    if let Ok(issued) = &issued {
        let (work, wake_at) = decide(&case, issued, violation);
        plan.work = work;
        plan.wake_at = earliest(plan.wake_at, wake_at);
    }
    plan
}

/// What is left of it once another issuer is asked for.
pub(super) fn withdrawn(request: &Request) -> Vec<Step> {
    let delete = |target: &Target| {
        let message = format!(
            "{} {} is no longer asked of cert-manager",
            target.kind, target.name
        );
        Step::Delete(
            target.clone(),
            Why {
                reason: "TurnedOff",
                message,
            },
        )
    };
    request.leftovers.iter().map(delete).collect()
}

fn steps(certificate: &TenantCertificate, observed: &Observed, needed: &Names, asked: &Asked) -> Vec<Step> {
    if !observed.request.served {
        return Vec::new();
    }
    let request = Step::Apply(Box::new(Child::Dynamic(build(certificate, needed, asked))));
    let adoption = observed.request.orphan.clone().map(Step::Adopt);
    std::iter::once(request).chain(adoption).collect()
}

/// What cert-manager has issued, and the root it leads to.
struct Issued<'a> {
    held: &'a Held,
    issuing: Issuing,
}

/// `Err` says why there is nothing that servers could be given.
fn issued<'a>(case: &Case<'_>, observed: &'a Observed) -> Result<Issued<'a>, Violation> {
    let request = &observed.request;
    if !request.served {
        let message = format!(
            "{FIELD}: the cluster does not serve Certificate of cert-manager.io/v1: install cert-manager, or choose \
             another spec.issuer"
        );
        return Err(Violation {
            reason: "CertManagerMissing",
            message,
        });
    }
    let name = issued_secret(meta::name(case.certificate));
    let violation = checks::check(&Input {
        held: observed.issued.as_ref(),
        place: &format!("Secret '{name}' ({FIELD})"),
        needed: case.needed,
        terms: None,
        now: case.now,
    });
    if let Some(violation) = violation {
        return Err(pending(case.certificate, request, violation));
    }
    let found = observed.issued.as_ref();
    found
        .and_then(|held| {
            let root = held.root(case.now)?;
            let issuing = Issuing {
                ca: root.clone(),
                intermediates: Vec::new(),
                root: root.clone(),
                replaces: None,
            };
            Some(Issued { held, issuing })
        })
        .ok_or_else(|| Violation {
            reason: "ChainBroken",
            message: format!("Secret '{name}' ({FIELD}) leads to no root in its 'ca.crt'"),
        })
}

/// While cert-manager is at it, its own words say more than what is still wrong.
fn pending(certificate: &TenantCertificate, request: &Request, violation: Violation) -> Violation {
    let word = request.seen.as_ref().map(Certificate::word);
    let word = match (word, violation.reason) {
        (Some(Some(word)), _) => format!("it says {word}"),
        (_, SECRET_MISSING) => "it has said nothing yet".to_owned(),
        (_, _) => return violation,
    };
    let name = meta::name(certificate);
    Violation {
        reason: "CertManagerPending",
        message: format!(
            "{FIELD}: waiting for cert-manager to issue Certificate '{name}': {word}; 'kubectl describe certificate \
             {name}' and its CertificateRequests tell more"
        ),
    }
}

/// What is wrong with what servers have. What cert-manager cannot renew is due once it ends soon.
fn violation(case: &Case<'_>, issued: Option<&Issued<'_>>) -> Option<Violation> {
    let name = crds::names::certificate_secret(meta::name(case.certificate));
    let place = format!("Secret '{name}'");
    let wrong = checks::check(&Input {
        held: case.held,
        place: &place,
        needed: case.needed,
        terms: None,
        now: case.now,
    });
    if wrong.is_some() {
        return wrong;
    }
    let leaf = case.held.and_then(Held::leaf)?;
    match issued {
        Some(issued) if same(case.held, issued.held) => None,
        Some(issued) if case.changes_root(&issued.issuing) => Some(checks::issuer_changed(&place)),
        Some(_) => Some(Violation {
            reason: RENEWAL_DUE,
            message: format!("cert-manager has issued another certificate than the one in {place}"),
        }),
        None if case.now >= verdict::soon(leaf) => Some(Violation {
            reason: RENEWAL_DUE,
            message: format!("the certificate in {place} ends soon"),
        }),
        None => None,
    }
}

fn decide(case: &Case<'_>, issued: &Issued<'_>, violation: Option<Violation>) -> (Work, Option<Timestamp>) {
    let copy = |why: Violation| {
        Work::Copy(Copy {
            why,
            roots: work::roots_of_next(case, &issued.issuing),
        })
    };
    work::hand_over(case, &issued.issuing, violation, copy)
}

fn same(held: Option<&Held>, issued: &Held) -> bool {
    let digest = |held: &Held| held.chain.read().map(|chain| parsed::digest(chain));
    held.is_some_and(|held| digest(held) == digest(issued))
}

/// When cert-manager renews, as it says itself; once that is past, it says so no more.
fn renewal(observed: &Observed, now: Timestamp) -> Option<Timestamp> {
    let status = observed.request.seen.as_ref()?.status.as_ref()?;
    status
        .renewal_time
        .as_ref()
        .map(|time| time.0)
        .filter(|time| *time > now)
}

/// The Certificate that cert-manager is asked for.
#[must_use]
pub fn build(certificate: &TenantCertificate, needed: &Names, asked: &Asked) -> DynamicObject {
    let name = meta::name(certificate);
    let labels = secret::labels(certificate);
    let request = Certificate {
        metadata: meta::child_meta(name, certificate, labels.clone()),
        spec: spec(certificate, needed, asked, labels),
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

fn spec(
    certificate: &TenantCertificate,
    needed: &Names,
    asked: &Asked,
    labels: BTreeMap<String, String>,
) -> CertificateSpec {
    let issuer = certificate.spec.issuer.cert_manager.clone().unwrap_or_default();
    let issuer = issuer.issuer_ref;
    let (algorithm, size) = match asked.key {
        KeyKind::Rsa(bits) => ("RSA", Some(bits)),
        KeyKind::Ecdsa(bits) => ("ECDSA", Some(bits)),
        KeyKind::Ed25519 | KeyKind::Other => ("Ed25519", None),
    };
    CertificateSpec {
        secret_name: issued_secret(meta::name(certificate)),
        secret_template: SecretTemplate { labels },
        issuer_ref: IssuerRef {
            name: issuer.name,
            kind: issuer.kind.unwrap_or_else(|| "Issuer".to_owned()),
            group: issuer.group.unwrap_or_else(|| "cert-manager.io".to_owned()),
        },
        common_name: work::common_name(certificate),
        dns_names: needed.dns.iter().cloned().collect(),
        ip_addresses: needed.addresses.iter().map(ToString::to_string).collect(),
        duration: period(asked.duration),
        renew_before: period(asked.renew_before.max(LEAST_RENEW_BEFORE)),
        private_key: PrivateKey {
            algorithm: algorithm.to_owned(),
            // As the keys the operator makes itself: servers read no other.
            encoding: "PKCS8".to_owned(),
            size,
            rotation_policy: match asked.rotation {
                RotationPolicy::Always => "Always",
                RotationPolicy::Never => "Never",
            }
            .to_owned(),
        },
        usages: ["digital signature", "key encipherment", "server auth"]
            .map(str::to_owned)
            .to_vec(),
    }
}

/// As Go writes durations.
fn period(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
