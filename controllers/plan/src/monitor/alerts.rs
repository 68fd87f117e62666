//! The alerts of one Tenant. Each looks at this monitor's figures only, and adds up over the operator's replicas, so
//! that a change of the leading replica does not end or restart an alert.

use std::time::Duration;

use crds::TenantMonitor;
use serde_json::{Value, json};

use crate::meta;

/// Free capacity below which an alert fires, unless the spec says otherwise, in percent of the raw capacity.
pub const FREE_CAPACITY_PERCENT: i32 = 15;

/// Where each alert is explained; the alert's name in lower case is the anchor.
const RUNBOOK: &str = "docs/monitoring.md";

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// What fires it, in PromQL.
    pub expr: String,
    /// For how long it must hold, as Prometheus writes durations.
    pub hold: String,
    /// `critical`: look now; `warning`: look today.
    pub severity: &'static str,
    /// One line for a pager.
    pub summary: String,
    /// What it means and what to look at first.
    pub description: String,
}

impl Alert {
    /// As a rule of a rule file.
    #[must_use]
    pub fn render(self) -> Value {
        json!({
            "alert": self.name,
            "expr": self.expr,
            "for": self.hold,
            "labels": { "severity": self.severity },
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": format!("{RUNBOOK}#{}", self.name.to_lowercase()),
            },
        })
    }
}

/// What the alerts of one monitor have in common.
struct Subject {
    /// Label matchers of this monitor's figures.
    only: String,
    /// The Tenant, as `namespace/name`.
    tenant: String,
    every: Duration,
    free_percent: i32,
}

/// All alerts of one monitor.
#[must_use]
pub fn all(monitor: &TenantMonitor, every: Duration) -> Vec<Alert> {
    let namespace = meta::namespace(monitor);
    let tenant = &monitor.spec.tenant_ref.name;
    let subject = Subject {
        only: format!(
            "namespace=\"{namespace}\",tenant=\"{tenant}\",monitor=\"{}\"",
            meta::name(monitor)
        ),
        tenant: format!("{namespace}/{tenant}"),
        every,
        free_percent: monitor
            .spec
            .rules
            .free_capacity_percent
            .unwrap_or(FREE_CAPACITY_PERCENT),
    };
    vec![
        subject.not_monitored(),
        subject.unreachable(),
        subject.drives_offline(),
        subject.write_quorum_at_risk(),
        subject.servers_down(),
        subject.capacity_low(),
        subject.capacity_fills_soon(),
    ]
}

impl Subject {
    /// At least `minutes`, and long enough for three readings.
    fn hold(&self, minutes: u64) -> String {
        let seconds = (minutes * 60).max(self.every.as_secs().saturating_mul(3));
        format!("{}m", seconds.div_ceil(60))
    }

    fn not_monitored(&self) -> Alert {
        Alert {
            name: "RustFSTenantNotMonitored",
            expr: format!("absent(rustfs_tenant_up{{{}}})", self.only),
            hold: self.hold(15),
            severity: "warning",
            summary: format!("RustFS Tenant {} has no figures", self.tenant),
            description: format!(
                "Prometheus has no figures of Tenant {}: no other alert of it can fire. Look whether the operator runs and its metrics port is scraped.",
                self.tenant
            ),
        }
    }

    fn unreachable(&self) -> Alert {
        Alert {
            name: "RustFSTenantUnreachable",
            expr: format!(
                "max by (namespace, tenant) (rustfs_tenant_up{{{}}}) == 0",
                self.only
            ),
            hold: self.hold(5),
            severity: "critical",
            summary: format!("RustFS Tenant {} does not answer", self.tenant),
            description: format!(
                "No server of Tenant {} answers the operator on the admin API. Condition Collecting of the TenantMonitor says why.",
                self.tenant
            ),
        }
    }

    fn drives_offline(&self) -> Alert {
        Alert {
            name: "RustFSDrivesOffline",
            expr: format!(
                "max by (namespace, tenant) (sum without (state) (rustfs_tenant_drives{{{},state!=\"online\"}})) > 0",
                self.only
            ),
            hold: self.hold(5),
            severity: "warning",
            summary: format!("RustFS Tenant {} has lost drives", self.tenant),
            description: format!(
                "{{{{ $value }}}} drives of Tenant {} are not online. The store goes on, with less that may still fail.",
                self.tenant
            ),
        }
    }

    fn write_quorum_at_risk(&self) -> Alert {
        let only = &self.only;
        let max = "max by (namespace, tenant, pool, set)";
        let online = format!("{max} (rustfs_tenant_erasure_set_drives_online{{{only}}})");
        Alert {
            name: "RustFSWriteQuorumAtRisk",
            expr: format!(
                "{online} <= {max} (rustfs_tenant_erasure_set_write_quorum{{{only}}}) and {online} < {max} (rustfs_tenant_erasure_set_drives{{{only}}})"
            ),
            hold: self.hold(1),
            severity: "critical",
            summary: format!("RustFS Tenant {} is about to refuse writes", self.tenant),
            description: format!(
                "Set {{{{ $labels.set }}}} of pool {{{{ $labels.pool }}}} of Tenant {} has {{{{ $value }}}} drives left, no more than a write needs. Restart nothing; bring drives back first.",
                self.tenant
            ),
        }
    }

    fn servers_down(&self) -> Alert {
        Alert {
            name: "RustFSServersDown",
            expr: format!(
                "max by (namespace, tenant) (sum without (state) (rustfs_tenant_servers{{{},state!=\"online\"}})) > 0",
                self.only
            ),
            hold: self.hold(5),
            severity: "warning",
            summary: format!("RustFS Tenant {} has servers down", self.tenant),
            description: format!(
                "{{{{ $value }}}} servers of Tenant {} are not online as the others see them.",
                self.tenant
            ),
        }
    }

    fn capacity_low(&self) -> Alert {
        Alert {
            name: "RustFSCapacityLow",
            expr: format!("{} < {}", self.free_share(), self.free_percent),
            hold: self.hold(15),
            severity: "warning",
            summary: format!(
                "RustFS Tenant {} has less than {} % free",
                self.tenant, self.free_percent
            ),
            description: format!(
                "{{{{ $value | printf \"%.1f\" }}}} % of the raw capacity of Tenant {} is free. Delete data, or plan for more capacity.",
                self.tenant
            ),
        }
    }

    fn capacity_fills_soon(&self) -> Alert {
        Alert {
            name: "RustFSCapacityFillsSoon",
            expr: format!(
                "predict_linear(max by (namespace, tenant) (rustfs_tenant_capacity_free_bytes{{{}}})[6h:5m], 345600) < 0 and {} < 50",
                self.only,
                self.free_share()
            ),
            hold: self.hold(60),
            severity: "warning",
            summary: format!("RustFS Tenant {} will be full within four days", self.tenant),
            description: format!(
                "At the pace of the last six hours Tenant {} has no free capacity left in four days.",
                self.tenant
            ),
        }
    }

    /// Free share of the raw capacity, in percent; nothing while no drive reports a size.
    fn free_share(&self) -> String {
        let only = &self.only;
        let max = "max by (namespace, tenant)";
        format!(
            "100 * {max} (rustfs_tenant_capacity_free_bytes{{{only}}}) / ({max} (rustfs_tenant_capacity_raw_bytes{{{only}}}) > 0)"
        )
    }
}
