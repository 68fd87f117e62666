//! Decides what becomes of a TenantMonitor: the objects for Prometheus, what it reports, and which figures come out
//! of the admin API's answers.

pub mod alerts;
pub mod catalogue;
pub mod figures;
pub mod interval;
pub mod prometheus_rule;
pub mod service_monitor;
pub mod status;
#[cfg(test)]
mod tests;
pub mod text;

use std::time::Duration;

use crds::{Tenant, TenantMonitor};
use jiff::Timestamp;
use kube::core::DynamicObject;

pub use status::status;

use crate::meta;
use crate::settings::Settings;
use crate::step::{Child, Step, Target, turned_off};
use crate::tenant::may_go;

/// `apiVersion` of the kinds of the Prometheus operator.
pub const API_VERSION: &str = "monitoring.coreos.com/v1";

/// How soon a monitor that waits for the kinds of the Prometheus operator looks again, should their arrival not
/// have woken it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What was seen for one TenantMonitor.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Settings of the process.
    pub settings: Settings,
    /// The Tenant it names.
    pub tenant: Option<Tenant>,
    /// Its ServiceMonitor.
    pub service_monitor: Presence,
    /// Its PrometheusRule.
    pub prometheus_rule: Presence,
    /// What the last reading of the admin API came to.
    pub collection: Collection,
}

/// What is known of one object of the Prometheus operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Presence {
    /// Whether the API server serves its kind.
    pub served: bool,
    /// The object of our name that this monitor controls, if there is one. An object of that name that belongs to
    /// someone else is not given here: it is never deleted, and applying over it is refused.
    pub own: Option<Target>,
}

/// What the last reading of the admin API came to. It holds no value that changes while nothing changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Collection {
    /// Nothing was read yet.
    #[default]
    Pending,
    /// The admin API answered.
    Answering,
    /// It did not.
    Failing {
        /// Reason in PascalCase.
        reason: &'static str,
        /// What failed and what to do.
        message: String,
    },
}

/// What is to be done for one TenantMonitor.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Plan {
    /// What to write, in order.
    pub steps: Vec<Step>,
    /// When to look again without being woken; none = at the resync.
    pub requeue: Option<Duration>,
    /// How often the admin API is read while the Tenant is there; none = not at all.
    pub collect: Option<Duration>,
    /// Kinds that are asked for and not served.
    pub unserved: Vec<&'static str>,
    /// Why the spec cannot be carried out.
    pub invalid: Option<String>,
}

/// Where the figures of this monitor are, on the operator's metrics port.
#[must_use]
pub fn metrics_path(namespace: &str, monitor: &str) -> String {
    format!("/metrics/tenants/{namespace}/{monitor}")
}

/// Decides what to do for a TenantMonitor.
pub fn plan(monitor: &TenantMonitor, observed: &Observed, _now: Timestamp) -> Plan {
    let nothing = Plan {
        steps: Vec::new(),
        requeue: None,
        collect: None,
        unserved: Vec::new(),
        invalid: None,
    };
    let Some(tenant) = observed.tenant.as_ref() else {
        return nothing;
    };
    if meta::deleting(monitor) || may_go(tenant) {
        return nothing;
    }
    let every = match interval::parse(monitor.spec.interval.as_deref()) {
        Ok(every) => every,
        Err(invalid) => {
            return Plan {
                invalid: Some(invalid),
                ..nothing
            };
        }
    };
    let unserved: Vec<&'static str> = wanted(monitor, observed)
        .into_iter()
        .filter(|(asked, _, presence)| *asked && !presence.served)
        .map(|(_, kind, _)| kind)
        .collect();
    Plan {
        steps: if tenant.spec.paused {
            Vec::new()
        } else {
            steps(monitor, observed, every)
        },
        requeue: (!unserved.is_empty()).then_some(LOOK_AGAIN),
        collect: Some(every),
        unserved,
        invalid: None,
    }
}

fn wanted<'a>(monitor: &TenantMonitor, observed: &'a Observed) -> [(bool, &'static str, &'a Presence); 2] {
    [
        (
            monitor.spec.service_monitor.enabled,
            service_monitor::KIND,
            &observed.service_monitor,
        ),
        (
            monitor.spec.rules.enabled,
            prometheus_rule::KIND,
            &observed.prometheus_rule,
        ),
    ]
}

fn steps(monitor: &TenantMonitor, observed: &Observed, every: Duration) -> Vec<Step> {
    wanted(monitor, observed)
        .into_iter()
        .filter_map(|(asked, kind, presence)| {
            if !asked {
                return presence.own.clone().map(turned_off);
            }
            let build = || -> DynamicObject {
                if kind == service_monitor::KIND {
                    service_monitor::build(monitor, &observed.settings, every)
                } else {
                    prometheus_rule::build(monitor, every)
                }
            };
            presence
                .served
                .then(|| Step::Apply(Box::new(Child::Dynamic(build()))))
        })
        .collect()
}
