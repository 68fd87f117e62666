//! The store of one watch and everybody who wants to hear of its changes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;

use super::health::{Access, Health};
use super::registry::{Cache, Look};
use crate::run::locked;

/// Hears of every object that was made, changed or deleted. Returns whether it wants to go on.
pub(super) type Listener<K> = Box<dyn Fn(&Touched<'_, K>) -> bool + Send + Sync>;

/// What a listener hears.
pub(super) enum Touched<'a, K> {
    /// Made or changed.
    There(&'a K),
    /// Deleted; as last seen.
    Gone(&'a K),
    /// There, but it cannot be parsed.
    Unparsed(&'a InvalidObject),
    /// The kind can be seen from now on, or no longer.
    Access,
}

type Named = (Option<String>, String);

/// Whether two versions of an object differ in nothing anybody here reads.
pub(super) type Same<K> = fn(&K, &K) -> bool;

pub(super) struct Hub<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Eq + Hash,
{
    pub(super) dynamic: K::DynamicType,
    pub(super) health: Arc<Health>,
    pub(super) store: Store<K>,
    /// None: every new version is told.
    same: Option<Same<K>>,
    writer: Mutex<Writer<K>>,
    unparsed: Mutex<HashMap<Named, InvalidObject>>,
    listeners: Mutex<Vec<Listener<K>>>,
}

impl<K> Hub<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Eq + Hash,
{
    pub(super) fn new(dynamic: K::DynamicType, health: Arc<Health>, same: Option<Same<K>>) -> Self {
        let writer = Writer::new(dynamic.clone());
        Self {
            dynamic,
            health,
            store: writer.as_reader(),
            same,
            writer: Mutex::new(writer),
            unparsed: Mutex::default(),
            listeners: Mutex::default(),
        }
    }

    pub(super) fn reference(&self, namespace: Option<&str>, name: &str) -> ObjectRef<K> {
        let reference = ObjectRef::new_with(name, self.dynamic.clone());
        match namespace {
            Some(namespace) => reference.within(namespace),
            None => reference,
        }
    }

    /// Tells the new listener of all that is there first, so that nothing before it is missed.
    pub(super) fn listen(&self, listener: Listener<K>) {
        let mut listeners = locked(&self.listeners);
        for object in self.store.state() {
            listener(&Touched::There(&object));
        }
        for invalid in locked(&self.unparsed).values() {
            listener(&Touched::Unparsed(invalid));
        }
        listeners.push(listener);
    }

    fn tell(&self, touched: &Touched<'_, K>) {
        locked(&self.listeners).retain(|listener| listener(touched));
    }

    /// An object was made or changed.
    pub(super) fn there(&self, parsed: Result<K, Box<InvalidObject>>) {
        match parsed {
            Ok(object) => {
                locked(&self.unparsed).remove(&named(object.meta()));
                let (namespace, name) = named(object.meta());
                let before = self.store.get(&self.reference(namespace.as_deref(), &name));
                let same = before
                    .zip(self.same)
                    .is_some_and(|(old, same)| same(&old, &object));
                locked(&self.writer).apply_watcher_event(&Event::Apply(object.clone()));
                if !same {
                    self.tell(&Touched::There(&object));
                }
            }
            Err(invalid) => {
                // What was in the store stays there: an object that cannot be read has not gone away.
                locked(&self.unparsed).insert(named(&invalid.metadata), (*invalid).clone());
                self.tell(&Touched::Unparsed(&invalid));
            }
        }
    }

    /// An object was deleted.
    pub(super) fn gone(&self, parsed: Result<K, Box<InvalidObject>>) {
        let meta = match &parsed {
            Ok(object) => object.meta(),
            Err(invalid) => &invalid.metadata,
        };
        let (namespace, name) = named(meta);
        locked(&self.unparsed).remove(&(namespace.clone(), name.clone()));
        let known = self.store.get(&self.reference(namespace.as_deref(), &name));
        let Some(last) = parsed.ok().or_else(|| known.map(|known| (*known).clone())) else {
            return;
        };
        locked(&self.writer).apply_watcher_event(&Event::Delete(last.clone()));
        self.tell(&Touched::Gone(&last));
    }

    /// The whole list: what is not in it is gone.
    pub(super) fn replace(&self, list: Vec<Result<K, Box<InvalidObject>>>) {
        let before: HashMap<Named, Arc<K>> = self
            .store
            .state()
            .into_iter()
            .map(|object| (named(object.meta()), object))
            .collect();
        let mut unparsed = HashMap::new();
        let mut now: HashMap<Named, K> = HashMap::new();
        for parsed in list {
            match parsed {
                Ok(object) => {
                    now.insert(named(object.meta()), object);
                }
                Err(invalid) => {
                    let key = named(&invalid.metadata);
                    if let Some(last) = before.get(&key) {
                        now.insert(key.clone(), (**last).clone());
                    }
                    unparsed.insert(key, *invalid);
                }
            }
        }
        {
            let mut writer = locked(&self.writer);
            writer.apply_watcher_event(&Event::Init);
            for object in now.values() {
                writer.apply_watcher_event(&Event::InitApply(object.clone()));
            }
            writer.apply_watcher_event(&Event::InitDone);
        }
        *locked(&self.unparsed) = unparsed.clone();
        for (key, object) in &now {
            let changed = before.get(key).is_none_or(|old| match self.same {
                Some(same) => !same(old, object),
                None => {
                    old.meta().resource_version != object.meta().resource_version
                        || old.meta().uid != object.meta().uid
                }
            });
            if changed {
                self.tell(&Touched::There(object));
            }
        }
        for invalid in unparsed.values() {
            self.tell(&Touched::Unparsed(invalid));
        }
        for (key, object) in &before {
            if !now.contains_key(key) {
                self.tell(&Touched::Gone(object));
            }
        }
    }

    /// The kind can be seen from now on, or no longer.
    pub(super) fn access(&self, access: Access) {
        if self.health.set_access(access) {
            if access == Access::NotPermitted {
                let kind = self.health.kind();
                tracing::info!(
                    kind,
                    "the operator has no right to see this kind and goes on without"
                );
            }
            self.tell(&Touched::Access);
        }
    }

    pub(super) fn unparsed(&self) -> Vec<InvalidObject> {
        locked(&self.unparsed).values().cloned().collect()
    }
}

impl<K> Cache for Hub<K>
where
    K: Resource + Clone + Send + Sync + 'static,
    K::DynamicType: Clone + Eq + Hash + Send + Sync,
{
    fn look(&self, namespace: &str, name: &str) -> Look {
        if !self.health.is_filled() {
            return Look::Unwatched;
        }
        // Progress is read first: an object that arrives in between is then taken for not seen yet, not for deleted.
        let progress = self.health.progress();
        match self.store.get(&self.reference(Some(namespace), name)) {
            Some(object) => Look::Known(Box::new(object.meta().clone())),
            None => Look::Absent(progress),
        }
    }
}

pub(super) fn named(meta: &ObjectMeta) -> Named {
    (meta.namespace.clone(), meta.name.clone().unwrap_or_default())
}
