//! What a TenantMonitor reports.

use crds::conditions::{COLLECTING, TARGETS_READY, TENANT_FOUND};
use crds::{TenantMonitor, TenantMonitorStatus};
use jiff::Timestamp;

use super::{Collection, Observed, Plan, metrics_path};
use crate::condition::{Finding, Overall, merge, no, unknown, yes};
use crate::meta;
use crate::step::Enacted;
use crate::tenant::may_go;

/// The whole status. It holds no figure: figures change all the time, and are for Prometheus.
#[must_use]
pub fn status(
    monitor: &TenantMonitor,
    observed: &Observed,
    plan: &Plan,
    enacted: &Enacted,
    now: Timestamp,
) -> TenantMonitorStatus {
    let found = tenant_found(monitor, observed);
    let targets = targets_ready(monitor, observed, plan, enacted);
    let collecting = collecting(monitor, observed, plan);
    let overall = overall(monitor, observed, plan, enacted, [&targets, &collecting]);
    let stored = monitor
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    let findings = overall.findings().into_iter().chain([found, targets, collecting]);
    TenantMonitorStatus {
        observed_generation: monitor.metadata.generation,
        conditions: merge(stored, findings, monitor.metadata.generation, now),
        metrics_path: Some(metrics_path(meta::namespace(monitor), meta::name(monitor))),
    }
}

const TENANT_MISSING: &str = "TenantMissing";
const INVALID_SPEC: &str = "InvalidSpec";
const PAUSED: &str = "Paused";
const TENANT_DELETING: &str = "TenantDeleting";
const PENDING: &str = "Pending";
const OPERATOR_MISSING: &str = "PrometheusOperatorMissing";

fn tenant_found(monitor: &TenantMonitor, observed: &Observed) -> Finding {
    match &observed.tenant {
        Some(_) => yes(TENANT_FOUND, "Found", "the Tenant exists"),
        None => no(TENANT_FOUND, TENANT_MISSING, missing(monitor)),
    }
}

fn missing(monitor: &TenantMonitor) -> String {
    format!(
        "there is no Tenant {} in this namespace yet: create it, and the operator goes on by itself",
        monitor.spec.tenant_ref.name
    )
}

fn targets_ready(monitor: &TenantMonitor, observed: &Observed, plan: &Plan, enacted: &Enacted) -> Finding {
    let Some(tenant) = &observed.tenant else {
        return unknown(TARGETS_READY, TENANT_MISSING, missing(monitor));
    };
    if let Some(failure) = enacted.failure() {
        return no(TARGETS_READY, failure.reason, &failure.message);
    }
    if let Some(invalid) = &plan.invalid {
        return no(TARGETS_READY, INVALID_SPEC, invalid);
    }
    if !plan.unserved.is_empty() {
        return no(TARGETS_READY, OPERATOR_MISSING, operator_missing(&plan.unserved));
    }
    let off = !monitor.spec.service_monitor.enabled && !monitor.spec.rules.enabled;
    let absent = |asked: bool, presence: &super::Presence| asked && presence.own.is_none();
    let unmade = absent(monitor.spec.service_monitor.enabled, &observed.service_monitor)
        || absent(monitor.spec.rules.enabled, &observed.prometheus_rule);
    if tenant.spec.paused && unmade {
        return no(
            TARGETS_READY,
            PAUSED,
            "nothing is made while the Tenant is paused",
        );
    }
    if may_go(tenant) && unmade {
        return no(
            TARGETS_READY,
            TENANT_DELETING,
            "nothing is made while the Tenant is deleted",
        );
    }
    if off {
        yes(
            TARGETS_READY,
            "TurnedOff",
            "spec.serviceMonitor.enabled and spec.rules.enabled are false: nothing is made for a Prometheus operator",
        )
    } else {
        yes(
            TARGETS_READY,
            "Applied",
            "the objects for Prometheus exist as asked",
        )
    }
}

fn operator_missing(unserved: &[&str]) -> String {
    format!(
        "the cluster does not serve {} of monitoring.coreos.com/v1: install the Prometheus operator's CRDs, or set spec.serviceMonitor.enabled and spec.rules.enabled to false",
        unserved.join(" and ")
    )
}

fn collecting(monitor: &TenantMonitor, observed: &Observed, plan: &Plan) -> Finding {
    if observed.tenant.is_none() {
        return no(COLLECTING, TENANT_MISSING, "there is no Tenant to read from");
    }
    if plan.collect.is_none() {
        return match &plan.invalid {
            Some(invalid) => no(COLLECTING, INVALID_SPEC, invalid),
            None => no(
                COLLECTING,
                TENANT_DELETING,
                "the Tenant or this monitor is being deleted",
            ),
        };
    }
    match &observed.collection {
        Collection::Pending => last_verdict(monitor).unwrap_or_else(|| {
            no(
                COLLECTING,
                PENDING,
                "the admin API has not been read yet: the first reading follows within the interval",
            )
        }),
        Collection::Answering => yes(COLLECTING, "Answering", "the Tenant's admin API answers"),
        Collection::Failing { reason, message } => no(COLLECTING, *reason, message),
    }
}

/// What was reported before the operator started anew, so that a restart changes nothing until the first reading.
fn last_verdict(monitor: &TenantMonitor) -> Option<Finding> {
    let stored = &monitor.status.as_ref()?.conditions;
    let last = stored.iter().find(|condition| condition.type_ == COLLECTING)?;
    if [TENANT_MISSING, TENANT_DELETING, INVALID_SPEC, PENDING].contains(&last.reason.as_str()) {
        return None;
    }
    let made = if last.status == "True" { yes } else { no };
    Some(made(COLLECTING, last.reason.clone(), last.message.clone()))
}

fn overall(
    monitor: &TenantMonitor,
    observed: &Observed,
    plan: &Plan,
    enacted: &Enacted,
    parts: [&Finding; 2],
) -> Overall {
    let working = |reason: &str, message: String| Overall::Working {
        reason: reason.to_owned(),
        message,
    };
    let Some(tenant) = &observed.tenant else {
        return working(TENANT_MISSING, missing(monitor));
    };
    if let Some(failure) = enacted.failure() {
        return Overall::from(failure);
    }
    if let Some(invalid) = &plan.invalid {
        return Overall::Stuck {
            reason: INVALID_SPEC.to_owned(),
            message: invalid.clone(),
        };
    }
    if tenant.spec.paused {
        return working(
            PAUSED,
            "spec.paused of the Tenant is true: nothing is changed".into(),
        );
    }
    match parts
        .into_iter()
        .find(|part| part.status != crate::condition::Truth::True)
    {
        Some(part) => working(&part.reason, part.message.clone()),
        None => Overall::Ready {
            message: "figures are collected, and the objects for Prometheus exist as asked".into(),
        },
    }
}
