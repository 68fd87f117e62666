use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use admin::{Info, PoolEntry, StorageInfo};
use crds::{Tenant, TenantMonitor};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use kit::Source;
use kit::serve::TenantMetrics;
use plan::monitor::Collection;
use plan::monitor::figures::{Answer, Drive, Reading, samples};
use serde_json::json;

use super::convert;
use super::exporter::{Exporter, Job, Key, Read};
use crate::store::{Access, Fault};

fn monitor() -> TenantMonitor {
    serde_json::from_value(json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "TenantMonitor",
        "metadata": {"name": "watcher", "namespace": "shop", "uid": "m-1"},
        "spec": {"tenantRef": {"name": "store"}},
    }))
    .unwrap()
}

fn tenant() -> Tenant {
    serde_json::from_value(json!({
        "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant",
        "metadata": {"name": "store", "namespace": "shop", "uid": "t-1"}, "spec": {},
    }))
    .unwrap()
}

fn job(uid: &str) -> Job {
    Job {
        uid: uid.into(),
        tenant: "store".into(),
        every: Duration::from_millis(10),
    }
}

/// Gives these answers one after the other, then the last one again and again.
struct Script(Mutex<VecDeque<Result<Answer, Fault>>>);

impl Script {
    fn of(answers: impl IntoIterator<Item = Result<Answer, Fault>>) -> Self {
        Self(Mutex::new(answers.into_iter().collect()))
    }
}

impl Read for Script {
    fn read<'a>(&'a self, _: &'a Tenant, _: &'a mut Option<Access>) -> BoxFuture<'a, Result<Answer, Fault>> {
        async {
            let mut left = self.0.lock().unwrap();
            if left.len() > 1 {
                left.pop_front().unwrap()
            } else {
                left.front().unwrap().clone()
            }
        }
        .boxed()
    }
}

fn fault(detail: &str) -> Fault {
    Fault {
        reason: "Unreachable",
        message: "no answer".into(),
        detail: detail.into(),
    }
}

fn exporter(reader: impl Read) -> Exporter {
    Exporter::new(
        Source::holding(vec![monitor()]),
        Source::holding(vec![tenant()]),
        reader,
    )
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), what)
        .await
        .expect("took longer than 10 s")
}

async fn until(holds: impl Fn() -> bool) {
    within(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_controller_is_woken_when_the_verdict_changes_and_only_then() {
    let script = [
        Err(fault("first")),
        Err(fault("another address")),
        Ok(Answer::default()),
        Ok(Answer::default()),
        Err(fault("third")),
    ];
    let exporter = exporter(Script::of(script));
    let mut wakes = exporter.wakes();
    let key = Key::of(&monitor());
    exporter.keep(key.clone(), Some(job("m-1")));
    for _ in 0..3 {
        assert_eq!(within(wakes.next()).await.unwrap().target.name, "watcher");
    }
    let more = tokio::time::timeout(Duration::from_millis(100), wakes.next()).await;
    assert!(more.is_err(), "the last answer stays the same");
    assert!(matches!(
        exporter.collection(&key),
        Collection::Failing {
            reason: "Unreachable",
            ..
        }
    ));
}

#[tokio::test]
async fn a_page_is_there_for_every_monitor_and_empty_until_it_is_read_here() {
    let exporter = exporter(Script::of([Ok(Answer::default())]));
    assert_eq!(exporter.text("shop", "nobody"), None);
    assert_eq!(exporter.text("shop", "watcher").as_deref(), Some(""));
    exporter.keep(Key::of(&monitor()), Some(job("m-1")));
    let up = "rustfs_tenant_up{namespace=\"shop\",tenant=\"store\",monitor=\"watcher\"} 1\n";
    until(|| {
        exporter
            .text("shop", "watcher")
            .is_some_and(|page| page.contains(up))
    })
    .await;
    exporter.keep(Key::of(&monitor()), None);
    assert_eq!(exporter.text("shop", "watcher").as_deref(), Some(""));
}

#[tokio::test]
async fn a_loop_of_a_monitor_that_was_made_anew_ends_by_itself() {
    let exporter = exporter(Script::of([Ok(Answer::default())]));
    let mut wakes = exporter.wakes();
    exporter.keep(Key::of(&monitor()), Some(job("an older one")));
    let woken = tokio::time::timeout(Duration::from_millis(100), wakes.next()).await;
    assert!(woken.is_err());
    assert_eq!(exporter.text("shop", "watcher").as_deref(), Some(""));
}

#[tokio::test]
async fn another_interval_keeps_the_verdict() {
    let exporter = exporter(Script::of([Ok(Answer::default())]));
    let key = Key::of(&monitor());
    exporter.keep(key.clone(), Some(job("m-1")));
    until(|| exporter.collection(&key) == Collection::Answering).await;
    let slower = Job {
        every: Duration::from_secs(3600),
        ..job("m-1")
    };
    exporter.keep(key.clone(), Some(slower));
    assert_eq!(exporter.collection(&key), Collection::Answering);
    assert!(
        exporter
            .text("shop", "watcher")
            .is_some_and(|page| !page.is_empty())
    );
}

fn recorded() -> Answer {
    let storage: StorageInfo =
        serde_json::from_str(include_str!("../admin/fixtures/storageinfo.json")).unwrap();
    let info: Info = serde_json::from_str(include_str!("../admin/fixtures/info.json")).unwrap();
    let pools: Vec<PoolEntry> =
        serde_json::from_str(include_str!("../admin/fixtures/pools-list.json")).unwrap();
    convert::answer(&storage, &info, &pools)
}

#[test]
fn figures_of_the_recorded_answers_agree_with_each_other() {
    let reading = Reading {
        seconds: 0.1,
        last_success: None,
        answer: Some(recorded()),
    };
    let samples = samples("store", &reading);
    let value = |name: &str, labels: &[&str]| {
        samples
            .iter()
            .find(|sample| sample.metric.name == name && sample.labels == labels)
            .map(|sample| sample.value as u64)
    };
    assert_eq!(value("rustfs_tenant_up", &[]), Some(1));
    assert_eq!(value("rustfs_tenant_drives", &["online"]), Some(4));
    assert_eq!(value("rustfs_tenant_drives", &["offline"]), Some(0));
    assert_eq!(value("rustfs_tenant_servers", &["online"]), Some(1));
    assert_eq!(
        value("rustfs_tenant_erasure_set_drives_online", &["0", "0"]),
        Some(4)
    );
    assert_eq!(value("rustfs_tenant_erasure_set_parity", &["0", "0"]), Some(2));
    assert_eq!(
        value("rustfs_tenant_erasure_set_write_quorum", &["0", "0"]),
        Some(3)
    );
    let (raw, usable) = (
        value("rustfs_tenant_capacity_raw_bytes", &[]),
        value("rustfs_tenant_capacity_usable_bytes", &[]),
    );
    assert!(
        raw.is_some() && raw == usable.map(|bytes| bytes * 2),
        "{raw:?} {usable:?}"
    );
    let drives = samples
        .iter()
        .filter(|sample| sample.metric.name == "rustfs_tenant_drive_total_bytes")
        .count();
    assert_eq!(drives, 4);
}

#[test]
fn an_index_the_server_does_not_know_is_none() {
    let storage: StorageInfo = serde_json::from_value(json!({
        "info": {"disks": [{"state": "offline", "pool_index": -1, "set_index": -1, "disk_index": -1}]}
    }))
    .unwrap();
    let answer = convert::answer(
        &storage,
        &serde_json::from_value::<Info>(json!({"info": {}})).unwrap(),
        &[],
    );
    let lost = Drive {
        state: "offline".into(),
        ..Drive::default()
    };
    assert_eq!(answer.drives, [lost]);
}
