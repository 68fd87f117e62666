//! The lives of stores: scenarios that begin where the one before ended.

mod cared;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use admin::{Client, Credentials, Deadlines, Endpoint};
use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use hyper::Method;
use hyper::body::Bytes;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use self::cared::{
    delete_after_a_hook, drain_after_a_hook, join_and_spread_objects, rotate_root_keys,
    store_with_keys_and_hooks,
};
use crate::lane::Lane;
use crate::support::objects;
use crate::support::space::Kind;
use crate::support::wait::until;

/// How long anything may take: what the API server refuses for want of a right is tried again after a minute.
const PATIENTLY: Duration = Duration::from_secs(150);

/// What people do in a scenario, and what is waited for at its end.
type Act = fn(Arc<Lane>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// A scenario.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What is done.
    pub act: Act,
}

/// Scenarios one after the other.
#[derive(Clone, Copy)]
pub struct Life {
    /// Its name.
    pub name: &'static str,
    /// The scenarios.
    pub scenarios: &'static [Scenario],
}

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        &[$(Scenario { name: stringify!($name), act: |lane| Box::pin($name(lane)) }),*]
    };
}

/// All lives.
pub const LIVES: [Life; 4] = [
    Life {
        name: "plain",
        scenarios: scenarios![
            tenant_then_pool,
            roll_an_image,
            join_a_pool,
            call_a_drain_off,
            drain_to_removal,
            delete_and_retain,
        ],
    },
    Life {
        name: "tls",
        scenarios: scenarios![
            pool_then_tenant_with_tls,
            monitor,
            bad_image_is_taken_back,
            delete_with_volumes
        ],
    },
    Life {
        name: "moving",
        scenarios: scenarios![
            store_with_objects,
            grow_volumes,
            withdraw_a_join,
            replace_a_pool,
            delete_with_confirmation,
        ],
    },
    Life {
        name: "cared",
        scenarios: scenarios![
            store_with_keys_and_hooks,
            rotate_root_keys,
            join_and_spread_objects,
            drain_after_a_hook,
            delete_after_a_hook,
        ],
    },
];

async fn tenant_then_pool(lane: Arc<Lane>) {
    apply_tenant(&lane, json!({})).await;
    apply_pool(&lane, "p0", json!({})).await;
    settled(&lane, &["p0"]).await;
}

async fn roll_an_image(lane: Arc<Lane>) {
    apply_tenant(&lane, json!({"image": NEW})).await;
    servers_run(&lane, NEW, 4).await;
    settled(&lane, &["p0"]).await;
}

async fn join_a_pool(lane: Arc<Lane>) {
    apply_pool(&lane, "p1", json!({})).await;
    joined(&lane, "p1", "True", "Joined").await;
    settled(&lane, &["p0", "p1"]).await;
}

async fn call_a_drain_off(lane: Arc<Lane>) {
    lane.ground
        .servers
        .drains(&lane.space.name, "store", "hold")
        .await;
    apply_pool(&lane, "p1", json!({"state": "Decommissioned"})).await;
    drained(&lane, "False", "Draining").await;
    apply_pool(&lane, "p1", json!({"state": "Active"})).await;
    drained(&lane, "False", "NotAsked").await;
    settled(&lane, &["p0", "p1"]).await;
}

async fn drain_to_removal(lane: Arc<Lane>) {
    let servers = &lane.ground.servers;
    servers.drains(&lane.space.name, "store", "fail").await;
    apply_pool(&lane, "p1", json!({"state": "Decommissioned"})).await;
    drained(&lane, "False", "DrainFailed").await;
    servers.drains(&lane.space.name, "store", "go").await;
    drained(&lane, "True", "Left").await;
    settled(&lane, &["p0", "p1"]).await;
    lane.space.delete::<Pool>("p1").await;
    lane.space.gone::<Pool>("p1", PATIENTLY).await;
    settled(&lane, &["p0"]).await;
}

async fn delete_and_retain(lane: Arc<Lane>) {
    lane.space.delete::<Tenant>("store").await;
    nothing_left(&lane).await;
}

async fn pool_then_tenant_with_tls(lane: Arc<Lane>) {
    apply_pool(&lane, "p0", json!({})).await;
    lane.space
        .condition::<Pool>("p0", "TenantFound", "False", "TenantMissing", PATIENTLY)
        .await;
    let deletion = json!({"protection": "None", "volumes": "Delete"});
    apply_tenant(&lane, json!({"tls": {"mode": "Enabled"}, "deletion": deletion})).await;
    let certificate = objects::certificate("store");
    lane.space
        .apply::<TenantCertificate>("store", &certificate)
        .await
        .expect("it is a certificate");
    lane.space.ready::<TenantCertificate>("store", PATIENTLY).await;
    settled(&lane, &["p0"]).await;
}

async fn monitor(lane: Arc<Lane>) {
    let monitor = objects::monitor("store");
    lane.space
        .apply::<TenantMonitor>("store", &monitor)
        .await
        .expect("it is a monitor");
    lane.space.ready::<TenantMonitor>("store", PATIENTLY).await;
    settled(&lane, &["p0"]).await;
}

async fn bad_image_is_taken_back(lane: Arc<Lane>) {
    let bad = json!({
        "tls": {"mode": "Enabled"}, "deletion": {"protection": "None", "volumes": "Delete"},
        "image": "rustfs/rustfs:bad", "scheduling": {"nodeSelector": {"there-is": "no-such-node"}},
        "rollout": {"autoRollback": true, "progressDeadlineSeconds": 10},
    });
    apply_tenant(&lane, bad).await;
    lane.space
        .condition::<Tenant>("store", "Stalled", "True", "RolledBack", PATIENTLY)
        .await;
    servers_run(&lane, crds::names::DEFAULT_IMAGE, 4).await;
    lane.space
        .condition::<Tenant>("store", "PoolsReady", "True", "AllReady", PATIENTLY)
        .await;
}

async fn delete_with_volumes(lane: Arc<Lane>) {
    lane.space.delete::<Tenant>("store").await;
    nothing_left(&lane).await;
    until("the volumes to be gone", PATIENTLY, || async {
        match lane.space.list::<PersistentVolumeClaim>().await.len() {
            0 => Ok(()),
            left => Err(format!("{left} claims")),
        }
    })
    .await;
}

async fn store_with_objects(lane: Arc<Lane>) {
    apply_tenant(&lane, json!({"deletion": {"protection": "DataCheck"}})).await;
    apply_pool(&lane, "p0", sized("1Gi")).await;
    settled(&lane, &["p0"]).await;
    put(&lane, "/photos").await;
    put(&lane, "/photos/1").await;
}

async fn grow_volumes(lane: Arc<Lane>) {
    apply_pool(&lane, "p0", sized("2Gi")).await;
    until("the volumes to have grown", PATIENTLY, || async {
        let pool = lane.space.get::<Pool>("p0").await?;
        match pool.status.and_then(|status| status.volume_size) {
            Some(size) if size.0 == "2Gi" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    settled(&lane, &["p0"]).await;
}

async fn withdraw_a_join(lane: Arc<Lane>) {
    let nowhere = json!({
        "preflight": "Report", "scheduling": {"nodeSelector": {"there-is": "no-such-node"}},
    });
    apply_pool(&lane, "late", nowhere).await;
    joined(&lane, "late", "False", "Joining").await;
    until("its volumes to be asked for", PATIENTLY, || async {
        let claims = lane.space.list::<PersistentVolumeClaim>().await;
        match claims
            .iter()
            .filter(|claim| claim.name_any().contains("-late-"))
            .count()
        {
            4 => Ok(()),
            others => Err(format!("{others} are")),
        }
    })
    .await;
    lane.space.delete::<Pool>("late").await;
    lane.space.gone::<Pool>("late", PATIENTLY).await;
    settled(&lane, &["p0"]).await;
}

async fn replace_a_pool(lane: Arc<Lane>) {
    apply_pool(&lane, "next", json!({"replaces": {"name": "p0"}})).await;
    lane.space
        .condition::<Pool>("p0", "Drained", "True", "Left", PATIENTLY)
        .await;
    until(
        "the servers of the replaced Pool to be gone",
        PATIENTLY,
        || async {
            match lane.space.list::<Pod>().await.len() {
                4 => Ok(()),
                others => Err(format!("{others} servers")),
            }
        },
    )
    .await;
    settled(&lane, &["next"]).await;
}

async fn delete_with_confirmation(lane: Arc<Lane>) {
    let uid = lane.space.get::<Tenant>("store").await.map(|tenant| tenant.uid());
    lane.space.delete::<Tenant>("store").await;
    lane.space
        .condition::<Tenant>("store", "DeletionAllowed", "False", "DataFound", PATIENTLY)
        .await;
    let word = json!({"storage.rustfs.com/confirm-deletion": uid.expect("it is there")});
    let change = Patch::Merge(json!({"metadata": {"annotations": word}}));
    lane.space
        .api::<Tenant>()
        .patch("store", &PatchParams::default(), &change)
        .await
        .expect("it can be confirmed");
    nothing_left(&lane).await;
}

const NEW: &str = "rustfs/rustfs:next";

async fn apply_tenant(lane: &Lane, spec: Value) {
    let mut tenant = objects::tenant();
    merge(&mut tenant["spec"], spec);
    lane.space
        .apply::<Tenant>("store", &tenant)
        .await
        .expect("it is a Tenant");
}

async fn apply_pool(lane: &Lane, name: &str, spec: Value) {
    let mut pool = objects::pool("store", 4, 1);
    merge(&mut pool["spec"], spec);
    lane.space.apply::<Pool>(name, &pool).await.expect("it is a Pool");
}

fn sized(size: &str) -> Value {
    json!({"volumeClaim": {"size": size, "storageClassName": "expandable"}})
}

fn merge(into: &mut Value, from: Value) {
    if let Value::Object(fields) = from {
        for (name, value) in fields {
            into[name] = value;
        }
    }
}

async fn joined(lane: &Lane, pool: &str, status: &str, reason: &str) {
    lane.space
        .condition::<Pool>(pool, "Joined", status, reason, PATIENTLY)
        .await;
}

async fn drained(lane: &Lane, status: &str, reason: &str) {
    lane.space
        .condition::<Pool>("p1", "Drained", status, reason, PATIENTLY)
        .await;
}

async fn settled(lane: &Lane, pools: &[&str]) {
    lane.space.ready::<Tenant>("store", PATIENTLY).await;
    for pool in pools {
        lane.space.ready::<Pool>(pool, PATIENTLY).await;
    }
}

async fn servers_run(lane: &Lane, image: &str, servers: usize) {
    until("every server to run the image", PATIENTLY, || async {
        let pods = lane.space.list::<Pod>().await;
        let runs = |pod: &&Pod| {
            let spec = pod.spec.as_ref().expect("a Pod has a spec");
            spec.containers[0].image.as_deref() == Some(image)
        };
        match pods.iter().filter(runs).count() {
            all if all == servers => Ok(()),
            some => Err(format!("{some} do")),
        }
    })
    .await;
}

async fn nothing_left(lane: &Lane) {
    lane.space.gone::<Tenant>("store", PATIENTLY).await;
    until("the servers to be gone", PATIENTLY, || async {
        match lane.space.list::<Pod>().await.len() {
            0 => Ok(()),
            left => Err(format!("{left} servers")),
        }
    })
    .await;
    until(
        "Kubernetes to have collected what was owned",
        PATIENTLY,
        || async {
            let mut left = owned::<Service>(lane).await;
            left.extend(owned::<ConfigMap>(lane).await);
            left.extend(owned::<Secret>(lane).await);
            left.extend(owned::<ServiceAccount>(lane).await);
            left.extend(owned::<PodDisruptionBudget>(lane).await);
            if left.is_empty() {
                Ok(())
            } else {
                Err(left.join(", "))
            }
        },
    )
    .await;
}

/// Names of what is owned by one of our kinds.
async fn owned<K: Kind>(lane: &Lane) -> Vec<String> {
    let all = lane.space.list::<K>().await;
    let ours = |object: &&K| {
        let mut owners = object.owner_references().iter();
        owners.any(|owner| owner.api_version.starts_with("storage.rustfs.com/"))
    };
    all.iter().filter(ours).map(ResourceExt::name_any).collect()
}

/// Writes to the first server, until it takes it.
async fn put(lane: &Lane, path: &str) {
    let secret = lane.space.get::<Secret>("store-credentials").await;
    let data = secret.expect("there are credentials").data.unwrap_or_default();
    let text = |key: &str| String::from_utf8(data[key].0.clone()).expect("it is text");
    let credentials = Credentials::new(&text("accesskey"), &text("secretkey"));
    until(&format!("{path} to be taken"), PATIENTLY, || async {
        let pod = lane.space.get::<Pod>("store-p0-0").await?;
        let address = pod.status.and_then(|status| status.pod_ip).ok_or("no address")?;
        let endpoint = Endpoint {
            addr: SocketAddr::new(address.parse().map_err(|_| "no address")?, 9000),
            host: "store-p0-0".to_owned(),
            tls: None,
        };
        let client = Client::new(endpoint, credentials.clone(), Deadlines::default());
        let answer = client.send(Method::PUT, path, Bytes::new()).await;
        match answer.map_err(|error| error.to_string())? {
            answer if answer.status < 300 => Ok(()),
            answer => Err(answer.status.to_string()),
        }
    })
    .await;
}
