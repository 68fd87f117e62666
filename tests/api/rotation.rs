//! Root credentials that change while a store serves.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{Client, Credentials, Deadlines, Endpoint};
use crds::Tenant;
use crds::names::{LABEL_TENANT, LABEL_TOPOLOGY_REVISION};
use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use kube::ResourceExt;
use serde_json::json;

use crate::World;
use crate::support::objects;
use crate::support::pods::{ready, uids};
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

/// How long all servers of a store may take to be replaced one after the other.
const REPLACED: Duration = Duration::from_secs(120);
const FIRST: &str = "the-first-secret";
const SECOND: &str = "the-second-secret";

pub async fn a_changed_pair_reaches_every_server_and_clients_meet_one_at_a_time(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "rotate").await;
    let before = uids(&space).await;
    assert!(knows(&space, FIRST).await.unwrap() && !knows(&space, SECOND).await.unwrap());
    give(&space, "someone", SECOND).await;
    until("every server to run the new pair", REPLACED, || async {
        meets_one_pair(&space).await;
        match running(&space, "store-credentials-r2").await {
            4 => Ok(()),
            count => Err(format!("{count} run it")),
        }
    })
    .await;
    let tenant = space.ready::<Tenant>("store", REPLACED).await;
    let told = tenant.status.unwrap().credentials.unwrap();
    let names = (told.secret_name.as_str(), told.serving_secret_name.as_str());
    assert_eq!(names, ("store-credentials-r2", "store-credentials-r2"));
    assert_eq!(selected(&space).await, "2");
    assert!(uids(&space).await.is_disjoint(&before));
    assert!(knows(&space, SECOND).await.unwrap() && !knows(&space, FIRST).await.unwrap());
    // Nobody can use it any more, so nobody needs to keep it.
    space.gone::<Secret>("store-credentials-r1", SOON).await;
    space.leave().await;
}

pub async fn a_pair_that_cannot_be_used_disturbs_no_server(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "wrong").await;
    let before = uids(&space).await;
    give(&space, "someone", "short").await;
    let kept = || {
        let reason = "RunningPairKept";
        space.condition::<Tenant>("store", "CredentialsReady", "False", reason, SOON)
    };
    let message = kept().await;
    for part in [
        "key secretkey of Secret keys",
        "8 to 40 characters",
        "store-credentials-r1",
    ] {
        assert!(message.contains(part), "{message}");
    }
    give(&space, "rustfsadmin", FIRST).await;
    until("the access key to be refused", SOON, || async {
        let message = kept().await;
        let refused = message.contains("key accesskey of Secret keys: it is the well-known default");
        if refused { Ok(()) } else { Err(message) }
    })
    .await;
    space.delete::<Secret>("keys").await;
    until("the loss to be told", SOON, || async {
        let message = kept().await;
        if message.contains("does not exist") {
            Ok(())
        } else {
            Err(message)
        }
    })
    .await;
    assert_eq!(uids(&space).await, before, "no server was touched");
    // One that is lost meanwhile comes back with the pair it had.
    space.delete::<Pod>("store-p0-1").await;
    until("the server to be back", SOON, || async {
        match (ready(&space).await, running(&space, "store-credentials-r1").await) {
            (4, 4) => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    })
    .await;
    // A Pod of a fake node is Ready a little before its server listens.
    until("the server to know the pair it had", SOON, || async {
        if knows(&space, FIRST).await? {
            Ok(())
        } else {
            Err("it does not".to_owned())
        }
    })
    .await;
    give(&space, "someone", FIRST).await;
    space.ready::<Tenant>("store", SOON).await;
    assert_eq!(selected(&space).await, "1");
    space.leave().await;
}

pub async fn a_pair_that_is_taken_back_on_the_way_leaves_the_servers_as_they_were(world: Arc<World>) {
    let _operator = world.running().await;
    let space = store(&world, "undone").await;
    let before = uids(&space).await;
    // The first server that takes the new pair takes no writes, so the others wait.
    world.servers.fault(&space.name, "store-p0-3", "readonly").await;
    give(&space, "another", SECOND).await;
    until("one server to take the new pair", REPLACED, || async {
        match running(&space, "store-credentials-r2").await {
            1 => Ok(()),
            count => Err(format!("{count} run it")),
        }
    })
    .await;
    let message = space
        .condition::<Tenant>("store", "CredentialsReady", "True", "Rotating", SOON)
        .await;
    assert!(
        message.contains("service accounts that belong to root"),
        "{message}"
    );
    assert_eq!(selected(&space).await, "1");
    give(&space, "someone", FIRST).await;
    until("all servers to run the former pair", REPLACED, || async {
        match running(&space, "store-credentials-r1").await {
            4 => Ok(()),
            count => Err(format!("{count} run it")),
        }
    })
    .await;
    world.servers.fault(&space.name, "store-p0-3", "none").await;
    space.ready::<Tenant>("store", REPLACED).await;
    assert_eq!(selected(&space).await, "1");
    let kept = uids(&space).await.intersection(&before).count();
    assert_eq!(kept, 3, "the servers that had the former pair were not touched");
    space.leave().await;
}

/// A store of one Pool whose root credentials are in the Secret `keys`.
async fn store(world: &World, prefix: &str) -> Space {
    let space = Space::make(&world.cluster.admin, prefix).await;
    give(&space, "someone", FIRST).await;
    let mut tenant = objects::tenant();
    tenant["spec"]["credentialsSecretRef"] = json!({"name": "keys"});
    space.apply::<Tenant>("store", &tenant).await.unwrap();
    let pool = objects::pool("store", 4, 1);
    space.apply::<crds::Pool>("p0", &pool).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    space
}

/// Writes a pair into the Secret, with the label by which its changes are noticed at once.
async fn give(space: &Space, access_key: &str, secret_key: &str) {
    let keys = json!({
        "metadata": {"labels": {LABEL_TENANT: "store"}},
        "stringData": {"accesskey": access_key, "secretkey": secret_key},
    });
    space.apply::<Secret>("keys", &keys).await.unwrap();
}

/// Whether every server accepts a secret key; each was started with one pair and knows no other.
async fn knows(space: &Space, secret_key: &str) -> Result<bool, String> {
    let mut answers = BTreeSet::new();
    for pod in space.list::<Pod>().await {
        let ip = pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.clone())
            .unwrap();
        let endpoint = Endpoint {
            addr: SocketAddr::new(ip.parse().unwrap(), 9000),
            host: pod.name_any(),
            tls: None,
        };
        let client = Client::new(
            endpoint,
            Credentials::new("someone", secret_key),
            Deadlines::default(),
        );
        answers.insert(match client.storage_info().await {
            Ok(_) => true,
            Err(error) if error.is_denied() => false,
            Err(error) => return Err(error.to_string()),
        });
    }
    match answers.len() {
        1 => Ok(answers.contains(&true)),
        _ => Err(format!("servers differ: {answers:?}")),
    }
}

/// The servers that the Service selects were started with one pair.
async fn meets_one_pair(space: &Space) {
    let selected = selected(space).await;
    let pods = space.list::<Pod>().await;
    let served = pods
        .iter()
        .filter(|pod| pod.labels().get(LABEL_TOPOLOGY_REVISION) == Some(&selected));
    let pairs: BTreeSet<&str> = served.filter_map(pair).collect();
    assert!(pairs.len() < 2, "clients meet {pairs:?}");
}

fn pair(pod: &Pod) -> Option<&str> {
    plan::tenant::started_with(pod.spec.as_ref()?)
}

async fn running(space: &Space, secret: &str) -> usize {
    let pods = space.list::<Pod>().await;
    let stays = pods
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none());
    stays.filter(|pod| pair(pod) == Some(secret)).count()
}

async fn selected(space: &Space) -> String {
    let service = space.get::<Service>("store-api").await.unwrap();
    service.spec.unwrap().selector.unwrap()[LABEL_TOPOLOGY_REVISION].clone()
}
