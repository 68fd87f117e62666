//! What Pods say.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::space::Space;

/// Whether a Pod serves and stays.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

/// How many Pods of a namespace are ready.
pub async fn ready(space: &Space) -> usize {
    let pods = space.list::<Pod>().await;
    pods.iter().filter(|pod| is_ready(pod)).count()
}

/// The UIDs of all Pods of a namespace.
pub async fn uids(space: &Space) -> BTreeSet<String> {
    let pods = space.list::<Pod>().await;
    pods.iter().filter_map(ResourceExt::uid).collect()
}
