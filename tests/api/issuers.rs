//! A certificate from cert-manager: its own controllers issue it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::{Pool, Tenant, TenantCertificate};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use plan::certificate::cert_manager::Certificate;
use serde_json::{Value, json};

use crate::World;
use crate::support::cert_manager;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

fn from(issuer: &str) -> Value {
    json!({"spec": {"tenantRef": {"name": "store"}, "issuer": {"certManager": {"issuerRef": {"name": issuer}}}}})
}

pub async fn a_store_gets_its_certificate_from_cert_manager(world: Arc<World>) {
    let _operator = world.running().await;
    let (cluster, space) = (&world.cluster, Space::make(&world.cluster.admin, "issuer").await);
    space
        .apply::<Tenant>("store", &objects::tls_tenant())
        .await
        .unwrap();
    space
        .apply::<TenantCertificate>("store", &from("corp"))
        .await
        .unwrap();
    space
        .apply::<Pool>("p0", &objects::pool("store", 4, 1))
        .await
        .unwrap();
    let message = space
        .condition::<TenantCertificate>("store", "Ready", "False", "CertManagerMissing", SOON)
        .await;
    assert!(message.starts_with("spec.issuer.certManager: "), "{message}");

    cert_manager::install_kinds(cluster);
    space
        .condition::<TenantCertificate>("store", "Ready", "False", "CertManagerPending", SOON)
        .await;
    let _controllers = cert_manager::start(cluster);
    let authority = cluster.scratch.join("authority.json");
    let text = cert_manager::authority(&space.name, "corp").to_string();
    std::fs::write(&authority, text).unwrap();
    cluster
        .kubectl(&["apply", "-f", authority.to_str().unwrap()])
        .expect("an authority can be made");
    space.ready::<TenantCertificate>("store", SOON).await;
    space.ready::<Tenant>("store", SOON).await;
    let issued = secret(&space, "store-issued").await;
    let mounted = secret(&space, "store-tls").await;
    for (theirs, ours) in [
        ("tls.crt", "tls.crt"),
        ("tls.crt", "rustfs_cert.pem"),
        ("tls.key", "tls.key"),
        ("tls.key", "rustfs_key.pem"),
        ("ca.crt", "ca.crt"),
    ] {
        assert!(issued[theirs] == mounted[ours], "{theirs}, {ours}");
    }
    assert!(issued["ca.crt"] == secret(&space, "corp-root").await["tls.crt"]);
    renewals_are_handed_over(&space).await;
    another_issuer_takes_over(&space).await;

    let theirs =
        json!({"spec": {"secretName": "theirs", "dnsNames": ["a.example"], "issuerRef": {"name": "corp"}}});
    space
        .apply::<Certificate>("other", &theirs)
        .await
        .expect("someone else has a Certificate");
    space
        .apply::<TenantCertificate>("other", &from("corp"))
        .await
        .unwrap();
    let message = space
        .condition::<TenantCertificate>("other", "Stalled", "True", "NameTaken", SOON)
        .await;
    assert!(message.contains("Certificate"), "{message}");
    let kept = space.get::<Certificate>("other").await.unwrap();
    assert_eq!(kept.spec.secret_name, "theirs");

    space.delete::<TenantCertificate>("other").await;
    space.delete::<Tenant>("store").await;
    space.gone::<Tenant>("store", SOON).await;
    assert_eq!(
        names_of(&space.list::<Certificate>().await),
        ["corp-root", "other"]
    );
    space.leave().await;
}

/// One by a lost Secret, one by a new name; both from the same root, so both reach servers at once.
async fn renewals_are_handed_over(space: &Space) {
    let servers = names_and_uids(space).await;
    let first = secret(space, "store-tls").await;
    space.delete::<Secret>("store-issued").await;
    until("the renewed certificate to be handed over", SOON, || async {
        let now = space.get::<Secret>("store-tls").await?.data.unwrap_or_default();
        if now["tls.crt"] == first["tls.crt"] {
            Err("it is still the first".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    let mut named = from("corp");
    named["spec"]["additionalDnsNames"] = json!(["s3.example.com"]);
    space.apply::<TenantCertificate>("store", &named).await.unwrap();
    until("the new name to be in the certificate", SOON, || async {
        let certificate = space.get::<TenantCertificate>("store").await?;
        let names = certificate
            .status
            .map(|status| status.subject_names)
            .unwrap_or_default();
        if names.iter().any(|name| name == "s3.example.com") {
            Ok(())
        } else {
            Err(format!("{names:?}"))
        }
    })
    .await;
    space.ready::<TenantCertificate>("store", SOON).await;
    until("the Secret to go with its TenantCertificate", SOON, || async {
        let issued = space.get::<Secret>("store-issued").await?;
        let owner = issued.owner_references().first().cloned();
        match owner {
            Some(owner) if owner.kind == "TenantCertificate" && owner.name == "store" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(names_and_uids(space).await, servers, "no server was replaced");
}

/// The certificate stays until all servers have the new root; what cert-manager was asked for goes at once.
async fn another_issuer_takes_over(space: &Space) {
    let before = secret(space, "store-tls").await;
    space
        .apply::<TenantCertificate>("store", &objects::certificate("store"))
        .await
        .unwrap();
    space.gone::<Certificate>("store", SOON).await;
    space.gone::<Secret>("store-issued", SOON).await;
    until("both roots to be trusted", SOON, || async {
        let now = space.get::<Secret>("store-tls").await?.data.unwrap_or_default();
        assert!(now["tls.crt"] == before["tls.crt"], "it is replaced too early");
        let roots = String::from_utf8_lossy(&now["ca.crt"].0).matches("BEGIN").count();
        if roots == 2 {
            Ok(())
        } else {
            Err(format!("{roots}"))
        }
    })
    .await;
    let message = space
        .condition::<TenantCertificate>("store", "Ready", "False", "Issuing", SOON)
        .await;
    assert!(message.contains("once all servers trust that"), "{message}");
    space.ready::<Tenant>("store", SOON).await;
}

async fn secret(space: &Space, name: &str) -> BTreeMap<String, ByteString> {
    let secret = space.get::<Secret>(name).await.unwrap();
    secret.data.unwrap_or_default()
}

async fn names_and_uids(space: &Space) -> BTreeMap<String, Option<String>> {
    let pods = space.list::<Pod>().await;
    pods.iter().map(|pod| (pod.name_any(), pod.uid())).collect()
}

fn names_of(certificates: &[Certificate]) -> Vec<String> {
    let mut names: Vec<String> = certificates.iter().map(ResourceExt::name_any).collect();
    names.sort();
    names
}
