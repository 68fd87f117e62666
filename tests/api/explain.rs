//! `rustfs-operator explain`, as a person runs it.

use std::process::{Command, Output};
use std::sync::Arc;

use crds::{Pool, Tenant};

use crate::World;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::SOON;

pub async fn a_person_is_told_what_a_store_waits_for(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "explain").await;
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    space
        .condition::<Pool>("p0", "TenantFound", "False", "TenantMissing", SOON)
        .await;
    let told = explain(&world, &space, "pool/p0");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let text = text(&told.stdout);
    assert!(
        text.contains("waits for: tenant/store, which does not exist"),
        "{text}"
    );
    assert!(text.contains("next: create Tenant store"), "{text}");

    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space.ready::<Tenant>("store", SOON).await;
    space.ready::<Pool>("p0", SOON).await;
    let told = explain(&world, &space, "tenant/store");
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(
        self::text(&told.stdout).starts_with("tenant/store ready for "),
        "{told:?}"
    );

    space
        .apply::<Pool>("late", &objects::pool("store", 17, 1))
        .await
        .unwrap();
    space
        .condition::<Pool>("late", "Accepted", "False", "LayoutInvalid", SOON)
        .await;
    let told = explain(&world, &space, "tenant/store");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let text = self::text(&told.stdout);
    assert!(text.contains("pool/late stuck for "), "{text}");
    assert!(text.contains("pool/p0 ready"), "{text}");
    space.leave().await;
}

pub async fn what_cannot_be_explained_is_said_in_a_sentence(world: Arc<World>) {
    let space = Space::make(&world.cluster.admin, "unknown").await;
    for (object, says) in [
        ("tenant/nobody", "there is no Tenant nobody in namespace"),
        ("pod/x", "pod is none of the kinds"),
        ("tenant", "name one object"),
    ] {
        let told = explain(&world, &space, object);
        assert_eq!(told.status.code(), Some(2), "{told:?}");
        assert!(text(&told.stderr).contains(says), "{told:?}");
        assert!(told.stdout.is_empty(), "{told:?}");
    }
    space.leave().await;
}

fn explain(world: &World, space: &Space, object: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rustfs-operator"))
        .args(["explain", object, "--namespace", &space.name])
        .env("KUBECONFIG", &world.cluster.kubeconfig)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
