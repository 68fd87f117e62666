//! Laws that hold for whatever is seen.

use std::sync::Arc;

use crds::conditions::JOINED;
use crds::hook::{Before, Hook};
use crds::names::KEY_VOLUMES;
use crds::{Pool, PoolStatus, Tenant};
use k8s_openapi::api::core::v1::{ConfigMap, EnvVar};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference, Time};
use proptest::prelude::*;

use super::super::{Observed, SecretCheck, Stored, plan, status};
use super::world::*;
use crate::meta;
use crate::step::{Enacted, Step};
use crate::topology::{Member, Phase, Topology};

fn any_pool() -> impl Strategy<Value = Pool> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "Not-A-Name", "-"]);
    let status = prop::option::of((any::<bool>(), 0..4_i64, any::<bool>()));
    (name, 0..18_i32, -1..5_i32, 0..3_i64, any::<[bool; 2]>(), status).prop_map(
        |(name, servers, volumes, age, [gone, foreign], status)| {
            let mut pool = pool(name, servers, volumes);
            let created = now() + jiff::SignedDuration::from_secs(age);
            pool.metadata.creation_timestamp = Some(Time(created));
            if foreign && gone {
                pool.metadata.owner_references = Some(vec![OwnerReference {
                    controller: Some(true),
                    uid: "someone".into(),
                    ..OwnerReference::default()
                }]);
            } else if gone {
                pool = deleted(pool);
            }
            pool.status =
                status.map(|(element, revision, joined)| some_status(&pool, element, revision, joined));
            pool
        },
    )
}

fn some_status(pool: &Pool, element: bool, revision: i64, joined: bool) -> PoolStatus {
    let (servers, volumes) = (pool.spec.servers, pool.spec.volumes_per_server);
    PoolStatus {
        element: element.then(|| {
            let name = meta::name(pool);
            crate::topology::element(
                "http",
                "store",
                NAMESPACE,
                "cluster.local",
                name,
                servers,
                volumes,
            )
        }),
        topology_revision: Some(revision),
        servers,
        updated_servers: servers / 2,
        conditions: vec![Condition {
            type_: JOINED.into(),
            status: if joined { "True" } else { "False" }.into(),
            reason: "Any".into(),
            message: String::new(),
            last_transition_time: Time(now()),
            observed_generation: None,
        }],
        ..PoolStatus::default()
    }
}

fn any_pools() -> impl Strategy<Value = Vec<Pool>> {
    prop::collection::vec(any_pool(), 0..6).prop_map(|mut pools| {
        pools.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        pools.dedup_by(|a, b| a.metadata.name == b.metadata.name);
        pools
    })
}

fn any_check() -> impl Strategy<Value = SecretCheck> {
    prop_oneof![
        4 => Just(SecretCheck::Usable),
        2 => Just(SecretCheck::Missing),
        1 => Just(SecretCheck::Foreign),
        1 => Just(SecretCheck::Invalid { key: "accesskey", why: "it is missing: add it" }),
    ]
}

fn any_tenant() -> impl Strategy<Value = Tenant> {
    let parity = prop::option::of(prop::sample::select(vec!["EC:0", "EC:2", "EC:9", "nonsense"]));
    (any::<[bool; 4]>(), parity).prop_map(|([paused, gone, allowed, hooked], parity)| {
        let mut tenant = match (paused && gone, allowed) {
            (true, true) => leaving(tenant()),
            (true, false) => deleted(tenant()),
            (false, _) => tenant(),
        };
        tenant.spec.paused = paused && !gone;
        if hooked {
            tenant.spec.hooks = vec![Hook {
                name: "backup".into(),
                before: vec![Before::Deletion, Before::Drain, Before::Upgrade],
                ..Hook::default()
            }];
        }
        tenant.spec.env = parity
            .map(|value| EnvVar {
                name: "RUSTFS_STORAGE_CLASS_STANDARD".into(),
                value: Some(value.into()),
                ..EnvVar::default()
            })
            .into_iter()
            .collect();
        tenant
    })
}

fn any_topology() -> impl Strategy<Value = Topology> {
    let member = (
        prop::sample::select(vec!["a", "b", "gone"]),
        -3..300_i32,
        any::<String>(),
    );
    let members = prop::collection::vec(member, 0..4);
    (any::<u64>(), any::<bool>(), members).prop_map(|(revision, formed, members)| Topology {
        revision,
        serving: if formed { revision } else { 0 },
        formed,
        pools: members
            .into_iter()
            .map(|(name, servers, element)| Member {
                name: name.into(),
                uid: format!("{name}-uid"),
                element,
                servers,
                volumes_per_server: 1,
                phase: Phase::Active,
                revision,
                request: None,
            })
            .collect(),
        ..Topology::default()
    })
}

fn any_stored() -> impl Strategy<Value = Stored> {
    let read = any_topology().prop_map(|topology| Stored::Read {
        topology: Box::new(topology),
        resource_version: Some("7".into()),
    });
    prop_oneof![
        2 => Just(Stored::Missing),
        1 => Just(Stored::Foreign),
        1 => any::<String>().prop_map(Stored::Unreadable),
        4 => read,
    ]
}

fn any_world() -> impl Strategy<Value = Observed> {
    let pods = prop::collection::vec((0..3_usize, -1..5_i32, 0..4_u64, any::<bool>()), 0..12);
    let maps = prop::collection::vec((any::<u64>(), any::<String>()), 0..3);
    (any_pools(), any_stored(), any_check(), any_check(), pods, maps).prop_map(
        |(pools, topology, credentials, rpc, pods, maps)| Observed {
            topology,
            credentials,
            rpc,
            pods: pods
                .into_iter()
                .map(|(pool, ordinal, revision, ready)| pod(["a", "b", "c"][pool], ordinal, revision, ready))
                .collect(),
            revisions: maps
                .into_iter()
                .map(|(number, text)| Arc::new(revision(number, text)))
                .collect(),
            ..with_pools(pools)
        },
    )
}

fn revision(number: u64, text: String) -> ConfigMap {
    let mut map = ConfigMap {
        data: Some([(KEY_VOLUMES.to_owned(), text)].into()),
        ..ConfigMap::default()
    };
    map.metadata.name = Some(format!("store-topology-r{number}"));
    map
}

/// Worlds that the operator itself may have led to: nothing, forming, or serving.
fn led_to() -> impl Strategy<Value = (Tenant, Observed)> {
    (any_pools(), any_pools(), 0..3_u8).prop_map(|(first, then, stage)| {
        let (mut tenant, mut observed) = (tenant(), with_pools(first));
        if stage > 0 {
            let _ = reconcile(&mut tenant, &mut observed);
        }
        if stage > 1 {
            start_servers(&tenant, &mut observed);
            let _ = reconcile(&mut tenant, &mut observed);
        }
        for pool in then {
            if !observed
                .pools
                .iter()
                .any(|known| known.metadata.name == pool.metadata.name)
            {
                observed.pools.push(Arc::new(pool));
            }
        }
        (tenant, observed)
    })
}

fn changes_something(step: &Step) -> bool {
    !matches!(step, Step::Apply(_) | Step::Hold(_))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_plan_is_made_of_whatever_is_seen(tenant in any_tenant(), observed in any_world()) {
        let plan = plan(&tenant, &observed);
        let status = status(&tenant, &observed, &plan, &Enacted::default(), now());
        prop_assert_eq!(status.conditions.len(), if crate::meta::deleting(&tenant) { 12 } else { 11 });
    }

    #[test]
    fn nothing_goes_before_it_is_written_down_that_it_may(tenant in any_tenant(), observed in any_world()) {
        let goes = |step: &Step| match step {
            Step::Delete(target, _) => target.kind != "ConfigMap",
            Step::Release(_) => true,
            _ => false,
        };
        let plan = plan(&tenant, &observed);
        prop_assert!(super::super::may_go(&tenant) || !plan.steps.iter().any(goes));
    }

    #[test]
    fn a_topology_that_has_formed_keeps_its_pools_and_what_serves(tenant in any_tenant(), observed in any_world()) {
        let before = stored(&observed);
        let after = plan(&tenant, &observed).topology;
        if let (true, Some(after)) = (before.formed, after) {
            prop_assert!(after.volumes().starts_with(&before.volumes()));
            prop_assert!(after.serving == before.serving || after.serving == after.revision);
            prop_assert!(after.formed);
        }
    }

    #[test]
    fn what_was_planned_and_done_is_not_planned_again((mut tenant, mut observed) in led_to()) {
        let _ = reconcile(&mut tenant, &mut observed);
        let first = plan(&tenant, &observed).topology;
        let _ = reconcile(&mut tenant, &mut observed);
        let last = plan(&tenant, &observed);
        prop_assert_eq!(first.as_ref(), last.topology.as_ref());
        prop_assert_eq!(last.steps.iter().find(|step| changes_something(step)), None);
        prop_assert_eq!(&last, &plan(&tenant, &observed));
    }

    #[test]
    fn the_order_of_what_is_seen_does_not_matter(
        (pools, shuffled) in any_pools().prop_flat_map(|pools| (Just(pools.clone()), Just(pools).prop_shuffle())),
    ) {
        let one = plan(&tenant(), &with_pools(pools));
        let other = plan(&tenant(), &with_pools(shuffled));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn the_order_of_arrival_does_not_matter_before_a_server_has_started(
        shuffled in any_pools().prop_shuffle(),
    ) {
        let (mut tenant, mut observed) = (tenant(), empty());
        let shuffled: Vec<_> = shuffled.into_iter().map(|pool| Pool { status: None, ..pool }).collect();
        for pool in shuffled.clone() {
            observed.pools.push(Arc::new(pool));
            let _ = reconcile(&mut tenant, &mut observed);
        }
        let at_once = plan(&super::world::tenant(), &with_pools(shuffled)).topology.unwrap_or_default();
        prop_assert_eq!(stored(&observed).volumes(), at_once.volumes());
        prop_assert_eq!(stored(&observed).refused, at_once.refused);
    }

    #[test]
    fn once_servers_have_started_pools_are_only_appended((mut tenant, mut observed) in led_to(), more in any_pools()) {
        let _ = reconcile(&mut tenant, &mut observed);
        start_servers(&tenant, &mut observed);
        let before = stored(&observed);
        for pool in more {
            if !observed.pools.iter().any(|known| known.metadata.name == pool.metadata.name) {
                observed.pools.push(Arc::new(pool));
            }
        }
        let _ = reconcile(&mut tenant, &mut observed);
        prop_assert!(stored(&observed).volumes().starts_with(&before.volumes()));
        prop_assert!(stored(&observed).revision >= before.revision);
    }

    #[test]
    fn nothing_is_deleted_but_old_revisions_while_a_tenant_lives((tenant, observed) in led_to()) {
        for step in plan(&tenant, &observed).steps {
            if let Step::Delete(target, _) = step {
                prop_assert_eq!(target.kind, "ConfigMap");
            }
        }
    }
}
