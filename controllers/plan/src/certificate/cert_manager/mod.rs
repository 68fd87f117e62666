//! A certificate that cert-manager issues: what it is asked for, and when servers get what it has issued.
//!
//! cert-manager writes one Secret at once: key, chain and root. Were servers to mount that, a new root and a certificate
//! that needs it would reach each of them at another time. So theirs is another Secret, into which the operator puts
//! the new root first, as it does with its own certificates.

mod request;

use crds::TenantCertificate;
use crds::names::issued_secret;
use jiff::Timestamp;
use kube::Resource;

pub use request::{Certificate, CertificateSpec, resource};

use super::asked::Asked;
use super::ca::Issuing;
use super::checks::{self, CERT_MANAGER_PENDING, Input, RENEWAL_DUE, Violation};
use super::held::Held;
use super::names::Names;
use super::work::{self, Case, earliest};
use super::{Copy, Observed, Plan, Work, parsed, secret, verdict};
use crate::condition::Finding;
use crate::meta;
use crate::step::{Child, NAME_TAKEN, Step, Target, Why};
use request::{Progress, build, spec};

const FIELD: &str = "spec.issuer.certManager";

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
    let foreign = |request: &&Certificate| !is_ours(certificate, *request);
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
pub fn is_ours<K: Resource>(certificate: &TenantCertificate, object: &K) -> bool {
    match meta::controller_uid(object) {
        Some(uid) => uid == meta::uid(certificate),
        None => has_labels(certificate, object),
    }
}

fn has_labels<K: Resource>(certificate: &TenantCertificate, object: &K) -> bool {
    secret::labels(certificate)
        .iter()
        .all(|(key, value)| meta::label(object, key) == Some(value))
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
        seen.spec == wanted && meta::controls(certificate, seen) && has_labels(certificate, seen)
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
