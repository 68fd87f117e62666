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
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use kube::core::{ApiResource, DynamicObject, ObjectMeta};
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::ca::Issuing;
use super::checks::{self, CERT_MANAGER_PENDING, Input, RENEWAL_DUE, Violation};
use super::held::{Held, PublicKey};
use super::names::Names;
use super::parsed::{self, KeyKind};
use super::work::{self, Case, earliest};
use super::{Copy, Observed, Plan, Work, secret, verdict};
use crate::condition::Finding;
use crate::meta;
use crate::step::{Child, NAME_TAKEN, Step, Target, Why};

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

/// How far cert-manager is with what it is asked for.
enum Progress {
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

    fn progress(&self, wanted: &CertificateSpec, now: Timestamp) -> Progress {
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
    if case.held.is_some_and(|held| !held.ours) {
        let name = crds::names::certificate_secret(meta::name(certificate));
        return verdict::name_taken(found, &name);
    }
    let wanted = spec(&case, observed.issued.as_ref());
    let issued = taken(certificate, observed).map_or_else(|| issued(&case, observed, &wanted), Err);
    let steps = match &issued {
        Err(taken) if taken.reason == NAME_TAKEN => Vec::new(),
        _ => steps(certificate, &observed.request, wanted),
    };
    let violation = violation(&case, issued.as_ref());
    let trouble = match &issued {
        Ok(issued) => issued.unfinished.as_ref(),
        Err(trouble) => Some(trouble),
    };
    let issuing = issued.as_ref().ok().map(|issued| &issued.issuing);
    let mut plan = verdict::managed(found, &case, violation.as_ref(), issuing, trouble);
    plan.steps = steps;
    if let Ok(issued) = &issued {
        let (work, wake_at) = decide(&case, issued, violation);
        plan.work = work;
        plan.wake_at = earliest(plan.wake_at, wake_at);
    }
    plan
}

/// Someone else's Certificate is not written over, and someone else's Secret is not given to cert-manager, which would.
fn taken(certificate: &TenantCertificate, observed: &Observed) -> Option<Violation> {
    let foreign = |request: &&Certificate| !is_ours(certificate, &request.metadata);
    let request = observed.request.seen.as_ref().filter(foreign);
    let request = request.map(|request| format!("Certificate '{}'", meta::name(request)));
    let secret = observed.issued.as_ref().filter(|issued| !issued.ours);
    let secret = secret.map(|secret| format!("Secret '{}'", secret.name));
    let what = request.or(secret)?;
    Some(Violation {
        reason: NAME_TAKEN,
        message: format!(
            "{FIELD}: {what} exists and belongs to someone else: delete or rename it, or choose another name for this \
             TenantCertificate"
        ),
    })
}

/// Whether an object is this one's: by its owner, or, should someone have taken that away, by its labels.
#[must_use]
pub fn is_ours(certificate: &TenantCertificate, meta: &ObjectMeta) -> bool {
    let owners = meta.owner_references.iter().flatten();
    let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
    match controller {
        Some(owner) => owner.uid == meta::uid(certificate),
        None => secret::labels(certificate)
            .iter()
            .all(|(key, value)| meta.labels.as_ref().and_then(|labels| labels.get(key)) == Some(value)),
    }
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

fn steps(certificate: &TenantCertificate, request: &Request, wanted: CertificateSpec) -> Vec<Step> {
    if !request.served {
        return Vec::new();
    }
    // Whether it is as asked is known: there is nothing to find out by a write, which a webhook may refuse.
    let asked = request.seen.as_ref().is_some_and(|seen| {
        seen.spec == wanted
            && meta::controls(certificate, seen)
            && wanted
                .secret_template
                .labels
                .iter()
                .all(|(key, value)| meta::label(seen, key) == Some(value))
    });
    let request_it = || Step::Apply(Box::new(Child::Dynamic(build(certificate, wanted))));
    let adoption = request.orphan.clone().map(Step::Adopt);
    (!asked).then(request_it).into_iter().chain(adoption).collect()
}

/// What cert-manager has issued, and the root it leads to.
struct Issued<'a> {
    held: &'a Held,
    issuing: Issuing,
    /// What is asked for, or the next one, does not come.
    unfinished: Option<Violation>,
    /// Whether what was issued is what is asked for.
    as_asked: bool,
}

/// `Err` says why there is nothing that servers could be given.
fn issued<'a>(
    case: &Case<'_>,
    observed: &'a Observed,
    wanted: &CertificateSpec,
) -> Result<Issued<'a>, Violation> {
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
    let progress = request.seen.as_ref().map_or_else(
        || Progress::Asked("it has not been asked yet".to_owned()),
        |seen| seen.progress(wanted, case.now),
    );
    let as_asked = !matches!(progress, Progress::Asked(_));
    let unfinished = match progress {
        Progress::Done => None,
        Progress::Asked(words) | Progress::Overdue(words) => Some(pending(case.certificate, &words)),
    };
    let name = issued_secret(meta::name(case.certificate));
    let wrong = checks::check(&Input {
        held: observed.issued.as_ref(),
        place: &format!("Secret '{name}' ({FIELD})"),
        needed: case.needed,
        terms: None,
        now: case.now,
    });
    if let Some(wrong) = wrong {
        // While it is at it, its own words say more than what is still wrong.
        return Err(unfinished.filter(|_| !as_asked).unwrap_or(wrong));
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
            Some(Issued {
                held,
                issuing,
                unfinished,
                as_asked,
            })
        })
        .ok_or_else(|| Violation {
            reason: "ChainBroken",
            message: format!("Secret '{name}' ({FIELD}) leads to no root in its 'ca.crt'"),
        })
}

fn pending(certificate: &TenantCertificate, words: &str) -> Violation {
    let name = meta::name(certificate);
    Violation {
        reason: CERT_MANAGER_PENDING,
        message: format!(
            "{FIELD}: waiting for cert-manager to issue Certificate '{name}': {words}; 'kubectl describe certificate \
             {name}' and its CertificateRequests tell more"
        ),
    }
}

/// What is wrong with what servers have, or what else is asked for. What cert-manager cannot renew is due once it ends
/// soon.
fn violation(case: &Case<'_>, issued: Result<&Issued<'_>, &Violation>) -> Option<Violation> {
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
    let ends_soon = (case.now >= verdict::soon(leaf)).then(|| Violation {
        reason: RENEWAL_DUE,
        message: format!("the certificate in {place} ends soon"),
    });
    match issued {
        Err(_) => ends_soon,
        Ok(issued) if same(case.held, issued.held) => match &issued.unfinished {
            Some(unfinished) if !issued.as_asked => Some(unfinished.clone()),
            Some(_) => ends_soon,
            None => None,
        },
        Ok(issued) if case.changes_root(&issued.issuing) => Some(checks::issuer_changed(&place)),
        Ok(_) => Some(Violation {
            reason: RENEWAL_DUE,
            message: format!("cert-manager has issued another certificate than the one in {place}"),
        }),
    }
}

fn decide(case: &Case<'_>, issued: &Issued<'_>, violation: Option<Violation>) -> (Work, Option<Timestamp>) {
    // What is there is what was issued: no other comes of handing it over again.
    let violation = violation.filter(|_| !same(case.held, issued.held));
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
pub fn build(certificate: &TenantCertificate, spec: CertificateSpec) -> DynamicObject {
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

fn spec(case: &Case<'_>, issued: Option<&Held>) -> CertificateSpec {
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
