//! Which TenantCertificate a Secret wakes.

use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use crate::certificate::watches::owner;

fn woken(metadata: serde_json::Value) -> Option<String> {
    let secret: Secret = serde_json::from_value(json!({"metadata": metadata})).unwrap();
    owner(&secret).map(|target| format!("{}/{}", target.namespace.unwrap_or_default(), target.name))
}

fn owned_by(kind: &str) -> serde_json::Value {
    let owner = json!({"apiVersion": "storage.rustfs.com/v1alpha1", "kind": kind, "name": "site", "uid": "u", "controller": true});
    json!({"name": "any", "namespace": "ns", "ownerReferences": [owner]})
}

#[test]
fn a_secret_wakes_its_owner() {
    assert_eq!(woken(owned_by("TenantCertificate")).as_deref(), Some("ns/site"));
    assert_eq!(woken(owned_by("Certificate")).as_deref(), Some("ns/site"));
    assert_eq!(woken(owned_by("Tenant")), None);
}

#[test]
fn a_secret_that_lost_its_owner_wakes_it_by_name() {
    for name in ["site-tls", "site-ca", "site-issued"] {
        assert_eq!(
            woken(json!({"name": name, "namespace": "ns"})).as_deref(),
            Some("ns/site")
        );
    }
    assert_eq!(woken(json!({"name": "site-rpc", "namespace": "ns"})), None);
}
