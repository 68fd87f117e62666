//! The store of one watch and everybody who wants to hear of its changes.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::error_boundary::InvalidObject;

use super::health::{Access, Health};
use super::registry::{Cache, Look};
use super::shelf::{Shelf, Stock};
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

/// Namespace (nothing for what belongs to the cluster) and name.
type Named = (String, String);

/// Whether two versions of an object differ in nothing anybody here reads.
pub(super) type Same<K> = fn(&K, &K) -> bool;

/// A list as it comes, page by page: a thousand objects in their parts are never there at once.
pub(super) struct Listing<K> {
    stock: Stock<K>,
    news: Vec<Named>,
    unparsed: HashMap<Named, InvalidObject>,
}

impl<K> Default for Listing<K> {
    fn default() -> Self {
        Self {
            stock: Stock::default(),
            news: Vec::new(),
            unparsed: HashMap::new(),
        }
    }
}

pub(super) struct Hub<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Eq + Hash,
{
    pub(super) dynamic: K::DynamicType,
    pub(super) health: Arc<Health>,
    pub(super) shelf: Shelf<K>,
    /// None: every new version is told.
    same: Option<Same<K>>,
    unparsed: Mutex<HashMap<Named, InvalidObject>>,
    listeners: Mutex<Vec<Listener<K>>>,
}

impl<K> Hub<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Eq + Hash,
{
    pub(super) fn new(
        dynamic: K::DynamicType,
        health: Arc<Health>,
        shelf: Shelf<K>,
        same: Option<Same<K>>,
    ) -> Self {
        Self {
            dynamic,
            health,
            shelf,
            same,
            unparsed: Mutex::default(),
            listeners: Mutex::default(),
        }
    }

    /// Tells the new listener of all that is there first, so that nothing before it is missed.
    pub(super) fn listen(&self, listener: Listener<K>) {
        let mut listeners = locked(&self.listeners);
        for (namespace, name) in self.shelf.names() {
            if let Some(object) = self.shelf.get(&namespace, &name) {
                listener(&Touched::There(&object));
            }
        }
        for invalid in locked(&self.unparsed).values() {
            listener(&Touched::Unparsed(invalid));
        }
        listeners.push(listener);
    }

    /// Tells the new listener only of what changes from now on.
    pub(super) fn follow(&self, listener: Listener<K>) {
        locked(&self.listeners).push(listener);
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
                let is_known = |same: Same<K>| Some(same(&*self.shelf.get(&namespace, &name)?, &object));
                let same = self.same.and_then(is_known).unwrap_or(false);
                self.shelf.put(object.clone());
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
        let known = || self.shelf.get(&namespace, &name).map(Arc::unwrap_or_clone);
        let Some(last) = parsed.ok().or_else(known) else {
            return;
        };
        self.shelf.remove(&namespace, &name);
        self.tell(&Touched::Gone(&last));
    }

    /// Takes an object of a list that is not whole yet; nobody sees it before.
    pub(super) fn listed(&self, listing: &mut Listing<K>, parsed: Result<K, Box<InvalidObject>>) {
        match parsed {
            Ok(object) => {
                if self.is_news(&object) {
                    listing.news.push(named(object.meta()));
                }
                self.shelf.stock(&mut listing.stock, object);
            }
            Err(invalid) => drop(listing.unparsed.insert(named(&invalid.metadata), *invalid)),
        }
    }

    /// The whole list: what is not in it is gone.
    pub(super) fn replace(&self, listing: Listing<K>) {
        let Listing {
            stock,
            news,
            unparsed,
        } = listing;
        let gone: Vec<Arc<K>> = self
            .shelf
            .names()
            .into_iter()
            .filter(|key| !stock.holds(&key.0, &key.1) && !unparsed.contains_key(key))
            .filter_map(|(namespace, name)| self.shelf.get(&namespace, &name))
            .collect();
        // Their last versions stay: an object that cannot be read has not gone away.
        let stay: BTreeSet<Named> = unparsed.keys().cloned().collect();
        self.shelf.replace(stock, &stay);
        *locked(&self.unparsed) = unparsed.clone();
        for (namespace, name) in &news {
            if let Some(object) = self.shelf.get(namespace, name) {
                self.tell(&Touched::There(&object));
            }
        }
        for invalid in unparsed.values() {
            self.tell(&Touched::Unparsed(invalid));
        }
        for object in &gone {
            self.tell(&Touched::Gone(object));
        }
    }

    /// Whether an object of a list differs from what is known of it.
    fn is_news(&self, object: &K) -> bool {
        let (namespace, name) = named(object.meta());
        let Some(old) = self.shelf.get(&namespace, &name) else {
            return true;
        };
        match self.same {
            Some(same) => !same(&old, object),
            None => {
                old.meta().resource_version != object.meta().resource_version
                    || old.meta().uid != object.meta().uid
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

    pub(super) fn count_unparsed(&self) -> usize {
        locked(&self.unparsed).len()
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
        match self.shelf.get(namespace, name) {
            Some(object) => Look::Known(Box::new(object.meta().clone())),
            None => Look::Absent(progress),
        }
    }
}

pub(super) fn named(meta: &ObjectMeta) -> Named {
    (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}
