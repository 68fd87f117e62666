use std::sync::Mutex;

use crds::Tenant;
use futures::stream;
use k8s_openapi::api::core::v1::Node;
use kube::core::DeserializeGuard;
use serde_json::{Value, json};

use super::super::health::{Health, Readiness};
use super::super::pack::Packing;
use super::super::shelf::{Shelf, labelled};
use super::super::{Scope, Watches};
use super::*;
use crate::run::locked;
use crate::testing::{Answer, refusal, server, until};

type Nodes = Flow<DeserializeGuard<Node>, Node>;

/// A watch whose store is filled, and its health.
fn filled(env: &Env) -> (Nodes, Readiness) {
    let health = Arc::new(Health::new("Node"));
    health.heard(Some("9"));
    health.fill();
    let shelf = Shelf::new(labelled, Some(Packing::json()));
    let flow = Flow {
        env: env.clone(),
        url: "/api/v1/nodes".to_owned(),
        selector: None,
        hub: Arc::new(Hub::new((), health.clone(), shelf, None)),
        parse: Box::new(|guard: DeserializeGuard<Node>| guard.0.map_err(Box::new)),
        tolerates: Tolerates::Nothing,
        rejected: AtomicI64::default(),
    };
    (flow, Readiness::new(env.clone(), vec![health]))
}

fn broken() -> Events<DeserializeGuard<Node>> {
    let error = kube::Error::Service("a proxy".into());
    stream::iter([Err(error)]).boxed()
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_as_soon_as_it_opens_stays_cut() {
    let (env, _) = server(|_| Answer::Silence);
    let (flow, readiness) = filled(&env);
    let mut at = "9".to_owned();
    flow.hub.health.cut("a proxy".to_owned());
    for _ in 0..40 {
        flow.follow(broken(), &mut at).await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(readiness.problems().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_open_and_has_nothing_to_say_is_not_cut() {
    let (env, _) = server(|_| Answer::Silence);
    let (flow, readiness) = filled(&env);
    let mut at = "9".to_owned();
    flow.hub.health.cut("a proxy".to_owned());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(readiness.problems().len(), 1);
    let silent = flow.follow(stream::pending().boxed(), &mut at);
    assert!(timeout(Duration::from_secs(3), silent).await.is_err());
    assert_eq!(readiness.problems(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_no_watch_can_get_past_is_listed() {
    let (env, record) = server(|asked| {
        if asked.uri.contains("watch=true") {
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "reason": "x", "message": "x"});
            return Answer::Json(200, json!({"type": "ERROR", "object": status}));
        }
        Answer::Json(200, json!({"metadata": {"resourceVersion": "9"}, "items": []}))
    });
    let mut watches = Watches::new(&env, Scope::All);
    let _nodes = watches.cluster::<Node>(|node| node);
    let running = tokio::spawn(watches.start());
    until(|| record.all().len() >= 13).await;
    running.abort();
    let lists: Vec<usize> = (0..13)
        .filter(|at| !record.all()[*at].uri.contains("watch=true"))
        .collect();
    assert_eq!(lists, [0, 6, 12]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_not_asked_for_lists() {
    let (env, record) = server(|asked| {
        if asked.uri.contains("watch=true") {
            return refusal(503, "ServiceUnavailable", "later");
        }
        Answer::Json(200, json!({"metadata": {"resourceVersion": "9"}, "items": []}))
    });
    let mut watches = Watches::new(&env, Scope::All);
    let _nodes = watches.cluster::<Node>(|node| node);
    let running = tokio::spawn(watches.start());
    until(|| record.all().len() >= 13).await;
    running.abort();
    let asked = record.all();
    let lists = asked.iter().filter(|one| !one.uri.contains("watch=true"));
    assert_eq!(lists.count(), 1);
}

fn node(name: &str) -> Value {
    json!({"metadata": {"name": name, "uid": name, "resourceVersion": "7"}})
}

/// The names that are shown after a list was answered by these pages, one after the other.
async fn shown_after(pages: Vec<Value>) -> (Result<String, ()>, Vec<String>) {
    let pages = Mutex::new(pages.into_iter());
    let (env, _) = server(move |_| Answer::Json(200, locked(&pages).next().unwrap()));
    let (flow, _) = filled(&env);
    let known = serde_json::from_value(node("known")).unwrap();
    flow.hub.there(Ok(known));
    let listed = flow.list().await.map_err(drop);
    let names = flow.hub.shelf.names().into_iter().map(|(_, name)| name);
    (listed, names.collect())
}

#[tokio::test]
async fn a_list_shows_the_objects_of_all_its_pages() {
    let first =
        json!({"metadata": {"resourceVersion": "9", "continue": "t"}, "items": [node("a"), node("b")]});
    let last = json!({"metadata": {"resourceVersion": "9"}, "items": [node("c")]});
    let (listed, shown) = shown_after(vec![first, last]).await;
    assert_eq!(listed, Ok("9".to_owned()));
    assert_eq!(shown, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_list_of_nothing_may_be_null() {
    for nothing in [json!([]), json!(null)] {
        let page = json!({"metadata": {"resourceVersion": "9"}, "items": nothing});
        let (listed, shown) = shown_after(vec![page]).await;
        assert_eq!((listed, shown.len()), (Ok("9".to_owned()), 0));
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_read_to_its_end_deletes_nothing() {
    let first = json!({"metadata": {"resourceVersion": "9", "continue": "t"}, "items": [node("a")]});
    for broken in [
        json!({"metadata": {"resourceVersion": "9"}}),
        json!({"items": []}),
        json!({"metadata": {}, "items": []}),
        json!({"metadata": {"resourceVersion": "9"}, "items": {}}),
        json!({"metadata": {"resourceVersion": "9"}, "items": [7]}),
        json!(null),
    ] {
        for pages in [vec![broken.clone()], vec![first.clone(), broken.clone()]] {
            let (listed, shown) = shown_after(pages).await;
            assert_eq!((listed, shown), (Err(()), vec!["known".to_owned()]), "{broken}");
        }
    }
}

/// Of the metric.
fn rejected(env: &Env, kind: &str) -> Option<String> {
    let start = format!("rustfs_operator_objects_rejected{{kind=\"{kind}\"}} ");
    let text = env.metrics().text();
    let mut counts = text.lines().filter_map(|line| line.strip_prefix(&start));
    counts.next().map(str::to_owned)
}

fn tenant(name: &str, version: &str, spec: &Value) -> Value {
    json!({"apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant", "spec": spec,
           "metadata": {"name": name, "namespace": "ns", "uid": name, "resourceVersion": version}})
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_mended_or_gone_is_no_longer_counted_as_rejected() {
    let bad = json!({"image": 7});
    let events = Mutex::new(vec![
        json!({"type": "DELETED", "object": tenant("b", "8", &bad)}),
        json!({"type": "MODIFIED", "object": tenant("a", "7", &json!({}))}),
    ]);
    let list = json!({"metadata": {"resourceVersion": "6"}, "items": [tenant("a", "4", &bad), tenant("b", "5", &bad)]});
    let (env, _) = server(move |asked| match asked.uri.contains("watch=true") {
        true => locked(&events)
            .pop()
            .map_or(Answer::Silence, |event| Answer::Json(200, event)),
        false => Answer::Json(200, list.clone()),
    });
    let mut watches = Watches::new(&env, Scope::All);
    let _tenants = watches.primary::<Tenant>(|_| None);
    let running = tokio::spawn(watches.start());
    for count in ["1", "0"] {
        until(|| rejected(&env, "Tenant").as_deref() == Some(count)).await;
    }
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_may_no_longer_be_seen_is_no_longer_counted_as_rejected() {
    let list =
        json!({"metadata": {"resourceVersion": "6"}, "items": [{"metadata": {"name": "n"}, "spec": 7}]});
    let (env, _) = server(move |asked| match asked.uri.contains("watch=true") {
        true => refusal(403, "Forbidden", "no"),
        false => Answer::Json(200, list.clone()),
    });
    let mut watches = Watches::new(&env, Scope::All);
    let nodes = watches.cluster::<Node>(|node| node);
    let running = tokio::spawn(watches.start());
    until(|| nodes.all().is_none()).await;
    assert_eq!(rejected(&env, "Node").as_deref(), Some("0"));
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn two_watches_of_a_kind_are_counted_together() {
    let (env, _) = server(|_| Answer::Silence);
    let ((one, _), (other, _)) = (filled(&env), filled(&env));
    let mut at = "9".to_owned();
    let raw = |spec: Value| {
        let object = json!({"metadata": {"name": "n", "resourceVersion": "10"}, "spec": spec});
        serde_json::from_value(json!({"type": "MODIFIED", "object": object})).unwrap()
    };
    one.hear(raw(json!(7)), &mut at);
    other.hear(raw(json!({})), &mut at);
    assert_eq!(rejected(&env, "Node").as_deref(), Some("1"));
    one.hear(raw(json!({})), &mut at);
    assert_eq!(rejected(&env, "Node").as_deref(), Some("0"));
}
