use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::run::locked;
use crate::testing::{Answer, Asked, refusal, server};

/// A Lease as the API server keeps it: conflicts, versions and all.
#[derive(Default)]
struct Stored {
    lease: Option<Value>,
    version: u64,
    away: bool,
}

type Shared = Arc<Mutex<Stored>>;

fn answer(stored: &Shared, asked: &Asked) -> Answer {
    let mut stored = locked(stored);
    if stored.away {
        return refusal(500, "InternalError", "away");
    }
    if asked.method == "GET" {
        return match &stored.lease {
            Some(lease) => Answer::Json(200, lease.clone()),
            None => refusal(404, "NotFound", "no lease"),
        };
    }
    let known = stored
        .lease
        .as_ref()
        .map(|lease| lease["metadata"]["resourceVersion"].clone());
    let based_on =
        Some(asked.body["metadata"]["resourceVersion"].clone()).filter(|version| !version.is_null());
    if known != based_on {
        return refusal(409, "Conflict", "the object has been modified");
    }
    stored.version += 1;
    let mut lease = asked.body.clone();
    lease["metadata"]["resourceVersion"] = json!(stored.version.to_string());
    stored.lease = Some(lease.clone());
    Answer::Json(200, lease)
}

fn election(stored: &Shared) -> Election {
    let stored = stored.clone();
    let (env, _) = server(move |asked| answer(&stored, asked));
    Election::new(&env, "rustfs-system", "rustfs-operator")
}

fn holder(stored: &Shared) -> Value {
    locked(stored).lease.as_ref().unwrap()["spec"]["holderIdentity"].clone()
}

fn held_by(name: &str) -> Shared {
    Arc::new(Mutex::new(Stored {
        lease: Some(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "rustfs-operator", "resourceVersion": "1" },
            "spec": { "holderIdentity": name, "leaseDurationSeconds": 15, "leaseTransitions": 4 },
        })),
        version: 1,
        away: false,
    }))
}

#[tokio::test(start_paused = true)]
async fn a_free_lease_is_taken_kept_and_given_back() {
    let stored = Shared::default();
    let held = election(&stored).acquire().await;
    assert_eq!(holder(&stored), "test");
    let first = locked(&stored).version;
    sleep(Duration::from_secs(30)).await;
    assert!(locked(&stored).version > first + 10, "renewed");
    held.release().await;
    assert_eq!(holder(&stored), "");
    assert_eq!(
        locked(&stored).lease.as_ref().unwrap()["spec"]["leaseDurationSeconds"],
        1
    );
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_dead_holder_is_taken_over_within_twenty_seconds() {
    let stored = held_by("dead");
    let begun = Instant::now();
    let _held = election(&stored).acquire().await;
    let took = begun.elapsed();
    assert!(took >= DURATION && took < Duration::from_secs(20), "{took:?}");
    assert_eq!(
        locked(&stored).lease.as_ref().unwrap()["spec"]["leaseTransitions"],
        5
    );
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_gives_up_before_another_may_take_over() {
    let stored = Shared::default();
    let mut held = election(&stored).acquire().await;
    locked(&stored).away = true;
    let begun = Instant::now();
    held.lost().await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(8) && took < DURATION, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_was_robbed_gives_up_at_once() {
    let stored = Shared::default();
    let mut held = election(&stored).acquire().await;
    {
        let mut stored = locked(&stored);
        stored.version += 1;
        let version = stored.version.to_string();
        let lease = stored.lease.as_mut().unwrap();
        lease["spec"]["holderIdentity"] = json!("robber");
        lease["metadata"]["resourceVersion"] = json!(version);
    }
    let begun = Instant::now();
    held.lost().await;
    assert!(begun.elapsed() <= RETRY * 2);
    assert_eq!(holder(&stored), "robber");
}
