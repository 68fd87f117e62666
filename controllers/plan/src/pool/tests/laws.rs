use super::*;
use crate::pool::growth::Made;
use crate::pool::preflight::Cluster;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::StorageClass;
use proptest::prelude::*;

/// Pools, good and bad.
fn pools() -> impl Strategy<Value = Pool> {
    let name = prop_oneof![Just(POOL.to_owned()), "[a-z0-9-]{0,50}", ".{0,8}"];
    let size = prop_oneof![Just("100Gi"), Just("200Gi"), Just("50Gi"), Just("?")];
    let layout = prop_oneof![Just((4, 2)), (-1..20_i32, -1..6_i32)];
    (name, layout, size, any::<bool>(), any::<bool>()).prop_map(
        |(name, (servers, volumes), size, leaving, held)| {
            let mut pool = pool();
            pool.spec.volume_claim.size = object(json!(size));
            pool.metadata.name = Some(name);
            pool.spec.servers = servers;
            pool.spec.volumes_per_server = volumes;
            pool.metadata.finalizers = held.then(|| vec![crds::names::FINALIZER_POOL.to_owned()]);
            pool.metadata.deletion_timestamp = leaving.then(|| object(json!("2026-01-01T00:00:00Z")));
            pool
        },
    )
}

/// Tenants, good and bad.
fn tenants() -> impl Strategy<Value = Option<Tenant>> {
    let env = proptest::option::of(".{0,12}");
    (any::<bool>(), any::<bool>(), 0..3, any::<bool>(), env).prop_map(|(some, tls, going, paused, env)| {
        let tenant = if tls { tls_tenant() } else { tenant() };
        let mut tenant = match going {
            0 => tenant,
            1 => deleted_tenant(tenant),
            _ => leaving(tenant),
        };
        tenant.spec.paused = paused;
        tenant
            .spec
            .env
            .extend(env.map(|name| object(json!({"name": name, "value": "x"}))));
        some.then_some(tenant)
    })
}

fn topologies() -> impl Strategy<Value = Stored> {
    prop_oneof![
        Just(Stored::Missing),
        Just(Stored::Foreign),
        Just(Stored::Unreadable("no".to_owned())),
        Just(stored(Topology::default())),
        any::<bool>().prop_map(|formed| stored(topology(formed))),
    ]
}

/// Some nodes and classes that do and some that do not.
fn cluster(nodes: bool, classes: bool) -> Cluster {
    let node = |name: &str, cpu: &str, cordoned: bool| -> Arc<Node> {
        Arc::new(object(json!({
            "metadata": {"name": name}, "spec": {"unschedulable": cordoned},
            "status": {"allocatable": {"cpu": cpu, "memory": "8Gi"}},
        })))
    };
    let class = |name: &str| -> Arc<StorageClass> {
        Arc::new(object(json!({"metadata": {"name": name}, "provisioner": "x"})))
    };
    Cluster {
        nodes: nodes.then(|| {
            vec![
                node("a", "4", true),
                node("b", "4000m", false),
                node("c", "8", true),
            ]
        }),
        classes: classes.then(|| vec![class("fast"), class("slow")]),
    }
}

/// What may be seen: any part of a Pool that serves.
fn views() -> impl Strategy<Value = Observed> {
    let flags = proptest::collection::vec(any::<bool>(), 7);
    let kept = proptest::collection::vec(any::<bool>(), 12);
    (tenants(), topologies(), flags, kept).prop_map(|(tenant, topology, flags, kept)| {
        let mut observed = serving();
        observed.made = applied(&plan(&pool(), &observed))
            .and_then(Made::read)
            .filter(|_| flags[4]);
        if flags[6] {
            observed.claims = super::growth::asking("200Gi", false).claims;
        }
        let mut going = observed.stateful_set.as_deref().cloned();
        if let Some(set) = going.as_mut().filter(|_| flags[5]) {
            set.metadata.deletion_timestamp = Some(object(json!("2026-01-01T00:00:00Z")));
        }
        observed.stateful_set = going.map(Arc::new);
        observed.tenant = tenant.map(Arc::new);
        observed.topology = topology;
        observed.certificate = flags[0].then(|| Arc::new(certificate("True")));
        observed.caught_up = flags[1];
        observed.foreign_claim = flags[2].then(|| "x".to_owned());
        observed.stateful_set = observed.stateful_set.filter(|_| flags[3]);
        observed.cluster = cluster(flags[0], flags[1]);
        let mut keep = kept.iter().copied();
        observed.pods.retain(|_| keep.next().unwrap_or(true));
        observed.claims.retain(|_| keep.next().unwrap_or(true));
        observed
    })
}

proptest! {
    #[test]
    fn whatever_is_seen_becomes_a_whole_status(pool in pools(), observed in views()) {
        let status = reported(&pool, &observed);
        prop_assert_eq!(status.conditions.len(), 10);
        prop_assert!(status.updated_servers <= status.servers.max(0));
        prop_assert!(status.ready_servers <= status.servers);
        for condition in &status.conditions {
            prop_assert!(condition.reason.starts_with(|first: char| first.is_ascii_uppercase()));
            prop_assert!(condition.reason.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            prop_assert!(condition.message.len() <= 32_768);
        }
    }

    #[test]
    fn the_same_view_gives_the_same_status_again(pool in pools(), observed in views()) {
        let mut pool = pool;
        pool.status = Some(reported(&pool, &observed));
        let again = reported(&pool, &observed);
        prop_assert_eq!(Some(again), pool.status);
    }

    #[test]
    fn the_order_of_what_is_seen_does_not_matter(pool in pools(), observed in views()) {
        let mut turned = observed.clone();
        turned.pods.reverse();
        turned.claims.reverse();
        turned.cluster.nodes.iter_mut().for_each(|nodes| nodes.reverse());
        turned.cluster.classes.iter_mut().for_each(|classes| classes.reverse());
        prop_assert_eq!(plan(&pool, &turned).steps, plan(&pool, &observed).steps);
        prop_assert_eq!(reported(&pool, &turned), reported(&pool, &observed));
    }

    #[test]
    fn nothing_is_made_and_torn_down_in_one_plan(pool in pools(), observed in views()) {
        let plan = plan(&pool, &observed);
        let made = applied(&plan).is_some();
        let ended = deleted(&plan).iter().any(|name| !name.starts_with("Pod "));
        let released = plan.steps.iter().any(|step| matches!(step, Step::Release(_)));
        prop_assert!(!(made && (ended || released)));
    }

    #[test]
    fn a_stateful_set_is_made_anew_only_for_a_pool_that_stays_and_never_with_a_server_going(pool in pools(), observed in views()) {
        let plan = plan(&pool, &observed);
        if plan.steps.iter().any(|step| matches!(step, Step::Orphan(..))) {
            prop_assert!(pool.metadata.deletion_timestamp.is_none());
            prop_assert_eq!(deleted(&plan), ["StatefulSet shop-ssd"]);
            prop_assert!(applied(&plan).is_none());
        }
    }

    #[test]
    fn volumes_are_only_deleted_with_a_pool_that_goes_and_has_no_servers(pool in pools(), observed in views()) {
        let plan = plan(&pool, &observed);
        if deleted(&plan).iter().any(|name| name.starts_with("PersistentVolumeClaim ")) {
            prop_assert!(pool.metadata.deletion_timestamp.is_some());
            prop_assert!(observed.stateful_set.is_none());
            prop_assert!(observed.pods.is_empty());
        }
    }

    #[test]
    fn a_member_stays_until_its_tenant_may_go(pool in pools(), observed in views()) {
        let member = |topology: &Topology| topology.member(POOL, "pool-uid").is_some() && topology.formed;
        let keeps = observed.tenant.as_ref().is_some_and(|tenant| !crate::tenant::may_go(tenant));
        let is_member = crate::meta::name(&pool) == POOL && observed.topology.topology().is_some_and(member);
        let plan = plan(&pool, &observed);
        let ended = deleted(&plan).iter().any(|name| !name.starts_with("Pod "));
        let released = plan.steps.iter().any(|step| matches!(step, Step::Release(_)));
        prop_assert!(!(keeps && is_member && (ended || released)));
    }

    #[test]
    fn at_most_one_server_of_a_store_that_serves_is_deleted(pool in pools(), observed in views()) {
        let formed = observed.topology.topology().is_some_and(|topology| topology.formed);
        let pods = deleted(&plan(&pool, &observed));
        let pods = pods.iter().filter(|name| name.starts_with("Pod ")).count();
        prop_assert!(!formed || pods <= 1);
    }
}
