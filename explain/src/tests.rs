//! What a person reads in each state of a store.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    time("2026-03-01T12:00:00Z")
}

fn condition(type_: &str, status: &str, reason: &str, message: &str, since: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": since})
}

/// Conditions of an object that waits or, if a person must act, stands still.
fn open(type_: &str, reason: &str, message: &str, stuck: bool) -> Value {
    let stalled = if stuck { "True" } else { "False" };
    json!({"observedGeneration": 1, "servers": 0, "readyServers": 0, "updatedServers": 0, "conditions": [
        condition("Ready", "False", reason, message, "2026-03-01T11:00:00Z"),
        condition("Stalled", stalled, reason, message, "2026-03-01T11:58:00Z"),
        condition(type_, "False", reason, message, "2026-03-01T11:55:00Z"),
    ]})
}

fn fine(message: &str) -> Value {
    json!({"observedGeneration": 1, "servers": 0, "readyServers": 0, "updatedServers": 0, "conditions": [
        condition("Ready", "True", "Ready", message, "2026-02-26T11:00:00Z"),
        condition("Stalled", "False", "Ready", "", "2026-02-26T11:00:00Z"),
    ]})
}

fn thing(kind: &str, name: &str, spec: Value, status: Value) -> Value {
    json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "generation": 1, "creationTimestamp": "2026-02-01T00:00:00Z"},
        "spec": spec, "status": status,
    })
}

fn tenant(mut status: Value) -> Option<Tenant> {
    status["servers"] = json!("4/4");
    Some(object(thing("Tenant", "store", json!({}), status)))
}

/// A Pool that never had servers.
fn bare(name: &str, status: Value) -> Pool {
    let mut pool = pool(name, status);
    pool.status.as_mut().unwrap().stateful_set_name = None;
    pool
}

fn pool(name: &str, mut status: Value) -> Pool {
    status["statefulSetName"] = format!("store-{name}").into();
    let spec = json!({
        "tenantRef": {"name": "store"}, "servers": 2, "volumesPerServer": 2,
        "volumeClaim": {"size": "2Gi"},
    });
    object(thing("Pool", name, spec, status))
}

fn pod(name: &str, status: Value) -> Pod {
    object(json!({
        "metadata": {"name": name, "creationTimestamp": "2026-03-01T11:00:00Z", "annotations": {
            "storage.rustfs.com/template-hash": "old",
        }},
        "spec": {"nodeName": "n1", "containers": []},
        "status": status,
    }))
}

fn serves(name: &str) -> Pod {
    let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T11:10:00Z"});
    pod(name, json!({"conditions": [ready]}))
}

fn claim(name: &str, phase: &str, size: &str) -> PersistentVolumeClaim {
    object(json!({
        "metadata": {"name": name, "creationTimestamp": "2026-03-01T11:50:00Z"},
        "spec": {"storageClassName": "fast"},
        "status": {"phase": phase, "capacity": {"storage": size}},
    }))
}

fn claims(pool: &str) -> Vec<PersistentVolumeClaim> {
    let names = (0..2).flat_map(|server| (0..2).map(move |drive| (server, drive)));
    names
        .map(|(server, drive)| claim(&format!("data-{drive}-store-{pool}-{server}"), "Bound", "2Gi"))
        .collect()
}

/// A store of one Pool that serves.
fn serving() -> Seen {
    Seen {
        now: now(),
        namespace: "shop".to_owned(),
        tenant: tenant(fine("all servers serve")),
        pools: vec![pool("a", fine("2 servers serve"))],
        pods: vec![serves("store-a-0"), serves("store-a-1")],
        claims: claims("a"),
        ..Seen::default()
    }
}

fn told(subject: &str, seen: &Seen) -> String {
    let subject = Subject::parse(&[subject.to_owned()]).unwrap();
    text(&explain(&subject, seen).unwrap(), now())
}

#[test]
fn a_store_that_is_fine_is_one_line() {
    insta::assert_snapshot!(told("tenant/store", &serving()), @"tenant/store ready for 3d: all servers serve (4/4 servers)");
    insta::assert_snapshot!(told("rp/a", &serving()), @"pool/a ready for 3d: 2 servers serve");
}

#[test]
fn a_pool_that_waits_for_its_tenant_names_it() {
    let message = "there is no Tenant store in this namespace yet; the Pool goes on when it is created";
    let waiting = open("TenantFound", "TenantMissing", message, false);
    let seen = Seen {
        tenant: None,
        pools: vec![bare("a", waiting)],
        pods: Vec::new(),
        ..serving()
    };
    insta::assert_snapshot!(told("pool/a", &seen));
}

#[test]
fn a_pool_that_is_refused_shows_under_a_tenant_that_is_fine() {
    let mut seen = serving();
    let refused = open(
        "Accepted",
        "LayoutInvalid",
        "spec.servers: 3 drives make no set",
        true,
    );
    seen.pools.push(bare("late", refused));
    insta::assert_snapshot!(told("tenant/store", &seen));
}

#[test]
fn volumes_that_are_not_bound_are_named_with_their_class() {
    let message = "1 of 4 volumes are not bound: data-1-store-a-1 (Pending)";
    let mut seen = Seen {
        pools: vec![pool("a", open("StorageReady", "VolumesPending", message, false))],
        ..serving()
    };
    seen.claims[3] = claim("data-1-store-a-1", "Pending", "0");
    let text = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims";
    let scheduled = json!({"type": "PodScheduled", "status": "False", "message": text});
    seen.pods[1] = pod("store-a-1", json!({"conditions": [scheduled]}));
    insta::assert_snapshot!(told("pool/a", &seen));
}

#[test]
fn a_volume_that_grows_is_named_although_its_server_serves() {
    let message = "1 volumes have not reached 2Gi yet: data-0-store-a-0 has 1Gi";
    let mut seen = Seen {
        pools: vec![pool("a", open("StorageReady", "VolumesGrowing", message, false))],
        ..serving()
    };
    seen.claims[0] = claim("data-0-store-a-0", "Bound", "1Gi");
    insta::assert_snapshot!(told("pool/a", &seen));
}

#[test]
fn a_server_that_does_not_start_is_told_in_the_words_of_its_container() {
    let mut seen = serving();
    seen.tenant = tenant(open(
        "PoolsReady",
        "ServersNotReady",
        "Pool a: 1 of 2 servers are ready",
        false,
    ));
    let message = "1 of 2 servers are ready; store-a-1: CrashLoopBackOff";
    seen.pools = vec![pool(
        "a",
        open("WorkloadReady", "ServersNotReady", message, false),
    )];
    seen.pods[1] = pod(
        "store-a-1",
        json!({
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "False", "lastTransitionTime": "2026-03-01T11:57:00Z"},
            ],
            "containerStatuses": [{
                "name": "rustfs", "image": "", "imageID": "", "ready": false, "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such disk\n"}},
            }],
        }),
    );
    insta::assert_snapshot!(told("tenant/store", &seen));
}

#[test]
fn a_drain_that_failed_says_what_a_person_can_do_and_one_that_runs_how_far_it_is() {
    let failed = open(
        "Drained",
        "DrainFailed",
        "the servers gave up (photos/a). Call the drain off",
        true,
    );
    let runs = open(
        "Drained",
        "Draining",
        "12 objects with 4096 bytes have moved to the other Pools",
        false,
    );
    let waits = open(
        "Accepted",
        "JoinWaits",
        "Pool b is being drained: it is taken in afterwards",
        false,
    );
    let mut seen = serving();
    seen.pools = vec![pool("a", failed), pool("b", runs), bare("c", waits)];
    seen.pods.extend([serves("store-b-0"), serves("store-b-1")]);
    seen.claims.extend(claims("b"));
    seen.tenant = tenant(open(
        "PoolsReady",
        "PoolsNotReady",
        "Pool b is drained: its status tells how far",
        false,
    ));
    insta::assert_snapshot!(told("tenant/store", &seen));
}

#[test]
fn a_drain_that_is_begun_again_by_itself_asks_nothing_of_a_person() {
    let mut seen = serving();
    let mut failed = pool("a", open("Drained", "DrainFailed", "It is begun again", false));
    let drain = json!({
        "state": "failed", "objects": 1, "bytes": 1, "percent": 1, "failedObjects": 0, "retries": 1,
        "retryAt": "2026-03-01T12:01:00Z",
    });
    failed.status.as_mut().unwrap().drain = Some(object(drain));
    seen.pools = vec![failed];
    let told = told("pool/a", &seen);
    assert!(
        told.contains("waits for: the time at which it is begun again"),
        "{told}"
    );
    assert!(!told.contains("next:"), "{told}");
}

#[test]
fn a_deletion_that_waits_for_a_word_names_the_command() {
    let message = "it holds objects: to delete them all, kubectl -n shop annotate tenant store x=y";
    let mut held = tenant(open("DeletionAllowed", "DataFound", message, true)).unwrap();
    held.metadata.deletion_timestamp = Some(object(json!("2026-03-01T11:59:00Z")));
    let seen = Seen {
        tenant: Some(held),
        ..serving()
    };
    insta::assert_snapshot!(told("tenant/store", &seen));
}

#[test]
fn a_container_that_cannot_prepare_the_drives_is_told() {
    let mut seen = serving();
    seen.pools = vec![pool(
        "a",
        open(
            "WorkloadReady",
            "ServersNotReady",
            "1 of 2 servers are ready",
            false,
        ),
    )];
    seen.pods[1] = pod(
        "store-a-1",
        json!({
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
            "initContainerStatuses": [{
                "name": "prepare", "image": "", "imageID": "", "ready": false, "restartCount": 2,
                "state": {"waiting": {"reason": "RunContainerError", "message": "mkdir: no such file"}},
            }],
            "containerStatuses": [{
                "name": "rustfs", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "PodInitializing"}},
            }],
        }),
    );
    insta::assert_snapshot!(told("pool/a", &seen));
}

#[test]
fn while_servers_are_replaced_the_turn_is_named() {
    let mut seen = serving();
    seen.tenant = tenant(open(
        "None",
        "RollingOut",
        "Pool a replaces outdated servers",
        false,
    ));
    let outdated = |message| open("WorkloadReady", "ServersOutdated", message, false);
    seen.pools = vec![
        pool(
            "a",
            outdated("1 of 2 servers run what is asked for; the others are replaced one at a time"),
        ),
        pool(
            "b",
            outdated("0 of 2 servers run what is asked for; the others are replaced one at a time"),
        ),
    ];
    seen.pods.extend([serves("store-b-0"), serves("store-b-1")]);
    seen.claims.extend(claims("b"));
    let set = |name: &str, hash: &str| -> StatefulSet {
        let annotations = json!({"storage.rustfs.com/template-hash": hash});
        object(json!({"metadata": {"name": name, "annotations": annotations}}))
    };
    seen.stateful_sets = vec![set("store-a", "old"), set("store-b", "new")];
    seen.topology = Some(Topology {
        turn: Some("a".to_owned()),
        ..Topology::default()
    });
    seen.pods.remove(1);
    insta::assert_snapshot!(told("tenant/store", &seen));
}

#[test]
fn a_deletion_names_what_is_left() {
    let mut seen = serving();
    let mut going = pool(
        "a",
        open("None", "Deleting", "waiting for 1 servers to stop", false),
    );
    going.metadata.deletion_timestamp = Some(object(json!("2026-03-01T11:59:00Z")));
    seen.pools = vec![going];
    seen.pods.remove(0);
    seen.pods[0].metadata.deletion_timestamp = Some(object(json!("2026-03-01T11:59:30Z")));
    insta::assert_snapshot!(told("pool/a", &seen));
}

#[test]
fn a_paused_tenant_is_told_how_to_go_on() {
    let seen = Seen {
        tenant: tenant(open(
            "None",
            "Paused",
            "spec.paused is true, nothing is changed",
            false,
        )),
        ..serving()
    };
    insta::assert_snapshot!(told("tenant/store", &seen));
}

#[test]
fn a_certificate_that_a_person_must_mend_says_how() {
    let spec = json!({"tenantRef": {"name": "store"}});
    let message = "spec.issuer.ca.secretRef: Secret ca has no key ca.key";
    let seen = Seen {
        certificates: vec![object(thing(
            "TenantCertificate",
            "edge",
            spec,
            open("Issued", "CaIncomplete", message, true),
        ))],
        ..serving()
    };
    insta::assert_snapshot!(told("rtc/edge", &seen));
}

#[test]
fn an_object_the_operator_never_saw_asks_for_the_operator() {
    let mut seen = serving();
    seen.pools[0].status = None;
    seen.pods.clear();
    insta::assert_snapshot!(told("pool/a", &seen));
    let mut seen = serving();
    seen.pools[0].metadata.generation = Some(2);
    insta::assert_snapshot!(told("pools.storage.rustfs.com/a", &seen));
}

#[test]
fn a_program_reads_the_same_as_json() {
    let message = "no Pool is in the topology";
    let seen = Seen {
        tenant: tenant(open("PoolsReady", "NoPools", message, false)),
        pools: Vec::new(),
        ..serving()
    };
    let subject = Subject::parse(&["rt".to_owned(), "store".to_owned()]).unwrap();
    insta::assert_snapshot!(json(&explain(&subject, &seen).unwrap()));
}

#[test]
fn what_cannot_be_explained_is_said() {
    let parse =
        |words: &[&str]| Subject::parse(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
    assert!(
        parse(&["pod/x"])
            .unwrap_err()
            .starts_with("pod is none of the kinds")
    );
    for words in [&["store"][..], &["tenant/"], &["tenant", "a", "b"], &[]] {
        assert!(
            parse(words).unwrap_err().starts_with("name one object"),
            "{words:?}"
        );
    }
    assert_eq!(explain(&parse(&["pool/none"]).unwrap(), &serving()), None);
}
