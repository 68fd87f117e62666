//! No private key leaves through a log or a message.

use jiff::Timestamp;
use serde_json::json;

use super::cluster::Cluster;
use crate::certificate::material::take;

#[tokio::test]
async fn nothing_that_can_be_printed_holds_a_private_key() {
    let mut cluster = Cluster::new(json!({"issuer": {"selfSigned": {}}}));
    cluster.settle(Timestamp::now()).await;
    let pem = cluster.value("tls.key");
    let secret_part = pem.lines().nth(1).unwrap();
    assert!(secret_part.len() > 40);
    let seen = cluster.seen();
    let step = plan::Step::Apply(Box::new(plan::Child::Secret(cluster.secret.clone().unwrap())));
    let printed = format!("{:?} {:?} {:?} {step:?}", seen.observed, seen.key, seen.ca_key);
    assert!(!printed.contains(secret_part));
    assert!(!printed.contains("PRIVATE KEY"));
    let bytes = pem
        .as_bytes()
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    assert!(!printed.contains(&bytes));
}

#[tokio::test]
async fn a_secret_that_was_read_keeps_no_private_key() {
    let mut cluster = Cluster::new(json!({"issuer": {"selfSigned": {}}}));
    cluster.settle(Timestamp::now()).await;
    let mut secret = cluster.secret.clone().unwrap();
    let (key, copies_agree) = take(&mut secret);
    assert!(key.is_some() && copies_agree);
    assert_eq!(
        secret.data.unwrap().into_keys().collect::<Vec<_>>(),
        ["ca.crt", "rustfs_cert.pem", "tls.crt"]
    );
}

#[test]
fn a_key_that_cannot_be_read_is_not_told() {
    let mut secret: k8s_openapi::api::core::v1::Secret = serde_json::from_value(json!({
        "data": {"tls.key": "aHVudGVyMg=="}
    }))
    .unwrap();
    let (key, _) = take(&mut secret);
    let why = format!("{:?}", key.unwrap().public());
    assert!(
        why.contains("unencrypted private key") && !why.contains("hunter2"),
        "{why}"
    );
}
