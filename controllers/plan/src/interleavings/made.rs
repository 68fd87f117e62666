//! Objects as the API server would show them.

use crds::common::NameRef;
use crds::names::{
    ANNOTATION_TEMPLATE_HASH, LABEL_LAYOUT, LABEL_POOL, LABEL_TENANT, LABEL_TOPOLOGY_REVISION,
};
use crds::{Pool, PoolSpec};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimStatus, Pod, PodCondition, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::{ObjectMeta, PartialObjectMeta};

use crate::meta;

use super::world::{Life, NAMESPACE, SERVERS, Server, start};

pub(super) fn new_pool(name: &str) -> Pool {
    let spec = PoolSpec {
        tenant_ref: NameRef { name: "store".into() },
        servers: SERVERS,
        volumes_per_server: 1,
        ..PoolSpec::default()
    };
    let mut pool = Pool::new(name, spec);
    pool.metadata.namespace = Some(NAMESPACE.into());
    pool.metadata.uid = Some(format!("{name}-uid"));
    pool.metadata.creation_timestamp = Some(Time(start()));
    pool
}

pub(super) fn metadata(set: &StatefulSet) -> PartialObjectMeta<StatefulSet> {
    PartialObjectMeta {
        types: None,
        metadata: set.metadata.clone(),
        _phantom: std::marker::PhantomData,
    }
}

pub(super) fn pod(pool: &str, ordinal: i32, server: &Server) -> Pod {
    let label = |key: &str, value: String| (key.to_owned(), value);
    Pod {
        metadata: ObjectMeta {
            name: Some(format!("store-{pool}-{ordinal}")),
            namespace: Some(NAMESPACE.into()),
            uid: Some(format!("{pool}-{ordinal}-{}", server.revision)),
            labels: Some(
                [
                    label(LABEL_TENANT, "store".into()),
                    label(LABEL_POOL, pool.into()),
                    label(LABEL_TOPOLOGY_REVISION, server.revision.to_string()),
                ]
                .into(),
            ),
            annotations: Some([label(ANNOTATION_TEMPLATE_HASH, server.hash.clone())].into()),
            deletion_timestamp: (server.life == Life::Stopping).then(|| Time(start())),
            ..ObjectMeta::default()
        },
        status: Some(PodStatus {
            conditions: Some(vec![PodCondition {
                type_: "Ready".into(),
                // A server that is being stopped goes on answering until it has ended.
                status: if server.life == Life::Starting {
                    "False"
                } else {
                    "True"
                }
                .into(),
                ..PodCondition::default()
            }]),
            ..PodStatus::default()
        }),
        ..Pod::default()
    }
}

pub(super) fn claim(pool: &Pool, name: &str) -> PersistentVolumeClaim {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut claim = PersistentVolumeClaim {
        status: Some(PersistentVolumeClaimStatus {
            phase: Some("Bound".into()),
            ..PersistentVolumeClaimStatus::default()
        }),
        ..PersistentVolumeClaim::default()
    };
    claim.metadata.name = Some(name.to_owned());
    claim.metadata.labels = Some(
        [
            label(LABEL_TENANT, "store"),
            label(LABEL_POOL, meta::name(pool)),
            label(LABEL_LAYOUT, "4x1"),
        ]
        .into(),
    );
    claim
}
