//! A Pool that comes to a store that serves.

use std::sync::Arc;

use crds::{Pool, Tenant};

use super::super::{Observed, Stored, unseen_newcomers};
use super::world::*;
use crate::topology::Phase;

/// A store of Pool `a` that serves at revision 1, with Pool `b` just written and taken in.
fn joining() -> (Tenant, Observed) {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    observed.pools.push(Arc::new(pool("b", 4, 1)));
    let _ = reconcile(&mut tenant, &mut observed);
    (tenant, observed)
}

/// Replaces a server by one at the revision.
fn becomes(tenant: &Tenant, observed: &mut Observed, name: &str, ordinal: i32, revision: u64, ready: bool) {
    let gone = format!("store-{name}-{ordinal}");
    observed
        .pods
        .retain(|pod| crate::meta::name(pod.as_ref()) != gone);
    let server = server(tenant, observed, name, ordinal, revision, ready);
    observed.pods.push(server);
}

fn revisions(observed: &Observed) -> Vec<u64> {
    stored(observed)
        .pools
        .iter()
        .map(|member| member.revision)
        .collect()
}

fn selected(tenant: &Tenant, observed: &Observed) -> String {
    let plan = super::super::plan(tenant, observed);
    plan.steps
        .iter()
        .find_map(|step| match step {
            crate::step::Step::Apply(child) => match child.as_ref() {
                crate::step::Child::Service(service) if crate::meta::name(service) == "store-api" => {
                    let selector = service.spec.clone().unwrap().selector.unwrap();
                    selector.get("storage.rustfs.com/topology-revision").cloned()
                }
                _ => None,
            },
            _ => None,
        })
        .unwrap()
}

#[test]
fn a_pool_that_comes_later_is_appended_and_nothing_that_serves_is_asked_to_change() {
    let (tenant, observed) = joining();
    let topology = stored(&observed);
    assert_eq!(members(&topology), ["a", "b"]);
    assert_eq!((topology.revision, topology.serving), (2, 1));
    assert_eq!(revisions(&observed), [1, 2]);
    assert_eq!(topology.turn, None);
    assert_eq!(selected(&tenant, &observed), "1");
    assert_eq!(condition(&tenant, "Available"), "+Serving");
}

#[test]
fn servers_take_the_new_string_once_all_newcomers_are_ready() {
    let (mut tenant, mut observed) = joining();
    for ordinal in 0..4 {
        assert_eq!(revisions(&observed), [1, 2]);
        becomes(&tenant, &mut observed, "b", ordinal, 2, true);
        let _ = reconcile(&mut tenant, &mut observed);
    }
    assert_eq!(revisions(&observed), [2, 2]);
    assert_eq!(stored(&observed).turn.as_deref(), Some("a"));
    assert_eq!(condition(&tenant, "Ready"), "-ChangingTopology");
}

#[test]
fn once_begun_servers_go_on_taking_the_new_string_although_a_newcomer_fails() {
    let (mut tenant, mut observed) = joining();
    for ordinal in 0..4 {
        becomes(&tenant, &mut observed, "b", ordinal, 2, true);
    }
    let _ = reconcile(&mut tenant, &mut observed);
    becomes(&tenant, &mut observed, "b", 2, 2, false);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(revisions(&observed), [2, 2]);
}

#[test]
fn clients_move_when_the_last_server_of_the_old_revision_has_ended() {
    let (mut tenant, mut observed) = joining();
    for ordinal in 0..4 {
        becomes(&tenant, &mut observed, "b", ordinal, 2, true);
    }
    for ordinal in 1..4 {
        becomes(&tenant, &mut observed, "a", ordinal, 2, true);
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(selected(&tenant, &observed), "1", "{ordinal}");
        assert_eq!(condition(&tenant, "Available"), "+Serving");
    }
    // The last one is being stopped, and answers until it has ended.
    for pod in &mut observed.pods {
        if crate::meta::name(pod.as_ref()) == "store-a-0" {
            *pod = Arc::new(deleted(pod.as_ref().clone()));
        }
    }
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(selected(&tenant, &observed), "1");
    becomes(&tenant, &mut observed, "a", 0, 2, false);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(selected(&tenant, &observed), "2");
    assert_eq!(stored(&observed).pools[1].phase, Phase::Active);
    assert!(!stored(&observed).at_rest() || stored(&observed).turn.is_none());
}

#[test]
fn a_further_pool_waits_until_the_first_has_joined() {
    let (mut tenant, mut observed) = joining();
    observed.pools.push(Arc::new(pool("c", 4, 1)));
    let _ = reconcile(&mut tenant, &mut observed);
    let topology = stored(&observed);
    assert_eq!(members(&topology), ["a", "b"]);
    assert_eq!(topology.refused[0].reason, "JoinWaits");
    assert!(topology.refused[0].waits);
    assert!(topology.refused[0].message.contains("Pool b is joining"));

    start_servers(&tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    start_servers(&tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(members(&stored(&observed)), ["a", "b", "c"]);
}

#[test]
fn a_rollout_ends_before_a_pool_is_taken_in() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    tenant.spec.image = Some("rustfs/rustfs:2".into());
    let _ = reconcile(&mut tenant, &mut observed);
    observed.pools.push(Arc::new(pool("b", 4, 1)));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(members(&stored(&observed)), ["a"]);
    start_servers(&tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(members(&stored(&observed)), ["a", "b"]);
}

#[test]
fn no_server_is_replaced_while_a_pool_is_drained() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    let mut leaving = observed.pools[1].as_ref().clone();
    leaving.spec.state = crds::pool::PoolState::Decommissioned;
    observed.pools[1] = Arc::new(leaving);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).pools[1].phase, Phase::Draining);
    tenant.spec.image = Some("rustfs/rustfs:2".into());
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).turn, None);
}

#[test]
fn an_unfit_pool_changes_nothing_for_a_store_that_serves() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    let before = stored(&observed);
    observed.pools.push(Arc::new(pool("uneven", 17, 1)));
    let _ = reconcile(&mut tenant, &mut observed);
    let after = stored(&observed);
    assert_eq!((after.pools, after.revision), (before.pools, before.revision));
    assert_eq!(after.refused[0].reason, "LayoutInvalid");
    assert_eq!(condition(&tenant, "Ready"), "+Ready");
}

#[test]
fn another_pool_of_a_members_name_is_refused_by_name() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    let mut other: Pool = pool("a", 8, 1);
    other.metadata.uid = Some("another-uid".into());
    observed.pools = vec![Arc::new(other)];
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).refused[0].reason, "NameTaken");
    assert_eq!(condition(&tenant, "TopologyReady"), "-PoolMissing");
}

#[test]
fn a_topology_lost_while_a_pool_joins_comes_back_as_it_was() {
    for started in 0..=4 {
        let (mut tenant, mut observed) = joining();
        for ordinal in 0..started {
            becomes(&tenant, &mut observed, "b", ordinal, 2, true);
        }
        let _ = reconcile(&mut tenant, &mut observed);
        if started == 4 {
            becomes(&tenant, &mut observed, "a", 3, 2, true);
            let _ = reconcile(&mut tenant, &mut observed);
        }
        for at in 0..2 {
            let mut pool = observed.pools[at].as_ref().clone();
            let element = stored(&observed).pools[at].element.clone();
            pool.status.get_or_insert_default().element = Some(element);
            observed.pools[at] = Arc::new(pool);
        }
        let before = stored(&observed);
        observed.topology = Stored::Missing;
        let _ = reconcile(&mut tenant, &mut observed);
        assert_eq!(stored(&observed), before, "{started} newcomers have started");
    }
}

#[test]
fn a_newcomer_is_taken_back_until_clients_are_served_with_it() {
    let (mut tenant, mut observed) = joining();
    for ordinal in 0..4 {
        becomes(&tenant, &mut observed, "b", ordinal, 2, true);
    }
    let _ = reconcile(&mut tenant, &mut observed);
    becomes(&tenant, &mut observed, "a", 3, 2, true);
    observed.pools[1] = Arc::new(deleted(observed.pools[1].as_ref().clone()));
    let _ = reconcile(&mut tenant, &mut observed);
    let topology = stored(&observed);
    assert_eq!(members(&topology), ["a"]);
    assert_eq!((topology.revision, topology.serving), (1, 1));
    assert_eq!(
        topology.turn.as_deref(),
        Some("a"),
        "the server that took revision 2 goes back"
    );
    assert!(!topology.former[0].released, "a server still names it");

    becomes(&tenant, &mut observed, "a", 3, 1, true);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(stored(&observed).former[0].released);
    observed.pools.pop();
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).former, []);
}

#[test]
fn a_newcomer_that_is_gone_is_taken_back_once_the_api_server_says_so() {
    let (mut tenant, mut observed) = joining();
    let gone = observed.pools.pop().unwrap();
    assert_eq!(unseen_newcomers(&observed).len(), 1);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(
        members(&stored(&observed)),
        ["a", "b"],
        "that no watch shows it is no proof"
    );
    assert_eq!(condition(&tenant, "TopologyReady"), "-PoolMissing");

    observed.gone_pools = vec![gone.metadata.uid.clone().unwrap()];
    let _ = reconcile(&mut tenant, &mut observed);
    let topology = stored(&observed);
    assert_eq!(members(&topology), ["a"]);
    assert_eq!((topology.revision, topology.serving), (1, 1));
    assert!(unseen_newcomers(&observed).is_empty());
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).former, []);
    assert_eq!(condition(&tenant, "TopologyReady"), "+Formed");
    assert_eq!(condition(&tenant, "Ready"), "+Ready");
}

#[test]
fn a_member_that_clients_were_served_with_stays_though_its_object_is_gone() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    let gone = observed.pools.pop().unwrap();
    observed.gone_pools = vec![gone.metadata.uid.clone().unwrap()];
    assert!(unseen_newcomers(&observed).is_empty());
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(members(&stored(&observed)), ["a", "b"]);
    assert_eq!(condition(&tenant, "TopologyReady"), "-PoolMissing");
}

#[test]
fn a_newcomer_waits_for_a_dead_pod_of_a_pool_that_has_left_or_clients_would_reach_nobody() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    // On a machine that was switched off it is being stopped for ever.
    let stuck = pod("old", 0, 0, false);
    observed.pods.push(Arc::new(deleted(stuck.as_ref().clone())));
    observed.pools.push(Arc::new(pool("b", 4, 1)));
    let _ = reconcile(&mut tenant, &mut observed);
    let refusal = stored(&observed).refused.first().cloned().unwrap();
    assert_eq!(
        (refusal.name.as_str(), refusal.reason.as_str()),
        ("b", "JoinWaits")
    );
    assert!(refusal.message.contains("store-old-0"), "{}", refusal.message);
    assert!(
        refusal.message.contains("docs/node-loss.md"),
        "{}",
        refusal.message
    );
    assert_eq!(condition(&tenant, "Available"), "+Serving");
    observed.pods.pop();
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(stored(&observed).refused, []);
}
