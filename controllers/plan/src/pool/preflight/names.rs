//! Whether servers can be called by their names. What the rules of the kinds say already is not said again.

use super::report::Finding;
use super::wanted::Wanted;
use crate::Settings;
use crate::meta;

/// Characters of a host name's label, and of a whole name.
const LABEL: usize = 63;
const NAME: usize = 253;

/// The longest of the servers' names.
pub(super) fn check(wanted: &Wanted<'_>, settings: &Settings) -> Option<Finding> {
    let tenant = meta::name(wanted.tenant);
    let set = crds::names::stateful_set(tenant, meta::name(wanted.pool));
    let host = format!("{set}-{}", wanted.pool.spec.servers.saturating_sub(1));
    let service = crds::names::headless_service(tenant);
    let full = format!(
        "{host}.{service}.{}.svc.{}",
        meta::namespace(wanted.pool),
        settings.cluster_domain
    );
    if host.len() > LABEL {
        return Some(Finding::blocks(format!(
            "metadata.name: the server's host name {host} has {} characters, {LABEL} are possible: choose a shorter \
             name for the Pool",
            host.len()
        )));
    }
    (full.len() > NAME).then(|| {
        Finding::blocks(format!(
            "metadata.name: the server's full name {full} has {} characters, {NAME} are possible in DNS and in \
             certificates: choose shorter names for the Pool, the Tenant or the namespace",
            full.len()
        ))
    })
}
