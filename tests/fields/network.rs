//! Who may reach a Tenant's servers.

use serde_json::{Value, json};

use super::Effect::{Named, Refused, Says, Shown, Silent};
use super::{Effect, Trial, trial};

const POLICY: &str = "NetworkPolicy store";

fn of(path: &'static str, value: Value, effect: Effect) -> Trial {
    trial("Tenant", path, value, effect)
}

/// Both ports take the same.
fn guest(one: &Value, effect: Effect) -> Vec<Trial> {
    let whole = |clients: Value, console: Value| {
        of(
            "spec.networkPolicy",
            json!({"clients": clients, "console": console}),
            effect,
        )
    };
    vec![whole(json!([one]), json!([])), whole(json!([]), json!([one]))]
}

pub(super) fn trials() -> Vec<Trial> {
    let labels = |label: &str| {
        let expressions = json!([{"key": label, "operator": "In", "values": ["x"]}]);
        json!({"matchLabels": {label: "x"}, "matchExpressions": expressions})
    };
    let pods = |label: &str| json!({"namespaceSelector": labels(label), "podSelector": labels(label)});
    let range = |cidr: &str, except: Value| json!({"ipBlock": {"cidr": cidr, "except": except}});
    let everybody = json!({
        "clients": [pods("shop"), range("192.0.2.0/24", json!(["192.0.2.128/25"]))],
        "console": [pods("office"), range("2001:db8::/64", json!(["2001:db8::/65"]))],
    });
    let either = "name Pods";
    let whole = vec![
        of("spec.networkPolicy", everybody, Shown(POLICY)),
        of("spec.networkPolicy", json!({}), Silent("it is as absent")),
        of(
            "spec.networkPolicy",
            json!({"clients": null}),
            Refused("must be of type array"),
        ),
        of("spec.networkPolicy.clients", json!([]), Says(POLICY, "9000")),
        of(
            "spec.networkPolicy",
            json!({"console": []}),
            Refused("networkPolicy.console needs networkPolicy.clients"),
        ),
    ];
    let wrong = [
        guest(&json!({}), Refused(either)),
        guest(
            &json!({"podSelector": {}, "ipBlock": {"cidr": "192.0.2.0/24"}}),
            Refused(either),
        ),
        guest(
            &range("192.0.2.0", json!([])),
            Refused("cidr must be a range of addresses"),
        ),
        guest(
            &range("192.0.2.0/24", json!(["192.0.2.1"])),
            Refused("except must hold ranges"),
        ),
        guest(
            &range("192.0.2.0/24", json!(["198.51.100.0/25"])),
            Named("ipBlock.except[0]"),
        ),
        guest(
            &range("192.0.2.0/24", json!(["192.0.2.0/24"])),
            Named("ipBlock.except[0]"),
        ),
        guest(
            &json!({"podSelector": {"matchLabels": {"a": "b c"}}}),
            Named("podSelector.matchLabels"),
        ),
        guest(
            &json!({"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}),
            Named("namespaceSelector.matchExpressions[0].operator"),
        ),
    ];
    [whole, wrong.concat()].concat()
}
