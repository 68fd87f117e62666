//! How soon a change of a Tenant is a change of its Service.

use std::future::Future;
use std::time::{Duration, Instant};

use crds::Tenant;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Service;
use kube::api::{ListParams, Patch, PatchParams, WatchParams};
use kube::core::WatchEvent;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::support::cluster::Cluster;
use crate::support::space::{Kind, Space};

const CHANGES: usize = 200;
/// Between two changes, so that each is one of a store at rest and not of one still busy with the last.
const PAUSE: Duration = Duration::from_millis(100);

/// From a change of the Tenant to the write it causes, beside a bare client's own two writes of the same.
pub async fn measure(cluster: &Cluster) {
    let space = Space {
        client: cluster.admin.clone(),
        name: "bench-one".to_owned(),
    };
    let operator = sample(&space, |number| async move {
        let change = json!({"spec": {"services": {"api": {"metadata": {"annotations": {"bench": number}}}}}});
        space_patch::<Tenant>(cluster, "store", &change).await;
        Instant::now()
    })
    .await;
    // What it says to the Tenant is nothing to the operator but a look.
    let bare = sample(&space, |number| async move {
        let change = json!({"metadata": {"annotations": {"bench-bare": number}}});
        space_patch::<Tenant>(cluster, "store", &change).await;
        let answered = Instant::now();
        space_patch::<Service>(cluster, "store-api", &change).await;
        answered
    })
    .await;
    type Part = fn(&Sample) -> Duration;
    let parts: [(&str, Part); 2] = [
        ("edit of a Tenant sent", |sample| sample.since_sent),
        ("edit of a Tenant answered", |sample| sample.since_answered),
    ];
    for (from, part) in parts {
        for (name, quantile) in [("p50", 0.50), ("p99", 0.99)] {
            let [ours, theirs] = [&operator, &bare].map(|samples| at(samples, part, quantile));
            println!(
                "| from {from} to Service changed, {name} | {ours:.1} ms; a bare client that writes both itself {theirs:.1} ms |"
            );
        }
    }
}

/// How long a change took to reach the Service.
struct Sample {
    since_sent: Duration,
    since_answered: Duration,
}

async fn space_patch<K: Kind>(cluster: &Cluster, name: &str, change: &Value) {
    let api: Api<K> = Api::namespaced(cluster.admin.clone(), "bench-one");
    api.patch(name, &PatchParams::default(), &Patch::Merge(change))
        .await
        .expect("it can be changed");
}

/// Times until a watch shows the Service changed. `change` makes the change, and tells when the Tenant's was answered.
async fn sample<F: Future<Output = Instant>>(space: &Space, change: impl Fn(String) -> F) -> Vec<Sample> {
    let api = space.api::<Service>();
    let mut times = Vec::with_capacity(CHANGES);
    let version = api
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let only = WatchParams::default()
        .fields("metadata.name=store-api")
        .timeout(290);
    let mut seen = Box::pin(api.watch(&only, &version).await.unwrap());
    for number in 0..CHANGES {
        tokio::time::sleep(PAUSE).await;
        let value = format!("n{number}");
        let sent = Instant::now();
        let answered = change(value.clone()).await;
        while let Some(event) = seen.try_next().await.unwrap() {
            let WatchEvent::Modified(service) = event else {
                continue;
            };
            if service.annotations().values().any(|found| *found == value) {
                break;
            }
        }
        times.push(Sample {
            since_sent: sent.elapsed(),
            since_answered: answered.elapsed(),
        });
    }
    times
}

/// A quantile of a part of the samples, in milliseconds.
fn at(samples: &[Sample], part: fn(&Sample) -> Duration, quantile: f64) -> f64 {
    let mut sorted: Vec<Duration> = samples.iter().map(part).collect();
    sorted.sort();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = ((sorted.len() as f64 - 1.0) * quantile).round() as usize;
    sorted[index].as_secs_f64() * 1000.0
}
