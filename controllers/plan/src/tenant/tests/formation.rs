use std::collections::BTreeMap;
use std::sync::Arc;

use crds::Pool;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};

use super::super::plan;
use super::world::*;
use crate::health::Health;

fn later(mut pool: Pool, seconds: i64) -> Pool {
    let time = now() + jiff::SignedDuration::from_secs(seconds);
    pool.metadata.creation_timestamp = Some(Time(time));
    pool
}

#[test]
fn without_pools_there_is_no_topology() {
    let plan = plan(&tenant(), &empty());
    assert_eq!(plan.topology, None);
}

#[test]
fn the_element_always_has_ellipses() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("only", 1, 2)]));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(
        stored(&observed).volumes(),
        "http://store-only-{0...0}.store-hl.shop.svc.cluster.local:9000/data/rustfs{0...1}"
    );
}

#[test]
fn older_pools_come_first_and_names_decide_within_a_second() {
    let pools = [later(pool("a", 4, 1), 5), pool("z", 4, 1), pool("m", 4, 1)];
    let (mut tenant, mut observed) = (tenant(), with_pools(pools));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(members(&stored(&observed)), ["m", "z", "a"]);
}

#[test]
fn a_started_pool_keeps_its_place() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("z", 4, 1)]));
    let _ = reconcile(&mut tenant, &mut observed);
    observed.pods = vec![pod("z", 0, 1, false)];
    observed.pools.push(Arc::new(pool("a", 4, 1)));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(members(&stored(&observed)), ["z", "a"]);
    assert_eq!(stored(&observed).revision, 2);
}

#[test]
fn a_deleted_pool_leaves_while_the_store_forms() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("a", 4, 1), pool("b", 4, 1)]));
    let _ = reconcile(&mut tenant, &mut observed);
    observed.pools[0] = Arc::new(deleted(pool("a", 4, 1)));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(members(&stored(&observed)), ["b"]);
    assert_eq!(stored(&observed).revision, 2);
}

#[test]
fn the_store_has_formed_once_every_server_was_ready() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("a", 2, 2)]));
    let _ = reconcile(&mut tenant, &mut observed);
    observed.pods = vec![pod("a", 0, 1, true), pod("a", 1, 1, false)];
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!stored(&observed).formed);
    observed.pods = vec![pod("a", 0, 1, true), pod("a", 1, 1, true)];
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(stored(&observed).formed);
}

#[test]
fn servers_of_an_older_revision_do_not_form_a_store() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("a", 1, 2)]));
    let _ = reconcile(&mut tenant, &mut observed);
    observed.pods = vec![pod("a", 0, 0, true)];
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(!stored(&observed).formed);
}

#[test]
fn unfit_pools_are_refused_and_change_nothing_for_the_others() {
    let mut owned = pool("owned", 4, 1);
    owned.metadata.owner_references = Some(vec![OwnerReference {
        controller: Some(true),
        uid: "someone".into(),
        ..OwnerReference::default()
    }]);
    let long = "p".repeat(60);
    let pools = [
        pool("good", 4, 1),
        pool("uneven", 17, 1),
        pool(&long, 4, 1),
        owned,
    ];
    let (mut tenant, mut observed) = (tenant(), with_pools(pools));
    let _ = reconcile(&mut tenant, &mut observed);
    let topology = stored(&observed);
    assert_eq!(members(&topology), ["good"]);
    let reasons: Vec<_> = topology
        .refused
        .iter()
        .map(|refusal| refusal.reason.as_str())
        .collect();
    assert_eq!(reasons, ["OwnedByAnother", "NameInvalid", "LayoutInvalid"]);
}

#[test]
fn the_first_pool_with_outdated_servers_has_the_turn() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    tenant.spec.image = Some("rustfs/rustfs:2".into());
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).turn.as_deref(), Some("a"));
    assert_eq!(condition(&tenant, "Ready"), "-RollingOut");

    let before = std::mem::take(&mut observed.pods);
    start_servers(&tenant, &mut observed);
    observed.pods.truncate(4);
    observed.pods.extend(before.into_iter().skip(4));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).turn.as_deref(), Some("b"));

    start_servers(&tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).turn, None);
    assert_eq!(condition(&tenant, "Ready"), "+Ready");
}

#[test]
fn revisions_that_nothing_uses_are_pruned() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("a", 4, 1)]));
    for name in ["b", "c", "d"] {
        let _ = reconcile(&mut tenant, &mut observed);
        observed.pools.push(Arc::new(pool(name, 4, 1)));
    }
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).revision, 4);
    observed.pods = vec![pod("a", 0, 1, false)];
    let _ = reconcile(&mut tenant, &mut observed);
    let mut left: Vec<_> = observed
        .revisions
        .iter()
        .map(|map| crate::meta::name(map.as_ref()))
        .collect();
    left.sort_unstable();
    assert_eq!(
        left,
        ["store-topology-r1", "store-topology-r3", "store-topology-r4"]
    );
}

#[test]
fn a_store_serves_only_once_its_servers_take_writes() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("a", 1, 2)]));
    let _ = reconcile(&mut tenant, &mut observed);
    observed.pods = vec![pod("a", 0, 1, true)];
    for (health, told) in [
        (
            Health::Said([("store-a-0".to_owned(), "does not take writes".to_owned())].into()),
            "server store-a-0 does not take writes",
        ),
        (
            Health::Silent {
                message: "nobody answers".to_owned(),
            },
            "nobody answers",
        ),
    ] {
        observed.health = health;
        let plan = reconcile(&mut tenant, &mut observed);
        assert!(!stored(&observed).formed);
        assert_eq!(plan.requeue, Some(std::time::Duration::from_secs(2)));
        let said = plan.topology_verdict.finding.message;
        assert_eq!(said, format!("revision 1 with 1 pools starts: {told}"));
    }
    observed.health = Health::Said(BTreeMap::new());
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(stored(&observed).formed);
}
