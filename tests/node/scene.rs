//! What scenarios begin with, do to operator and servers, and look at.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use admin::{Client, Credentials, Deadlines, Endpoint};
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::World;
use crate::s3::Store;
use crate::support::objects;
use crate::support::operator::NAMESPACE;
use crate::support::space::Space;

/// How long servers may take to form a store on a small machine.
pub const FORMED: Duration = Duration::from_secs(120);

/// A store of one Pool with four servers that keeps objects already, in the bucket `kept`.
pub async fn keeping(world: &World, name: &str, tenant: &Value, objects: usize) -> (Space, Store) {
    let space = Space::make(&world.cluster.admin, name).await;
    create(&space, tenant).await;
    let store = Store::find(world, &space, "store-credentials", None).await;
    store.put("kept", objects);
    (space, store)
}

/// A Tenant of one Pool with four servers; waits until both are ready.
pub async fn create(space: &Space, tenant: &Value) {
    create_with(space, tenant, &sized("1Gi")).await;
}

/// The same with a Pool that is told.
pub async fn create_with(space: &Space, tenant: &Value, pool: &Value) {
    let started = Instant::now();
    space.apply::<Tenant>("store", tenant).await.unwrap();
    space.apply::<Pool>("p0", pool).await.unwrap();
    space.ready::<Tenant>("store", FORMED).await;
    space.ready::<Pool>("p0", FORMED).await;
    eprintln!("  {}: ready after {} s", space.name, started.elapsed().as_secs());
}

/// A Pool of four servers on volumes that have the size asked for: servers judge by their drives what fits where.
pub fn sized(size: &str) -> Value {
    let mut pool = objects::pool("store", 4, 1);
    pool["spec"]["volumeClaim"] = json!({"size": size, "storageClassName": "sized"});
    pool
}

/// Two servers with two drives each: little for a small machine.
pub fn small() -> Value {
    let mut pool = sized("1Gi");
    pool["spec"]["servers"] = 2.into();
    pool["spec"]["volumesPerServer"] = 2.into();
    pool
}

/// The operator's own client understands what a live server says.
pub async fn answers_decode(store: &Store) {
    let client = admin(store);
    let info = client.info().await.unwrap();
    assert_eq!(info.servers.len(), 4, "{info:?}");
    let storage = client.storage_info().await.unwrap();
    assert_eq!(storage.drives.len(), 4, "{storage:?}");
    let pools = client.pools().await.unwrap();
    assert_eq!(pools.len(), 1, "{pools:?}");
    let scanner = client.scanner().await.unwrap();
    let record = scanner.pause_backlog.expect("it tells of its record");
    assert_eq!((scanner.enabled, record.replica_count), (true, 1), "{record:?}");
}

/// A client of the admin API, as the operator makes one.
pub fn admin(store: &Store) -> Client {
    admin_of(store, &store.address)
}

/// The same of one server.
pub fn admin_of(store: &Store, address: &str) -> Client {
    let endpoint = Endpoint {
        addr: SocketAddr::new(address.parse().unwrap(), 9000),
        host: store.host.clone(),
        tls: store.authority.as_ref().map(|text| admin::trust(text).unwrap()),
    };
    let credentials = Credentials::new(&store.keys.0, &store.keys.1);
    // Servers that have just formed a store on a small machine are slow to answer.
    let deadlines = Deadlines {
        total: Duration::from_secs(40),
        ..Deadlines::default()
    };
    Client::new(endpoint, credentials, deadlines)
}

/// Ends the operator as the crash of its node does: another Pod begins with nothing in its memory.
pub async fn kill_operator(world: &World) {
    let pods: Api<Pod> = Api::namespaced(world.cluster.admin.clone(), NAMESPACE);
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        // Deletion alone would let it give its lease back first.
        kill_program(&pod.uid().unwrap(), "/usr/bin/rustfs-operator");
        let at_once = DeleteParams::default().grace_period(0);
        pods.delete(&pod.name_any(), &at_once).await.unwrap();
    }
}

/// Ends the program of a Pod as a crash does.
pub fn kill_program(pod: &str, program: &str) {
    let in_pod = |process: &Path| {
        let text = |file| std::fs::read_to_string(process.join(file)).unwrap_or_default();
        let groups = text("cgroup").replace('_', "-");
        groups.contains(pod) && text("cmdline").split('\0').next() == Some(program)
    };
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let process = processes.into_iter().find(|process| in_pod(process));
    let process = process.expect("it runs on this machine");
    let id = process.file_name().unwrap();
    let killed = Command::new("kill").arg("-KILL").arg(id).status().unwrap();
    assert!(killed.success());
}

/// Ends a server without a word; the kubelet starts it again.
pub async fn dies(space: &Space, server: &str) {
    let pod = space.get::<Pod>(server).await.unwrap();
    kill_program(&pod.uid().unwrap(), "/usr/bin/rustfs");
}

/// Nothing that was acknowledged is lost, stale, or missing from a list at any time.
pub fn undisturbed(counts: &Value) {
    eprintln!("  {counts}");
    assert_eq!(counts["lost"], 0, "{counts}");
    assert_eq!(counts["stale"], 0, "{counts}");
    assert!(counts["fresh"].as_u64() > Some(0), "{counts}");
}
