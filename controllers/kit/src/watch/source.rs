//! What a controller holds of a watch.

use std::hash::Hash;
use std::sync::Arc;

use futures::stream::BoxStream;
use kube::Resource;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::reflector::ObjectRef;

use super::health::{Access, Health};
use super::hub::{Hub, Listing, Touched};
use super::shelf::{Shelf, labelled};
use super::wake::{self, Queue, Wake};

/// One watch: what is there now, and what is touched from now on (deletions included).
pub struct Source<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Hash + Eq,
{
    hub: Arc<Hub<K>>,
}

impl<K> Clone for Source<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Hash + Eq,
{
    fn clone(&self) -> Self {
        Self {
            hub: self.hub.clone(),
        }
    }
}

impl<K> Source<K>
where
    K: Resource + Clone + Send + Sync + 'static,
    K::DynamicType: Clone + Hash + Eq + Send + Sync,
{
    pub(super) fn of(hub: Arc<Hub<K>>) -> Self {
        Self { hub }
    }

    /// A source that holds these objects and never changes: for tests of what reads from sources.
    #[must_use]
    pub fn holding(objects: Vec<K>) -> Self
    where
        K::DynamicType: Default,
    {
        let dynamic = K::DynamicType::default();
        let health = Arc::new(Health::new(&K::kind(&dynamic)));
        let hub = Hub::new(dynamic, health, Shelf::new(labelled, None), None);
        let mut listing = Listing::default();
        for object in objects {
            hub.listed(&mut listing, Ok(object));
        }
        hub.replace(listing);
        hub.health.heard(None);
        hub.health.fill();
        Self { hub: Arc::new(hub) }
    }

    /// One object as it is known now. What is known may lag behind the API server, but is complete once the process is
    /// ready.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.hub.shelf.get(namespace, name)
    }

    /// All objects that belong to a Tenant, by name.
    #[must_use]
    pub fn of_tenant(&self, namespace: &str, tenant: &str) -> Vec<Arc<K>> {
        self.hub.shelf.of_tenant(namespace, tenant)
    }

    /// Names all objects that belong to a Tenant.
    #[must_use]
    pub fn references_of(&self, namespace: &str, tenant: &str) -> Vec<ObjectRef<K>> {
        let names = self.hub.shelf.names_of_tenant(namespace, tenant).into_iter();
        names
            .map(|name| ObjectRef::new_with(&name, self.hub.dynamic.clone()).within(namespace))
            .collect()
    }

    /// Names all objects.
    #[must_use]
    pub fn references(&self) -> Vec<ObjectRef<K>> {
        let names = self.hub.shelf.names().into_iter();
        names
            .map(|(namespace, name)| {
                let reference = ObjectRef::new_with(&name, self.hub.dynamic.clone());
                match &*namespace {
                    "" => reference,
                    namespace => reference.within(namespace),
                }
            })
            .collect()
    }

    /// Whether the API server serves the kind. Only a watch of an optional kind may say no.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.hub.health.access() != Access::NotServed
    }

    /// All objects, in no order; none while the operator has no right to see the kind. Only a watch of
    /// [`Watches::cluster`](super::Watches::cluster) may lack the right.
    #[must_use]
    pub fn all(&self) -> Option<Vec<Arc<K>>> {
        let permitted = || self.hub.health.access() != Access::NotPermitted;
        // Asked again afterwards: the store is emptied after a right is lost, and filled before one is given.
        let before = permitted();
        let all = self.hub.shelf.all();
        (before && permitted()).then_some(all)
    }

    /// The objects of a namespace that are there but cannot be parsed: metadata and the parser's message. Their last
    /// version that could be parsed is still in the store, if there was one since the process started.
    #[must_use]
    pub fn unparsed(&self, namespace: &str) -> Vec<InvalidObject> {
        let mut all = self.hub.unparsed();
        all.retain(|invalid| invalid.metadata.namespace.as_deref() == Some(namespace));
        all
    }

    /// Wakes `O` for what is touched from now on: `map` names the objects of kind `O` that care. For an object that was
    /// deleted, `map` gets its last version. What is there already wakes nobody, since a controller that begins looks at
    /// each of its objects anyway: to be woken for each child of each of them at once took most of the memory of a start.
    pub fn wakes<O, I>(&self, map: impl Fn(&K) -> I + Send + Sync + 'static) -> BoxStream<'static, Wake<O>>
    where
        O: Resource<DynamicType = ()> + 'static,
        I: IntoIterator<Item = ObjectRef<O>>,
    {
        let queue = Queue::new();
        let weak = Arc::downgrade(&queue);
        self.hub.follow(Box::new(move |touched| {
            let Some(queue) = weak.upgrade() else {
                return false;
            };
            if let Touched::There(object) | Touched::Gone(object) = touched {
                for target in map(object) {
                    queue.push(target, cause(*object));
                }
            }
            true
        }));
        wake::stream(queue)
    }

    /// Wakes `O` when the kind can be seen from now on, or no longer: it is served or not, permitted or not.
    pub fn wakes_on_access<O, I>(
        &self,
        targets: impl Fn() -> I + Send + Sync + 'static,
    ) -> BoxStream<'static, Wake<O>>
    where
        O: Resource<DynamicType = ()> + 'static,
        I: IntoIterator<Item = ObjectRef<O>>,
    {
        let queue = Queue::new();
        let weak = Arc::downgrade(&queue);
        self.hub.follow(Box::new(move |touched| {
            let Some(queue) = weak.upgrade() else {
                return false;
            };
            if matches!(touched, Touched::Access) {
                for target in targets() {
                    queue.push(target, None);
                }
            }
            true
        }));
        wake::stream(queue)
    }

    pub(crate) fn is_unparsed(&self, namespace: &str, name: &str) -> Option<InvalidObject> {
        self.unparsed(namespace)
            .into_iter()
            .find(|invalid| invalid.metadata.name.as_deref() == Some(name))
    }

    /// Hears everything, for the runner: objects with `Ok(deleted)`, unparsed ones with `Err`.
    pub(crate) fn listen(&self, hear: impl Fn(Heard<'_, K>) -> bool + Send + Sync + 'static) {
        self.hub.listen(Box::new(move |touched| match touched {
            Touched::There(object) => hear(Heard::There(object)),
            Touched::Gone(object) => hear(Heard::Gone(object)),
            Touched::Unparsed(invalid) => hear(Heard::Unparsed(invalid)),
            Touched::Access => true,
        }));
    }

    pub(crate) async fn until_filled(&self) {
        self.hub.health.until_filled().await;
    }
}

/// What happened to an object of the runner's own kind.
pub(crate) enum Heard<'a, K> {
    There(&'a K),
    Gone(&'a K),
    Unparsed(&'a InvalidObject),
}

/// UID and resourceVersion of an object.
pub(crate) fn cause<K: Resource>(object: &K) -> Option<(String, String)> {
    let meta = object.meta();
    Some((meta.uid.clone()?, meta.resource_version.clone()?))
}
