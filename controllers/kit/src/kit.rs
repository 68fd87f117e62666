//! What a controller is handed: typed reads, enactment of steps, the status writer.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::{Client, Resource};
use plan::{Enacted, Step};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Duration, Instant};
use tracing::Instrument;

use crate::call::{Call, LIMIT};
use crate::env::Env;
use crate::error::Error;
use crate::events::Events;
use crate::expect::{self, Key, Writes, Written};
use crate::run::{self, locked};
use crate::status::Statuses;
use crate::trace;
use crate::watch::registry::Look;

/// How long an answer about served kinds is believed.
const SERVED_FOR: Duration = Duration::from_secs(30);

/// Metadata of an object of any kind.
pub(crate) type Meta = PartialObjectMeta<DynamicObject>;

/// Effects of one controller. Cheap to clone.
#[derive(Clone)]
pub struct Kit {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    controller: &'static str,
    /// Field manager, as `rustfs-operator/tenant`.
    manager: String,
    writes: Writes,
    statuses: Statuses,
    events: Events,
    served: Mutex<HashMap<String, (Instant, Vec<String>)>>,
}

impl Kit {
    /// Effects of the controller of this name: `tenant`, `pool`, `certificate` or `monitor`.
    #[must_use]
    pub fn new(env: &Env, controller: &'static str) -> Self {
        let manager = format!("rustfs-operator/{controller}");
        Self {
            inner: Arc::new(Inner {
                env: env.clone(),
                controller,
                events: Events::new(env, &manager),
                manager,
                writes: Writes::default(),
                statuses: Statuses::default(),
                served: Mutex::default(),
            }),
        }
    }

    /// What is there once per process.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.inner.env
    }

    /// The controller's name.
    #[must_use]
    pub fn controller(&self) -> &'static str {
        self.inner.controller
    }

    /// The time decisions are made on.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Runs the reads of a reconcile in a span of their own.
    pub async fn observe<T>(&self, reads: impl Future<Output = T>) -> T {
        reads.instrument(tracing::info_span!("observe")).await
    }

    /// Reads one object; `None` when there is none.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, Error>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client(), namespace);
        Call {
            verb: "get",
            resource: &K::plural(&()),
            action: format!("get {} {namespace}/{name}", K::kind(&())),
            limit: LIMIT,
        }
        .send(self.env(), api.get_opt(name))
        .await
    }

    /// Reads one object of a kind that has no namespaces; `None` when there is none.
    pub async fn get_global<K>(&self, name: &str) -> Result<Option<K>, Error>
    where
        K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::all(self.client());
        Call {
            verb: "get",
            resource: &K::plural(&()),
            action: format!("get {} {name}", K::kind(&())),
            limit: LIMIT,
        }
        .send(self.env(), api.get_opt(name))
        .await
    }

    /// Whether the API server serves this resource, as `("monitoring.coreos.com/v1", "servicemonitors")`. An answer
    /// is believed for half a minute.
    pub async fn serves(&self, api_version: &str, plural: &str) -> Result<bool, Error> {
        if let Some((at, resources)) = locked(&self.inner.served).get(api_version)
            && at.elapsed() < SERVED_FOR
        {
            return Ok(resources.iter().any(|known| known == plural));
        }
        let client = self.client();
        let call = Call {
            verb: "get",
            resource: "apis",
            action: format!("list the resources of {api_version}"),
            limit: LIMIT,
        };
        let answer = if api_version.contains('/') {
            call.send(self.env(), client.list_api_group_resources(api_version))
                .await
        } else {
            call.send(self.env(), client.list_core_api_resources(api_version))
                .await
        };
        let resources: Vec<String> = match answer {
            Ok(list) => list.resources.into_iter().map(|served| served.name).collect(),
            Err(error) if error.reason() == "ApiNotFound" => Vec::new(),
            Err(error) => return Err(error),
        };
        let serves = resources.iter().any(|known| known == plural);
        locked(&self.inner.served).insert(api_version.to_owned(), (Instant::now(), resources));
        Ok(serves)
    }

    /// Carries out the steps in order for `object`; a failed step ends the list. Never fails itself.
    pub async fn enact<O>(&self, object: &O, steps: Vec<Step>) -> Enacted
    where
        O: Resource<DynamicType = ()> + Sync,
    {
        crate::enact::enact(self, object, steps).await
    }

    /// Writes the whole status of `object`, unless it is what is stored. Publishes the events of changed conditions.
    /// A change of numbers and messages only may be put off by up to two seconds; the runner then comes back.
    pub async fn write_status<O, S>(&self, object: &O, stored: Option<&S>, status: &S) -> Result<(), Error>
    where
        O: Resource<DynamicType = ()> + Sync,
        S: Serialize + PartialEq + Sync,
    {
        crate::status::write(self, object, stored, status).await
    }

    /// Whether the cached child is at least as new as this controller's own last write of it. A plan that would
    /// disturb something must not be made on an older one.
    #[must_use]
    pub fn caught_up<K: Resource<DynamicType = ()>>(
        &self,
        cached: Option<&Arc<PartialObjectMeta<K>>>,
        namespace: &str,
        name: &str,
    ) -> bool {
        let key = key::<K>(namespace, name);
        // First: to look an object up is to make it from its JSON.
        let Some(last) = self.inner.writes.last(&key) else {
            return true;
        };
        match cached {
            Some(cached) => last.is_shown_by(&cached.metadata),
            None => expect::caught_up(&self.look(&key), Some(&last)),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.inner.env.client().clone()
    }

    pub(crate) fn manager(&self) -> &str {
        &self.inner.manager
    }

    pub(crate) fn writes(&self) -> &Writes {
        &self.inner.writes
    }

    pub(crate) fn statuses(&self) -> &Statuses {
        &self.inner.statuses
    }

    pub(crate) fn events(&self) -> &Events {
        &self.inner.events
    }

    /// What the watches know of an object.
    pub(crate) fn look(&self, key: &Key) -> Look {
        self.env().registry().look(&key.0, &key.1, &key.2, &key.3)
    }

    /// An API of any kind that reads and returns metadata only.
    pub(crate) fn api(&self, resource: &ApiResource, namespace: &str) -> Api<Meta> {
        Api::namespaced_with(self.client(), namespace, resource)
    }

    /// Remembers a write of ours: for the caches to catch up with, and for the traces to link to.
    pub(crate) fn note_write(&self, key: Key, meta: &ObjectMeta, desired: u64, fingerprint: u64) {
        let (Some(uid), Some(version)) = (&meta.uid, &meta.resource_version) else {
            return;
        };
        self.env().links().record(uid, version, trace::current());
        let written = Written::of(uid, version, desired, fingerprint);
        self.inner.writes.record(&key, written);
    }

    /// Notes that the current reconcile changed something.
    pub(crate) fn wrote(&self) {
        run::wrote();
    }
}

/// The key of an object of a known kind.
pub(crate) fn key<K: Resource<DynamicType = ()>>(namespace: &str, name: &str) -> Key {
    (
        K::api_version(&()).into_owned(),
        K::kind(&()).into_owned(),
        namespace.to_owned(),
        name.to_owned(),
    )
}
