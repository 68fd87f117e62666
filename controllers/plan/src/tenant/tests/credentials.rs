use std::collections::BTreeMap;

use crds::common::SecretRef;
use crds::conditions::CREDENTIALS_READY;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::core::ObjectMeta;

use super::super::{SecretCheck, check_credentials, check_rpc, plan};
use super::world::*;
use crate::step::{Child, Step};

fn secret(values: &[(&str, &[u8])]) -> Secret {
    let data: BTreeMap<_, _> = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec())))
        .collect();
    Secret {
        metadata: ObjectMeta::default(),
        data: Some(data),
        ..Secret::default()
    }
}

fn credentials(access: &[u8], secret_key: &[u8]) -> SecretCheck {
    let found = secret(&[("accesskey", access), ("secretkey", secret_key)]);
    check_credentials(&tenant(), Some(&found))
}

#[test]
fn usable_credentials_are_told_from_unusable_ones() {
    assert_eq!(credentials(b"shop", b"12345678"), SecretCheck::Usable);
    assert_eq!(credentials(b"shop\n", b"12345678\n"), SecretCheck::Usable);
    let long = [b'a'; 129];
    let bad: [(&[u8], &[u8]); 9] = [
        (b"ab", b"12345678"),
        (&long, b"12345678"),
        (b"a=b", b"12345678"),
        (b"a,b", b"12345678"),
        (b"rustfsadmin", b"12345678"),
        (b"shop", b"rustfsadmin"),
        (b"shop", b"1234567"),
        (b"shop", &long[..41]),
        (b"shop", b"\xff\xfe12345678"),
    ];
    for (access, secret_key) in bad {
        let check = credentials(access, secret_key);
        assert!(
            matches!(check, SecretCheck::Invalid { .. }),
            "{access:?} {secret_key:?}"
        );
    }
}

#[test]
fn a_missing_key_is_named() {
    let found = secret(&[("accesskey", b"shop")]);
    let check = check_credentials(&tenant(), Some(&found));
    assert!(matches!(check, SecretCheck::Invalid { key: "secretkey", .. }));
}

#[test]
fn a_short_internode_secret_is_refused() {
    let found = secret(&[("rpc-secret", b"123456789012345")]);
    assert!(matches!(
        check_rpc(&tenant(), Some(&found)),
        SecretCheck::Invalid { .. }
    ));
}

fn made(steps: &[Step]) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::Create(child) => match child.as_ref() {
            Child::Secret(secret) => secret.metadata.name.clone(),
            _ => None,
        },
        _ => None,
    };
    steps.iter().filter_map(name).collect()
}

#[test]
fn both_secrets_are_generated_once() {
    let (mut tenant, mut observed) = (tenant(), empty());
    let first = reconcile(&mut tenant, &mut observed);
    assert_eq!(made(&first.steps), ["store-credentials", "store-rpc"]);
    let second = reconcile(&mut tenant, &mut observed);
    assert!(made(&second.steps).is_empty());
    assert_eq!(condition(&tenant, CREDENTIALS_READY), "+Usable");
}

#[test]
fn a_lost_secret_of_a_serving_store_is_not_made_anew() {
    for lose in [
        |observed: &mut super::super::Observed| {
            observed.credentials = SecretCheck::Missing;
            observed.kept_credentials = None;
        },
        |observed: &mut super::super::Observed| observed.rpc = SecretCheck::Missing,
    ] {
        let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
        observed.pods.clear();
        lose(&mut observed);
        let plan = reconcile(&mut tenant, &mut observed);
        assert!(made(&plan.steps).is_empty());
        assert_eq!(condition(&tenant, CREDENTIALS_READY), "-CredentialsLost");
        assert_eq!(condition(&tenant, "Stalled"), "+CredentialsLost");
    }
}

#[test]
fn going_back_from_a_given_secret_generates_one() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    tenant.spec.credentials_secret_ref = Some(SecretRef { name: "mine".into() });
    let _ = reconcile(&mut tenant, &mut observed);
    tenant.spec.credentials_secret_ref = None;
    observed.credentials = SecretCheck::Missing;
    let plan = reconcile(&mut tenant, &mut observed);
    assert_eq!(made(&plan.steps), ["store-credentials"]);
}

#[test]
fn a_given_secret_that_is_missing_takes_no_pool_in() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("a", 4, 1)]));
    tenant.spec.credentials_secret_ref = Some(SecretRef { name: "mine".into() });
    let plan = reconcile(&mut tenant, &mut observed);
    assert!(plan.requeue.is_some());
    assert!(stored(&observed).pools.is_empty());
    assert_eq!(condition(&tenant, "Ready"), "-SecretMissing");
    let pools = &tenant.status.as_ref().unwrap().pools;
    assert_eq!(pools[0].phase, crds::tenant::PoolPhase::Waiting);
    observed.credentials = SecretCheck::Usable;
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(members(&stored(&observed)), ["a"]);
}

#[test]
fn no_value_of_a_secret_is_in_what_a_plan_shows() {
    let shown = format!("{:?} {:?}", empty(), plan(&tenant(), &empty()));
    for value in ["AKIAEXAMPLE", "correct-horse", "internode-internode"] {
        assert!(!shown.contains(value));
    }
}
