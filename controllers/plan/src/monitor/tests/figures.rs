//! What servers' answers become in the text that Prometheus reads.

use proptest::prelude::*;

use crate::monitor::catalogue;
use crate::monitor::figures::{Answer, Drain, Drive, Layout, Pool, Reading, samples, write_quorum};
use crate::monitor::text::{Common, render};

fn degraded() -> Reading {
    let drive = |server: usize, state: &str| Drive {
        pool: Some(0),
        set: Some(0),
        endpoint: format!("http://store-p0-{server}.store-hl.shop.svc.cluster.local:9000/data/rustfs0"),
        state: state.into(),
        healing: server == 1,
        total: if state == "ok" { 1000 } else { 0 },
        used: if state == "ok" { 400 } else { 0 },
        free: if state == "ok" { 600 } else { 0 },
    };
    Reading {
        seconds: 0.25,
        last_success: Some(1_800_000_000.0),
        answer: Some(Answer {
            servers: ["online", "online", "online", "offline"]
                .map(String::from)
                .to_vec(),
            buckets: Some(2),
            objects: None,
            pools: vec![Pool {
                index: 0,
                element: "http://store-p0-{0...3}.store-hl.shop.svc.cluster.local:9000/data/rustfs{0...0}"
                    .into(),
                total: 2000,
                used: 800,
                free: 1200,
                status: "active".into(),
                drain: Some(Drain {
                    objects: 12,
                    bytes: 200,
                    bytes_at_start: 800,
                    failed_objects: 1,
                }),
            }],
            layouts: vec![Layout {
                sets: 1,
                drives_per_set: 4,
                parity: 2,
            }],
            drives: vec![
                drive(0, "ok"),
                drive(1, "ok"),
                drive(2, "ok"),
                drive(3, "offline"),
            ],
        }),
    }
}

fn common() -> Common {
    Common {
        namespace: "shop".into(),
        tenant: "store".into(),
        monitor: "watcher".into(),
    }
}

#[test]
fn figures_of_a_degraded_store_are_as_reviewed() {
    insta::assert_snapshot!(render(&common(), &samples("store", &degraded())));
}

#[test]
fn a_store_that_does_not_answer_has_no_figures_but_that() {
    let silent = Reading {
        answer: None,
        ..degraded()
    };
    let names: Vec<_> = samples("store", &silent).iter().map(|s| s.metric.name).collect();
    assert_eq!(
        names,
        [
            "rustfs_tenant_up",
            "rustfs_tenant_scrape_duration_seconds",
            "rustfs_tenant_last_success_timestamp_seconds"
        ]
    );
}

#[test]
fn drives_the_servers_do_not_list_are_offline() {
    let mut reading = degraded();
    reading.answer.as_mut().unwrap().drives.truncate(1);
    let offline = samples("store", &reading)
        .into_iter()
        .find(|s| s.metric.name == "rustfs_tenant_drives" && s.labels == ["offline"])
        .unwrap();
    assert_eq!(offline.value as u64, 3);
}

#[test]
fn half_parity_needs_one_drive_more_for_a_write() {
    let quorum = |drives_per_set, parity| {
        write_quorum(Layout {
            sets: 1,
            drives_per_set,
            parity,
        })
    };
    assert_eq!(
        [
            quorum(2, 1),
            quorum(4, 2),
            quorum(5, 2),
            quorum(8, 4),
            quorum(16, 4)
        ],
        [2, 3, 3, 5, 12]
    );
}

#[test]
fn the_documented_catalogue_is_the_one_in_the_code() {
    let text = include_str!("../../../../../docs/monitoring.md");
    assert!(
        text.contains(&catalogue::markdown()),
        "the table of docs/monitoring.md must be:\n{}",
        catalogue::markdown()
    );
}

prop_compose! {
    fn any_drive()(pool in prop::option::of(0usize..4), set in prop::option::of(0usize..4),
        endpoint in ".{0,40}", state in "ok|offline|unformatted|.{0,8}", healing: bool,
        total: u64, used: u64, free: u64) -> Drive {
        Drive { pool, set, endpoint, state, healing, total: total / 4096, used: used / 4096, free: free / 4096 }
    }
}

proptest! {
    #[test]
    fn whatever_a_server_answers_each_series_is_written_once_on_one_line(
        drives in prop::collection::vec(any_drive(), 0..12),
        elements in prop::collection::vec(".{0,40}", 0..3),
        states in prop::collection::vec(".{0,10}", 0..5),
        layouts in prop::collection::vec((0usize..3, 0usize..16, 0usize..16), 0..3),
    ) {
        let pools = elements.into_iter().enumerate()
            .map(|(index, element)| Pool { index, element, status: "?".into(), ..Pool::default() }).collect();
        let layouts = layouts.into_iter()
            .map(|(sets, drives_per_set, parity)| Layout { sets, drives_per_set, parity }).collect();
        let answer = Answer { servers: states, drives, pools, layouts, ..Answer::default() };
        let reading = Reading { seconds: 1.0, last_success: None, answer: Some(answer) };
        let text = render(&common(), &samples("store", &reading));
        let mut series = std::collections::BTreeSet::new();
        for line in text.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            prop_assert!(name.starts_with("rustfs_tenant_") && name.ends_with('}'), "{line}");
            prop_assert!(value.parse::<f64>().unwrap() >= 0.0);
            prop_assert!(series.insert(name.to_owned()), "twice: {name}");
        }
    }
}
