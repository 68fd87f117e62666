use super::*;
use crds::common::ReclaimPolicy;
use crds::names::FINALIZER_POOL;

use crate::topology::Former;

fn leaving_pool() -> Pool {
    let mut pool = pool();
    pool.metadata.deletion_timestamp = Some(object(json!("2026-01-01T00:00:00Z")));
    pool.metadata.finalizers = Some(vec![FINALIZER_POOL.to_owned()]);
    pool.metadata.owner_references = Some(object(json!([{
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant", "name": TENANT, "uid": "tenant-uid",
        "controller": true,
    }])));
    pool
}

fn with_policy(policy: ReclaimPolicy) -> Pool {
    let mut pool = leaving_pool();
    pool.spec.reclaim_policy = Some(policy);
    pool
}

/// A Tenant that is taken down, with all of the Pool still there.
fn abandoned() -> Observed {
    Observed {
        tenant: Some(Arc::new(leaving(tenant()))),
        ..serving()
    }
}

/// A Tenant that was deleted and may not go yet.
fn guarded(change: impl Fn(&mut Tenant)) -> Observed {
    let mut tenant = deleted_tenant(tenant());
    change(&mut tenant);
    Observed {
        tenant: Some(Arc::new(tenant)),
        ..serving()
    }
}

#[test]
fn while_its_tenant_may_not_go_a_pool_is_kept_and_goes_on_as_asked() {
    let observed = guarded(|_| ());
    let status = reported(&pool(), &observed);
    assert_eq!(says(&status, "Ready"), "True Ready", "one that nobody deleted");
    let plan = plan(&leaving_pool(), &observed);
    assert!(applied(&plan).is_some());
    assert!(deleted(&plan).is_empty());
    assert!(!plan.steps.contains(&Step::Release(FINALIZER_POOL)));
    let status = reported(&leaving_pool(), &observed);
    assert_eq!(says(&status, "Ready"), "False TenantGuarded");
    assert_eq!(says(&status, "Stalled"), "False TenantGuarded");
}

#[test]
fn a_lost_server_of_a_pool_that_waits_with_its_tenant_is_not_given_up() {
    let mut observed = guarded(|_| ());
    observed.stateful_set = None;
    observed.pods.clear();
    let plan = plan(&leaving_pool(), &observed);
    assert!(applied(&plan).is_some());
    assert!(!plan.steps.contains(&Step::Release(FINALIZER_POOL)));
}

#[test]
fn what_kubernetes_deletes_with_its_owner_is_not_made_again_and_not_given_up() {
    let foreground = Some(vec![FINALIZER_POOL.to_owned(), "foregroundDeletion".to_owned()]);
    let mut pool = leaving_pool();
    pool.metadata.finalizers = foreground.clone();
    assert_eq!(plan(&pool, &guarded(|_| ())).steps, Vec::new());
    let observed = guarded(|tenant| tenant.metadata.finalizers = foreground.clone());
    assert_eq!(plan(&leaving_pool(), &observed).steps, Vec::new());
    let observed = Observed {
        topology: Stored::Missing,
        ..guarded(|_| ())
    };
    let mut joined = leaving_pool();
    joined.status = Some(reported(&super::pool(), &serving()));
    assert_eq!(plan(&joined, &observed).steps, Vec::new());
}

#[test]
fn a_pool_that_is_no_member_does_not_wait_for_its_tenant() {
    let observed = Observed {
        topology: stored(Topology {
            pools: Vec::new(),
            ..topology(true)
        }),
        stateful_set: None,
        pods: Vec::new(),
        ..guarded(|_| ())
    };
    assert_eq!(
        plan(&leaving_pool(), &observed).steps,
        [Step::Release(FINALIZER_POOL)]
    );
}

#[test]
fn volumes_older_than_a_pool_go_only_by_a_word_that_knows_of_them() {
    let time = |text: &str| Some(object(json!(text)));
    let mut pool = with_policy(ReclaimPolicy::Delete);
    pool.metadata.creation_timestamp = time("2026-01-02T00:00:00Z");
    let mut kept = claim("data-0-shop-ssd-0", "4x2", "Bound");
    kept.metadata.creation_timestamp = time("2026-01-01T00:00:00Z");
    let mut own = claim("data-0-shop-ssd-1", "4x2", "Bound");
    own.metadata.creation_timestamp = time("2026-01-02T00:00:00Z");
    let none = || Topology {
        pools: Vec::new(),
        ..topology(false)
    };
    let observed = |tenant: Option<Tenant>, topology: Topology| Observed {
        tenant: tenant.map(Arc::new),
        topology: stored(topology),
        stateful_set: None,
        pods: Vec::new(),
        claims: vec![Arc::new(kept.clone()), Arc::new(own.clone())],
        ..serving()
    };
    let gone =
        |tenant: Option<Tenant>, topology: Topology| deleted(&plan(&pool, &observed(tenant, topology)));
    let (old, new) = (
        "PersistentVolumeClaim data-0-shop-ssd-0",
        "PersistentVolumeClaim data-0-shop-ssd-1",
    );
    assert_eq!(gone(Some(tenant()), none()), [new], "it never served");
    assert_eq!(gone(None, none()), [new], "its Tenant is gone");
    assert_eq!(
        gone(Some(leaving(tenant())), none()),
        [old, new],
        "its Tenant may go"
    );
    let former = |drained: bool| Topology {
        former: vec![Former {
            drained,
            released: true,
            name: POOL.to_owned(),
            uid: "pool-uid".to_owned(),
            ..Former::default()
        }],
        ..none()
    };
    assert_eq!(
        gone(Some(tenant()), former(true)),
        [old, new],
        "its data has moved"
    );
    assert_eq!(gone(Some(tenant()), former(false)), [new], "it was taken back");
}

#[test]
fn a_pool_of_a_store_that_serves_is_kept_and_goes_on_as_asked() {
    let observed = serving();
    let status = reported(&leaving_pool(), &observed);
    assert_eq!(says(&status, "Ready"), "False DrainWaits");
    assert_eq!(says(&status, "Drained"), "False NotAsked");
    let plan = plan(&leaving_pool(), &observed);
    assert!(applied(&plan).is_some());
    assert!(deleted(&plan).is_empty());
    assert!(!plan.steps.contains(&Step::Release(FINALIZER_POOL)));
}

#[test]
fn while_the_store_forms_the_tenant_takes_the_pool_out_first() {
    let observed = Observed {
        topology: stored(topology(false)),
        ..serving()
    };
    assert_eq!(plan(&leaving_pool(), &observed).steps, Vec::new());
    let without = Topology {
        pools: Vec::new(),
        ..topology(false)
    };
    let observed = Observed {
        topology: stored(without),
        ..serving()
    };
    assert_eq!(
        deleted(&plan(&leaving_pool(), &observed)),
        ["StatefulSet shop-ssd"]
    );
}

#[test]
fn servers_go_before_volumes_and_volumes_before_the_finalizer() {
    let pool = with_policy(ReclaimPolicy::Delete);
    let mut observed = abandoned();
    assert_eq!(deleted(&plan(&pool, &observed)), ["StatefulSet shop-ssd"]);
    observed.stateful_set = None;
    assert_eq!(plan(&pool, &observed).steps, Vec::new());
    assert!(message(&reported(&pool, &observed), "Ready").contains("4 servers"));
    observed.pods.clear();
    assert_eq!(deleted(&plan(&pool, &observed)).len(), 8);
    observed.claims.clear();
    assert_eq!(plan(&pool, &observed).steps, [Step::Release(FINALIZER_POOL)]);
}

#[test]
fn kept_volumes_are_not_touched() {
    let observed = Observed {
        stateful_set: None,
        pods: Vec::new(),
        ..abandoned()
    };
    let steps = plan(&with_policy(ReclaimPolicy::Retain), &observed).steps;
    assert_eq!(steps, [Step::Release(FINALIZER_POOL)]);
}

#[test]
fn only_claims_of_the_exact_name_and_layout_are_deleted() {
    let claims = [
        claim("data-0-shop-ssd-0", "4x2", "Bound"),
        claim("data-0-shop-ssd-1", "4x1", "Bound"),
        claim("data-7-shop-ssd-0", "4x2", "Bound"),
    ];
    let observed = Observed {
        stateful_set: None,
        pods: Vec::new(),
        claims: claims.into_iter().map(Arc::new).collect(),
        ..abandoned()
    };
    let plan = plan(&with_policy(ReclaimPolicy::Delete), &observed);
    assert_eq!(deleted(&plan), ["PersistentVolumeClaim data-0-shop-ssd-0"]);
}

#[test]
fn volumes_of_a_pool_whose_tenant_is_gone_are_kept_unless_the_pool_says_otherwise() {
    let observed = Observed {
        tenant: None,
        stateful_set: None,
        pods: Vec::new(),
        ..serving()
    };
    assert_eq!(
        plan(&leaving_pool(), &observed).steps,
        [Step::Release(FINALIZER_POOL)]
    );
    assert_eq!(
        deleted(&plan(&with_policy(ReclaimPolicy::Delete), &observed)).len(),
        8
    );
}

#[test]
fn a_later_tenant_of_the_name_has_no_say_over_the_volumes() {
    let mut later = tenant();
    later.metadata.uid = Some("later-uid".to_owned());
    later.spec.deletion = Some(object(json!({"volumes": "Delete"})));
    let observed = Observed {
        tenant: Some(Arc::new(later)),
        stateful_set: None,
        pods: Vec::new(),
        ..serving()
    };
    assert_eq!(
        plan(&leaving_pool(), &observed).steps,
        [Step::Release(FINALIZER_POOL)]
    );
}

#[test]
fn a_stateful_set_of_another_owner_is_left_alone() {
    let mut observed = abandoned();
    let mut set = observed.stateful_set.as_deref().cloned().unwrap();
    set.metadata.owner_references.as_mut().unwrap()[0].uid = "someone".to_owned();
    observed.stateful_set = Some(Arc::new(set));
    observed.pods.clear();
    assert!(deleted(&plan(&leaving_pool(), &observed)).is_empty());
}

#[test]
fn a_pool_that_joined_is_kept_when_the_topology_cannot_be_read() {
    let mut pool = leaving_pool();
    pool.status = Some(reported(&super::pool(), &serving()));
    let observed = Observed {
        topology: Stored::Missing,
        ..serving()
    };
    assert_eq!(plan(&pool, &observed).steps, Vec::new());
    assert_eq!(says(&reported(&pool, &observed), "Ready"), "False Kept");
}
