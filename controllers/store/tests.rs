use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::Fault;
use super::servers::server;

fn pod(ready: &str, deleting: bool) -> Pod {
    let mut pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "store-p0-1", "namespace": "shop"},
        "spec": {"containers": [{"name": "rustfs",
            "env": [{"name": "RUSTFS_ACCESS_KEY", "valueFrom": {"secretKeyRef": {"name": "store-credentials-r7", "key": "accesskey"}}}],
            "ports": [
            {"name": "api", "containerPort": 9000}, {"name": "console", "containerPort": 9001}]}]},
        "status": {"podIP": "10.1.2.3", "conditions": [{"type": "Ready", "status": ready}]},
    }))
    .unwrap();
    if deleting {
        pod.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            jiff::Timestamp::UNIX_EPOCH,
        ));
    }
    pod
}

#[test]
fn a_server_is_asked_at_its_address_by_its_own_name() {
    let asked = server(&pod("True", false), "store", "cluster.local").unwrap();
    assert_eq!(asked.addr.to_string(), "10.1.2.3:9000");
    assert_eq!(asked.credentials, "store-credentials-r7");
    assert_eq!(asked.host, "store-p0-1.store-hl.shop.svc.cluster.local");
}

#[test]
fn a_server_that_is_not_ready_or_is_going_is_not_asked() {
    assert_eq!(server(&pod("False", false), "store", "cluster.local"), None);
    assert_eq!(server(&pod("True", true), "store", "cluster.local"), None);
}

#[test]
fn two_failures_of_one_kind_read_the_same() {
    let unreachable = |addr: &str| admin::Error::Unreachable {
        addr: addr.parse().unwrap(),
        why: format!("connection to {addr} refused"),
    };
    let (one, other) = (
        Fault::from(&unreachable("10.0.0.1:9000")),
        Fault::from(&unreachable("10.0.0.2:9000")),
    );
    assert_eq!((one.reason, &one.message), (other.reason, &other.message));
    assert_ne!(one.detail, other.detail);
    let denied = admin::Error::Status {
        path: "/x".into(),
        status: 403,
        code: "SignatureDoesNotMatch".into(),
        message: String::new(),
    };
    assert_eq!(Fault::from(&denied).reason, "CredentialsRefused");
}
