//! A namespace for one test.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use crds::{Pool, Tenant, TenantCertificate};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{NamespaceResourceScope, ObjectMeta};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kstatus::{self, Verdict};
use super::objects;
use super::wait::{SOON, until};

/// A namespace that enforces PodSecurity `restricted`; deleted in the background at the end.
pub struct Space {
    /// Administrator's client.
    pub client: Client,
    /// Name of the namespace.
    pub name: String,
}

/// A kind in a namespace that can be read and written.
pub trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}
impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

impl Space {
    /// A namespace with a store that serves: Tenant `store`, of one Pool with four servers.
    pub async fn serving(client: &Client, prefix: &str, tenant: &Value, pool: &str) -> Self {
        let space = Self::make(client, prefix).await;
        space.serve(tenant, pool).await;
        space
    }

    /// Makes such a store here.
    pub async fn serve(&self, tenant: &Value, pool: &str) {
        self.apply::<Tenant>("store", tenant).await.unwrap();
        let servers = objects::pool("store", 4, 1);
        self.apply::<Pool>(pool, &servers).await.unwrap();
        self.ready::<Tenant>("store", SOON).await;
        self.ready::<Pool>(pool, SOON).await;
    }

    /// A Tenant that speaks TLS, and its certificate.
    pub async fn apply_with_tls(&self, tenant: &str) {
        let certificate = objects::certificate(tenant);
        self.apply::<Tenant>(tenant, &objects::tls_tenant())
            .await
            .unwrap();
        self.apply::<TenantCertificate>(tenant, &certificate)
            .await
            .unwrap();
    }

    /// Makes a namespace whose name starts with `prefix`.
    pub async fn make(client: &Client, prefix: &str) -> Self {
        let labels = BTreeMap::from([
            (
                "pod-security.kubernetes.io/enforce".to_owned(),
                "restricted".to_owned(),
            ),
            (
                "pod-security.kubernetes.io/warn".to_owned(),
                "restricted".to_owned(),
            ),
        ]);
        let namespace = Namespace {
            metadata: ObjectMeta {
                generate_name: Some(format!("{prefix}-")),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let made = Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .expect("a namespace can be made");
        Self {
            client: client.clone(),
            name: made.metadata.name.expect("it has a name"),
        }
    }

    /// The API of a kind in this namespace.
    pub fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Applies one object as a person does, with strict validation.
    pub async fn apply<K: Kind>(&self, name: &str, object: &Value) -> Result<K, kube::Error> {
        let mut object = object.clone();
        object["apiVersion"] = K::api_version(&()).into_owned().into();
        object["kind"] = K::kind(&()).into_owned().into();
        object["metadata"]["name"] = name.into();
        let how = PatchParams {
            field_validation: Some(kube::api::ValidationDirective::Strict),
            ..PatchParams::apply("person").force()
        };
        self.api::<K>().patch(name, &how, &Patch::Apply(&object)).await
    }

    /// Reads one object.
    pub async fn get<K: Kind>(&self, name: &str) -> Result<K, String> {
        self.api::<K>().get(name).await.map_err(|error| error.to_string())
    }

    /// All objects of a kind.
    pub async fn list<K: Kind>(&self) -> Vec<K> {
        self.api::<K>()
            .list(&ListParams::default())
            .await
            .expect("the kind can be listed")
            .items
    }

    /// Deletes one object in the background.
    pub async fn delete<K: Kind>(&self, name: &str) {
        self.api::<K>()
            .delete(name, &DeleteParams::default())
            .await
            .expect("it can be deleted");
    }

    /// Waits until every tool would say that the object is done.
    pub async fn ready<K: Kind>(&self, name: &str, within: Duration) -> K {
        until(
            &format!("{} {name} to be ready", K::kind(&())),
            within,
            || async {
                let object = self.get::<K>(name).await?;
                let value = serde_json::to_value(&object).map_err(|error| error.to_string())?;
                match kstatus::read(&value) {
                    Verdict::Current if condition(&value, "Ready").0 == "True" => Ok(object),
                    verdict => Err(format!("{verdict:?}: {}", conditions(&value))),
                }
            },
        )
        .await
    }

    /// Waits until a condition has this status and reason.
    pub async fn condition<K: Kind>(
        &self,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
        within: Duration,
    ) -> String {
        until(
            &format!("{} {name}: {type_}={status} ({reason})", K::kind(&())),
            within,
            || async {
                let object = self.get::<K>(name).await?;
                let value = serde_json::to_value(&object).map_err(|error| error.to_string())?;
                let (is, why, message) = condition(&value, type_);
                if is == status && why == reason {
                    Ok(message)
                } else {
                    Err(conditions(&value))
                }
            },
        )
        .await
    }

    /// Waits until the object is gone.
    pub async fn gone<K: Kind>(&self, name: &str, within: Duration) {
        until(&format!("{} {name} to be gone", K::kind(&())), within, || async {
            match self.api::<K>().get_opt(name).await {
                Ok(None) => Ok(()),
                Ok(Some(object)) => Err(format!("it has finalizers {:?}", object.meta().finalizers)),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    /// Deletes the namespace and waits until nothing in it runs beside what comes next. The namespace itself takes its
    /// controller half a minute more.
    pub async fn vacate(self) {
        let pods = self.api::<Pod>();
        let what = format!("the Pods of {} to be gone", self.name);
        self.leave().await;
        until(&what, Duration::from_secs(120), || async {
            match pods.list(&ListParams::default()).await {
                Ok(left) if left.items.is_empty() => Ok(()),
                Ok(left) => Err(format!("{} are left", left.items.len())),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    /// Deletes the namespace; what is in it goes in the background.
    pub async fn leave(self) {
        let _ = Api::<Namespace>::all(self.client.clone())
            .delete(&self.name, &DeleteParams::default())
            .await;
    }
}

/// Status, reason and message of a condition.
pub fn condition(object: &Value, type_: &str) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    object["status"]["conditions"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["type"] == type_))
        .map_or_else(Default::default, |one| {
            (text(&one["status"]), text(&one["reason"]), text(&one["message"]))
        })
}

/// All conditions on one line.
pub fn conditions(object: &Value) -> String {
    object["status"]["conditions"].as_array().map_or_else(
        || "no conditions".to_owned(),
        |all| {
            all.iter()
                .map(|one| {
                    format!(
                        "{}={} {} ({})",
                        one["type"], one["status"], one["reason"], one["message"]
                    )
                })
                .collect::<Vec<_>>()
                .join("; ")
        },
    )
}
