//! From the first object to nothing left.

use std::sync::Arc;

use crds::{Pool, Tenant, TenantCertificate};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::World;
use crate::support::objects;
use crate::support::pods::is_ready;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

pub async fn a_tenant_and_two_pools_become_ready_whatever_comes_first(world: Arc<World>) {
    let _operator = world.running().await;
    for (prefix, tenant_first) in [("tenant-first", true), ("pools-first", false)] {
        let space = Space::make(&world.cluster.admin, prefix).await;
        if tenant_first {
            space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
            space
                .condition::<Tenant>("store", "Ready", "False", "NoPools", SOON)
                .await;
        }
        space
            .apply::<Pool>("hot", &objects::pool("store", 4, 1))
            .await
            .unwrap();
        space
            .apply::<Pool>("cold", &objects::pool("store", 2, 2))
            .await
            .unwrap();
        if !tenant_first {
            let message = space
                .condition::<Pool>("hot", "TenantFound", "False", "TenantMissing", SOON)
                .await;
            assert!(message.contains("no Tenant store"), "{message}");
            space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
        }
        let tenant = space.ready::<Tenant>("store", SOON).await;
        for pool in ["hot", "cold"] {
            let pool = space.ready::<Pool>(pool, SOON).await;
            assert_eq!(
                pool.owner_references()[0].uid,
                tenant.uid().unwrap(),
                "the Pool is linked to its Tenant"
            );
        }
        let map = space.get::<ConfigMap>("store-topology").await.unwrap();
        let volumes = &map.data.unwrap()["RUSTFS_VOLUMES"];
        let namespace = &space.name;
        assert!(volumes.contains(&format!(
            "http://store-hot-{{0...3}}.store-hl.{namespace}.svc.cluster.local:9000/data/rustfs{{0...0}}"
        )));
        assert!(
            volumes.contains("http://store-cold-{0...1}.store-hl."),
            "{volumes}"
        );
        for pod in space.list::<Pod>().await {
            assert_eq!(
                pod.labels()["storage.rustfs.com/tenant"],
                "store",
                "PodSecurity restricted took {}",
                pod.name_any()
            );
        }
        space.leave().await;
    }
}

pub async fn a_tenant_with_tls_mounts_its_certificate_and_renames_nothing(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "tls").await;
    space
        .apply::<Tenant>("store", &objects::tls_tenant())
        .await
        .unwrap();
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    space
        .condition::<Pool>("p0", "WorkloadReady", "False", "CertificateNotReady", SOON)
        .await;
    assert!(
        space.list::<StatefulSet>().await.is_empty(),
        "no server starts without its certificate"
    );
    space
        .apply::<TenantCertificate>("store", &objects::certificate("store"))
        .await
        .unwrap();
    space.ready::<TenantCertificate>("store", SOON).await;
    space.ready::<Tenant>("store", SOON).await;
    let set = serde_json::to_value(space.get::<StatefulSet>("store-p0").await.unwrap()).unwrap();
    let pod = &set["spec"]["template"]["spec"];
    let items = &pod["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|volume| volume["name"] == "tls")
        .unwrap()["secret"];
    assert_eq!(items["secretName"], "store-tls");
    assert_eq!(
        items["items"][0],
        json!({"key": "tls.crt", "path": "rustfs_cert.pem"})
    );
    assert_eq!(
        pod["containers"][0]["readinessProbe"]["httpGet"]["scheme"],
        "HTTPS"
    );
    let secret = space.get::<Secret>("store-tls").await.unwrap().data.unwrap();
    for key in [
        "tls.crt",
        "tls.key",
        "ca.crt",
        "rustfs_cert.pem",
        "rustfs_key.pem",
    ] {
        assert!(secret.contains_key(key), "{key}");
    }
    space.leave().await;
}

pub async fn deletion_goes_in_order_and_keeps_only_what_the_policy_keeps(world: Arc<World>) {
    let _operator = world.running().await;
    for (policy, kept) in [("Retain", 4), ("Delete", 0)] {
        let space = Space::make(&world.cluster.admin, "delete").await;
        let mut tenant = objects::tls_tenant();
        tenant["spec"]["deletion"]["volumes"] = policy.into();
        space.apply::<Tenant>("store", &tenant).await.unwrap();
        space
            .apply::<TenantCertificate>("store", &objects::certificate("store"))
            .await
            .unwrap();
        space
            .apply::<Pool>("p0", &objects::pool("store", 4, 1))
            .await
            .unwrap();
        space.ready::<Tenant>("store", SOON).await;
        space.delete::<Tenant>("store").await;
        space.gone::<Tenant>("store", SOON).await;
        assert!(
            space.list::<Pool>().await.is_empty(),
            "Pools go before their Tenant"
        );
        assert!(
            space.list::<TenantCertificate>().await.is_empty(),
            "certificates go before their Tenant"
        );
        until("all children to be collected", SOON, || async {
            let left = [
                names(&space.list::<StatefulSet>().await),
                names(&space.list::<Service>().await),
                names(&space.list::<Secret>().await),
                names(&space.list::<PodDisruptionBudget>().await),
                names(&space.list::<Pod>().await),
                names(&ours(space.list::<ConfigMap>().await)),
                names(
                    &space
                        .list::<ServiceAccount>()
                        .await
                        .into_iter()
                        .filter(|one| one.name_any() != "default")
                        .collect::<Vec<_>>(),
                ),
            ]
            .concat();
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        })
        .await;
        until("the claims the policy keeps", SOON, || async {
            let claims = names(&space.list::<PersistentVolumeClaim>().await);
            if claims.len() == kept {
                Ok(())
            } else {
                Err(format!("{claims:?}"))
            }
        })
        .await;
        space.leave().await;
    }
}

pub async fn volumes_of_a_pool_that_is_gone_are_listed_until_they_are_gone_too(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "orphans", &objects::tenant(), "p0").await;
    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", SOON).await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    orphaned(&space, &[("p0", 4)]).await;

    let all = ListParams::default().labels("storage.rustfs.com/pool=p0");
    let claims = space.api::<PersistentVolumeClaim>();
    claims
        .delete_collection(&DeleteParams::default(), &all)
        .await
        .unwrap();
    orphaned(&space, &[]).await;
    space.leave().await;
}

async fn orphaned(space: &Space, expected: &[(&str, i32)]) {
    until("the list of orphaned volumes", SOON, || async {
        let status = space.get::<Tenant>("store").await?.status.unwrap_or_default();
        let listed = status.orphaned_volumes.iter();
        let listed: Vec<(&str, i32)> = listed.map(|one| (one.pool.as_str(), one.claims)).collect();
        if listed == expected && status.observed_generation.is_some() {
            Ok(())
        } else {
            Err(format!("{listed:?}"))
        }
    })
    .await;
}

pub async fn a_namespace_with_objects_that_wait_can_be_deleted(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "waiting").await;
    space
        .apply::<Pool>("p0", &objects::pool("nobody", 4, 1))
        .await
        .unwrap();
    space
        .apply::<TenantCertificate>("cert", &objects::certificate("nobody"))
        .await
        .unwrap();
    space
        .apply::<Tenant>("store", &objects::tls_tenant())
        .await
        .unwrap();
    space
        .apply::<Pool>("p1", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    space
        .condition::<Pool>("p0", "TenantFound", "False", "TenantMissing", SOON)
        .await;
    space
        .condition::<Pool>("p1", "WorkloadReady", "False", "CertificateNotReady", SOON)
        .await;
    let (client, name) = (space.client.clone(), space.name.clone());
    space.leave().await;
    until("the namespace to be gone", SOON, || async {
        match Api::<Namespace>::all(client.clone()).get_opt(&name).await {
            Ok(None) => Ok(()),
            other => Err(format!(
                "{:?}",
                other.map(|found| found.and_then(|one| one.status))
            )),
        }
    })
    .await;
}

pub async fn a_new_image_reaches_every_server_one_at_a_time(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::make(&world.cluster.admin, "roll").await;
    space.apply::<Tenant>("store", &objects::tenant()).await.unwrap();
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    space
        .apply::<Pool>("p1", &objects::pool("store", 2, 2))
        .await
        .unwrap();
    space.ready::<Tenant>("store", SOON).await;
    let mut changed = objects::tenant();
    changed["spec"]["image"] = "rustfs/rustfs:next".into();
    space.apply::<Tenant>("store", &changed).await.unwrap();
    until("every server to run the new image", SOON, || async {
        let pods = space.list::<Pod>().await;
        let absent = pods.iter().filter(|pod| !is_ready(pod)).count() + 6_usize.saturating_sub(pods.len());
        assert!(absent <= 1, "{absent} servers are missing at once");
        let old = pods
            .iter()
            .filter(|pod| image(pod) != "rustfs/rustfs:next")
            .count();
        if old == 0 && absent == 0 {
            Ok(())
        } else {
            Err(format!("{old} run the old image, {absent} are missing"))
        }
    })
    .await;
    space.ready::<Tenant>("store", SOON).await;
    space.leave().await;
}

fn image(pod: &Pod) -> String {
    let value = serde_json::to_value(pod).unwrap_or(Value::Null);
    value["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn names<K: kube::Resource>(objects: &[K]) -> Vec<String> {
    objects
        .iter()
        .map(|object| object.meta().name.clone().unwrap_or_default())
        .collect()
}

fn ours(maps: Vec<ConfigMap>) -> Vec<ConfigMap> {
    maps.into_iter()
        .filter(|map| map.name_any() != "kube-root-ca.crt")
        .collect()
}
