//! How many servers may be away at once.

use crds::{Pool, Tenant};

use crate::tenant::erasure;

/// What is asked for and what a Pool can spare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// What the Tenant asks for.
    pub(crate) asked: i32,
    /// What is in force.
    pub(crate) most: i32,
}

impl Limit {
    /// While servers of this Pool are replaced. At least one, or a small store could never be changed.
    pub(crate) fn of(tenant: &Tenant, servers: i32, volumes_per_server: i32) -> Self {
        let said = tenant.spec.rollout.as_ref();
        let asked = said
            .and_then(|rollout| rollout.max_unavailable)
            .unwrap_or(1)
            .max(1);
        let spare = erasure::sets(tenant, servers, volumes_per_server).map_or(0, |sets| sets.spare_servers);
        let most = asked.min(spare.max(1));
        Self { asked, most }
    }

    /// While servers of this Pool are replaced.
    pub(super) fn of_pool(tenant: &Tenant, pool: &Pool) -> Self {
        Self::of(tenant, pool.spec.servers, pool.spec.volumes_per_server)
    }

    /// What to say of a number that is not in force; nothing of one that is.
    pub(crate) fn remark(self) -> Option<String> {
        let Self { asked, most } = self;
        (most < asked).then(|| {
            format!(
                "spec.rollout.maxUnavailable {asked} is bounded to {most}: writing needs the other servers"
            )
        })
    }
}
