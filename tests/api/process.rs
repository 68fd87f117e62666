//! The operator as a process: crashes, replicas, cut connections, signals, few rights.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::{Pool, Tenant};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use kube::{Api, ResourceExt};
use serde_json::Value;

use crate::World;
use crate::support::cluster::Cluster;
use crate::support::nature::NATURE;
use crate::support::objects;
use crate::support::operator::{How, NAMESPACE, Operator, kubeconfig, write_kubeconfig};
use crate::support::proxy::Proxy;
use crate::support::servers::Servers;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

pub async fn killed_in_the_middle_it_ends_where_an_undisturbed_run_ends(world: Arc<World>) {
    let _shared = world.stopped().await;
    let reference = {
        let space = Space::make(&world.cluster.admin, "calm").await;
        let _calm = world.own(&space).await;
        apply(&space).await;
        space.ready::<Tenant>("store", SOON).await;
        space.ready::<Pool>("p0", SOON).await;
        let end = end_state(&space).await;
        space.leave().await;
        end
    };
    // Later and later into the creation, until it is ready before the crash.
    for delay in [0, 20, 40, 60, 80, 120, 250, 1000] {
        let space = Space::make(&world.cluster.admin, "crash").await;
        let mut operator = world.own(&space).await;
        apply(&space).await;
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(delay) {
            tokio::task::yield_now().await;
        }
        operator.process.kill();
        let _again = world.own(&space).await;
        space.ready::<Tenant>("store", SOON).await;
        space.ready::<Pool>("p0", SOON).await;
        let differences = differences(&reference, &end_state(&space).await);
        assert!(
            differences.is_empty(),
            "killed after {delay} ms:\n{}",
            differences.join("\n")
        );
        space.leave().await;
    }
}

pub async fn of_two_replicas_one_leads_and_the_other_takes_over_within_20_seconds(world: Arc<World>) {
    let mut shared = world.operator.write().await;
    shared.take();
    let mut first = Operator::start(&world.cluster, &How::plain(&world.kubeconfig, "first")).await;
    let leases: Api<Lease> = Api::namespaced(world.cluster.admin.clone(), NAMESPACE);
    let holder = || async {
        let lease = leases
            .get("rustfs-operator")
            .await
            .map_err(|error| error.to_string())?;
        Ok::<_, String>(
            lease
                .spec
                .and_then(|spec| spec.holder_identity)
                .unwrap_or_default(),
        )
    };
    let held_by = |name: &'static str| {
        let holder = &holder;
        move || async move {
            let holder = holder().await?;
            if holder.starts_with(name) {
                Ok(())
            } else {
                Err(format!("{holder:?} holds the Lease"))
            }
        }
    };
    until("the first to lead", SOON, held_by("first")).await;
    let second = Operator::start(&world.cluster, &How::plain(&world.kubeconfig, "second")).await;
    second.ready(SOON).await;
    first.process.kill();
    let start = Instant::now();
    until("the second to lead", Duration::from_secs(25), held_by("second")).await;
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "takeover took {:?}",
        start.elapsed()
    );
    let space = store(&world.cluster, "takeover").await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

pub async fn asked_to_stop_it_gives_the_lease_back_and_exits_with_0(world: Arc<World>) {
    let mut shared = world.operator.write().await;
    shared.take();
    let mut operator = Operator::start(&world.cluster, &How::plain(&world.kubeconfig, "polite")).await;
    operator.ready(SOON).await;
    let space = store(&world.cluster, "stop").await;
    space.ready::<Tenant>("store", SOON).await;
    let code = operator.process.terminate(Duration::from_secs(20));
    assert_eq!(code, Some(0), "{}", operator.process.tail(20));
    let leases: Api<Lease> = Api::namespaced(world.cluster.admin.clone(), NAMESPACE);
    let holder = leases
        .get("rustfs-operator")
        .await
        .unwrap()
        .spec
        .unwrap()
        .holder_identity;
    assert!(holder.unwrap_or_default().is_empty(), "the Lease is free at once");
    space.leave().await;
}

pub async fn when_all_its_connections_are_cut_it_sees_again_within_5_seconds(world: Arc<World>) {
    let mut shared = world.operator.write().await;
    shared.take();
    let server = crate::support::http::authority(world.cluster.text("/server")).to_owned();
    let proxy = Proxy::start(&server).await;
    let token = token(&world.kubeconfig);
    let through = world.cluster.scratch.join("proxied.kubeconfig");
    let address = format!("https://127.0.0.1:{}", proxy.port);
    write_kubeconfig(&world.cluster.kubeconfig, &through, &token, Some(&address));
    let operator = Operator::start(&world.cluster, &How::plain(&through, "proxied")).await;
    operator.ready(SOON).await;
    let space = store(&world.cluster, "cut").await;
    space.ready::<Tenant>("store", SOON).await;
    for round in 0..3 {
        let cut = proxy.cut();
        assert!(cut > 0, "there were connections to cut");
        let start = Instant::now();
        let before = space.get::<Service>("store-api").await.unwrap().uid();
        space.delete::<Service>("store-api").await;
        until("the Service to be made again", SOON, || async {
            let now = space.get::<Service>("store-api").await?.uid();
            if now == before {
                Err("it is the old one".to_owned())
            } else {
                Ok(())
            }
        })
        .await;
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "round {round}: {:?}",
            start.elapsed()
        );
    }
    drop(operator);
    space.leave().await;
}

/// Status, reason and message of a condition.
const PREFLIGHT: &str =
    "jsonpath={range .status.conditions[?(@.type=='Preflight')]}{.status} {.reason} {.message}{end}";

pub async fn in_one_namespace_a_role_is_enough(world: Arc<World>) {
    let mut shared = world.operator.write().await;
    shared.take();
    let own = Cluster::start("single", &["--nodes", "1"]).await;
    let _servers = Servers::start(&own).await;
    let mut how = How::plain(&install_single(&own).await, "single");
    how.arguments = vec!["--namespace".to_owned(), NAMESPACE.to_owned()];
    let operator = Operator::start(&own, &how).await;
    operator.ready(SOON).await;
    let inside = Space {
        client: own.admin.clone(),
        name: NAMESPACE.to_owned(),
    };
    inside.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    inside
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    inside.ready::<Tenant>("store", SOON).await;
    for kind in ["pool/p0", "tenant/store"] {
        let said = own.kubectl(&["-n", NAMESPACE, "get", kind, "-o", PREFLIGHT]);
        let said = said.expect("it can be read");
        assert!(said.starts_with("Unknown NotPermitted"), "{kind}: {said}");
        assert!(
            said.contains("no right to list and watch StorageClasses and Nodes"),
            "{kind}: {said}"
        );
    }
    let outside = store(&own, "outside").await;
    let log = std::fs::read_to_string(operator.process.log()).unwrap_or_default();
    assert!(
        !log.contains("forbidden"),
        "it asked for more than its Role allows:\n{}",
        operator.process.tail(20)
    );
    assert!(
        outside.get::<Tenant>("store").await.unwrap().status.is_none(),
        "other namespaces are not its own"
    );
}

async fn install_single(cluster: &Cluster) -> PathBuf {
    let folder = crate::support::cluster::root()
        .join("out")
        .join(format!("single-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the overlay");
    let text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../kustomize/base]\ncomponents: [../../kustomize/components/single-namespace]\n";
    std::fs::write(folder.join("kustomization.yaml"), text).expect("an overlay");
    let rendered = cluster.kubectl(&["apply", "--server-side", "-k", &folder.to_string_lossy()]);
    let _ = std::fs::remove_dir_all(&folder);
    rendered.unwrap_or_else(|error| panic!("failed to install into one namespace: {error}"));
    cluster
        .kubectl(&[
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
            "--all",
        ])
        .expect("the CRDs are established");
    let _ = cluster.kubectl(&["-n", NAMESPACE, "scale", "deployment", "--all", "--replicas=0"]);
    kubeconfig(cluster, "rustfs-operator").await
}

async fn store(cluster: &Cluster, prefix: &str) -> Space {
    let space = Space::make(&cluster.admin, prefix).await;
    apply(&space).await;
    space
}

async fn apply(space: &Space) {
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
}

/// What is there, without what nature gives: names, UIDs, versions, times, addresses, random values.
async fn end_state(space: &Space) -> Vec<Value> {
    let mut all = Vec::new();
    all.extend(space.list::<Tenant>().await.iter().map(masked));
    all.extend(space.list::<Pool>().await.iter().map(masked));
    all.extend(space.list::<StatefulSet>().await.iter().map(masked));
    all.extend(space.list::<Service>().await.iter().map(masked));
    all.extend(
        space
            .list::<Secret>()
            .await
            .iter()
            .map(|secret| secret.name_any().into()),
    );
    all.extend(space.list::<Pod>().await.iter().map(|pod| pod.name_any().into()));
    let text = serde_json::to_string(&all)
        .unwrap()
        .replace(&space.name, "NAMESPACE");
    serde_json::from_str(&text).unwrap()
}

/// Lines that stand in one only.
fn differences(wanted: &[Value], found: &[Value]) -> Vec<String> {
    let lines = |all: &[Value]| -> Vec<String> {
        all.iter()
            .map(|one| format!("{one:#}"))
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    let (wanted, found) = (lines(wanted), lines(found));
    let missing = wanted
        .iter()
        .filter(|line| !found.contains(line))
        .map(|line| format!("- {line}"));
    let extra = found
        .iter()
        .filter(|line| !wanted.contains(line))
        .map(|line| format!("+ {line}"));
    missing.chain(extra).collect()
}

fn masked<K: serde::Serialize>(object: &K) -> Value {
    let mut value = serde_json::to_value(object).unwrap();
    mask(&mut value);
    value
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !NATURE.contains(&name.as_str()));
            fields.values_mut().for_each(mask);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

fn token(kubeconfig: &PathBuf) -> String {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(kubeconfig).unwrap()).unwrap();
    file["users"][0]["user"]["token"].as_str().unwrap().to_owned()
}
