//! Root credentials that change while the store serves.

use std::sync::Arc;

use crds::Tenant;
use crds::common::SecretRef;
use crds::conditions::CREDENTIALS_READY;

use k8s_openapi::api::batch::v1::Job;

use super::super::{Hidden, Observed, Offer, Pair, SecretCheck, plan};
use super::world::*;
use crate::meta;
use crate::step::{Child, Step};
use crate::topology::Topology;

fn pair(secret_key: &str) -> Pair {
    Pair {
        access_key: Hidden::new("someone".into()),
        secret_key: Hidden::new(secret_key.into()),
    }
}

/// A store with a given pair that serves.
fn serving() -> (Tenant, Observed) {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    tenant.spec.credentials_secret_ref = Some(SecretRef { name: "mine".into() });
    observed.credentials = SecretCheck::Usable;
    let _ = reconcile(&mut tenant, &mut observed);
    start_servers(&tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    (tenant, observed)
}

fn offer(observed: &mut Observed, generation: u64, fresh: Option<&str>) {
    observed.offer = Offer {
        generation,
        fresh: fresh.map(pair),
        renames: false,
    };
}

/// Servers that run the topology's revision: the last `count` of four.
fn run(tenant: &Tenant, observed: &mut Observed, count: i32, revision: u64) {
    for ordinal in (4 - count)..4 {
        let name = format!("store-a-{ordinal}");
        observed.pods.retain(|pod| meta::name(pod.as_ref()) != name);
        let made = server(tenant, observed, "a", ordinal, revision, true);
        observed.pods.push(made);
    }
}

fn numbers(topology: &Topology) -> (u64, u64, u64) {
    (topology.revision, topology.serving, topology.credentials.latest)
}

#[test]
fn a_changed_pair_is_kept_before_a_revision_names_it_and_clients_move_at_half() {
    let (mut tenant, mut observed) = serving();
    offer(&mut observed, 2, Some("another-secret"));
    let steps = reconcile(&mut tenant, &mut observed).steps;
    let made = |name: &str| {
        steps.iter().position(|step| match step {
            Step::Create(child) | Step::Apply(child) => match child.as_ref() {
                Child::Secret(made) => meta::name(made) == name && made.immutable == Some(true),
                Child::ConfigMap(made) => meta::name(made) == name,
                _ => false,
            },
            _ => false,
        })
    };
    let secret = made("store-credentials-r2").unwrap();
    let (revision, topology) = (
        made("store-topology-r2").unwrap(),
        made("store-topology").unwrap(),
    );
    assert!(secret < revision && revision < topology);
    assert_eq!(numbers(&stored(&observed)), (2, 1, 2));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, CREDENTIALS_READY), "+Rotating");
    assert!(
        message(&tenant, CREDENTIALS_READY).contains("store-credentials-r1 until"),
        "{}",
        message(&tenant, CREDENTIALS_READY)
    );
    run(&tenant, &mut observed, 1, 2);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(numbers(&stored(&observed)), (2, 1, 2));
    run(&tenant, &mut observed, 2, 2);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(numbers(&stored(&observed)), (2, 2, 2));
    let told = tenant.status.as_ref().unwrap().credentials.as_ref().unwrap();
    assert_eq!(told.serving_secret_name, "store-credentials-r2");
}

#[test]
fn a_pair_that_is_offered_before_clients_have_moved_takes_the_place_of_the_one_under_way() {
    for (again, end) in [(1, (1, 1, 1)), (3, (3, 1, 3))] {
        let (mut tenant, mut observed) = serving();
        offer(&mut observed, 2, Some("another-secret"));
        let _ = reconcile(&mut tenant, &mut observed);
        run(&tenant, &mut observed, 1, 2);
        offer(&mut observed, again, (again == 3).then_some("a-third-secret"));
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(numbers(&stored(&observed)), end);
        let turn = stored(&observed).turn;
        assert_eq!(
            turn.as_deref(),
            Some("a"),
            "servers with the pair that was given up are replaced"
        );
    }
}

#[test]
fn a_pair_that_is_offered_after_clients_have_moved_waits() {
    let (mut tenant, mut observed) = serving();
    offer(&mut observed, 2, Some("another-secret"));
    let _ = reconcile(&mut tenant, &mut observed);
    run(&tenant, &mut observed, 2, 2);
    let _ = reconcile(&mut tenant, &mut observed);
    offer(&mut observed, 3, Some("a-third-secret"));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(numbers(&stored(&observed)), (2, 2, 2));
    assert_eq!(condition(&tenant, CREDENTIALS_READY), "+RotationWaits");
    assert!(message(&tenant, CREDENTIALS_READY).contains("Pool a replaces outdated servers"));
    run(&tenant, &mut observed, 4, 2);
    for _ in 0..3 {
        let _ = reconcile(&mut tenant, &mut observed);
    }
    assert_eq!(numbers(&stored(&observed)), (3, 2, 3));
}

#[test]
fn a_revision_left_by_a_rotation_that_was_given_up_is_not_used_for_another_pair() {
    let (mut tenant, mut observed) = serving();
    offer(&mut observed, 2, Some("another-secret"));
    let _ = reconcile(&mut tenant, &mut observed);
    run(&tenant, &mut observed, 1, 2);
    offer(&mut observed, 1, None);
    let _ = reconcile(&mut tenant, &mut observed);
    run(&tenant, &mut observed, 1, 1);
    offer(&mut observed, 3, Some("a-third-secret"));
    for _ in 0..3 {
        let _ = reconcile(&mut tenant, &mut observed);
    }
    let topology = stored(&observed);
    assert_eq!(topology.credentials.latest, 3);
    let maps = observed.revisions.iter();
    let mut named =
        maps.filter(|map| meta::name(map.as_ref()) == format!("store-topology-r{}", topology.revision));
    assert_eq!(
        named.next().unwrap().data.as_ref().unwrap()["credentials"],
        "store-credentials-r3"
    );
}

#[test]
fn a_secret_that_is_gone_or_unusable_changes_no_server() {
    let unusable = SecretCheck::Invalid {
        key: "secretkey",
        why: "it must have 8 to 40 characters",
    };
    for check in [SecretCheck::Missing, unusable, SecretCheck::Foreign] {
        let (mut tenant, mut observed) = serving();
        let before = stored(&observed);
        observed.credentials = check;
        offer(&mut observed, 2, Some("another-secret"));
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(stored(&observed), before);
        assert_eq!(condition(&tenant, CREDENTIALS_READY), "-RunningPairKept");
        assert!(
            message(&tenant, CREDENTIALS_READY)
                .ends_with("servers go on with the pair in Secret store-credentials-r1")
        );
    }
}

#[test]
fn a_generated_secret_that_is_gone_is_put_back_with_the_pair_servers_run_with() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    let before = stored(&observed);
    observed.credentials = SecretCheck::Missing;
    let steps = reconcile(&mut tenant, &mut observed).steps;
    let put_back = steps.iter().find_map(|step| match step {
        Step::Create(child) => match child.as_ref() {
            Child::Secret(secret) => Pair::read(secret).filter(|_| meta::name(secret) == "store-credentials"),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(
        (put_back, true),
        (
            observed.kept_credentials.clone(),
            observed.kept_credentials.is_some()
        )
    );
    assert_eq!(stored(&observed), before);
    assert_eq!(condition(&tenant, CREDENTIALS_READY), "+Usable");
}

#[test]
fn a_change_of_the_access_key_is_warned_of() {
    let (mut tenant, mut observed) = serving();
    offer(&mut observed, 2, Some("another-secret"));
    observed.offer.renames = true;
    for _ in 0..2 {
        let _ = reconcile(&mut tenant, &mut observed);
    }
    assert!(
        message(&tenant, CREDENTIALS_READY).contains("service accounts that belong to root stop working")
    );
}

#[test]
fn a_pair_that_no_server_runs_is_deleted_by_its_uid() {
    let (mut tenant, mut observed) = serving();
    offer(&mut observed, 2, Some("another-secret"));
    let deletes = |observed: &Observed, tenant: &Tenant| -> Vec<String> {
        let steps = plan(tenant, observed).steps;
        let secrets = steps.into_iter().filter_map(|step| match step {
            Step::Delete(target, _) if target.kind == "Secret" => Some(target.name),
            _ => None,
        });
        secrets.collect()
    };
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(deletes(&observed, &tenant).is_empty());
    run(&tenant, &mut observed, 3, 2);
    for _ in 0..2 {
        let _ = reconcile(&mut tenant, &mut observed);
        assert!(deletes(&observed, &tenant).is_empty(), "a server runs it");
    }
    start_servers(&tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(deletes(&observed, &tenant), ["store-credentials-r1"]);
}

#[test]
fn cut_off_after_any_write_a_rotation_ends_the_same() {
    let whole = plan_of_a_rotation().len();
    let mut ends = Vec::new();
    for cut in 0..=whole {
        let (mut tenant, mut observed) = serving();
        offer(&mut observed, 2, Some("another-secret"));
        let steps = plan(&tenant, &observed).steps;
        enact(&tenant, &mut observed, &steps[..cut]);
        let _ = reconcile(&mut tenant, &mut observed);
        run(&tenant, &mut observed, 4, 2);
        for _ in 0..3 {
            let _ = reconcile(&mut tenant, &mut observed);
        }
        ends.push(stored(&observed));
    }
    assert!(ends.iter().all(|end| *end == ends[whole]));
    assert_eq!(numbers(&ends[0]), (2, 2, 2));
}

fn plan_of_a_rotation() -> Vec<Step> {
    let (tenant, mut observed) = serving();
    offer(&mut observed, 2, Some("another-secret"));
    plan(&tenant, &observed).steps
}

#[test]
fn a_hook_that_runs_keeps_the_pair_it_was_given() {
    let (mut tenant, mut observed) = serving();
    let mut job = Job::default();
    job.metadata.name = Some("store-backup-1".into());
    job.metadata.owner_references = Some(vec![meta::owner(&tenant)]);
    observed.jobs = vec![Arc::new(job)];
    offer(&mut observed, 2, Some("another-secret"));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(numbers(&stored(&observed)), (1, 1, 1));
    assert!(message(&tenant, CREDENTIALS_READY).contains("a hook runs as Job store-backup-1"));
    observed.jobs.clear();
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(numbers(&stored(&observed)), (2, 1, 2));
}
