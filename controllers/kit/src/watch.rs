//! One watch per kind for the whole process: a store to read from, and a stream of what was touched.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use futures::stream::BoxStream;
use kube::Resource;
use kube::runtime::reflector::{ObjectRef, Store};
use serde::de::DeserializeOwned;

/// All watches of the process.
pub struct Watches;

impl Watches {
    /// Watches whole objects that match the label selector (none = all).
    pub fn objects<K>(&mut self, selector: Option<&str>) -> Source<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let _ = selector;
        todo!()
    }

    /// Watches the metadata only, of objects that match the label selector.
    pub fn metadata<K>(&mut self, selector: Option<&str>) -> Source<kube::api::PartialObjectMeta<K>>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    {
        let _ = selector;
        todo!()
    }
}

/// One watch: what is there now, and what is touched from now on (deletions included).
#[derive(Clone)]
pub struct Source<K>
where
    K: Resource + 'static,
    K::DynamicType: Hash + Eq,
{
    store: Store<K>,
}

impl<K> Source<K>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    /// What is known now. It may lag behind the API server, but is complete once the process is ready.
    #[must_use]
    pub fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// One object of the store.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// All objects of a namespace that `keep` keeps.
    #[must_use]
    pub fn select(&self, namespace: &str, keep: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        let _ = (namespace, keep(&*self.store.state()[0]));
        todo!()
    }

    /// Wakes `O` for what is touched: `map` names the objects of kind `O` that care.
    pub fn wakes<O, I>(&self, map: impl Fn(&K) -> I + Send + Sync + 'static) -> BoxStream<'static, Wake<O>>
    where
        O: Resource<DynamicType = ()> + 'static,
        I: IntoIterator<Item = ObjectRef<O>>,
    {
        let _ = map;
        todo!()
    }
}

/// Why an object of kind `O` is reconciled: who changed, at which version.
#[derive(Clone, Debug)]
pub struct Wake<O: Resource<DynamicType = ()>> {
    /// The object to reconcile.
    pub target: ObjectRef<O>,
    /// UID and resourceVersion of the object that changed; links the traces.
    pub cause: Option<(String, String)>,
}
