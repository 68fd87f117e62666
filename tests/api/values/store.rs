//! A store that values are tried on, and how it was before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, ValidationDirective};
use kube::{Api, Resource};
use serde_json::{Value, json};

use super::judge::{STILL, normal, some};
use crate::World;
use crate::fields::{Store, Trial};
use crate::support::kstatus::{self, Verdict};
use crate::support::space::{Space, condition, conditions};
use crate::support::wait::{SOON, reached, until};
use crate::support::{pods, state};

/// Kinds of the Prometheus operator.
const PROMETHEUS: [(&str, &str); 2] = [
    ("ServiceMonitor", "servicemonitors"),
    ("PrometheusRule", "prometheusrules"),
];

/// Objects or their specs, by kind and name.
type Objects = BTreeMap<(&'static str, &'static str), Value>;

/// A store, what was written of it, and what came of that.
pub struct Lane {
    space: Space,
    /// Specs by kind and name.
    pub(super) written: Objects,
    store: Store,
    /// The state that all ways back lead to.
    pub(super) before: Vec<String>,
    pub(super) servers: BTreeSet<String>,
    /// The objects as they are stored.
    pub(super) objects: Objects,
}

fn written(store: Store) -> Objects {
    let tenant = match store {
        Store::Hasty => {
            json!({"deletion": {"protection": "None"}, "rollout": {"progressDeadlineSeconds": 10}})
        }
        Store::Tls => json!({
            "deletion": {"protection": "None"}, "tls": {"mode": "Enabled"}, "rpcSecretRef": {"name": "given"},
            "services": {"console": {"type": "LoadBalancer", "loadBalancerClass": "example.com/lb"}},
        }),
        _ => json!({"deletion": {"protection": "None"}}),
    };
    let named = json!({"tenantRef": {"name": "store"}});
    let pool = json!({
        "tenantRef": {"name": "store"}, "servers": 1, "volumesPerServer": 2, "volumeClaim": {"size": "1Gi"},
    });
    let mut written = BTreeMap::from([(("Tenant", "store"), tenant), (("Pool", "p0"), pool.clone())]);
    match store {
        Store::Tls => {
            let same_root = json!({"tenantRef": {"name": "store"}, "issuer": {"ca": {"secretRef": {"name": "store-ca"}}}});
            written.insert(("TenantCertificate", "store"), named.clone());
            written.insert(("TenantCertificate", "other"), same_root);
            written.insert(("TenantCertificate", "alien"), named);
        }
        Store::Two => _ = written.insert(("Pool", "p1"), pool),
        Store::Watched => _ = written.insert(("TenantMonitor", "watch"), named),
        _ => {}
    }
    written
}

/// The object of a kind that values are written to.
pub(super) fn subject(kind: &'static str) -> (&'static str, &'static str) {
    match kind {
        "Tenant" => (kind, "store"),
        "Pool" => (kind, "p0"),
        "TenantCertificate" => (kind, "store"),
        _ => (kind, "watch"),
    }
}

impl Lane {
    /// Makes a store and waits until it serves and all holds still.
    pub async fn open(world: &World, store: Store) -> Self {
        let space = Space::make(&world.cluster.admin, "values").await;
        if store == Store::Open {
            let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}});
            let namespaces: Api<Namespace> = Api::all(space.client.clone());
            let how = PatchParams::default();
            namespaces
                .patch(&space.name, &how, &Patch::Merge(&label))
                .await
                .expect("a namespace can be labelled");
        }
        let pair = |access: &str| {
            json!({"stringData": {
                "accesskey": access, "secretkey": "a secret key", "rpc-secret": "a secret of servers",
            }})
        };
        space
            .apply::<Secret>("given", &pair("given"))
            .await
            .expect("a Secret");
        space
            .apply::<Secret>("short", &pair("x"))
            .await
            .expect("a Secret");
        let mut lane = Self {
            space,
            written: written(store),
            store,
            before: vec![],
            servers: BTreeSet::new(),
            objects: BTreeMap::new(),
        };
        world.servers.drains(&lane.space.name, "store", "hold").await;
        for (object, spec) in lane.written.clone() {
            lane.write(object, &spec).await.expect("it is valid");
        }
        (lane.objects, lane.before) = lane.still().await;
        lane.servers = pods::uids(&lane.space).await;
        lane
    }

    /// Waits until all is ready and has been as it is for a while.
    async fn still(&self) -> (Objects, Vec<String>) {
        let last = Mutex::new((vec![], Instant::now()));
        until("a store to serve and hold still", SOON * 2, || async {
            let objects = self.ready().await?;
            let now = self.state().await;
            // What a status tells of another object may be from before that was ready.
            if let Some(line) = now.iter().find(|line| line.ends_with("].ready = false")) {
                return Err(line.clone());
            }
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.0 != now {
                let differences = state::differences(&last.0, &now);
                *last = (now, Instant::now());
                return Err(some(&differences));
            }
            match last.1.elapsed() {
                still if still >= STILL => Ok((objects, now)),
                still => Err(format!("still for {} ms", still.as_millis())),
            }
        })
        .await
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let resource = match kind {
            "Tenant" => ApiResource::erase::<Tenant>(&()),
            "Pool" => ApiResource::erase::<Pool>(&()),
            "TenantCertificate" => ApiResource::erase::<TenantCertificate>(&()),
            _ => ApiResource::erase::<TenantMonitor>(&()),
        };
        Api::namespaced_with(self.space.client.clone(), &self.space.name, &resource)
    }

    /// Writes a spec as a person does.
    pub(super) async fn write(&self, object: (&'static str, &str), spec: &Value) -> Result<(), String> {
        let (kind, name) = object;
        let text = json!({
            "apiVersion": Tenant::api_version(&()), "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        let text = text.to_string().replace("NAMESPACE", &self.space.name);
        let object: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let how = PatchParams {
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::apply("person").force()
        };
        let answer = self.api(kind).patch(name, &how, &Patch::Apply(&object)).await;
        answer.map(|_| ()).map_err(|error| error.to_string())
    }

    /// The objects that were written, as they are now.
    pub(super) async fn look(&self) -> Result<Objects, String> {
        let all = self.written.keys().map(|&(kind, name)| async move {
            let object = self
                .api(kind)
                .get(name)
                .await
                .map_err(|error| error.to_string())?;
            let object = serde_json::to_value(&object).map_err(|error| error.to_string())?;
            Ok::<_, String>(((kind, name), object))
        });
        Ok(try_join_all(all).await?.into_iter().collect())
    }

    /// Whether all objects are as asked.
    pub(super) async fn ready(&self) -> Result<Objects, String> {
        let objects = self.look().await?;
        for ((kind, name), object) in &objects {
            let verdict = kstatus::read(object);
            if verdict != Verdict::Current || condition(object, "Ready").0 != "True" {
                return Err(format!("{kind} {name}: {verdict:?}: {}", conditions(object)));
            }
        }
        Ok(objects)
    }

    /// All objects of the namespace, without what nature gives.
    pub(super) async fn state(&self) -> Vec<String> {
        let mut lines = state::of(&self.space).await;
        if self.store == Store::Watched {
            for (kind, plural) in PROMETHEUS {
                lines.extend(self.made_for_prometheus(kind, plural).await);
            }
        }
        normal(lines)
    }

    async fn made_for_prometheus(&self, kind: &str, plural: &str) -> Vec<String> {
        let resource = ApiResource {
            group: "monitoring.coreos.com".into(),
            version: "v1".into(),
            api_version: "monitoring.coreos.com/v1".into(),
            kind: kind.into(),
            plural: plural.into(),
        };
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.space.client.clone(), &self.space.name, &resource);
        let found = api
            .list(&ListParams::default())
            .await
            .expect("the kind can be listed");
        let lines = |object| state::lines(kind, serde_json::to_value(&object).expect("an object is JSON"));
        let lines = found.items.into_iter().flat_map(lines);
        lines
            .map(|line| line.replace(&self.space.name, "NAMESPACE"))
            .collect()
    }

    /// Writes what was there before and waits until all is as it was.
    pub(super) async fn go_back(&mut self, trial: &Trial) -> Result<(), String> {
        for (object, spec) in &self.written {
            self.write(*object, spec).await?;
        }
        let lane = &*self;
        let objects = reached("all to be as it was", SOON, || async {
            let objects = lane.ready().await?;
            let now = lane.state().await;
            let mut differences = state::differences(&lane.before, &now);
            let (leaves, _) = trial.leaves.unwrap_or_default();
            differences.retain(|line| !leaves.iter().any(|part| state::path(line).contains(part)));
            if differences.is_empty() {
                Ok((objects, now))
            } else {
                Err(some(&differences))
            }
        })
        .await?;
        (self.objects, self.before) = objects;
        let servers = pods::uids(&self.space).await;
        if !trial.rolls && servers != self.servers {
            return Err("servers were made anew".to_owned());
        }
        self.servers = servers;
        Ok(())
    }

    /// Whether servers are the ones from before.
    pub(super) async fn same_servers(&self) -> Result<(), String> {
        match pods::uids(&self.space).await == self.servers {
            true => Ok(()),
            false => Err("servers were made anew".to_owned()),
        }
    }

    /// Whether nothing has changed since the last way back, not even a generation.
    pub async fn is_untouched(&mut self) -> Result<(), String> {
        self.same_servers().await?;
        let now = self.look().await?;
        for (object, before) in &self.objects {
            if now[object]["metadata"]["generation"] != before["metadata"]["generation"] {
                return Err(format!("{object:?} has another generation"));
            }
        }
        let differences = state::differences(&self.before, &self.state().await);
        if differences.is_empty() {
            Ok(())
        } else {
            Err(some(&differences))
        }
    }

    pub async fn leave(self) {
        self.space.leave().await;
    }
}
