use super::*;
use crate::testing::{Answer, refusal, server};
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::runtime::reflector::ObjectRef;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

use crate::run::locked;
use crate::testing::until;

fn node(version: &str, zone: &str) -> Node {
    let value = json!({"metadata": {
        "name": "n", "uid": "u", "resourceVersion": version, "labels": {"zone": zone},
    }});
    serde_json::from_value(value).unwrap()
}

fn list() -> Value {
    json!({"apiVersion": "v1", "kind": "NodeList", "metadata": {"resourceVersion": "9"}, "items": [node("7", "a")]})
}

fn list_of(hub: &Hub<Node>, node: Node) {
    let mut listing = hub::Listing::default();
    hub.listed(&mut listing, Ok(node));
    hub.replace(listing);
}

fn everyone(_: &Node) -> [ObjectRef<ConfigMap>; 1] {
    [ObjectRef::new("a").within("ns")]
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_may_not_be_seen_is_no_failure_and_is_seen_once_it_may_be() {
    let permitted = Arc::new(Mutex::new(false));
    let answers = permitted.clone();
    let (env, record) = server(move |asked| match *locked(&answers) {
        false => refusal(403, "Forbidden", "no"),
        true if asked.uri.contains("watch=true") => Answer::Json(200, Value::Null),
        true => Answer::Json(200, list()),
    });
    // A kind of the cluster is asked for in the whole cluster, whatever the scope.
    let mut watches = Watches::new(&env, Scope::Namespace("ns".to_owned()));
    let nodes = watches.cluster::<Node>(|node| node);
    let mut wakes = nodes.wakes_on_access::<ConfigMap, _>(|| [ObjectRef::new("a").within("ns")]);
    let readiness = watches.readiness();
    let running = tokio::spawn(watches.start());
    readiness.until_filled().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(readiness.problems(), Vec::<String>::new());
    assert!(nodes.all().is_none());
    assert!(record.lines().iter().all(|line| line == "GET /api/v1/nodes"));
    let asked = record.lines().len();
    assert!(
        (9..=12).contains(&asked),
        "once a minute, not {asked} times in ten"
    );
    assert_eq!(wakes.next().await.unwrap().target.name, "a");
    *locked(&permitted) = true;
    until_later(|| nodes.all().is_some()).await;
    assert_eq!(nodes.all().unwrap().len(), 1);
    assert_eq!(wakes.next().await.unwrap().target.name, "a");
    *locked(&permitted) = false;
    until_later(|| nodes.all().is_none()).await;
    assert!(nodes.references().is_empty());
    running.abort();
}

/// As [`until`], over the time until a right is looked for again.
async fn until_later(holds: impl Fn() -> bool) {
    tokio::time::sleep(Duration::from_secs(61)).await;
    until(holds).await;
}

#[tokio::test]
async fn a_version_in_which_nothing_that_is_kept_has_changed_wakes_nobody() {
    let health = Arc::new(Health::new("Node"));
    let hub = Arc::new(Hub::new(
        (),
        health,
        Shelf::new(labelled, Some(Packing::json())),
        Some(same_but_version::<Node>),
    ));
    let source = Source::of(hub.clone());
    let heard = Arc::new(Mutex::new(0));
    let count = heard.clone();
    let _wakes = source.wakes::<ConfigMap, _>(move |node| {
        *locked(&count) += 1;
        everyone(node)
    });
    let told = || std::mem::take(&mut *locked(&heard));
    hub.there(Ok(node("1", "a")));
    assert_eq!(told(), 1, "it is new");
    hub.there(Ok(node("2", "a")));
    list_of(&hub, node("3", "a"));
    assert_eq!(told(), 0, "only its version has changed");
    assert_eq!(
        source.all().unwrap()[0].metadata.resource_version.as_deref(),
        Some("3")
    );
    hub.there(Ok(node("4", "b")));
    assert_eq!(told(), 1, "its zone has changed");
    list_of(&hub, node("5", "c"));
    assert_eq!(told(), 1, "its zone has changed while nobody watched");
    hub.gone(Ok(node("6", "c")));
    assert_eq!(told(), 1, "it is gone");
}

#[tokio::test]
async fn what_was_there_before_wakes_nobody_and_what_changes_afterwards_does() {
    let health = Arc::new(Health::new("Node"));
    let hub = Arc::new(Hub::new((), health, Shelf::new(labelled, None), None));
    hub.there(Ok(node("1", "a")));
    let mut wakes = Source::of(hub.clone()).wakes(everyone);
    assert!(wakes.next().now_or_never().is_none());
    hub.there(Ok(node("2", "a")));
    let cause = wakes.next().await.unwrap().cause;
    assert_eq!(cause, Some(("u".to_owned(), "2".to_owned())));
}
