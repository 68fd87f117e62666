//! Stores on real servers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admin::{Client, Credentials, Deadlines, Endpoint};
use crds::{Pool, Tenant, TenantCertificate};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::World;
use crate::s3::Store;
use crate::support::objects;
use crate::support::operator::NAMESPACE;
use crate::support::space::Space;
use crate::support::wait::until;

/// How long servers may take to form a store on a small machine.
pub const FORMED: Duration = Duration::from_secs(120);
const OBJECTS: usize = 20;

pub async fn the_operator_runs_from_its_own_image(world: Arc<World>) {
    world.rolled_out(FORMED);
    let pods: Api<Pod> = Api::namespaced(world.cluster.admin.clone(), NAMESPACE);
    let pods = pods.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(pods.len(), 1);
    let image = &pods[0].spec.as_ref().unwrap().containers[0].image;
    assert_eq!(image.as_deref(), Some("rustfs/operator:dev"));
}

pub async fn a_store_with_tls_is_trusted_by_its_own_authority_alone(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "tls").await;
    space
        .apply::<TenantCertificate>("store", &objects::certificate("store"))
        .await
        .unwrap();
    create(&space, &objects::tls_tenant()).await;
    let mut store = Store::find(&world, &space, "store-credentials", Some("store-tls")).await;
    store.put("kept", OBJECTS);
    assert!(store.is_refused_without_authority("kept"));
    answers_decode(&store).await;
    space.vacate().await;
}

pub async fn a_creation_ends_the_same_when_the_operator_is_killed(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "killed").await;
    let mut tenant = objects::tenant();
    tenant["spec"]["deletion"]["volumes"] = "Delete".into();
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    space.apply::<Pool>("p0", &sized("1Gi")).await.unwrap();
    until("the creation to begin", FORMED, || {
        space.get::<ConfigMap>("store-topology")
    })
    .await;
    kill_operator(&world).await;
    space.ready::<Tenant>("store", FORMED).await;
    world.rolled_out(FORMED);
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);

    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", FORMED).await;
    until("all claims to be deleted", FORMED, || async {
        match space.list::<PersistentVolumeClaim>().await.len() {
            0 => Ok(()),
            left => Err(format!("{left} are left")),
        }
    })
    .await;
    space.vacate().await;
}

pub async fn retained_volumes_serve_their_objects_again(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "again").await;
    let keys = json!({"stringData": {"accesskey": "someone", "secretkey": "a-secret-for-this-test"}});
    space.apply::<Secret>("keys", &keys).await.unwrap();
    let mut tenant = objects::tenant();
    tenant["spec"]["credentialsSecretRef"] = json!({"name": "keys"});
    tenant["spec"]["deletion"]["volumes"] = "Retain".into();
    create(&space, &tenant).await;
    let store = Store::find(&world, &space, "keys", None).await;
    store.put("kept", OBJECTS);

    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", FORMED).await;
    assert!(
        space.list::<Pool>().await.is_empty(),
        "Pools go before their Tenant"
    );
    until("the servers to be gone", FORMED, || async {
        match space.list::<Pod>().await.len() {
            0 => Ok(()),
            left => Err(format!("{left} are left")),
        }
    })
    .await;
    assert_eq!(space.list::<PersistentVolumeClaim>().await.len(), 4);

    create(&space, &tenant).await;
    let store = Store::find(&world, &space, "keys", None).await;
    store.put("more", OBJECTS);
    store.check("kept", OBJECTS);
    space.vacate().await;
}

pub async fn deletion_with_data_is_refused_until_confirmed(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "kept").await;
    create(&space, &objects::protected_tenant()).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);
    let uid = space.get::<Tenant>("store").await.unwrap().uid().unwrap();

    space.delete::<Tenant>("store").await;
    let message = space
        .condition::<Tenant>("store", "DeletionAllowed", "False", "DataFound", FORMED)
        .await;
    assert!(message.contains("of 1 in all: kept (10 or more)"), "{message}");
    let before = uids(&space).await;
    space.delete::<Pod>("store-p0-0").await;
    until("the server to come back", FORMED, || async {
        let pods = space.list::<Pod>().await;
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let old = uids(&space).await.intersection(&before).count();
        if (old, ready) == (3, 4) {
            Ok(())
        } else {
            Err(format!("{old} are the old ones, {ready} are ready"))
        }
    })
    .await;
    store.check("kept", OBJECTS);

    let word = json!({"metadata": {"annotations": {"storage.rustfs.com/confirm-deletion": uid}}});
    space
        .api::<Tenant>()
        .patch("store", &PatchParams::default(), &Patch::Merge(&word))
        .await
        .unwrap();
    space.gone::<Tenant>("store", FORMED).await;
    assert!(
        space.list::<Pool>().await.is_empty(),
        "Pools go before their Tenant"
    );
    space.vacate().await;
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

/// The operator's own client understands what a live server says.
pub async fn answers_decode(store: &Store) {
    let client = admin(store);
    let info = client.info().await.unwrap();
    assert_eq!(info.servers.len(), 4, "{info:?}");
    let storage = client.storage_info().await.unwrap();
    assert_eq!(storage.drives.len(), 4, "{storage:?}");
    let pools = client.pools().await.unwrap();
    assert_eq!(pools.len(), 1, "{pools:?}");
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

pub async fn uids(space: &Space) -> BTreeSet<String> {
    space
        .list::<Pod>()
        .await
        .iter()
        .filter_map(ResourceExt::uid)
        .collect()
}

pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}
