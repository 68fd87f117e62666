//! The fields of a TenantMonitor.

use serde_json::{Value, json};

use super::Effect::{Gone, Named, Refused, Says, Shown, Silent};
use super::Store::Watched;
use super::{Effect, Trial, trial};

const TARGETS: &str = "ServiceMonitor watch";
const RULES: &str = "PrometheusRule watch";
const DEFAULT: &str = "the default";

fn of(path: &'static str, value: Value, effect: Effect) -> Trial {
    trial("TenantMonitor", path, value, effect).on(Watched)
}

pub(super) fn trials() -> Vec<Trial> {
    let between = "interval must be between 5s and 1h";
    vec![
        of(
            "spec.tenantRef",
            json!({"name": "other"}),
            Refused("spec.tenantRef cannot be changed: create another TenantMonitor"),
        ),
        of("spec.interval", json!("30s"), Silent(DEFAULT)),
        of("spec.interval", json!("5s"), Shown(TARGETS)),
        of("spec.interval", json!("1h"), Says(TARGETS, "3600s")),
        of("spec.interval", json!("4s"), Refused(between)),
        of("spec.interval", json!("3601s"), Refused(between)),
        of("spec.interval", json!("often"), Refused(between)),
        of("spec.serviceMonitor.enabled", json!(true), Silent(DEFAULT)),
        of("spec.serviceMonitor.enabled", json!(false), Gone(TARGETS)),
        of(
            "spec.serviceMonitor.labels",
            json!({"example.com/team": "a"}),
            Shown(TARGETS),
        ),
        of("spec.rules.enabled", json!(true), Silent(DEFAULT)),
        of("spec.rules.enabled", json!(false), Gone(RULES)),
        of(
            "spec.rules.labels",
            json!({"example.com/team": "a"}),
            Shown(RULES),
        ),
        of("spec.rules.freeCapacityPercent", json!(1), Says(RULES, "< 1")),
        of("spec.rules.freeCapacityPercent", json!(99), Says(RULES, "99")),
        of("spec.rules.labels", json!({"a": "b c"}), Named("metadata.labels")),
        of(
            "spec.serviceMonitor.labels",
            json!({"a b": "c"}),
            Named("metadata.labels"),
        ),
    ]
}
