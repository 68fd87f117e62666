//! Root credentials that change under a real store, with a client that never stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::Tenant;
use crds::names::LABEL_TENANT;
use hyper::Method;
use hyper::body::Bytes;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::World;
use crate::s3::Store;
use crate::scene::{admin, create, dies, kill_operator, undisturbed};
use crate::support::objects;
use crate::support::pods::is_ready;
use crate::support::space::Space;
use crate::support::wait::until;

/// How long every server may take to be replaced once.
const CHANGED: Duration = Duration::from_secs(420);
const OBJECTS: usize = 10;
const FIRST: &str = "the-first-secret";
const SECOND: &str = "the-second-secret";

pub async fn root_credentials_rotate_while_a_user_reads_what_it_wrote(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "rotation").await;
    give(&space, FIRST).await;
    let mut tenant = objects::tenant();
    tenant["spec"]["credentialsSecretRef"] = json!({"name": "keys"});
    create(&space, &tenant).await;
    let mut root = Store::find(&world, &space, "keys", None).await;
    root.put("kept", OBJECTS);
    add_user(&root).await;
    let mut user = Store::find(&world, &space, "keys", None).await;
    user.keys = ("clerk".to_owned(), "the-clerks-secret".to_owned());
    user.put("kept-by-user", OBJECTS);

    let traffic = user.traffic("busy");
    let started = Instant::now();
    give(&space, SECOND).await;
    let pair = |pod: &Pod| plan::tenant::started_with(pod.spec.as_ref()?).map(str::to_owned);
    let new = |pods: &[Pod]| {
        let taken = |pod: &&Pod| pair(pod).as_deref() == Some("store-credentials-r2");
        pods.iter().filter(taken).count()
    };
    until("the first server with the new pair", CHANGED, || async {
        match new(&space.list::<Pod>().await) {
            0 => Err("there is none".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    kill_operator(&world).await;
    let pods = space.list::<Pod>().await;
    let old = pods.iter().find(|pod| new(std::slice::from_ref(pod)) == 0);
    dies(&space, &old.unwrap().name_any()).await;
    until("every server to run the new pair", CHANGED, || async {
        let pods = space.list::<Pod>().await;
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        // Two at most: the one that died, and the one whose turn it is.
        assert!(ready >= 2, "{} servers are missing at once", 4 - ready);
        match (new(&pods), ready) {
            (4, 4) => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    })
    .await;
    space.ready::<Tenant>("store", CHANGED).await;
    eprintln!("  rotated after {} s", started.elapsed().as_secs());
    let counts = traffic.end();
    undisturbed(&counts);
    user.check("kept-by-user", OBJECTS);
    assert_eq!(asked(&root, Method::GET, "/", None).await, 403, "the former pair");
    root.keys.1 = SECOND.to_owned();
    root.check("kept", OBJECTS);
    space.vacate().await;
}

/// Writes the pair, with the label by which its changes are noticed at once.
async fn give(space: &Space, secret_key: &str) {
    let keys = json!({
        "metadata": {"labels": {LABEL_TENANT: "store"}},
        "stringData": {"accesskey": "someone", "secretkey": secret_key},
    });
    space.apply::<Secret>("keys", &keys).await.unwrap();
}

/// A user that may do everything with objects, and nothing else.
async fn add_user(root: &Store) {
    let user = json!({"secretKey": "the-clerks-secret", "status": "enabled"});
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}]});
    let attach = "set-user-or-group-policy?policyName=objects&userOrGroup=clerk&isGroup=false";
    for (path, body) in [
        ("add-user?accessKey=clerk", Some(user)),
        ("add-canned-policy?name=objects", Some(policy)),
        (attach, None),
    ] {
        let path = format!("/rustfs/admin/v3/{path}");
        assert_eq!(asked(root, Method::PUT, &path, body).await, 200, "{path}");
    }
}

/// The status of an answer.
async fn asked(store: &Store, method: Method, path: &str, body: Option<Value>) -> u16 {
    let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    admin(store).send(method, path, body).await.unwrap().status
}
