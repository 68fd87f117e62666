//! The Pool's own fields.

use serde_json::{Value, json};

use super::Effect::{Named, Refused, Says, Silent};
use super::Store::Two;
use super::{Effect, Trial, trial};

const DEFAULT: &str = "the default";
const AT_DELETION: &str = "takes effect when the Pool is deleted";

fn of(path: &'static str, value: Value, effect: Effect) -> Trial {
    trial("Pool", path, value, effect)
}

pub(super) fn trials() -> Vec<Trial> {
    [fixed(), volumes(), leaving()].concat()
}

fn fixed() -> Vec<Trial> {
    vec![
        of(
            "spec.tenantRef",
            json!({"name": "other"}),
            Refused("spec.tenantRef cannot be changed: create another Pool"),
        ),
        of("spec.servers", json!(1), Silent("what the Pool has")),
        of(
            "spec.servers",
            json!(256),
            Refused("spec.servers cannot be changed: create a Pool"),
        ),
        of(
            "spec.volumesPerServer",
            json!(1),
            Refused("servers times volumesPerServer must be at least 2"),
        ),
        of(
            "spec.volumesPerServer",
            json!(64),
            Refused("spec.volumesPerServer cannot be changed: create a Pool"),
        ),
        of(
            "spec.volumeClaim.storageClassName",
            json!("other"),
            Refused("volumeClaim.storageClassName cannot be changed: create a Pool"),
        ),
    ]
}

fn volumes() -> Vec<Trial> {
    let made = Named("spec.volumeClaim");
    vec![
        of(
            "spec.volumeClaim.size",
            json!("1024Mi"),
            Silent("the same size in other words"),
        ),
        of(
            "spec.volumeClaim.size",
            json!(1_073_741_824),
            Says("StatefulSet store-p0.spec.volumeClaimTemplates", "storage"),
        )
        .stays(),
        of(
            "spec.volumeClaim.size",
            json!("512Mi"),
            Refused("volumeClaim.size may grow and never shrink"),
        ),
        of(
            "spec.volumeClaim.size",
            json!("0"),
            Refused("volumeClaim.size must be greater than zero"),
        ),
        of(
            "spec.volumeClaim.size",
            json!("-1Gi"),
            Refused("volumeClaim.size must be greater than zero"),
        ),
        of("spec.volumeClaim.size", json!("large"), Refused("should match")),
        of("spec.volumeClaim.size", json!(""), Refused("should match")),
        of("spec.volumeClaim.labels", json!({"example.com/team": "a"}), made),
        of(
            "spec.volumeClaim.labels",
            json!({"storage.rustfs.com/pool": "x"}),
            Named("spec.volumeClaim.labels[storage.rustfs.com/pool]"),
        ),
        of(
            "spec.volumeClaim.annotations",
            json!({"example.com/note": "any text"}),
            made,
        ),
        of(
            "spec.volumeClaim.annotations",
            json!({"storage.rustfs.com/x": "x"}),
            Named("spec.volumeClaim.annotations[storage.rustfs.com/x]"),
        ),
    ]
}

fn leaving() -> Vec<Trial> {
    let both = json!({
        "tenantRef": {"name": "store"}, "servers": 1, "volumesPerServer": 2, "volumeClaim": {"size": "1Gi"},
        "state": "Decommissioned", "replaces": {"name": "p1"},
    });
    vec![
        of("spec.reclaimPolicy", json!("Retain"), Silent(AT_DELETION)),
        of("spec.reclaimPolicy", json!("Delete"), Silent(AT_DELETION)),
        of("spec.state", json!("Active"), Silent(DEFAULT)),
        of("spec.state", json!("Decommissioned"), Named("spec.state")),
        of(
            "spec.state",
            json!("Decommissioned"),
            Says("Pool p0.status.drain.state", ""),
        )
        .on(Two),
        of(
            "spec.replaces",
            json!({"name": "p1"}),
            Says("Pool p1.status.drain.state", ""),
        )
        .on(Two),
        of(
            "spec.replaces.name",
            json!("missing"),
            Silent("the Pool it took over from may be gone already"),
        ),
        of(
            "spec.replaces",
            json!({"name": "p0"}),
            Refused("spec.replaces names this Pool itself"),
        ),
        of(
            "spec",
            both,
            Refused("a Pool that replaces another must stay Active"),
        ),
        of("spec.preflight", json!("Enforce"), Silent(DEFAULT)),
        of(
            "spec.preflight",
            json!("Report"),
            Silent("counts as long as nothing of the Pool exists"),
        ),
    ]
}
