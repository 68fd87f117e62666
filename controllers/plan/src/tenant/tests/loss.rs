use std::sync::Arc;

use super::super::{Plan, Stored, plan};
use super::world::*;
use crate::step::{Child, Step};

fn writes_anything(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| !matches!(step, Step::Hold(_)))
}

#[test]
fn a_lost_topology_comes_back_as_it_was() {
    let (mut tenant, mut observed) = formed([pool("b", 4, 1), pool("a", 4, 4)]);
    let before = stored(&observed);
    observed.topology = Stored::Missing;
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed), before);
}

#[test]
fn a_lost_topology_comes_back_without_its_revision_too() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    let before = stored(&observed);
    observed.topology = Stored::Missing;
    observed.revisions.clear();
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed), before);
}

#[test]
fn a_lost_topology_is_not_guessed_when_an_element_disagrees() {
    let (tenant, mut observed) = formed([pool("a", 4, 1)]);
    observed.topology = Stored::Missing;
    let status = Arc::make_mut(&mut observed.pools[0]).status.as_mut();
    status.unwrap().element = Some("http://other{0...3}/data{0...0}".into());
    let plan = plan(&tenant, &observed);
    assert_eq!(plan.topology_verdict.finding.reason, "TopologyDisagrees");
    assert!(!writes_anything(&plan));
}

#[test]
fn a_lost_topology_is_not_guessed_when_a_pool_is_gone() {
    let (tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    observed.topology = Stored::Missing;
    observed.pools.pop();
    assert!(!writes_anything(&plan(&tenant, &observed)));
}

#[test]
fn another_string_in_the_serving_revision_stops_everything() {
    let (tenant, mut observed) = formed([pool("a", 4, 1)]);
    let data = Arc::make_mut(&mut observed.revisions[0]).data.as_mut();
    data.unwrap().insert("RUSTFS_VOLUMES".into(), "/tmp".into());
    assert!(!writes_anything(&plan(&tenant, &observed)));
}

#[test]
fn another_cluster_domain_stops_everything() {
    let (tenant, mut observed) = formed([pool("a", 4, 1)]);
    Arc::make_mut(&mut observed.settings).cluster_domain = "example.org".into();
    let plan = plan(&tenant, &observed);
    assert_eq!(plan.topology_verdict.finding.reason, "TopologyDisagrees");
    assert!(!writes_anything(&plan));
}

#[test]
fn an_unreadable_topology_is_left_alone() {
    let (tenant, mut observed) = formed([pool("a", 4, 1)]);
    observed.topology = Stored::Unreadable("half a file".into());
    let plan = plan(&tenant, &observed);
    assert_eq!(plan.topology_verdict.finding.reason, "TopologyUnreadable");
    assert!(!writes_anything(&plan));
}

#[test]
fn what_a_lost_topology_is_rebuilt_from_stays_in_the_status() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    let before = tenant.status.clone().unwrap();
    observed.topology = Stored::Unreadable("half a file".into());
    let _ = reconcile(&mut tenant, &mut observed);
    let after = tenant.status.unwrap();
    assert_eq!((after.topology, after.pools), (before.topology, before.pools));
    let unknown: Vec<_> = after
        .conditions
        .iter()
        .filter(|found| found.status == "Unknown")
        .collect();
    let types: Vec<_> = unknown.iter().map(|found| found.type_.as_str()).collect();
    assert_eq!(types, ["PoolsReady", "Available", "RolledOut"]);
    assert_eq!(after.rollout, before.rollout);
}

#[test]
fn a_pool_written_again_takes_its_own_place() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    let mut again = pool("a", 4, 1);
    again.metadata.uid = Some("another-uid".into());
    observed.pools = vec![Arc::new(again)];
    let before = stored(&observed);
    let _ = reconcile(&mut tenant, &mut observed);
    let after = stored(&observed);
    assert_eq!(after.pools[0].uid, "another-uid");
    assert_eq!(
        (after.volumes(), after.revision),
        (before.volumes(), before.revision)
    );
}

#[test]
fn a_revision_left_by_a_crash_is_never_reused() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("a", 4, 1)]));
    let first = plan(&tenant, &observed);
    let created = first.steps.iter().find_map(|step| match step {
        Step::Create(child) => match child.as_ref() {
            Child::ConfigMap(map) if map.immutable == Some(true) => Some(map.clone()),
            _ => None,
        },
        _ => None,
    });
    observed.revisions.push(Arc::new(created.unwrap()));
    observed.pools.push(Arc::new(pool("b", 4, 1)));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).revision, 2);
}

#[test]
fn a_pool_that_cannot_be_read_is_not_taken_for_removed() {
    let mut observed = with_pools([pool("a", 4, 1), pool("b", 4, 1)]);
    let mut tenant = tenant();
    let _ = reconcile(&mut tenant, &mut observed);
    let before = stored(&observed);
    observed
        .pools
        .retain(|pool| pool.metadata.name.as_deref() != Some("b"));
    observed.unreadable_pools = vec!["b".into()];
    let plan = plan(&tenant, &observed);
    assert_eq!(plan.topology_verdict.finding.reason, "PoolUnreadable");
    assert!(plan.topology.as_ref().is_none_or(|topology| *topology == before));
    observed.unreadable_pools.clear();
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(
        members(&stored(&observed)),
        ["a"],
        "once it is really gone, it leaves"
    );
}
