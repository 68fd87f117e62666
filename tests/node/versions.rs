//! Two versions of RustFS. The other one is what `RUSTFS_OTHER` names, as `1.0.0=/path/to/rustfs`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crds::Tenant;
use crds::names::ANNOTATION_ALLOW_DOWNGRADE;
use serde_json::{Value, json};

use crate::World;
use crate::rolls::{ROLLED, operator_and_a_server_die, replaced, served};
use crate::s3::Store;
use crate::scene::{FORMED, create};
use crate::support::objects;
use crate::support::pods::uids;
use crate::support::space::Space;

const OBJECTS: usize = 10;

/// The other version and its program, if there is one.
pub fn other() -> Option<(String, String)> {
    let given = std::env::var("RUSTFS_OTHER").ok()?;
    let (version, program) = given.split_once('=').expect("RUSTFS_OTHER is VERSION=PROGRAM");
    Some((version.to_owned(), program.to_owned()))
}

pub async fn a_store_takes_a_later_version_and_an_earlier_one_only_by_a_word(world: Arc<World>) {
    let (version, program) = other().expect("RUSTFS_OTHER names another version");
    let earlier = format!("rustfs/rustfs:{version}");
    load(&world, &earlier, &program);
    let space = Space::make(&world.cluster.admin, "versions").await;
    create(&space, &of(&earlier)).await;
    let store = Store::find(&world, &space, "store-credentials", None).await;
    store.put("kept", OBJECTS);

    let traffic = store.traffic("busy");
    let (running, started) = (uids(&space).await, Instant::now());
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    operator_and_a_server_die(&world, &space, &running).await;
    // While the one that died and the one whose turn it is are away, no write has a quorum. Servers of 1.0.0 fail their
    // probes at once then, all of them.
    let took = rolled(&space, &running, 0, started).await;
    served(&traffic.end());
    eprintln!("  {version} to 1.0.1 in {took} s");
    store.check("kept", OBJECTS);
    store.put("later", OBJECTS);

    let before = uids(&space).await;
    space.apply::<Tenant>("store", &of(&earlier)).await.unwrap();
    let message = space
        .condition::<Tenant>("store", "RolledOut", "False", "DowngradeRefused", FORMED)
        .await;
    assert!(message.contains(&version), "{message}");
    assert_eq!(uids(&space).await, before, "nobody is disturbed");

    let mut back = of(&earlier);
    back["metadata"] = json!({"annotations": {ANNOTATION_ALLOW_DOWNGRADE: version}});
    let traffic = store.traffic("busy-again");
    let started = Instant::now();
    space.apply::<Tenant>("store", &back).await.unwrap();
    let took = rolled(&space, &before, 3, started).await;
    served(&traffic.end());
    eprintln!("  1.0.1 to {version} in {took} s");
    store.check("kept", OBJECTS);
    store.check("later", OBJECTS);
    space.vacate().await;
}

/// Waits until every server is another one, and says after how many seconds.
async fn rolled(space: &Space, before: &BTreeSet<String>, least: usize, started: Instant) -> u64 {
    replaced(space, before, least).await;
    let took = started.elapsed().as_secs();
    space
        .condition::<Tenant>("store", "RolledOut", "True", "Complete", ROLLED)
        .await;
    took
}

fn of(image: &str) -> Value {
    let mut tenant = objects::tenant();
    tenant["spec"]["image"] = image.into();
    tenant
}

fn load(world: &World, image: &str, program: &str) {
    let archive = world.cluster.scratch.join("other.tar");
    let archive = archive.to_str().unwrap();
    let build = [
        "image",
        "build",
        "--name",
        image,
        "--binary",
        program,
        "--entry",
        "/usr/bin/rustfs",
        "--tool",
        "/usr/bin/mkdir",
        "--out",
        archive,
    ];
    world.cluster.localkube_plain(&build).unwrap();
    world
        .cluster
        .localkube_plain(&["image", "load", "--name", world.cluster.text("/name"), archive])
        .unwrap();
}
