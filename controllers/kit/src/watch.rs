//! One watch per kind for the whole process: a store to read from, and a stream of what was touched.
//!
//! The stock shared streams lose deletions and can stall; these watches fan out themselves. Each has its own
//! back-off, so that a cut connection is back within seconds, and knows for how long it has been cut.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Resource;
use kube::api::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::core::error_boundary::InvalidObject;
use kube::core::{ClusterResourceScope, DeserializeGuard};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::env::Env;
use crate::error::Error;

mod flow;
pub(crate) mod health;
mod hub;
mod pack;
pub(crate) mod registry;
mod shelf;
mod source;
#[cfg(test)]
mod tests;
mod wake;

pub use health::Readiness;
pub use shelf::TenantOf;
pub use source::Source;
pub use wake::Wake;

pub(crate) use flow::trim;
pub(crate) use source::{Heard, cause};
pub(crate) use wake::{Queue, stream as wake_stream};

use flow::{Flow, Parse, Tolerates};
use health::Health;
use hub::{Hub, Same};
use pack::Packing;
use shelf::{Shelf, labelled};

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All namespaces.
    All,
    /// One namespace.
    Namespace(String),
}

/// All watches of the process. Ask for sources first, then [`Watches::start`].
pub struct Watches {
    env: Env,
    scope: Scope,
    sources: HashMap<Key, Box<dyn Any + Send>>,
    flows: Vec<BoxFuture<'static, ()>>,
    health: Vec<Arc<Health>>,
}

type Key = (TypeId, String, Option<String>);

/// How a watch takes what it hears.
struct Reading<R, K> {
    tolerates: Tolerates,
    /// All namespaces, whatever the scope.
    everywhere: bool,
    parse: Parse<R, K>,
    same: Option<Same<K>>,
    tenant: TenantOf<K>,
    packing: Option<Packing<K>>,
}

impl<R, K> Reading<R, K>
where
    K: Resource + Serialize + DeserializeOwned,
{
    fn of(
        tolerates: Tolerates,
        parse: impl Fn(R) -> Result<K, Box<InvalidObject>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            tolerates,
            everywhere: false,
            parse: Box::new(parse),
            same: None,
            tenant: labelled,
            packing: Some(Packing::json()),
        }
    }
}

impl Watches {
    /// No watches yet.
    #[must_use]
    pub fn new(env: &Env, scope: Scope) -> Self {
        Self {
            env: env.clone(),
            scope,
            sources: HashMap::new(),
            flows: Vec::new(),
            health: Vec::new(),
        }
    }

    /// Watches whole objects that match the label selector (none = all). An object that cannot be parsed stops
    /// nobody: the last version that could be parsed stays in the store, and [`Source::unparsed`] names it.
    pub fn objects<K>(&mut self, selector: Option<&str>) -> Source<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let reading = Reading::of(Tolerates::Nothing, |guard: DeserializeGuard<K>| {
            guard.0.map_err(Box::new)
        });
        self.source((), selector, reading)
    }

    /// As [`Watches::objects`], where only a part of an object decides anything: only what `keep` leaves of it is stored,
    /// and only a change of that is told.
    pub fn parts<K>(&mut self, selector: Option<&str>, keep: fn(K) -> K) -> Source<K>
    where
        K: Resource<DynamicType = ()>
            + Clone
            + Debug
            + PartialEq
            + Serialize
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let parse = move |guard: DeserializeGuard<K>| guard.0.map(keep).map_err(Box::new);
        let reading = Reading {
            same: Some(same_but_version::<K>),
            ..Reading::of(Tolerates::Nothing, parse)
        };
        self.source((), selector, reading)
    }

    /// Watches one of the operator's own kinds: all its objects, each of which belongs to the Tenant it names.
    pub fn primary<K>(&mut self, tenant: TenantOf<K>) -> Source<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let reading = Reading {
            tenant,
            ..Reading::of(Tolerates::Nothing, |guard: DeserializeGuard<K>| {
                guard.0.map_err(Box::new)
            })
        };
        self.source((), None, reading)
    }

    /// Watches the metadata only, of objects that match the label selector.
    pub fn metadata<K>(&mut self, selector: Option<&str>) -> Source<PartialObjectMeta<K>>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    {
        self.source::<PartialObjectMeta<K>, _>((), selector, Reading::of(Tolerates::Nothing, Ok))
    }

    /// As [`Watches::metadata`], of a kind the API server may not serve: then there are no objects, and that is no
    /// failure. Objects appear within seconds after the kind is installed.
    pub fn metadata_optional<K>(&mut self, selector: Option<&str>) -> Source<PartialObjectMeta<K>>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    {
        self.source::<PartialObjectMeta<K>, _>((), selector, Reading::of(Tolerates::NotServed, Ok))
    }

    /// Watches a kind of the cluster, such as Nodes, whatever the scope. Only what `keep` leaves of an object is
    /// stored, and only a change of that is told. The operator may have no right to see the kind: that is no failure,
    /// and [`Source::all`] says so; a right that is given later is found within a minute.
    pub fn cluster<K>(&mut self, keep: fn(K) -> K) -> Source<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
        K: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let parse = move |guard: DeserializeGuard<K>| guard.0.map(keep).map_err(Box::new);
        let reading = Reading {
            everywhere: true,
            same: Some(same_but_version::<K>),
            // All of them are read each time.
            packing: None,
            ..Reading::of(Tolerates::NotPermitted, parse)
        };
        self.source((), None, reading)
    }

    /// Watches the metadata of a kind that is known at run time only, and may not be served.
    pub fn dynamic(
        &mut self,
        resource: &ApiResource,
        selector: Option<&str>,
    ) -> Source<PartialObjectMeta<DynamicObject>> {
        let reading = Reading::of(Tolerates::NotServed, Ok);
        self.source::<PartialObjectMeta<DynamicObject>, _>(resource.clone(), selector, reading)
    }

    /// Tells for each watch whether its store is filled and its connection open.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Readiness::new(self.env.clone(), self.health.clone())
    }

    /// Runs all watches until the returned future is dropped. It only ever ends with an error.
    pub fn start(self) -> impl Future<Output = Error> + Send + 'static {
        let mut tasks = JoinSet::new();
        for flow in self.flows {
            tasks.spawn(flow);
        }
        async move {
            match tasks.join_next().await {
                Some(Err(error)) => Error::Ended(format!("a watch panicked: {error}")),
                Some(Ok(())) => Error::Ended("a watch ended".to_owned()),
                None => Error::Ended("there is nothing to watch".to_owned()),
            }
        }
    }

    fn source<R, K>(
        &mut self,
        dynamic: K::DynamicType,
        selector: Option<&str>,
        reading: Reading<R, K>,
    ) -> Source<K>
    where
        R: Clone + DeserializeOwned + Debug + Send + 'static,
        R: Resource<DynamicType = K::DynamicType>,
        K: Resource + Clone + Debug + Send + Sync + 'static,
        K::DynamicType: Clone + Debug + Eq + Hash + Send + Sync + 'static,
    {
        let kind = K::kind(&dynamic).into_owned();
        let api_version = K::api_version(&dynamic).into_owned();
        let key = (
            TypeId::of::<K>(),
            format!("{api_version}/{kind}"),
            selector.map(str::to_owned),
        );
        if let Some(known) = self
            .sources
            .get(&key)
            .and_then(|source| source.downcast_ref::<Source<K>>())
        {
            return known.clone();
        }
        let namespace = match &self.scope {
            Scope::All => None,
            Scope::Namespace(namespace) => Some(namespace.as_str()).filter(|_| !reading.everywhere),
        };
        let health = Arc::new(Health::new(&kind));
        let shelf = Shelf::new(reading.tenant, reading.packing);
        let hub = Arc::new(Hub::new(dynamic.clone(), health.clone(), shelf, reading.same));
        self.flows.push(
            Flow {
                env: self.env.clone(),
                url: K::url_path(&dynamic, namespace),
                selector: selector.map(str::to_owned),
                hub: hub.clone(),
                parse: reading.parse,
                tolerates: reading.tolerates,
                rejected: AtomicI64::default(),
            }
            .run()
            .boxed(),
        );
        self.health.push(health);
        self.env.registry().add(api_version, kind, hub.clone());
        let source = Source::of(hub);
        self.sources.insert(key, Box::new(source.clone()));
        source
    }
}

fn same_but_version<K: Resource + Clone + PartialEq>(old: &K, new: &K) -> bool {
    let mut new = new.clone();
    new.meta_mut()
        .resource_version
        .clone_from(&old.meta().resource_version);
    *old == new
}
