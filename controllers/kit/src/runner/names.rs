//! What kube's queue knows of the objects it hands out: their names. The objects themselves are in the [`Source`].
//!
//! [`Source`]: crate::watch::Source

use std::marker::PhantomData;
use std::sync::Mutex;

use kube::Resource;
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;

use crate::run::locked;

/// Where the queue looks a name up.
pub(super) type Known<K> = Store<PartialObjectMeta<K>>;

pub(super) struct Names<K: Resource<DynamicType = ()> + Clone + 'static> {
    writer: Mutex<Writer<PartialObjectMeta<K>>>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Names<K> {
    /// No names yet; the queue need not wait for more.
    pub(super) fn new() -> (Self, Known<K>) {
        let mut writer = Writer::default();
        writer.apply_watcher_event(&Event::Init);
        writer.apply_watcher_event(&Event::InitDone);
        let store = writer.as_reader();
        let writer = Mutex::new(writer);
        (Self { writer }, store)
    }

    pub(super) fn there(&self, meta: &ObjectMeta) {
        locked(&self.writer).apply_watcher_event(&Event::Apply(name(meta)));
    }

    pub(super) fn gone(&self, meta: &ObjectMeta) {
        locked(&self.writer).apply_watcher_event(&Event::Delete(name(meta)));
    }
}

fn name<K: Resource>(meta: &ObjectMeta) -> PartialObjectMeta<K> {
    let name = ObjectMeta {
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        ..ObjectMeta::default()
    };
    PartialObjectMeta {
        types: None,
        metadata: name,
        _phantom: PhantomData,
    }
}

/// The queue's name of an object.
pub(super) fn of<K: Resource<DynamicType = ()>>(object: &ObjectRef<K>) -> ObjectRef<PartialObjectMeta<K>> {
    reference(object.namespace.as_deref(), &object.name)
}

/// A name, and nothing of the version at hand.
pub(super) fn reference<K: Resource<DynamicType = ()>>(namespace: Option<&str>, name: &str) -> ObjectRef<K> {
    let reference = ObjectRef::new(name);
    match namespace {
        Some(namespace) => reference.within(namespace),
        None => reference,
    }
}

/// Namespace and name.
pub(super) fn read<K>(named: &PartialObjectMeta<K>) -> (String, String)
where
    K: Resource<DynamicType = ()>,
{
    let meta = &named.metadata;
    (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}
