//! Volumes of a store on real servers that grow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::Pool;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;

use crate::World;
use crate::scene::{admin, dies, keeping, kill_operator, sized, undisturbed};
use crate::support::objects;
use crate::support::pods::uids;
use crate::support::wait::until;

const SOON: Duration = Duration::from_secs(120);
const OBJECTS: usize = 10;

pub async fn volumes_grow_under_a_store_that_serves_although_operator_and_server_die(world: Arc<World>) {
    let (space, store) = keeping(&world, "grow", &objects::tenant(), OBJECTS).await;

    let before = uids(&space).await;
    let traffic = store.traffic("busy");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let started = Instant::now();
    space.apply::<Pool>("p0", &sized("2Gi")).await.unwrap();
    until("the first volume to be asked for more", SOON, || async {
        let claims = space.list::<PersistentVolumeClaim>().await;
        let asked = |claim: &PersistentVolumeClaim| {
            let resources = claim.spec.as_ref()?.resources.as_ref()?;
            Some(resources.requests.as_ref()?["storage"].0.clone())
        };
        claims
            .iter()
            .any(|claim| asked(claim).as_deref() == Some("2Gi"))
            .then_some(())
            .ok_or("none is".to_owned())
    })
    .await;
    kill_operator(&world).await;
    dies(&space, "store-p0-2").await;
    until("all volumes to have grown", SOON, || async {
        let pool = space.get::<Pool>("p0").await?;
        let size = pool.status.and_then(|status| status.volume_size);
        match size {
            Some(size) if size.0 == "2Gi" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    space.ready::<Pool>("p0", SOON).await;
    let took = started.elapsed();
    // A while longer, under the new StatefulSet.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let counts = traffic.end();
    eprintln!("  grown in {:.1} s", took.as_secs_f64());
    undisturbed(&counts);
    assert_eq!(uids(&space).await, before, "no server was touched");
    let storage = admin(&store).storage_info().await.unwrap();
    let sizes: Vec<u64> = storage.drives.iter().map(|drive| drive.totalspace).collect();
    assert_eq!(sizes, [2 << 30; 4], "servers have what was asked for");
    assert!(counts["writes"].as_u64() > Some(5), "{counts}");
    store.check("kept", OBJECTS);

    // The new StatefulSet takes care of the servers it found.
    let lost = "store-p0-1";
    space.delete::<Pod>(lost).await;
    until("a lost server to come back", SOON, || async {
        let uid = space.get::<Pod>(lost).await?.uid().unwrap_or_default();
        if before.contains(&uid) {
            Err("it is the old one".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    space.ready::<Pool>("p0", SOON).await;
    store.check("kept", OBJECTS);
    space.vacate().await;
}
