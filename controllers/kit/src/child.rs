//! A child as the API server takes it: address, body and hash, whatever its kind. No client here.

use std::hash::{DefaultHasher, Hash, Hasher};

use kube::Resource;
use kube::api::{ApiResource, ObjectMeta};
use plan::Child;
use serde::Serialize;
use serde_json::Value;

use crate::expect::Key;

/// A child, ready to be sent.
pub(crate) struct Form {
    pub(crate) resource: ApiResource,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) body: Value,
}

impl Form {
    /// `None` if the child has no name, namespace or type, or cannot be written as JSON.
    pub(crate) fn of(child: &Child) -> Option<Self> {
        match child {
            Child::ServiceAccount(object) => typed(object),
            Child::Service(object) => typed(object),
            Child::Secret(object) => typed(object),
            Child::ConfigMap(object) => typed(object),
            Child::PodDisruptionBudget(object) => typed(object),
            Child::NetworkPolicy(object) => typed(object),
            Child::StatefulSet(object) => typed(object),
            Child::Job(object) => typed(object),
            Child::Dynamic(object) => {
                let types = object.types.as_ref()?;
                let (group, version) = types
                    .api_version
                    .split_once('/')
                    .unwrap_or(("", types.api_version.as_str()));
                let kind = kube::core::GroupVersionKind::gvk(group, version, &types.kind);
                form(ApiResource::from_gvk(&kind), &object.metadata, object)
            }
        }
    }

    pub(crate) fn key(&self) -> Key {
        (
            self.resource.api_version.clone(),
            self.resource.kind.clone(),
            self.namespace.clone(),
            self.name.clone(),
        )
    }

    /// Of all that is asked for. Within one process only.
    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.body.to_string().hash(&mut hasher);
        hasher.finish()
    }

    /// As `StatefulSet default/store-p0`.
    pub(crate) fn title(&self) -> String {
        format!("{} {}/{}", self.resource.kind, self.namespace, self.name)
    }
}

fn typed<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Option<Form> {
    form(ApiResource::erase::<K>(&()), object.meta(), object)
}

fn form(resource: ApiResource, meta: &ObjectMeta, object: &impl Serialize) -> Option<Form> {
    let mut body = serde_json::to_value(object).ok()?;
    let fields = body.as_object_mut()?;
    fields.insert("apiVersion".to_owned(), resource.api_version.clone().into());
    fields.insert("kind".to_owned(), resource.kind.clone().into());
    // Only the server writes these.
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    Some(Form {
        resource,
        namespace: meta.namespace.clone()?,
        name: meta.name.clone()?,
        body,
    })
}

/// Of the metadata that show whether somebody changed a child: its generation (its version, where its kind has no
/// generation), labels, annotations, owners and UID.
pub(crate) fn fingerprint(meta: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    meta.uid.hash(&mut hasher);
    match meta.generation {
        Some(generation) => generation.hash(&mut hasher),
        None => meta.resource_version.hash(&mut hasher),
    }
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    meta.labels.hash(&mut hasher);
    meta.annotations.hash(&mut hasher);
    for owner in meta.owner_references.iter().flatten() {
        (&owner.uid, owner.controller).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Service;
    use kube::core::{DynamicObject, TypeMeta};

    fn meta(name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("ns".to_owned()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn a_typed_child_says_what_it_is() {
        let form = Form::of(&Child::Service(Service {
            metadata: meta("store-api"),
            ..Service::default()
        }))
        .unwrap();
        assert_eq!(form.resource.plural, "services");
        assert_eq!(form.body["apiVersion"], "v1");
        assert_eq!(form.body["kind"], "Service");
        assert_eq!(form.title(), "Service ns/store-api");
    }

    #[test]
    fn a_dynamic_child_finds_its_resource() {
        let mut object = DynamicObject {
            types: Some(TypeMeta {
                api_version: "monitoring.coreos.com/v1".to_owned(),
                kind: "ServiceMonitor".to_owned(),
            }),
            metadata: meta("store"),
            data: serde_json::json!({"spec": {}}),
        };
        let form = Form::of(&Child::Dynamic(object.clone())).unwrap();
        assert_eq!(form.resource.plural, "servicemonitors");
        assert_eq!(form.resource.group, "monitoring.coreos.com");
        object.types = None;
        assert!(Form::of(&Child::Dynamic(object)).is_none());
    }

    #[test]
    fn a_status_change_leaves_the_fingerprint_of_a_kind_with_generations() {
        let mut seen = meta("a");
        seen.generation = Some(1);
        seen.resource_version = Some("1".to_owned());
        let before = fingerprint(&seen);
        seen.resource_version = Some("2".to_owned());
        assert_eq!(fingerprint(&seen), before);
        seen.generation = Some(2);
        assert_ne!(fingerprint(&seen), before);
    }

    #[test]
    fn any_change_shows_in_the_fingerprint_of_a_kind_without_generations() {
        let mut seen = meta("a");
        seen.resource_version = Some("1".to_owned());
        let before = fingerprint(&seen);
        seen.resource_version = Some("2".to_owned());
        assert_ne!(fingerprint(&seen), before);
    }
}
