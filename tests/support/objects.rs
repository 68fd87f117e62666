//! What a person would write.

use serde_json::{Value, json};

/// A Tenant with nothing said, but that it may be deleted with what it holds: no test's data is worth a question.
pub fn tenant() -> Value {
    json!({"spec": {"deletion": {"protection": "None"}}})
}

/// Such a Tenant with more said.
pub fn tenant_with(said: Value) -> Value {
    let mut tenant = tenant();
    if let (Some(spec), Value::Object(said)) = (tenant["spec"].as_object_mut(), said) {
        spec.extend(said);
    }
    tenant
}

/// Such a Tenant that speaks TLS with the TenantCertificate of its name.
pub fn tls_tenant() -> Value {
    json!({"spec": {"tls": {"mode": "Enabled"}, "deletion": {"protection": "None"}}})
}

/// A Tenant with nothing said: what it holds is asked for before it is deleted.
pub fn protected_tenant() -> Value {
    json!({"spec": {}})
}

/// A Pool for a Tenant.
pub fn pool(tenant: &str, servers: i32, volumes: i32) -> Value {
    json!({"spec": {
        "tenantRef": {"name": tenant},
        "servers": servers,
        "volumesPerServer": volumes,
        "volumeClaim": {"size": "1Gi"}
    }})
}

/// A self-signed certificate for a Tenant.
pub fn certificate(tenant: &str) -> Value {
    json!({"spec": {"tenantRef": {"name": tenant}, "issuer": {"selfSigned": {}}}})
}

/// A monitor of a Tenant that needs no Prometheus operator.
pub fn monitor(tenant: &str) -> Value {
    json!({"spec": {
        "tenantRef": {"name": tenant},
        "interval": "5s",
        "serviceMonitor": {"enabled": false},
        "rules": {"enabled": false}
    }})
}
