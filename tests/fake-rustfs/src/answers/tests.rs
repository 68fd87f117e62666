use std::sync::Arc;
use std::time::Duration;

use admin::{Client, Credentials, Deadlines, Endpoint};
use bytes::Bytes;
use http::Method;
use tokio::net::TcpListener;

use crate::environment::Identity;
use crate::verify::Keys;
use crate::world::{Mode, World};
use crate::{listen, volumes};

const HOSTS: [&str; 4] = [
    "t-p-0.t-hl.ns.svc",
    "t-p-1.t-hl.ns.svc",
    "t-p-2.t-hl.ns.svc",
    "t-p-3.t-hl.ns.svc",
];

/// A server of a store of four with one drive each, and the admin client for it.
async fn server(world: &Arc<World>) -> Client {
    let identity = Arc::new(Identity {
        pod: "ns/t-p-0".into(),
        tenant: "ns/t".into(),
        host: HOSTS[0].into(),
        address: [127, 0, 0, 1].into(),
        keys: Keys {
            access: "someone".into(),
            secret: "some-secret".into(),
        },
        pools: volumes::parse("http://t-p-{0...3}.t-hl.ns.svc:9000/data/rustfs{0...0}").unwrap(),
        tls: None,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let world = world.clone();
    tokio::spawn(listen::serve(listener, None, move |request| {
        let (world, identity) = (world.clone(), identity.clone());
        async move { super::api(&world, &identity, &request) }
    }));
    let endpoint = Endpoint {
        addr,
        host: "t-api.ns.svc".into(),
        tls: None,
    };
    Client::new(
        endpoint,
        Credentials::new("someone", "some-secret"),
        Deadlines::default(),
    )
}

#[tokio::test]
async fn the_admin_client_understands_every_answer() {
    let world = Arc::new(World::default());
    let _live: Vec<_> = HOSTS[..3].iter().map(|host| world.enter(host)).collect();
    let client = server(&world).await;

    let info = client.info().await.unwrap();
    assert_eq!((info.backend.online_disks, info.backend.offline_disks), (3, 1));
    assert_eq!((info.backend.standard_parity, info.servers.len()), (Some(2), 4));
    assert_eq!(info.servers[3].state, "offline");
    assert_eq!(info.servers[0].network["t-p-3.t-hl.ns.svc:9000"], "offline");

    let storage = client.storage_info().await.unwrap();
    assert_eq!(storage.drives.iter().filter(|drive| drive.is_ok()).count(), 3);
    assert_eq!(
        storage.drives[2].endpoint,
        "http://t-p-2.t-hl.ns.svc:9000/data/rustfs0"
    );

    let pools = client.pools().await.unwrap();
    assert_eq!(
        pools[0].cmdline,
        "http://t-p-{0...3}.t-hl.ns.svc:9000/data/rustfs{0...0}"
    );
    assert_eq!(pools[0].total_size, pools[0].free_size + pools[0].used_size);
}

#[tokio::test]
async fn readiness_follows_quorum_and_faults() {
    let world = Arc::new(World::default());
    let client = server(&world).await;
    let one = world.enter(HOSTS[0]);
    assert!(!client.ready().await.unwrap().ready);
    let others: Vec<_> = HOSTS[1..].iter().map(|host| world.enter(host)).collect();
    assert!(client.ready().await.unwrap().ready);
    world.set_fault("ns/t-p-0".into(), Mode::Unready);
    assert!(!client.ready().await.unwrap().ready);
    world.set_fault("ns/t-p-0".into(), Mode::None);
    drop(others);
    assert!(!client.ready().await.unwrap().ready);
    drop(one);
}

#[tokio::test]
async fn an_object_that_was_put_is_read_back_until_it_is_deleted() {
    let world = Arc::new(World::default());
    let _live: Vec<_> = HOSTS.iter().map(|host| world.enter(host)).collect();
    let client = server(&world).await;
    let send = |method, path, body: &'static str| client.send(method, path, Bytes::from(body));

    assert_eq!(send(Method::PUT, "/b/a%20key", "x").await.unwrap().status, 404);
    assert_eq!(send(Method::PUT, "/b", "").await.unwrap().status, 200);
    assert_eq!(
        send(Method::PUT, "/b/a%20key", "content").await.unwrap().status,
        200
    );
    assert_eq!(send(Method::GET, "/b/a%20key", "").await.unwrap().body, "content");
    let listed = send(Method::GET, "/b?list-type=2", "").await.unwrap();
    assert!(String::from_utf8_lossy(&listed.body).contains("<Key>a key</Key>"));
    assert_eq!(send(Method::DELETE, "/b", "").await.unwrap().status, 409);
    assert_eq!(client.info().await.unwrap().objects.count, 1);
    assert_eq!(send(Method::DELETE, "/b/a%20key", "").await.unwrap().status, 204);
    let gone = send(Method::GET, "/b/a%20key", "").await.unwrap();
    let recorded = include_bytes!("../../../../controllers/admin/fixtures/no-such-key.xml");
    assert_eq!((gone.status, gone.body.as_ref()), (404, recorded.as_slice()));
    assert_eq!(send(Method::DELETE, "/b", "").await.unwrap().status, 204);
}

#[tokio::test]
async fn unknown_admin_paths_and_faults_answer_as_recorded() {
    let world = Arc::new(World::default());
    let client = server(&world).await;
    let answer = client
        .send(Method::GET, "/rustfs/admin/v3/no-such-thing", Bytes::new())
        .await
        .unwrap();
    let recorded = include_bytes!("../../../../controllers/admin/fixtures/unknown-path.xml");
    assert_eq!((answer.status, answer.body.as_ref()), (501, recorded.as_slice()));

    world.set_fault("ns/t-p-0".into(), Mode::Http500);
    assert!(
        client
            .info()
            .await
            .unwrap_err()
            .to_string()
            .contains("500 InternalError")
    );
}

#[tokio::test]
async fn a_server_that_is_told_to_be_down_is_waited_for() {
    let world = Arc::new(World::default());
    world.until_down("ns/t-p-0", false).await;
    world.set_fault("ns/t-p-0".into(), Mode::Down);
    let waited = tokio::time::timeout(Duration::from_secs(5), world.until_down("ns/t-p-0", true)).await;
    assert!(waited.is_ok());
}
