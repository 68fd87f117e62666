//! What the operator costs, beside a bare client that does the same writes: `make bench`.
//!
//! Machines differ and are noisy, so the figures to keep are the ratios. `BENCH_TENANTS` sets the number of Tenants
//! (default 1000).
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot go on says so by panicking"
)]

#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, missing_docs, reason = "shared with the tests, which use the rest")]
mod support;

mod changes;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crds::{Pool, Tenant};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::ObjectMeta;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::audit::Audit;
use support::cluster::Cluster;
use support::objects;
use support::operator::{How, NAMESPACE, Operator};
use support::servers::Servers;
use support::space::{self, Kind, Space};
use support::wait::SOON;

/// A new process has its caches filled and leads well before that.
const REST: Duration = Duration::from_secs(45);
const PARALLEL: usize = 8;
const PATIENCE: Duration = Duration::from_secs(1800);

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(measure());
}

async fn measure() {
    let tenants: usize = std::env::var("BENCH_TENANTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000);
    let cluster = Cluster::start(
        "bench",
        &["--nodes", "20", "--node-cpu", "64", "--node-memory", "256Gi"],
    )
    .await;
    let kubeconfig = support::operator::install(&cluster, "dev").await;
    let how = How {
        environment: allocator(&cluster),
        ..How::plain(&kubeconfig, "bench")
    };
    let _servers = Servers::start(&cluster).await;
    let operator = Operator::start(&cluster, &how).await;
    operator.ready(SOON).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("| figure | value |\n|---|---|");
    println!(
        "| resident memory, idle | {:.1} MiB |",
        memory(&operator, "VmRSS")
    );

    // `cargo bench --bench operator -- many` measures only that.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| !one.starts_with('-'))
        .collect();
    let measured = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    converge_one(&cluster, measured("one")).await;
    if measured("changes") {
        changes::measure(&cluster).await;
    }
    if measured("many") {
        many(&cluster, tenants, operator, &how).await;
    }
}

/// What the Deployment tells the allocator.
fn allocator(cluster: &Cluster) -> Vec<(String, String)> {
    let variables = "jsonpath={range .spec.template.spec.containers[0].env[*]}{.name}={.value}{\"\\n\"}{end}";
    let deployment = [
        "-n",
        NAMESPACE,
        "get",
        "deployment",
        "rustfs-operator",
        "-o",
        variables,
    ];
    let text = cluster.kubectl(&deployment).expect("the Deployment is installed");
    let pairs = text.lines().filter(|line| line.starts_with("MALLOC_"));
    let pairs = pairs.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// One Tenant with one Pool, which the rest stands on; `counted` tells its writes from nothing to Ready.
async fn converge_one(cluster: &Cluster, counted: bool) {
    let space = namespace(cluster, "bench-one").await;
    let audit = Audit::from_now(cluster);
    store(&space, "store").await;
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("p0", SOON).await;
    if !counted {
        return;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let writes = audit.writes_in(&space.name);
    let status = writes
        .iter()
        .filter(|write| write.subresource == "status")
        .count();
    println!(
        "| writes to converge one Tenant with one Pool | {}, of these {status} of status |",
        writes.len()
    );
    let quiet = Audit::from_now(cluster);
    tokio::time::sleep(Duration::from_secs(60)).await;
    println!(
        "| writes in the 60 s after | {} |",
        quiet.writes_in(&space.name).len()
    );
}

/// Many Tenants at once, beside a bare client that makes the same objects.
async fn many(cluster: &Cluster, tenants: usize, operator: Operator, how: &How) {
    let spaces = namespaces(cluster, "bench-many", tenants).await;
    let start = Instant::now();
    futures::stream::iter(&spaces)
        .for_each_concurrent(PARALLEL, |space| store(space, "store"))
        .await;
    let client = cluster.admin.clone();
    all_ready(Api::<Tenant>::all(client.clone()), "", tenants + 1).await;
    let ours = start.elapsed().as_secs_f64();
    let all = tenants + 1;
    println!(
        "| resident memory with {all} Tenants, as the last becomes ready | {:.1} MiB |",
        memory(&operator, "VmRSS")
    );
    at_rest(&operator, all, "of that process").await;
    drop(operator);
    let operator = Operator::start(cluster, how).await;
    operator.ready(SOON).await;
    at_rest(&operator, all, "of one started with them").await;

    let children = children(&spaces[0]).await;
    let bare = namespaces(cluster, "bench-bare", tenants).await;
    let start = Instant::now();
    futures::stream::iter(&bare)
        .for_each_concurrent(PARALLEL, |space| create_all(space, &spaces[0].name, &children))
        .await;
    let running = tenants * 2 + 1;
    all_ready(Api::<Pod>::all(client), "storage.rustfs.com/tenant", running).await;
    let theirs = start.elapsed().as_secs_f64();
    println!(
        "| {tenants} Tenants ready | {ours:.1} s; a bare client's same objects {theirs:.1} s; ratio {:.2} |",
        ours / theirs
    );
}

/// Resident memory once all is done and seen.
async fn at_rest(operator: &Operator, tenants: usize, which: &str) {
    tokio::time::sleep(REST).await;
    println!(
        "| resident memory with {tenants} Tenants at rest, {which} | {:.1} MiB, at its peak {:.1} MiB |",
        memory(operator, "VmRSS"),
        memory(operator, "VmHWM")
    );
}

async fn store(space: &Space, name: &str) {
    space
        .apply::<Tenant>(name, &objects::tenant())
        .await
        .expect("a Tenant");
    let pool = json!({"spec": {
        "tenantRef": {"name": name}, "servers": 1, "volumesPerServer": 2, "volumeClaim": {"size": "1Gi"}
    }});
    space.apply::<Pool>("p0", &pool).await.expect("a Pool");
}

/// Waits until so many objects of a kind are ready. It watches: to list all of them again and again would cost the API
/// server more than what is measured.
async fn all_ready<K>(api: Api<K>, labels: &str, wanted: usize)
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned
        + Send
        + 'static,
{
    let mut events = Box::pin(watcher(api, watcher::Config::default().labels(labels)));
    let mut ready = BTreeSet::new();
    let all = async {
        while ready.len() < wanted {
            match events.try_next().await {
                Ok(Some(watcher::Event::Apply(object) | watcher::Event::InitApply(object))) => {
                    let value = serde_json::to_value(&object).expect("an object is JSON");
                    if space::condition(&value, "Ready").0 == "True" {
                        ready.insert(object.uid());
                    }
                }
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => panic!("the watch has ended"),
            }
        }
    };
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        panic!("{} of {wanted} {} are ready", ready.len(), K::plural(&()));
    }
}

/// What the operator made in a namespace, ready to be made again elsewhere. Without labels that would wake it.
async fn children(space: &Space) -> Vec<(ApiResource, Value)> {
    let mut all = Vec::new();
    add::<ServiceAccount>(space, &mut all).await;
    add::<Secret>(space, &mut all).await;
    add::<ConfigMap>(space, &mut all).await;
    add::<Service>(space, &mut all).await;
    add::<PodDisruptionBudget>(space, &mut all).await;
    add::<StatefulSet>(space, &mut all).await;
    all
}

async fn add<K: Kind>(space: &Space, all: &mut Vec<(ApiResource, Value)>) {
    for object in space.list::<K>().await {
        if !object.labels().contains_key("storage.rustfs.com/tenant") {
            continue;
        }
        let mut value = serde_json::to_value(&object).unwrap();
        value["apiVersion"] = K::api_version(&()).into_owned().into();
        value["kind"] = K::kind(&()).into_owned().into();
        value["metadata"] = json!({"name": object.name_any()});
        value.as_object_mut().unwrap().remove("status");
        if let Some(spec) = value["spec"].as_object_mut() {
            spec.retain(|name, _| !name.starts_with("clusterIP") && name != "ipFamilies");
        }
        all.push((ApiResource::erase::<K>(&()), value));
    }
}

async fn create_all(space: &Space, from: &str, children: &[(ApiResource, Value)]) {
    for (kind, value) in children {
        let text = value.to_string().replace(from, &space.name);
        let object: DynamicObject = serde_json::from_str(&text).unwrap();
        let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.name, kind);
        api.create(&PostParams::default(), &object)
            .await
            .expect("it can be made");
    }
}

async fn namespaces(cluster: &Cluster, prefix: &str, count: usize) -> Vec<Space> {
    futures::stream::iter(0..count)
        .map(|number| async move { namespace(cluster, &format!("{prefix}-{number}")).await })
        .buffered(PARALLEL)
        .collect()
        .await
}

async fn namespace(cluster: &Cluster, name: &str) -> Space {
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let made = Api::<Namespace>::all(cluster.admin.clone())
        .create(&PostParams::default(), &namespace)
        .await;
    made.expect("a namespace can be made");
    Space {
        client: cluster.admin.clone(),
        name: name.to_owned(),
    }
}

/// A figure of a process in MiB: its resident memory (`VmRSS`), or the most of it so far (`VmHWM`).
fn memory(operator: &Operator, figure: &str) -> f64 {
    let process = operator.process.id();
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'))
        .unwrap_or("0 kB");
    line.trim()
        .trim_end_matches(" kB")
        .parse::<f64>()
        .unwrap_or_default()
        / 1024.0
}
