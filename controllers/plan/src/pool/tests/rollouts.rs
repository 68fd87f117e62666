use super::*;

use std::collections::BTreeMap;

use super::super::concerns_health;
use crds::names::{ANNOTATION_POOL_RESTARTED_AT, ANNOTATION_RESTARTED_AT, LABEL_TOPOLOGY_REVISION};
use crds::rollout::Rollout;

use crate::health::Health;
use crate::rollout::{self, Numbered, Recipe, Rejection};

const OLD: &str = crds::names::DEFAULT_IMAGE;
const NEW: &str = "rustfs/rustfs:next";

/// The record of a store that all ran what this Tenant and Pool ask for.
fn record(tenant: &Tenant, pool: &Pool) -> rollout::Rollout {
    let recipe = Recipe::of(tenant, [pool], &Default::default());
    let good = Numbered { revision: 1, recipe };
    rollout::Rollout {
        latest: good.clone(),
        good: Some(good),
        ..Default::default()
    }
}

fn found(record: rollout::Rollout) -> rollout::Stored {
    rollout::Stored::Found {
        rollout: Some(Box::new(record)),
        resource_version: None,
    }
}

/// A store that serves and whose Tenant asks for another image now, under these terms.
fn asked(terms: Value) -> Observed {
    let mut tenant = tenant();
    tenant.spec.image = Some(NEW.to_owned());
    tenant.spec.rollout = Some(object::<Rollout>(terms));
    Observed {
        rollout: found(record(&super::tenant(), &pool())),
        tenant: Some(Arc::new(tenant)),
        ..serving()
    }
}

fn image(set: &StatefulSet) -> String {
    let spec = set.spec.clone().unwrap().template.spec.unwrap();
    spec.containers[0].image.clone().unwrap()
}

/// A plan as the controller makes it: the servers are asked only where it matters.
fn visit(observed: &mut Observed) -> Plan {
    observed.health = if concerns_health(&pool(), observed) {
        Health::Said(BTreeMap::new())
    } else {
        Health::NotAsked
    };
    plan(&pool(), observed)
}

/// One visit in which the StatefulSet is written, and the one after it. Says the image it makes servers with, and what
/// was deleted.
fn twice(observed: &mut Observed) -> (String, Vec<String>) {
    let first = visit(observed);
    let set = applied(&first).cloned().unwrap();
    observed.stateful_set = Some(Arc::new(metadata(set.clone())));
    let second = visit(observed);
    assert_eq!(applied(&second), Some(&set), "it is settled");
    (image(&set), deleted(&second))
}

/// The cluster makes a server anew, from the StatefulSet as it was planned last.
fn renew(observed: &mut Observed, ordinal: usize) {
    let set = applied(&plan(&pool(), observed)).cloned().unwrap();
    let number = i32::try_from(ordinal).unwrap();
    observed.pods[ordinal] = Arc::new(server(&set, number, true));
}

#[test]
fn servers_below_the_partition_are_kept_and_come_back_as_they_were() {
    let mut observed = asked(json!({"partition": 3}));
    assert_eq!(
        twice(&mut observed),
        (NEW.to_owned(), vec!["Pod shop-ssd-3".to_owned()])
    );
    renew(&mut observed, 3);
    assert_eq!(twice(&mut observed), (OLD.to_owned(), vec![]));
    let status = reported(&pool(), &observed);
    assert_eq!(says(&status, "WorkloadReady"), "True CanaryWaits");
    assert_eq!(
        (says(&status, "Ready"), status.updated_servers),
        ("True Ready".to_owned(), 1)
    );

    let lost = observed.pods.remove(3);
    assert_eq!(twice(&mut observed).0, NEW, "the canary comes back as a canary");
    observed.pods.push(lost);
    observed.pods.remove(1);
    assert_eq!(twice(&mut observed).0, OLD);
}

#[test]
fn a_paused_rollout_keeps_every_server() {
    let mut observed = asked(json!({"paused": true}));
    assert_eq!(twice(&mut observed), (OLD.to_owned(), vec![]));
    assert_eq!(
        says(&reported(&pool(), &observed), "WorkloadReady"),
        "True RolloutPaused"
    );
}

/// Another image is asked for, and a hook runs before that.
fn hooked() -> Observed {
    let mut observed = asked(json!({"partition": 2}));
    let tenant = Arc::make_mut(observed.tenant.as_mut().unwrap());
    tenant.spec.hooks = vec![object(json!({
        "name": "backup", "before": ["Upgrade"], "job": {"image": "backup:1"}
    }))];
    observed
}

#[test]
fn no_server_is_made_with_another_image_before_its_hooks_have_completed() {
    let mut observed = hooked();
    assert_eq!(twice(&mut observed), (OLD.to_owned(), vec![]));
    assert_eq!(
        says(&reported(&pool(), &observed), "WorkloadReady"),
        "False UpgradeWaits"
    );
    let mut unready = observed.clone();
    let set = applied(&plan(&pool(), &unready)).cloned().unwrap();
    unready.pods[3] = Arc::new(server(&set, 3, false));
    assert_eq!(
        twice(&mut unready),
        (OLD.to_owned(), vec![]),
        "nor one that does not serve"
    );
    let mut lost = observed.clone();
    lost.pods.remove(3);
    assert_eq!(twice(&mut lost).0, OLD);
    observed.rollout = rollout::Stored::Missing;
    assert_eq!(
        twice(&mut observed).1,
        Vec::<String>::new(),
        "no record, no clearance"
    );
}

#[test]
fn once_the_hooks_have_completed_the_rollout_goes_on_under_its_own_terms() {
    let mut observed = hooked();
    let tenant = observed.tenant.clone().unwrap();
    let mut record = record(&super::tenant(), &pool());
    record.ask(
        &Recipe::of(&tenant, [&pool()], &Default::default()),
        0,
        Timestamp::UNIX_EPOCH,
    );
    observed.rollout = found(record.clone());
    assert_eq!(twice(&mut observed), (OLD.to_owned(), vec![]));
    record.clearance.given = true;
    observed.rollout = found(record);
    assert_eq!(
        twice(&mut observed),
        (NEW.to_owned(), vec!["Pod shop-ssd-3".to_owned()])
    );
}

#[test]
fn a_new_topology_reaches_servers_that_are_held_back_and_leaves_them_what_they_ran() {
    for terms in [json!({"partition": 4}), json!({"paused": true})] {
        let mut observed = asked(terms);
        let mut next = topology(true);
        next.revision = 8;
        next.pools[0].revision = 8;
        observed.topology = stored(next);
        let (image, deleted) = twice(&mut observed);
        assert_eq!((image.as_str(), deleted.len()), (OLD, 1));
        renew(&mut observed, 3);
        let labels = observed.pods[3].metadata.labels.clone().unwrap();
        assert_eq!(labels[LABEL_TOPOLOGY_REVISION], "8");
    }
}

/// A record in which what is asked for now was taken back.
fn taken_back(observed: &mut Observed) {
    let mut record = observed.rollout.rollout().unwrap().clone();
    let tenant = observed.tenant.clone().unwrap();
    record.latest.recipe = Recipe::of(&tenant, [&pool()], &Default::default());
    record.rejected = Some(Rejection {
        server: "shop-ssd-3".to_owned(),
        since: object(json!("2026-01-01T00:00:00Z")),
        why: "ImagePullBackOff".to_owned(),
    });
    observed.rollout = found(record);
}

#[test]
fn what_was_taken_back_is_run_by_nobody_until_something_else_is_asked_for() {
    let mut observed = asked(json!({"partition": 2}));
    let _ = twice(&mut observed);
    renew(&mut observed, 3);
    taken_back(&mut observed);
    assert_eq!(
        twice(&mut observed),
        (OLD.to_owned(), vec!["Pod shop-ssd-3".to_owned()])
    );
    renew(&mut observed, 3);
    assert_eq!(twice(&mut observed), (OLD.to_owned(), vec![]));
    let status = reported(&pool(), &observed);
    assert_eq!(says(&status, "Stalled"), "True RolledBack");
    assert_eq!((status.ready_servers, status.updated_servers), (4, 0));

    let mut mended = observed.tenant.as_deref().cloned().unwrap();
    mended.spec.image = Some("rustfs/rustfs:mended".to_owned());
    observed.tenant = Some(Arc::new(mended));
    assert_eq!(twice(&mut observed).0, "rustfs/rustfs:mended");
}

#[test]
fn going_back_changes_neither_the_volumes_nor_the_credentials() {
    let mut observed = asked(json!({}));
    let mut next = topology(true);
    next.revision = 9;
    next.credentials.latest = 5;
    next.pools[0].revision = 9;
    observed.topology = stored(next);
    taken_back(&mut observed);
    let set = applied(&plan(&pool(), &observed)).cloned().unwrap();
    let text = serde_json::to_string(&set).unwrap();
    assert!(text.contains("shop-topology-r9") && text.contains("shop-credentials-r5") && text.contains(OLD));
}

#[test]
fn as_many_servers_go_at_once_as_can_be_spared() {
    let of = |servers: i32, asked: i32| {
        let mut tenant = tenant();
        tenant.spec.rollout = Some(object(json!({"maxUnavailable": asked})));
        crate::pool::Limit::of(&tenant, servers, 1).most
    };
    assert_eq!([of(4, 2), of(8, 2), of(16, 9), of(2, 5)], [1, 2, 4, 1]);
    let observed = asked(json!({"maxUnavailable": 3}));
    let status = reported(&pool(), &observed);
    assert_eq!(status.max_unavailable, Some(1));
    assert!(message(&status, "WorkloadReady").contains("bounded to 1"));
}

#[test]
fn a_restart_that_was_asked_for_is_in_the_template_and_nothing_else_is() {
    let annotations = |tenant: Tenant, pool: &Pool| {
        let observed = Observed {
            tenant: Some(Arc::new(tenant)),
            ..accepted()
        };
        let set = applied(&plan(pool, &observed)).cloned().unwrap();
        set.spec.unwrap().template.metadata.unwrap().annotations.unwrap()
    };
    let (mut asks, mut asks_too) = (tenant(), pool());
    let at = |at: &str| Some([(ANNOTATION_RESTARTED_AT.to_owned(), at.to_owned())].into());
    asks.metadata.annotations = at("noon");
    asks_too.metadata.annotations = at("night");
    let found = annotations(asks, &asks_too);
    assert_eq!(found[ANNOTATION_RESTARTED_AT], "noon");
    assert_eq!(found[ANNOTATION_POOL_RESTARTED_AT], "night");
    assert_eq!(annotations(tenant(), &pool()).len(), 1, "the hash alone");
}

#[test]
fn an_older_version_replaces_nobody_and_a_lost_server_comes_back_as_it_was() {
    let older = "rustfs/rustfs:0.9.0";
    let mut observed = asked(json!({}));
    let mut tenant = tenant();
    tenant.spec.image = Some(older.to_owned());
    let mut record = record(&super::tenant(), &pool());
    record.newest = rollout::version::of_image(OLD);
    observed.rollout = found(record);
    observed.tenant = Some(Arc::new(tenant.clone()));
    assert_eq!(twice(&mut observed), (OLD.to_owned(), vec![]));
    assert_eq!(
        says(&reported(&pool(), &observed), "WorkloadReady"),
        "True ImageRefused"
    );

    let allowed = [(
        crds::names::ANNOTATION_ALLOW_DOWNGRADE.to_owned(),
        "0.9.0".to_owned(),
    )];
    tenant.metadata.annotations = Some(allowed.into());
    observed.tenant = Some(Arc::new(tenant));
    assert_eq!(
        twice(&mut observed),
        (older.to_owned(), vec!["Pod shop-ssd-3".to_owned()])
    );
}
