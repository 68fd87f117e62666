//! The StatefulSet of a Pool.

use std::collections::BTreeMap;

use crds::names::{
    self, ANNOTATION_CLAIMS_HASH, ANNOTATION_TEMPLATE_HASH, LABEL_LAYOUT, LABEL_POOL, LABEL_TENANT,
};
use crds::{Pool, Tenant};
use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PodTemplateSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::ObjectMeta;

use super::{claims, template};
use crate::meta;

/// The StatefulSet that runs `template` on the Pool's servers.
pub(super) fn build(tenant: &Tenant, pool: &Pool, template: PodTemplateSpec) -> StatefulSet {
    let (tenant_name, pool_name) = (meta::name(tenant), meta::name(pool));
    let labels = meta::pool_labels(tenant_name, pool_name, "server");
    let mut metadata = meta::child_meta(names::stateful_set(tenant_name, pool_name), pool, labels);
    metadata.annotations = Some(annotations(pool, &template));
    StatefulSet {
        metadata,
        spec: Some(StatefulSetSpec {
            replicas: Some(pool.spec.servers),
            service_name: Some(names::headless_service(tenant_name)),
            selector: LabelSelector {
                match_labels: Some(selector(tenant_name, pool_name)),
                ..LabelSelector::default()
            },
            // A pool is formatted when all its servers answer, so they start together.
            pod_management_policy: Some("Parallel".to_owned()),
            // The operator replaces Pods itself: only it knows when a server may be missed.
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                ..StatefulSetUpdateStrategy::default()
            }),
            revision_history_limit: Some(10),
            // Said in full: the operator alone deletes volumes, by the Pool's reclaim policy.
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: Some("Retain".to_owned()),
                when_scaled: Some("Retain".to_owned()),
            }),
            template,
            volume_claim_templates: Some(
                (0..pool.spec.volumes_per_server)
                    .map(|drive| claim(tenant_name, pool, drive))
                    .collect(),
            ),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

/// Hash of what the API server lets nobody change in a StatefulSet: of what a person wrote, so that it stays the
/// same whatever the operator's version.
pub(super) fn claims_hash(pool: &Pool) -> String {
    let spec = &pool.spec;
    template::hash(&(spec.servers, spec.volumes_per_server, &spec.volume_claim))
}

fn annotations(pool: &Pool, template: &PodTemplateSpec) -> BTreeMap<String, String> {
    let hash = template::hash_of(template).unwrap_or_default();
    [
        (ANNOTATION_TEMPLATE_HASH, hash.to_owned()),
        (ANNOTATION_CLAIMS_HASH, claims_hash(pool)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

fn selector(tenant: &str, pool: &str) -> BTreeMap<String, String> {
    [(LABEL_TENANT, tenant), (LABEL_POOL, pool)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn claim(tenant: &str, pool: &Pool, drive: i32) -> PersistentVolumeClaim {
    let wanted = &pool.spec.volume_claim;
    let mut labels = wanted.labels.clone();
    labels.extend(meta::pool_labels(tenant, meta::name(pool), "volume"));
    labels.insert(LABEL_LAYOUT.to_owned(), claims::layout(pool));
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(names::volume_claim(drive)),
            labels: Some(labels),
            annotations: (!wanted.annotations.is_empty()).then(|| wanted.annotations.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: wanted.storage_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), wanted.size.clone())].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}
