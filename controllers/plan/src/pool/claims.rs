//! A Pool's volume claims: their names, whose they are, and which may go.

use crds::names::{self, LABEL_LAYOUT, LABEL_POOL, LABEL_TENANT};
use crds::{Pool, Tenant, common::ReclaimPolicy};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::meta;

/// The layout label of a Pool's claims, as `4x2`.
pub(super) fn layout(pool: &Pool) -> String {
    format!("{}x{}", pool.spec.servers, pool.spec.volumes_per_server)
}

/// Names of all claims the StatefulSet makes, by server and drive.
#[must_use]
pub fn names(pool: &Pool) -> Vec<String> {
    let set = names::stateful_set(&pool.spec.tenant_ref.name, meta::name(pool));
    let drives = pool.spec.volumes_per_server;
    (0..pool.spec.servers)
        .flat_map(|server| (0..drives).map(move |drive| (server, drive)))
        .map(|(server, drive)| format!("{}-{set}-{server}", names::volume_claim(drive)))
        .collect()
}

/// Whether a claim carries the labels of this Pool.
#[must_use]
pub fn labelled(pool: &Pool, claim: &PersistentVolumeClaim) -> bool {
    meta::label(claim, LABEL_TENANT) == Some(pool.spec.tenant_ref.name.as_str())
        && meta::label(claim, LABEL_POOL) == Some(meta::name(pool))
}

/// Whether a claim was made for a Pool of this name and layout.
pub(super) fn fits(pool: &Pool, claim: &PersistentVolumeClaim) -> bool {
    labelled(pool, claim) && meta::label(claim, LABEL_LAYOUT) == Some(layout(pool).as_str())
}

/// What becomes of the volumes when the Pool goes. Without its Tenant only the Pool's own word counts; a later Tenant
/// of that name has no say.
#[must_use]
pub fn reclaim(pool: &Pool, tenant: Option<&Tenant>) -> ReclaimPolicy {
    let owner = meta::controller_uid(pool);
    pool.spec.reclaim_policy.unwrap_or_else(|| {
        tenant
            .filter(|tenant| owner.is_none_or(|uid| uid == meta::uid(*tenant)))
            .and_then(|tenant| tenant.spec.deletion.as_ref())
            .map_or(ReclaimPolicy::Retain, |deletion| deletion.volumes)
    })
}

/// Whether a label or annotation of this name is the operator's.
pub(super) fn is_owned(key: &str) -> bool {
    let owned = ["storage.rustfs.com/", "app.kubernetes.io/"];
    owned.iter().any(|prefix| key.starts_with(prefix))
}

/// `Pending`, `Bound` or `Lost`.
pub(super) fn phase(claim: &PersistentVolumeClaim) -> &str {
    let status = claim.status.as_ref();
    status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}
