use super::super::pods;
use super::*;

/// The servers that serve, with a change of the Tenant that asks for other ones and was applied.
fn outdated() -> Observed {
    let mut observed = serving();
    let mut tenant = tenant();
    tenant.spec.image = Some("rustfs/rustfs:1.0.2".to_owned());
    observed.tenant = Some(Arc::new(tenant));
    let set = applied(&plan(&pool(), &observed)).cloned().unwrap();
    observed.stateful_set = Some(Arc::new(metadata(set)));
    observed
}

fn with_pod(mut observed: Observed, ordinal: usize, state: Value) -> Observed {
    let mut pod = observed.pods[ordinal].as_ref().clone();
    pod.status = Some(object(state));
    observed.pods[ordinal] = Arc::new(pod);
    observed
}

#[test]
fn a_pool_that_serves_is_ready() {
    let status = reported(&pool(), &serving());
    assert_eq!(says(&status, "Ready"), "True Ready");
    assert_eq!(
        (status.servers, status.ready_servers, status.updated_servers),
        (4, 4, 4)
    );
    assert_eq!(status.topology_revision, Some(7));
}

#[test]
fn a_pool_that_is_as_asked_has_one_server_replaced_by_nothing() {
    assert_eq!(deleted(&plan(&pool(), &serving())), Vec::<String>::new());
}

#[test]
fn an_outdated_server_is_replaced_by_name_uid_and_version() {
    let plan = plan(&pool(), &outdated());
    assert_eq!(deleted(&plan), ["Pod shop-ssd-3"]);
    let Some(Step::Delete(target, _)) = plan.steps.last() else {
        panic!("nothing is deleted");
    };
    assert_eq!(target.uid, "pod-uid-3");
    assert_eq!(target.resource_version.as_deref(), Some("5"));
    assert_eq!(
        says(&reported(&pool(), &outdated()), "WorkloadReady"),
        "False ServersOutdated"
    );
}

#[test]
fn nothing_is_replaced_before_the_new_template_is_seen() {
    let observed = Observed {
        stateful_set: serving().stateful_set,
        ..outdated()
    };
    assert_eq!(deleted(&plan(&pool(), &observed)), Vec::<String>::new());
}

#[test]
fn nothing_is_replaced_while_a_server_of_another_pool_is_missing() {
    let mut topology = topology(true);
    topology.pools.push(Member {
        name: "hdd".to_owned(),
        uid: "other".to_owned(),
        servers: 1,
        ..Member::default()
    });
    let observed = Observed {
        topology: stored(topology),
        ..outdated()
    };
    assert_eq!(deleted(&plan(&pool(), &observed)), Vec::<String>::new());
    assert!(message(&reported(&pool(), &observed), "WorkloadReady").contains("a server is missing"));
}

#[test]
fn a_server_of_a_pool_that_has_left_stands_in_for_none_that_is_missing() {
    let mut observed = outdated();
    let mut left = observed.pods.remove(0).as_ref().clone();
    left.metadata.name = Some("shop-old-0".to_owned());
    let labels = left.metadata.labels.get_or_insert_default();
    labels.insert("storage.rustfs.com/pool".to_owned(), "old".to_owned());
    observed.pods.push(Arc::new(left));
    assert_eq!(deleted(&plan(&pool(), &observed)), Vec::<String>::new());
    assert!(message(&reported(&pool(), &observed), "WorkloadReady").contains("servers are ready"));
}

#[test]
fn before_the_store_has_served_all_outdated_servers_are_replaced() {
    let observed = Observed {
        topology: stored(topology(false)),
        ..outdated()
    };
    assert_eq!(deleted(&plan(&pool(), &observed)).len(), 4);
}

#[test]
fn the_first_server_in_trouble_is_named_with_its_reason() {
    let waiting = |reason: &str| {
        json!({"conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [{
            "name": "rustfs", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": "why"}},
        }]})
    };
    let unschedulable = json!({"conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes fit"},
    ]});
    let cases = [
        (waiting("ImagePullBackOff"), "ImagePullBackOff: why"),
        (waiting("CrashLoopBackOff"), "CrashLoopBackOff: why"),
        (unschedulable, "Unschedulable: 0/3 nodes fit"),
    ];
    for (state, expected) in cases {
        let status = reported(&pool(), &with_pod(serving(), 1, state));
        let text = message(&status, "WorkloadReady");
        assert!(
            text.starts_with("3 of 4 servers are ready; shop-ssd-1: "),
            "{text}"
        );
        assert!(text.contains(expected), "{text}");
        assert_eq!(says(&status, "Ready"), "False ServersNotReady");
    }
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_in_one_way_while_the_kubelet_tries_and_waits_in_turn() {
    let said = |reason: &str, text: &str| {
        let state = json!({"conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [{
            "name": "rustfs", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": text}},
        }]});
        message(
            &reported(&pool(), &with_pod(serving(), 1, state)),
            "WorkloadReady",
        )
    };
    let tries = said("ErrImagePull", "failed to resolve reference: no such host");
    let waits = said(
        "ImagePullBackOff",
        "Back-off pulling image \"rustfs/rustfs:9\": ErrImagePull: failed to resolve reference: no such host",
    );
    assert!(
        tries.contains("ImagePullBackOff: failed to resolve reference: no such host"),
        "{tries}"
    );
    assert_eq!(tries, waits);
}

#[test]
fn open_volumes_are_named_with_their_phase() {
    let mut observed = serving();
    observed.claims[2] = Arc::new(claim("data-0-shop-ssd-1", "4x2", "Pending"));
    let status = reported(&pool(), &observed);
    assert_eq!(says(&status, "StorageReady"), "False VolumesPending");
    assert!(message(&status, "StorageReady").contains("data-0-shop-ssd-1 (Pending)"));
}

#[test]
fn pods_of_other_pools_and_odd_names_are_not_counted() {
    let mut observed = serving();
    for name in ["shop-ssd-04", "shop-ssd-4", "shop-ssd-x", "shop-ssd"] {
        let mut pod = observed.pods[0].as_ref().clone();
        pod.metadata.name = Some(name.to_owned());
        observed.pods.push(Arc::new(pod));
    }
    assert_eq!(reported(&pool(), &observed).servers, 4);
}

#[test]
fn a_server_that_was_ready_in_this_life_or_the_last_may_come_back_by_itself() {
    let at = |second: i32| format!("2026-01-02T03:04:{second:02}Z");
    let runs = |second| json!({"running": {"startedAt": at(second)}});
    let ended = |second| json!({"terminated": {"exitCode": 137, "startedAt": at(second)}});
    let waits = |reason: &str| json!({"waiting": {"reason": reason}});
    let cases = [
        ("it has never been ready", 1, runs(2), json!({}), false),
        ("it was ready and fails its probes", 9, runs(2), json!({}), true),
        ("it was ready and has just ended", 9, ended(2), json!({}), true),
        ("it was ready, ended, and starts", 9, runs(10), ended(2), true),
        ("it ended within the second it starts", 9, runs(9), ended(2), true),
        (
            "it was ready and its Pod is set up anew",
            9,
            waits("PodInitializing"),
            ended(2),
            true,
        ),
        (
            "it was ready, but ends again and again",
            9,
            waits("CrashLoopBackOff"),
            ended(2),
            false,
        ),
        ("its image is gone", 9, waits("ErrImagePull"), ended(2), false),
        ("it was not ready in two lives", 9, runs(20), ended(10), false),
        ("nothing is known of it", 9, json!({}), json!({}), false),
    ];
    for (what, turned, state, last, expected) in cases {
        let observed = with_pod(serving(), 1, told(turned, &state, &last));
        assert_eq!(pods::served(&observed.pods[1]), expected, "{what}");
    }
}

#[test]
fn a_server_that_ends_while_another_one_is_down_for_a_change_is_not_given_that_change() {
    let down = json!({"conditions": [{"type": "Ready", "status": "False"}]});
    let mut observed = with_pod(outdated(), 3, down);
    let new = observed
        .stateful_set
        .as_ref()
        .unwrap()
        .metadata
        .annotations
        .clone();
    let mut tried = observed.pods[3].as_ref().clone();
    tried.metadata.annotations = new;
    observed.pods[3] = Arc::new(tried);
    let starts = told(
        9,
        &json!({"running": {"startedAt": "2026-01-02T03:04:10Z"}}),
        &json!({"terminated": {"exitCode": 137, "startedAt": "2026-01-02T03:04:02Z"}}),
    );
    let observed = with_pod(observed, 1, starts);
    assert_eq!(deleted(&plan(&pool(), &observed)), Vec::<String>::new());
}

/// What a kubelet says of server 1 in these states, seconds after its Pod was begun.
fn told(turned: i32, state: &Value, last: &Value) -> Value {
    let at = |second: i32| format!("2026-01-02T03:04:{second:02}Z");
    json!({
        "startTime": at(0),
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": at(turned)}],
        "containerStatuses": [{
            "name": "rustfs", "image": "", "imageID": "", "ready": false, "restartCount": 1,
            "state": state, "lastState": last,
        }],
    })
}

#[test]
fn a_server_whose_last_life_nobody_remembers_was_ready_if_its_pod_ever_was() {
    let forgotten = json!({"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}});
    let starts = json!({"running": {"startedAt": "2026-01-02T03:04:20Z"}});
    let served = |turned| pods::served(&with_pod(serving(), 1, told(turned, &starts, &forgotten)).pods[1]);
    assert!(served(9));
    assert!(!served(0), "its Pod has never been ready");
    assert!(!served(1), "two clocks of one kubelet may differ by a second");
}

#[test]
fn a_server_that_waits_to_be_started_again_is_waited_for_if_it_served_for_a_while() {
    let waits = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let served = |until: &str| {
        let last = json!({"terminated": {"exitCode": 137, "startedAt": "2026-01-02T03:04:02Z", "finishedAt": until}});
        pods::served(&with_pod(serving(), 1, told(9, &waits, &last)).pods[1])
    };
    assert!(served("2026-01-02T03:04:40Z"));
    assert!(!served("2026-01-02T03:04:12Z"), "it ends again and again");
}

#[test]
fn servers_that_start_in_new_pods_are_not_given_a_change_beyond_what_may_be_away() {
    // Two nodes were lost; their servers are made anew elsewhere, as they were, when a person changes the spec.
    let starts = json!({
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T03:04:00Z"}],
        "containerStatuses": [{
            "name": "rustfs", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-02T03:04:02Z"}},
        }],
    });
    let observed = with_pod(with_pod(outdated(), 1, starts.clone()), 2, starts.clone());
    assert_eq!(deleted(&plan(&pool(), &observed)), Vec::<String>::new());
    // One alone is mended by the change.
    let alone = with_pod(outdated(), 1, starts);
    assert_eq!(deleted(&plan(&pool(), &alone)), ["Pod shop-ssd-1"]);
}

/// What a kubelet says of a server whose first container waits, or has ended, so.
fn prepares(first: &Value) -> Value {
    json!({
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T03:04:00Z"}],
        "initContainerStatuses": [{
            "name": "prepare", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": first,
        }],
        "containerStatuses": [{
            "name": "rustfs", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "PodInitializing"}},
        }],
    })
}

#[test]
fn a_server_in_a_new_pod_is_waited_for_unless_what_runs_before_it_fails_or_takes_too_long() {
    let now: jiff::Timestamp = "2026-01-02T03:10:00Z".parse().unwrap();
    let waits = |reason: &str| json!({"waiting": {"reason": reason}});
    let cases = [
        ("it is set up", waits("PodInitializing"), true),
        ("it is prepared", json!({"running": {}}), true),
        ("it was prepared", json!({"terminated": {"exitCode": 0}}), true),
        ("the image they share is missing", waits("ErrImagePull"), false),
        (
            "it cannot be prepared",
            json!({"terminated": {"exitCode": 1}}),
            false,
        ),
        (
            "it cannot be prepared again and again",
            waits("CrashLoopBackOff"),
            false,
        ),
    ];
    for (what, first, expected) in cases {
        let observed = with_pod(serving(), 1, prepares(&first));
        assert_eq!(pods::begins(&observed.pods[1], now), expected, "{what}");
    }
    let mut late = prepares(&waits("PodInitializing"));
    late["startTime"] = json!("2026-01-02T02:50:00Z");
    assert!(!pods::begins(&with_pod(serving(), 1, late).pods[1], now));
}

#[test]
fn what_mends_a_missing_image_reaches_its_server_although_another_one_is_away() {
    let missing = prepares(&json!({"waiting": {"reason": "ImagePullBackOff"}}));
    let mut observed = with_pod(outdated(), 3, missing);
    observed.pods.remove(1);
    assert_eq!(deleted(&plan(&pool(), &observed)), ["Pod shop-ssd-3"]);
}
