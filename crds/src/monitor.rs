//! `TenantMonitor`: metrics and alerts of a Tenant.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::common::NameRef;

/// Watches the Tenant it names: figures of its drives, capacity, pools and health for Prometheus, and alerts.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "storage.rustfs.com", version = "v1alpha1", kind = "TenantMonitor", namespaced,
    status = "TenantMonitorStatus", shortname = "rtm", category = "rustfs", derive = "PartialEq",
    doc = "Watches the Tenant it names: figures for Prometheus, and alerts.",
    selectable = ".spec.tenantRef.name",
    printcolumn(name = "Tenant", type_ = "string", json_path = ".spec.tenantRef.name"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Path", type_ = "string", json_path = ".status.metricsPath"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 55").message("metadata.name must have at most 55 characters: it becomes the name of other objects")
)]
#[serde(rename_all = "camelCase")]
pub struct TenantMonitorSpec {
    /// The Tenant to watch, in the same namespace. It may not exist yet. It cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.tenantRef cannot be changed: create another TenantMonitor for the other Tenant"))]
    pub tenant_ref: NameRef,
    /// How often the admin API is read and Prometheus is told to scrape, `5s` to `1h`. Default: `30s`.
    /// A change takes effect at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('5s') && duration(self) <= duration('1h')").message("interval must be between 5s and 1h"))]
    pub interval: Option<String>,
    /// The ServiceMonitor for the Prometheus operator. Default: one is made, without labels to select it by.
    /// A change takes effect at once.
    #[serde(default)]
    pub service_monitor: ServiceMonitorTemplate,
    /// The PrometheusRule for the Prometheus operator. Default: one is made, without labels to select it by.
    /// A change takes effect at once.
    #[serde(default)]
    pub rules: RulesTemplate,
}

/// How the ServiceMonitor is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceMonitorTemplate {
    /// Whether a ServiceMonitor is made. Default: true. Turning it off deletes it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Labels by which a Prometheus selects it. Default: none. A change is written to it at once: a Prometheus that
    /// does not select the new ones drops it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Default for ServiceMonitorTemplate {
    fn default() -> Self {
        Self {
            enabled: true,
            labels: BTreeMap::new(),
        }
    }
}

/// How the PrometheusRule is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RulesTemplate {
    /// Whether a PrometheusRule is made. Default: true. Turning it off deletes it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Labels by which a Prometheus selects it. Default: none. A change is written to it at once: a Prometheus that
    /// does not select the new ones drops it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Alert when less than this share of the raw capacity is free, in percent. Default: 15. A change is written to the
    /// rule at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 99))]
    pub free_capacity_percent: Option<i32>,
}

impl Default for RulesTemplate {
    fn default() -> Self {
        Self {
            enabled: true,
            labels: BTreeMap::new(),
            free_capacity_percent: None,
        }
    }
}

fn yes() -> bool {
    true
}

/// What the operator has seen of a TenantMonitor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantMonitorStatus {
    /// The generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled` (kstatus), and `TenantFound`, `TargetsReady` (the objects for
    /// Prometheus exist), `Collecting` (the admin API answers). All are present from the first visit on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Path on the operator's metrics port where this Tenant's figures are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_path: Option<String>,
}
