//! The objects of one watch, kept small, and made again for who reads them.
//!
//! An object in its parts takes four times as much as its JSON: each label alone is two texts of their own in a tree with
//! room for eleven. With a thousand Tenants that is most of what the process holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crds::names::LABEL_TENANT;
use kube::Resource;

use super::pack::{Models, Packed, Packing};

/// Which Tenant of its namespace an object belongs to.
pub type TenantOf<K> = fn(&K) -> Option<&str>;

/// The label that every child carries.
pub(super) fn labelled<K: Resource>(object: &K) -> Option<&str> {
    let labels = object.meta().labels.as_ref()?;
    labels.get(LABEL_TENANT).map(String::as_str)
}

enum Form<K> {
    Packed(Packed),
    Whole(Arc<K>),
}

struct Entry<K> {
    tenant: Option<Box<str>>,
    form: Form<K>,
}

/// `namespace/name`: neither holds a slash, so that a namespace is a range.
type Key = Box<str>;

/// Objects that are not shown yet, as small as those that are.
pub(super) struct Stock<K> {
    entries: BTreeMap<Key, Entry<K>>,
}

impl<K> Default for Stock<K> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
        }
    }
}

impl<K> Stock<K> {
    pub(super) fn holds(&self, namespace: &str, name: &str) -> bool {
        self.entries.contains_key(&*key(namespace, name))
    }
}

pub(super) struct Shelf<K> {
    tenant: TenantOf<K>,
    /// None: objects are few, or read often, and kept as they are.
    packing: Option<Packing<K>>,
    models: Models,
    entries: RwLock<BTreeMap<Key, Entry<K>>>,
}

impl<K: Resource> Shelf<K> {
    pub(super) fn new(tenant: TenantOf<K>, packing: Option<Packing<K>>) -> Self {
        Self {
            tenant,
            packing,
            models: Models::default(),
            entries: RwLock::default(),
        }
    }

    pub(super) fn put(&self, object: K) {
        let (key, entry) = (key_of(&object), self.entry(object));
        self.write().insert(key, entry);
    }

    pub(super) fn remove(&self, namespace: &str, name: &str) {
        self.write().remove(&*key(namespace, name));
    }

    /// Makes an object small, to be shown with the rest of the stock.
    pub(super) fn stock(&self, stock: &mut Stock<K>, object: K) {
        stock.entries.insert(key_of(&object), self.entry(object));
    }

    /// Shows what is in stock, and of what was shown before only what is named.
    pub(super) fn replace(&self, stock: Stock<K>, named: &BTreeSet<(String, String)>) {
        let named: BTreeSet<Key> = named
            .iter()
            .map(|(namespace, name)| key(namespace, name))
            .collect();
        let mut kept = self.write();
        kept.retain(|key, _| named.contains(key));
        kept.extend(stock.entries);
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let form = self.read().get(&*key(namespace, name)).map(Entry::form);
        self.unpacked(form?)
    }

    /// The objects of a Tenant, by name.
    pub(super) fn of_tenant(&self, namespace: &str, tenant: &str) -> Vec<Arc<K>> {
        let forms = self.each_of_tenant(namespace, tenant, |_, entry| entry.form());
        forms.into_iter().filter_map(|form| self.unpacked(form)).collect()
    }

    /// Their names.
    pub(super) fn names_of_tenant(&self, namespace: &str, tenant: &str) -> Vec<String> {
        self.each_of_tenant(namespace, tenant, |name, _| name.to_owned())
    }

    fn each_of_tenant<T>(
        &self,
        namespace: &str,
        tenant: &str,
        take: impl Fn(&str, &Entry<K>) -> T,
    ) -> Vec<T> {
        let entries = self.read();
        // The slash is the last character before the zero.
        let range = entries.range(key(namespace, "")..format!("{namespace}0").into_boxed_str());
        range
            .filter(|(_, entry)| entry.tenant.as_deref() == Some(tenant))
            .map(|(key, entry)| take(&key[namespace.len() + 1..], entry))
            .collect()
    }

    pub(super) fn all(&self) -> Vec<Arc<K>> {
        let forms: Vec<_> = self.read().values().map(Entry::form).collect();
        forms.into_iter().filter_map(|form| self.unpacked(form)).collect()
    }

    /// Namespace and name of each.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let entries = self.read();
        let names = entries.keys().filter_map(|key| key.split_once('/'));
        names
            .map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
            .collect()
    }

    fn entry(&self, object: K) -> Entry<K> {
        let tenant = (self.tenant)(&object).map(Box::from);
        let packed = self.packing.and_then(|packing| {
            let packed = self.models.pack(&(packing.pack)(&object)?);
            // What cannot be made again is kept as it is: an object must not vanish here.
            (packing.unpack)(&packed.text()?).map(|_| packed)
        });
        let form = packed.map_or_else(|| Form::Whole(Arc::new(object)), Form::Packed);
        Entry { tenant, form }
    }

    fn unpacked(&self, form: Form<K>) -> Option<Arc<K>> {
        match form {
            Form::Whole(object) => Some(object),
            Form::Packed(packed) => (self.packing?.unpack)(&packed.text()?).map(Arc::new),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Key, Entry<K>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Key, Entry<K>>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Entry<K> {
    fn form(&self) -> Form<K> {
        match &self.form {
            Form::Packed(packed) => Form::Packed(packed.clone()),
            Form::Whole(object) => Form::Whole(object.clone()),
        }
    }
}

fn key(namespace: &str, name: &str) -> Key {
    format!("{namespace}/{name}").into()
}

fn key_of<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    key(
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    fn map(namespace: &str, name: &str, tenant: &str) -> ConfigMap {
        let meta = json!({"namespace": namespace, "name": name, "labels": {LABEL_TENANT: tenant}});
        serde_json::from_value(json!({"metadata": meta, "data": {"k": "v"}})).unwrap()
    }

    fn names(found: &[Arc<ConfigMap>]) -> Vec<&str> {
        found
            .iter()
            .map(|map| map.metadata.name.as_deref().unwrap())
            .collect()
    }

    fn shelves() -> [Shelf<ConfigMap>; 2] {
        [
            Shelf::new(labelled, Some(Packing::json())),
            Shelf::new(labelled, None),
        ]
    }

    #[test]
    fn what_is_read_is_what_was_put() {
        for shelf in shelves() {
            shelf.put(map("ns", "a", "store"));
            assert_eq!(*shelf.get("ns", "a").unwrap(), map("ns", "a", "store"));
            assert!(shelf.get("ns", "b").is_none());
            shelf.remove("ns", "a");
            assert!(shelf.get("ns", "a").is_none());
        }
    }

    #[test]
    fn a_tenants_objects_are_those_of_its_namespace_with_its_name_in_order() {
        for shelf in shelves() {
            for (namespace, name, tenant) in [
                ("ns", "b", "store"),
                ("ns", "a", "store"),
                ("ns", "c", "other"),
                ("ns-2", "d", "store"),
                ("n", "e", "store"),
                ("ns0", "f", "store"),
            ] {
                shelf.put(map(namespace, name, tenant));
            }
            assert_eq!(names(&shelf.of_tenant("ns", "store")), ["a", "b"]);
            assert_eq!(shelf.names_of_tenant("ns", "store"), ["a", "b"]);
            assert_eq!(names(&shelf.of_tenant("ns", "nobody")), [""; 0]);
            assert_eq!(shelf.all().len(), 6);
        }
    }

    #[test]
    fn a_new_list_keeps_of_the_former_one_only_what_is_named() {
        for shelf in shelves() {
            for name in ["a", "b", "c"] {
                shelf.put(map("ns", name, "store"));
            }
            let named = BTreeSet::from([("ns".to_owned(), "b".to_owned())]);
            let mut stock = Stock::default();
            shelf.stock(&mut stock, map("ns", "d", "store"));
            assert!(stock.holds("ns", "d") && !stock.holds("ns", "b"));
            assert_eq!(names(&shelf.all()), ["a", "b", "c"]);
            shelf.replace(stock, &named);
            assert_eq!(names(&shelf.all()), ["b", "d"]);
        }
    }

    #[test]
    fn an_object_that_could_not_be_made_again_is_kept_as_it_is() {
        let packing = Packing::<ConfigMap> {
            pack: |_| Some(Vec::new()),
            unpack: |_| None,
        };
        let shelf = Shelf::new(labelled, Some(packing));
        shelf.put(map("ns", "a", "store"));
        assert_eq!(*shelf.get("ns", "a").unwrap(), map("ns", "a", "store"));
    }
}
