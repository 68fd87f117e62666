use super::*;
use crate::env::Env;
use crate::run::locked;
use crate::shutdown::Shutdown;
use crate::testing::{Answer, server, until};
use crate::watch::{Scope, Watches};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::reflector::ObjectRef;
use serde_json::json;
use std::sync::Mutex;
use tokio::time::Instant;

/// What the reconciler does at each run, and when it ran.
struct Script {
    runs: Arc<Mutex<Vec<Instant>>>,
    act: fn(usize) -> Result<Next, Error>,
}

impl Reconciler for Script {
    type Object = ConfigMap;
    const NAME: &'static str = "tenant";

    async fn reconcile(&self, _: &ConfigMap) -> Result<Next, Error> {
        let count = {
            let mut runs = locked(&self.runs);
            runs.push(Instant::now());
            runs.len()
        };
        if count >= 1000 {
            return std::future::pending().await;
        }
        (self.act)(count)
    }
}

fn config_map() -> ConfigMap {
    serde_json::from_value(json!({"metadata": {
        "name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "1", "generation": 1,
    }}))
    .unwrap()
}

struct Running {
    runs: Arc<Mutex<Vec<Instant>>>,
    env: Env,
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

fn start(act: fn(usize) -> Result<Next, Error>) -> Running {
    let (env, _) = server(|_| Answer::Silence);
    let runs = Arc::new(Mutex::new(Vec::new()));
    let shutdown = Shutdown::new();
    let script = Script {
        runs: runs.clone(),
        act,
    };
    let task = tokio::spawn(run(
        script,
        Source::holding(vec![config_map()]),
        Vec::new(),
        Kit::new(&env, "tenant"),
        Config::default(),
        shutdown.begun(),
    ));
    Running {
        runs,
        env,
        shutdown,
        task,
    }
}

fn gaps(runs: &[Instant]) -> Vec<Duration> {
    runs.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_a_success_resets_them() {
    let running = start(|count| match count {
        5 => Ok(Next::After(Duration::from_secs(1))),
        6 => Ok(Next::Retry),
        7.. => Ok(Next::Resync),
        _ => Ok(Next::Retry),
    });
    until(|| locked(&running.runs).len() >= 7).await;
    let gaps = gaps(&locked(&running.runs));
    for (gap, most) in gaps.iter().zip([200, 400, 800, 1600]) {
        assert!(
            *gap >= Duration::from_millis(most / 2) && *gap <= Duration::from_millis(most + 50),
            "{gap:?} for {most} ms"
        );
    }
    assert!(gaps[5] <= Duration::from_millis(250), "reset: {:?}", gaps[5]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_and_the_controller_goes_on() {
    let running = start(|count| match count {
        1 => panic!("on purpose"),
        _ => Ok(Next::Resync),
    });
    until(|| locked(&running.runs).len() >= 2).await;
    let text = running.env.metrics().text();
    assert!(
        text.contains("rustfs_operator_reconcile_errors_total{controller=\"tenant\",reason=\"Panicked\"} 1"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_quiet_is_looked_at_again_at_the_resync() {
    let running = start(|_| Ok(Next::Resync));
    until(|| locked(&running.runs).len() == 1).await;
    tokio::time::sleep(Duration::from_secs(301)).await;
    let gap = gaps(&locked(&running.runs))[0];
    assert!(
        gap >= Duration::from_secs(150) && gap <= Duration::from_secs(301),
        "{gap:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_controller_once_nothing_runs() {
    let running = start(|_| Ok(Next::Resync));
    until(|| locked(&running.runs).len() == 1).await;
    running.shutdown.begin();
    running.task.await.unwrap().unwrap();
}

/// A reconciler that works for ever and tells when its work is dropped.
struct Endless {
    begun: Arc<tokio::sync::Notify>,
    ended: Arc<tokio::sync::Notify>,
}

struct OnDrop(Arc<tokio::sync::Notify>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Reconciler for Endless {
    type Object = ConfigMap;
    const NAME: &'static str = "tenant";

    async fn reconcile(&self, _: &ConfigMap) -> Result<Next, Error> {
        let _told = OnDrop(self.ended.clone());
        self.begun.notify_one();
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_cut_off_leaves_no_reconcile_running() {
    let (env, _) = server(|_| Answer::Silence);
    let (begun, ended) = (Arc::default(), Arc::default());
    let endless = Endless {
        begun: Arc::clone(&begun),
        ended: Arc::clone(&ended),
    };
    let config = Config {
        deadline: Duration::from_secs(3600),
        ..Config::default()
    };
    let source = Source::holding(vec![config_map()]);
    let kit = Kit::new(&env, "tenant");
    let task = tokio::spawn(run(
        endless,
        source,
        Vec::new(),
        kit,
        config,
        std::future::pending(),
    ));
    begun.notified().await;
    task.abort();
    let _ = task.await;
    let at_once = tokio::time::timeout(Duration::from_millis(1), ended.notified());
    assert!(at_once.await.is_ok(), "it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_watch_lists_resumes_and_wakes_for_deletions() {
    let item = |name: &str, version: &str| json!({"metadata": {"name": name, "namespace": "ns", "uid": name, "resourceVersion": version}});
    let lists = Mutex::new(vec![
        json!({"metadata": {"resourceVersion": "30"}, "items": [item("b", "20")]}),
        json!({"metadata": {"resourceVersion": "12"}, "items": [item("a", "10"), item("b", "11")]}),
    ]);
    let (env, record) = server(move |asked| {
        if asked.uri.contains("watch=true") {
            return crate::testing::refusal(410, "Expired", "too old");
        }
        match locked(&lists).pop() {
            Some(list) => Answer::Json(200, list),
            None => Answer::Silence,
        }
    });
    let mut watches = Watches::new(&env, Scope::Namespace("ns".to_owned()));
    let source = watches.metadata::<ConfigMap>(Some("a=b"));
    let mut wakes = source.wakes::<ConfigMap, _>(|object| {
        [ObjectRef::new(object.metadata.name.as_deref().unwrap_or_default()).within("ns")]
    });
    let readiness = watches.readiness();
    let watching = tokio::spawn(watches.start());
    readiness.until_filled().await;
    let mut woken = Vec::new();
    while woken.len() < 4 {
        let wake = tokio::time::timeout(Duration::from_secs(5), wakes.next())
            .await
            .expect("a wake in time")
            .unwrap();
        woken.push((wake.target.name, wake.cause.unwrap().1));
    }
    woken[..2].sort();
    assert_eq!(
        woken[..2],
        [
            ("a".to_owned(), "10".to_owned()),
            ("b".to_owned(), "11".to_owned())
        ]
    );
    woken[2..].sort();
    assert_eq!(
        woken[2..],
        [
            ("a".to_owned(), "10".to_owned()),
            ("b".to_owned(), "20".to_owned())
        ],
        "a is gone, b changed"
    );
    assert!(source.get("ns", "a").is_none());
    assert!(record.all()[0].uri.contains("labelSelector=a%3Db"));
    watching.abort();
}
