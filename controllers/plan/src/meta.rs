//! Labels, owner references and targets: the same for everything the operator makes.

use std::collections::BTreeMap;

use crds::names::{APP_NAME, LABEL_MANAGED_BY, LABEL_POOL, LABEL_TENANT, MANAGED_BY};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use kube::Resource;
use kube::core::ObjectMeta;

use crate::step::Target;

/// Labels of everything made for a Tenant. `component` is what it is for, as `server` or `topology`.
#[must_use]
pub fn labels(tenant: &str, component: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", APP_NAME),
        ("app.kubernetes.io/instance", tenant),
        ("app.kubernetes.io/component", component),
        ("app.kubernetes.io/part-of", APP_NAME),
        (LABEL_MANAGED_BY, MANAGED_BY),
        (LABEL_TENANT, tenant),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// Labels of everything made for a Pool.
#[must_use]
pub fn pool_labels(tenant: &str, pool: &str, component: &str) -> BTreeMap<String, String> {
    let mut labels = labels(tenant, component);
    labels.insert(LABEL_POOL.to_owned(), pool.to_owned());
    labels
}

/// What has all of these labels.
#[must_use]
pub(crate) fn select<const N: usize>(labels: [(&str, &str); N]) -> LabelSelector {
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    LabelSelector {
        match_labels: Some(labels.into()),
        ..LabelSelector::default()
    }
}

/// A reference that makes `object` the controlling owner; its foreground deletion waits for the child.
#[must_use]
pub fn owner<K: Resource<DynamicType = ()>>(object: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::api_version(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
        name: name(object).to_owned(),
        uid: uid(object).to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Metadata of a child in its owner's namespace.
#[must_use]
pub fn child_meta<K: Resource<DynamicType = ()>>(
    name: impl Into<String>,
    owned_by: &K,
    labels: BTreeMap<String, String>,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        namespace: owned_by.meta().namespace.clone(),
        labels: Some(labels),
        owner_references: Some(vec![owner(owned_by)]),
        ..ObjectMeta::default()
    }
}

/// The object as it was seen, by UID. The version is not a precondition.
#[must_use]
pub fn target<K: Resource<DynamicType = ()>>(object: &K) -> Target {
    target_as(object, &())
}

/// The same at the very version that was seen, for what is decided on more than that the object is there.
#[must_use]
pub fn target_at<K: Resource<DynamicType = ()>>(object: &K) -> Target {
    Target {
        resource_version: object.meta().resource_version.clone(),
        ..target(object)
    }
}

/// As [`target`], of an object whose kind is known at run time only.
#[must_use]
pub fn target_as<K: Resource>(object: &K, kind: &K::DynamicType) -> Target {
    Target {
        api_version: K::api_version(kind).into_owned(),
        kind: K::kind(kind).into_owned(),
        plural: K::plural(kind).into_owned(),
        namespace: namespace(object).to_owned(),
        name: name(object).to_owned(),
        uid: uid(object).to_owned(),
        resource_version: None,
    }
}

/// The UID of the controlling owner, if there is one.
#[must_use]
pub fn controller_uid<K: Resource>(object: &K) -> Option<&str> {
    object
        .meta()
        .owner_references
        .iter()
        .flatten()
        .find(|reference| reference.controller == Some(true))
        .map(|reference| reference.uid.as_str())
}

/// Whether `object` is the controlling owner of `child`.
#[must_use]
pub fn controls<O, C>(object: &O, child: &C) -> bool
where
    O: Resource<DynamicType = ()>,
    C: Resource,
{
    !uid(object).is_empty() && controller_uid(child) == Some(uid(object))
}

/// Whether the object is on its way out.
#[must_use]
pub fn deleting<K: Resource<DynamicType = ()>>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}

/// Whether an object was made before another one; not where either does not say.
#[must_use]
pub fn older<A: Resource, B: Resource>(object: &A, other: &B) -> bool {
    let made = object.meta().creation_timestamp.as_ref();
    let other = other.meta().creation_timestamp.as_ref();
    made.zip(other).is_some_and(|(made, other)| made.0 < other.0)
}

/// Whether the object carries this finalizer.
#[must_use]
pub fn held<K: Resource<DynamicType = ()>>(object: &K, finalizer: &str) -> bool {
    object
        .meta()
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == finalizer)
}

/// Name, or nothing for an object that was never stored.
#[must_use]
pub fn name<K: Resource>(object: &K) -> &str {
    object.meta().name.as_deref().unwrap_or_default()
}

/// Namespace, or nothing for an object that was never stored.
#[must_use]
pub fn namespace<K: Resource>(object: &K) -> &str {
    object.meta().namespace.as_deref().unwrap_or_default()
}

/// UID, or nothing for an object that was never stored.
#[must_use]
pub fn uid<K: Resource>(object: &K) -> &str {
    object.meta().uid.as_deref().unwrap_or_default()
}

/// The value of a label.
#[must_use]
pub fn label<'a, K: Resource>(object: &'a K, key: &str) -> Option<&'a str> {
    object.meta().labels.as_ref()?.get(key).map(String::as_str)
}
