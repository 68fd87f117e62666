//! The status of a TenantCertificate.

use crds::certificate::TenantCertificateStatus;
use crds::{TenantCertificate, names};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::held::Held;
use super::parsed;
use super::{Observed, Plan};
use crate::condition::{Overall, Truth, merge};
use crate::meta;
use crate::step::Failure;

/// The whole status: how it stands after the work was done, or why the work failed.
#[must_use]
pub fn status(
    certificate: &TenantCertificate,
    observed: &Observed,
    plan: &Plan,
    failure: Option<&Failure>,
    now: Timestamp,
) -> TenantCertificateStatus {
    let stored = certificate.status.clone().unwrap_or_default();
    let overall = failure.map_or_else(|| plan.overall.clone(), Overall::from);
    let [ready, reconciling, stalled] = overall.findings();
    let findings = [
        ready,
        reconciling,
        stalled,
        plan.tenant_found.clone(),
        plan.issued.clone(),
    ];
    let held = observed.held.as_ref();
    let leaf = held.and_then(Held::leaf);
    let secret_name = match plan.issued.status {
        Truth::True => Some(secret_name(certificate)),
        // Servers may still mount what was good once.
        Truth::False | Truth::Unknown => stored.secret_name,
    };
    TenantCertificateStatus {
        observed_generation: certificate.metadata.generation,
        conditions: merge(&stored.conditions, findings, certificate.metadata.generation, now),
        secret_name,
        revision: held
            .and_then(|held| held.chain.read())
            .map(|chain| parsed::digest(chain)),
        serial: leaf.map(|leaf| leaf.serial.clone()),
        not_before: leaf.map(|leaf| Time(leaf.not_before)),
        not_after: leaf.map(|leaf| Time(leaf.not_after)),
        renewal_time: plan.renewal.map(Time),
        subject_names: leaf.map(|leaf| leaf.names.list()).unwrap_or_default(),
    }
}

/// The Secret that servers mount, or will.
#[must_use]
pub fn secret_name(certificate: &TenantCertificate) -> String {
    match &certificate.spec.issuer.provided {
        Some(provided) => provided.secret_ref.name.clone(),
        None => names::certificate_secret(meta::name(certificate)),
    }
}
