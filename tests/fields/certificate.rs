//! The fields of a TenantCertificate.

use serde_json::{Value, json};

use super::Effect::{Moved, Named, Refused, Says, Shown, Silent};
use super::Store::Tls;
use super::{Effect, Trial, trial};

const DEFAULT: &str = "the default";
/// Another certificate: its number is another one.
const REISSUED: Effect = Moved("/status/serial");
/// The root that lasts for the longer certificate is trusted from then on, and both certificates wait to come from it.
const OLD_ROOTS: &[&str] = &[
    "TenantCertificate store.status.conditions[Ready].message",
    "replaces-root",
    "old-roots-until",
    "TenantCertificate other.status.conditions[Ready].message",
];
/// What is issued already serves on, so the certificate is still ready.
const UNUSABLE: Effect = Says(
    "TenantCertificate store.status.conditions[Ready].message",
    "spec.issuer.ca.secretRef",
);
/// Servers trust the other CA for five minutes before they show its certificate.
const NEXT: Effect = Says(
    "TenantCertificate store.status.conditions[Ready].message",
    "the next one comes from another CA",
);
/// What is issued already serves on; the tests' control plane has no cert-manager that answers.
const ASKED: Effect = Says(
    "TenantCertificate store.status.conditions[Ready].message",
    "spec.issuer.certManager",
);
const RENEWED: Effect = Moved("/status/renewalTime");

fn of(path: &'static str, value: Value, effect: Effect) -> Trial {
    trial("TenantCertificate", path, value, effect).on(Tls)
}

pub(super) fn trials() -> Vec<Trial> {
    [issuers(), of_cert_manager(), terms(), keys(), names()].concat()
}

fn issuers() -> Vec<Trial> {
    let from = |kind: &str, secret: &str| json!({kind: {"secretRef": {"name": secret}}});
    let both = json!({"selfSigned": {}, "ca": {"secretRef": {"name": "alien-ca"}}});
    vec![
        of(
            "spec.tenantRef",
            json!({"name": "other"}),
            Refused("spec.tenantRef cannot be changed: create another TenantCertificate"),
        ),
        of("spec.issuer", json!({"selfSigned": {}}), Silent(DEFAULT)),
        of(
            "spec.issuer",
            json!({}),
            Refused("exactly one of selfSigned, ca, certManager, provided"),
        ),
        of(
            "spec.issuer",
            both,
            Refused("exactly one of selfSigned, ca, certManager, provided"),
        ),
        of("spec.issuer", from("ca", "alien-ca"), NEXT),
        of("spec.issuer", from("ca", "missing"), UNUSABLE),
        of("spec.issuer", from("ca", "given"), UNUSABLE),
        of("spec.issuer", from("provided", "other-tls"), REISSUED).rolls(),
        of(
            "spec.issuer",
            from("provided", "missing"),
            Named("spec.issuer.provided.secretRef"),
        ),
        of(
            "spec.issuer",
            from("provided", "given"),
            Named("spec.issuer.provided.secretRef"),
        ),
    ]
}

fn of_cert_manager() -> Vec<Trial> {
    let from = |issuer: Value| json!({"certManager": {"issuerRef": issuer}});
    let long = |length: usize| "a".repeat(length);
    let refused = |issuer: Value, says| of("spec.issuer", from(issuer), Refused(says));
    vec![
        of("spec.issuer", from(json!({"name": "corp"})), ASKED),
        of(
            "spec.issuer",
            from(json!({"name": long(253), "kind": long(63), "group": long(253)})),
            ASKED,
        ),
        of(
            "spec.issuer",
            from(json!({"name": "c", "kind": "K", "group": "g"})),
            ASKED,
        ),
        refused(json!({"name": ""}), "issuerRef.name"),
        refused(json!({"name": long(254)}), "issuerRef.name"),
        refused(json!({"name": "corp", "kind": ""}), "issuerRef.kind"),
        refused(json!({"name": "corp", "kind": long(64)}), "issuerRef.kind"),
        refused(json!({"name": "corp", "group": ""}), "issuerRef.group"),
        refused(json!({"name": "corp", "group": long(254)}), "issuerRef.group"),
    ]
}

fn terms() -> Vec<Trial> {
    vec![
        of("spec.duration", json!("2160h"), Silent(DEFAULT)),
        of("spec.duration", json!("1h"), REISSUED),
        // No CA there is lasts as long, and the next one has to be trusted first.
        of(
            "spec.duration",
            json!("876000h"),
            Says(
                "TenantCertificate store.status.conditions[Ready].message",
                "once all servers trust that",
            ),
        )
        .leaves(
            OLD_ROOTS,
            "clients that trust the root of the way there need it until they have both",
        ),
        of("spec.duration", json!("876001h"), Named("spec.duration")),
        of(
            "spec.duration",
            json!("59m"),
            Refused("duration must be at least 1h"),
        ),
        of(
            "spec.duration",
            json!("soon"),
            Refused("duration must be at least 1h"),
        ),
        of(
            "spec.duration",
            json!(""),
            Refused("duration must be at least 1h"),
        ),
        of("spec.renewBefore", json!("1m"), RENEWED),
        of("spec.renewBefore", json!("2159h59m"), RENEWED),
        of(
            "spec.renewBefore",
            json!("2160h"),
            Refused("duration must be longer than renewBefore"),
        ),
        of(
            "spec.renewBefore",
            json!("59s"),
            Refused("renewBefore must be at least 1m"),
        ),
        of(
            "spec.renewBefore",
            json!("late"),
            Refused("renewBefore must be at least 1m"),
        ),
    ]
}

fn keys() -> Vec<Trial> {
    let key = |algorithm: &str, size: i32| json!({"algorithm": algorithm, "size": size});
    let size = "privateKey.size must be";
    vec![
        of("spec.privateKey.algorithm", json!("ECDSA"), Silent(DEFAULT)),
        of("spec.privateKey.algorithm", json!("RSA"), REISSUED),
        of("spec.privateKey.algorithm", json!("Ed25519"), REISSUED),
        of("spec.privateKey.size", json!(256), Silent(DEFAULT)),
        of("spec.privateKey.size", json!(384), REISSUED),
        of("spec.privateKey", key("RSA", 3072), REISSUED),
        of("spec.privateKey.size", json!(255), Refused(size)),
        of("spec.privateKey", key("RSA", 1024), Refused(size)),
        of("spec.privateKey", key("Ed25519", 256), Refused(size)),
        of("spec.privateKey.rotationPolicy", json!("Always"), Silent(DEFAULT)),
        of(
            "spec.privateKey.rotationPolicy",
            json!("Never"),
            Silent("counts at the next renewal"),
        ),
    ]
}

fn names() -> Vec<Trial> {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    let subject = "TenantCertificate store.status.subjectNames";
    vec![
        of(
            "spec.additionalDnsNames",
            json!(["*.s3.example.com", "s"]),
            Shown(subject),
        ),
        of("spec.additionalDnsNames", json!([longest]), Shown(subject)),
        of(
            "spec.additionalDnsNames",
            json!(["Not A Name"]),
            Refused("additionalDnsNames must be DNS names"),
        ),
        of(
            "spec.additionalDnsNames",
            json!(["a".repeat(64)]),
            Refused("additionalDnsNames must be DNS names"),
        ),
        of("spec.additionalIpAddresses", json!(["192.0.2.1"]), Shown(subject)),
        of(
            "spec.additionalIpAddresses",
            json!(["2001:db8:0:0::1"]),
            Says(subject, "2001:db8::1"),
        ),
        of(
            "spec.additionalIpAddresses",
            json!(["192.0.2.400"]),
            Refused("additionalIpAddresses must be IPv4 or IPv6"),
        ),
    ]
}
