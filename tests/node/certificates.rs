//! Stores with TLS, and what becomes of their clients while certificates change.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::TenantCertificate;
use k8s_openapi::api::core::v1::{Pod, Secret};

use crate::World;
use crate::s3::Store;
use crate::scene::{answers_decode, create, undisturbed};
use crate::support::objects;
use crate::support::pods::uids;
use crate::support::space::Space;
use crate::support::wait::until;

const OBJECTS: usize = 10;
/// A new root is there five minutes before a certificate needs it.
const ISSUED: Duration = Duration::from_secs(420);
const END: &str = "-----END CERTIFICATE-----";
/// The kubelet looks for new Secrets about once a minute, the servers for new files twice a minute.
const TAKEN: Duration = Duration::from_secs(240);

pub async fn a_store_with_tls_is_trusted_by_its_own_authority_alone(world: Arc<World>) {
    let (space, mut store) = keeping(&world, "tls").await;
    assert!(store.is_refused_without_authority("kept"));
    answers_decode(&store).await;

    let servers = uids(&space).await;
    let traffic = store.easy_traffic("busy");
    let before = leaf(&space).await;
    space.delete::<Secret>("store-tls").await;
    takes_another(&space, &before).await;
    undisturbed(&traffic.end());
    assert_eq!(uids(&space).await, servers, "no server was replaced");
    store.check("kept", OBJECTS);
    space.vacate().await;
}

/// Minutes long: servers and clients get to know a new root before a certificate needs it.
pub async fn a_new_authority_is_known_to_all_before_it_is_used(world: Arc<World>) {
    let (space, _) = keeping(&world, "authority").await;

    let servers = uids(&space).await;
    let before = leaf(&space).await;
    space.delete::<Secret>("store-ca").await;
    until("both roots to be there", TAKEN, || async {
        let secret = space.get::<Secret>("store-tls").await?;
        let roots = text(&secret, "ca.crt").matches(END).count();
        (roots == 2).then_some(()).ok_or(format!("{roots} are"))
    })
    .await;
    assert_eq!(leaf(&space).await, before, "the certificate is still the old one");
    // A client that takes both roots now is served all the time.
    let both = Store::find(&world, &space, "store-credentials", Some("store-tls")).await;
    let traffic = both.easy_traffic("busy");
    takes_another(&space, &before).await;
    undisturbed(&traffic.end());
    assert_eq!(uids(&space).await, servers, "no server was replaced");
    both.check("kept", OBJECTS);
    space.vacate().await;
}

/// A store with TLS and a certificate of its own that keeps objects already.
async fn keeping(world: &World, name: &str) -> (Space, Store) {
    let space = Space::make(&world.cluster.admin, name).await;
    space
        .apply::<TenantCertificate>("store", &objects::certificate("store"))
        .await
        .unwrap();
    create(&space, &objects::tls_tenant()).await;
    let store = Store::find(world, &space, "store-credentials", Some("store-tls")).await;
    store.put("kept", OBJECTS);
    (space, store)
}

/// Waits until there is another certificate, and every server shows it.
async fn takes_another(space: &Space, before: &str) {
    let started = Instant::now();
    until("another certificate", ISSUED, || async {
        let secret = space.get::<Secret>("store-tls").await?;
        if first(&secret) == before {
            Err("it is the old one".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    let now = leaf(space).await;
    eprintln!(
        "  there is another certificate after {} s",
        started.elapsed().as_secs()
    );
    for pod in space.list::<Pod>().await {
        let address = pod.status.unwrap().pod_ip.unwrap();
        until("the server to show it", TAKEN, || async {
            let shown = shown_by(&address)?;
            if shown == now {
                Ok(())
            } else {
                Err("it shows another".to_owned())
            }
        })
        .await;
    }
    eprintln!("  all servers show it after {} s", started.elapsed().as_secs());
}

/// The servers' certificate as it is in the Secret, without line ends.
async fn leaf(space: &Space) -> String {
    first(&space.get::<Secret>("store-tls").await.unwrap())
}

fn first(secret: &Secret) -> String {
    let chain = text(secret, "tls.crt");
    let leaf = chain.split_inclusive(END).next().unwrap_or_default();
    leaf.split_whitespace().collect()
}

fn text(secret: &Secret, key: &str) -> String {
    let value = secret.data.as_ref().and_then(|data| data.get(key));
    value
        .map(|value| String::from_utf8_lossy(&value.0).into_owned())
        .unwrap_or_default()
}

/// What a server shows to whoever connects.
fn shown_by(address: &str) -> Result<String, String> {
    let program = "import ssl, sys; print(ssl.get_server_certificate((sys.argv[1], 9000)))";
    let output = Command::new("python3")
        .args(["-c", program, address])
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().collect())
}
