//! How it stands, in conditions.

use crds::conditions::{ISSUED, TENANT_FOUND};
use crds::{Tenant, TenantCertificate};
use jiff::Timestamp;

use super::ca::Issuing;
use super::checks::{
    self, CERT_MANAGER_PENDING, ISSUER_CHANGED, Input, NOT_YET_VALID, RENEWAL_DUE, SECRET_MISSING, Violation,
};
use super::names::Names;
use super::work::{Case, earliest};
use super::{Cert, Held, Observed, Plan, Work};
use crate::condition::{Finding, Overall, no, unknown, yes};
use crate::meta;
use crate::step::NAME_TAKEN;
use crate::tenant::may_go;

fn plain(tenant_found: Finding, issued: Finding, overall: Overall) -> Plan {
    Plan {
        steps: Vec::new(),
        work: Work::None,
        tenant_found,
        issued,
        overall,
        wake_at: None,
        renewal: None,
    }
}

fn working(reason: &str, message: String) -> Overall {
    Overall::Working {
        reason: reason.to_owned(),
        message,
    }
}

fn stuck(reason: &str, message: String) -> Overall {
    Overall::Stuck {
        reason: reason.to_owned(),
        message,
    }
}

pub(super) fn tenant_found(tenant: &str) -> Finding {
    yes(TENANT_FOUND, "Found", format!("Tenant '{tenant}' exists"))
}

pub(super) fn no_tenant(tenant: &str) -> Plan {
    let message = format!("waiting for Tenant '{tenant}': it does not exist in this namespace");
    plain(
        no(TENANT_FOUND, "TenantMissing", &message),
        unknown(
            ISSUED,
            "TenantMissing",
            "nothing is looked at before the Tenant exists",
        ),
        working("TenantMissing", message),
    )
}

pub(super) fn no_names(found: Finding, tenant: &str) -> Plan {
    let message = format!("waiting for Tenant '{tenant}' to tell the names of its servers");
    plain(
        found,
        unknown(ISSUED, "NamesUnknown", &message),
        working("NamesUnknown", message),
    )
}

pub(super) fn invalid(found: Finding, message: String) -> Plan {
    plain(
        found,
        unknown(ISSUED, "InvalidSpec", &message),
        stuck("InvalidSpec", message),
    )
}

pub(super) fn name_taken(found: Finding, name: &str) -> Plan {
    let message = format!(
        "Secret '{name}' exists and belongs to someone else: delete or rename it, or choose another name for this \
         TenantCertificate"
    );
    plain(
        found,
        no(ISSUED, NAME_TAKEN, &message),
        stuck(NAME_TAKEN, message),
    )
}

/// Why a plan with work does nothing.
pub(super) fn held_back(certificate: &TenantCertificate, tenant: &Tenant) -> Overall {
    let name = meta::name(tenant);
    if meta::deleting(certificate) {
        working("Deleting", "the TenantCertificate is being deleted".to_owned())
    } else if may_go(tenant) {
        working("TenantDeleting", format!("Tenant '{name}' is being deleted"))
    } else {
        working(
            "Paused",
            format!("Tenant '{name}' is paused: unset its spec.paused to go on"),
        )
    }
}

const NEXT_ROOT: &str = "the next one comes from another CA, once all servers trust that";

pub(super) fn managed(
    found: Finding,
    case: &Case<'_>,
    violation: Option<&Violation>,
    issuing: Option<&Issuing>,
    trouble: Option<&Violation>,
) -> Plan {
    let renewal = case.renewal;
    let leaf = case.held.and_then(Held::leaf);
    let good = violation.is_none_or(Violation::still_good);
    let issued = match (violation, leaf) {
        (Some(violation), _) if !good && !violation.is_wish() => {
            no(ISSUED, violation.reason, &violation.message)
        }
        (_, Some(leaf)) => yes(ISSUED, "Issued", validity(leaf)),
        (_, None) => no(ISSUED, SECRET_MISSING, "there is no certificate yet"),
    };
    let overall = match (violation, trouble) {
        (Some(violation), Some(trouble)) if !good || violation.reason == RENEWAL_DUE => unable(trouble),
        (Some(violation), None)
            if !good && issuing.is_some_and(|issuing| case.can_wait(violation, issuing)) =>
        {
            working("Issuing", format!("{}; {NEXT_ROOT}", violation.message))
        }
        (Some(violation), None) if !good => working("Issuing", violation.message.clone()),
        (_, Some(trouble)) => Overall::Ready {
            message: format!(
                "{}; but it could not be renewed: {}",
                issued.message, trouble.message
            ),
        },
        (Some(violation), None) if violation.reason == ISSUER_CHANGED => Overall::Ready {
            message: format!("{}; {NEXT_ROOT}", issued.message),
        },
        (_, None) => Overall::Ready {
            message: issued.message.clone(),
        },
    };
    let end = leaf.map(|leaf| leaf.not_after);
    let wake_at = earliest(renewal, end).filter(|instant| *instant > case.now);
    let wake_at = wake_at.or(end.filter(|instant| *instant > case.now));
    Plan {
        steps: Vec::new(),
        work: Work::None,
        tenant_found: found,
        issued,
        overall,
        wake_at,
        renewal,
    }
}

/// What cannot be done by the operator: some of it comes by itself.
fn unable(trouble: &Violation) -> Overall {
    let message = trouble.message.clone();
    match trouble.reason {
        "CaSecretMissing" | "CaNotYetValid" | "CertManagerMissing" | CERT_MANAGER_PENDING
        | SECRET_MISSING | NOT_YET_VALID => working(trouble.reason, message),
        _ => stuck(trouble.reason, message),
    }
}

pub(super) fn provided(
    found: Finding,
    name: &str,
    observed: &Observed,
    needed: &Names,
    now: Timestamp,
) -> Plan {
    let held = observed.held.as_ref();
    let place = format!("Secret '{name}' (spec.issuer.provided.secretRef)");
    let violation = checks::check(&Input {
        held,
        place: &place,
        needed,
        terms: None,
        now,
    });
    let leaf = held.and_then(Held::leaf);
    let (issued, overall) = match (violation, leaf) {
        (Some(violation), _) => {
            let Violation { reason, message } = &violation;
            (no(ISSUED, *reason, message), unable(&violation))
        }
        (None, Some(leaf)) if now >= soon(leaf) => {
            let message = format!("{}: put the next one into Secret '{name}' before", validity(leaf));
            (yes(ISSUED, "EndsSoon", &message), Overall::Ready { message })
        }
        (None, Some(leaf)) => (
            yes(ISSUED, "Provided", validity(leaf)),
            Overall::Ready {
                message: validity(leaf),
            },
        ),
        (None, None) => {
            let message = format!("{place} holds no certificate");
            (
                no(ISSUED, SECRET_MISSING, &message),
                working(SECRET_MISSING, message),
            )
        }
    };
    let mut plan = plain(found, issued, overall);
    plan.wake_at = leaf
        .into_iter()
        .flat_map(|leaf| [leaf.not_before, soon(leaf), leaf.not_after])
        .filter(|instant| *instant > now)
        .min();
    plan
}

/// From here on a certificate that nobody but a person can renew is told to end soon: the last third of its life.
pub(super) fn soon(leaf: &Cert) -> Timestamp {
    leaf.not_after - leaf.not_after.duration_since(leaf.not_before) / 3
}

fn validity(leaf: &Cert) -> String {
    format!("the certificate is valid until {}", leaf.not_after)
}
