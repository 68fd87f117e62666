//! What is known about a Tenant from several places at once.

use crds::Tenant;
use crds::conditions::{DRAINED, JOINED};
use crds::names::{self, LABEL_TOPOLOGY_REVISION};
use crds::tenant::TlsMode;
use k8s_openapi::api::core::v1::ConfigMap;

use super::observed::Observed;
use crate::condition;
use crate::meta;
use crate::settings::Settings;

/// Whether the store has served, by anyone's word: the topology, the Tenant's own status, or a Pool's.
pub(crate) fn formed(tenant: &Tenant, observed: &Observed) -> bool {
    if let Some(topology) = observed.topology.topology() {
        return topology.formed;
    }
    recorded_formed(tenant) || observed.pools.iter().any(|pool| joined(pool))
}

/// Whether the Tenant's stored status says that the store has served.
pub(crate) fn recorded_formed(tenant: &Tenant) -> bool {
    tenant
        .status
        .as_ref()
        .and_then(|status| status.topology.as_ref())
        .is_some_and(|topology| topology.formed)
}

/// Whether a Pool has served as part of its Tenant.
pub(crate) fn joined(pool: &crds::Pool) -> bool {
    pool.status
        .as_ref()
        .is_some_and(|status| condition::is_true(&status.conditions, JOINED))
}

/// Whether a Pool has handed its data over and left the topology.
pub(crate) fn drained(pool: &crds::Pool) -> bool {
    let conditions = pool.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|found| found.type_ == DRAINED && found.status == "True" && found.reason == crate::pool::LEFT)
}

/// `http` or `https`.
pub(crate) fn scheme(tenant: &Tenant) -> &'static str {
    match tenant.spec.tls.as_ref().map(|tls| tls.mode) {
        Some(TlsMode::Enabled) => "https",
        Some(TlsMode::Disabled) | None => "http",
    }
}

/// Where clients inside the cluster find one of the Tenant's Services.
pub(crate) fn url(tenant: &Tenant, settings: &Settings, service: &str, port: i32) -> String {
    let (scheme, namespace) = (scheme(tenant), meta::namespace(tenant));
    format!(
        "{scheme}://{service}.{namespace}.svc.{}:{port}",
        settings.cluster_domain
    )
}

/// The element of a pool with these servers and drives, as this operator writes it.
pub(crate) fn element(
    tenant: &Tenant,
    observed: &Observed,
    pool: &str,
    servers: i32,
    volumes_per_server: i32,
) -> String {
    crate::topology::element(
        scheme(tenant),
        meta::name(tenant),
        meta::namespace(tenant),
        &observed.settings.cluster_domain,
        pool,
        servers,
        volumes_per_server,
    )
}

/// The number of a revision's ConfigMap.
pub(crate) fn revision_number(tenant: &Tenant, found: &ConfigMap) -> Option<u64> {
    let prefix = format!("{}-r", names::topology(meta::name(tenant)));
    meta::name(found).strip_prefix(&prefix)?.parse().ok()
}

/// The volumes string that a revision's ConfigMap holds.
pub(crate) fn revision_volumes<'a>(
    tenant: &Tenant,
    observed: &'a Observed,
    revision: u64,
) -> Option<&'a str> {
    observed
        .revisions
        .iter()
        .find(|found| revision_number(tenant, found) == Some(revision))
        .map(|found| {
            let volumes = found.data.as_ref().and_then(|data| data.get(names::KEY_VOLUMES));
            volumes.map_or("", String::as_str)
        })
}

/// The name of the Secret with root credentials that a revision's ConfigMap holds.
pub(crate) fn revision_credentials<'a>(
    tenant: &Tenant,
    observed: &'a Observed,
    revision: u64,
) -> Option<&'a str> {
    let mut maps = observed.revisions.iter();
    let found = maps.find(|found| revision_number(tenant, found) == Some(revision))?;
    let data = found.data.as_ref()?;
    data.get(names::KEY_CREDENTIALS).map(String::as_str)
}

/// Whether a revision is written down as one of this string and this generation of root credentials.
pub(crate) fn is_written(
    tenant: &Tenant,
    observed: &Observed,
    revision: u64,
    volumes: &str,
    generation: u64,
) -> bool {
    let secret = names::credentials_generation(meta::name(tenant), generation);
    revision_volumes(tenant, observed, revision) == Some(volumes)
        && revision_credentials(tenant, observed, revision) == Some(secret.as_str())
}

/// The highest revision that anything speaks of; a new one must be higher, or it could meet an old string.
pub(crate) fn highest_revision(tenant: &Tenant, observed: &Observed) -> u64 {
    let maps = observed
        .revisions
        .iter()
        .filter_map(|found| revision_number(tenant, found));
    let pods = observed
        .pods
        .iter()
        .filter_map(|pod| meta::label(pod.as_ref(), LABEL_TOPOLOGY_REVISION)?.parse().ok());
    let pools = observed
        .pools
        .iter()
        .filter_map(|pool| pool.status.as_ref()?.topology_revision);
    let own = tenant
        .status
        .as_ref()
        .and_then(|status| Some(status.topology.as_ref()?.revision));
    let stored = observed.topology.topology().map(|topology| topology.revision);
    maps.chain(pods)
        .chain(
            pools
                .chain(own)
                .filter_map(|revision| u64::try_from(revision).ok()),
        )
        .chain(stored)
        // A label that was made up must not exhaust the numbers.
        .filter(|revision| *revision < u64::from(u32::MAX))
        .max()
        .unwrap_or(0)
}
