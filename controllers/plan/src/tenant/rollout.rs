//! Which Pool may replace outdated servers. Judged by the Pods themselves: a Pool's status may not know yet what the
//! Tenant asks for since a moment ago, and the Tenant must not call itself ready on its word.

use crds::Tenant;
use crds::tenant::TlsMode;
use k8s_openapi::api::core::v1::Pod;

use super::certificate;
use super::observed::Observed;
use super::servers;
use crate::meta;
use crate::pool::{Basis, Wanted};
use crate::topology::{Member, Topology};

/// The first pool, in order, with servers that run something older than is asked for. While the store forms, nothing
/// needs to wait for anything. While a pool is drained nobody has the turn: a server that restarted just then was seen to
/// end the drain as failed.
pub(crate) fn turn(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Option<String> {
    if !topology.formed || topology.draining().is_some() {
        return None;
    }
    let mut members = topology.pools.iter();
    let first = members.find(|member| outdated(tenant, observed, topology, member));
    first.map(|member| member.name.clone())
}

fn outdated(tenant: &Tenant, observed: &Observed, topology: &Topology, member: &Member) -> bool {
    let Some(wanted) = wanted(tenant, observed, topology, member) else {
        return false;
    };
    numbered(tenant, observed, member)
        .filter(|(_, pod)| !meta::deleting(*pod))
        .any(|(ordinal, pod)| wanted.outdated(pod, ordinal))
}

/// What a member's servers should run; none while that is not known.
pub(crate) fn wanted(
    tenant: &Tenant,
    observed: &Observed,
    topology: &Topology,
    member: &Member,
) -> Option<Wanted> {
    let pool = observed.pool(&member.name, &member.uid)?;
    let tls_secret = tls_secret(tenant, observed).ok()?;
    let credentials = topology.credentials.of(member.revision);
    if credentials == 0 {
        return None;
    }
    Some(Wanted::of(Basis {
        tenant,
        pool,
        revision: member.revision,
        credentials,
        formed: topology.formed,
        tls_secret,
        settings: &observed.settings,
        rollout: observed.rollout.rollout(),
    }))
}

/// The Pods that are servers of a member, with their numbers.
pub(crate) fn numbered<'a>(
    tenant: &'a Tenant,
    observed: &'a Observed,
    member: &'a Member,
) -> impl Iterator<Item = (i32, &'a Pod)> {
    servers::of(tenant, observed, member).filter_map(|pod| {
        let (_, number) = meta::name(pod).rsplit_once('-')?;
        Some((number.parse().ok()?, pod))
    })
}

/// The Secret servers mount, none while TLS is off; `Err` while it is not known.
fn tls_secret<'a>(tenant: &Tenant, observed: &'a Observed) -> Result<Option<&'a str>, ()> {
    match tenant.spec.tls.as_ref().map(|tls| tls.mode) {
        Some(TlsMode::Enabled) => {
            let found = certificate::find(tenant, observed).and_then(|found| found.status.as_ref());
            let secret = found.and_then(|status| status.secret_name.as_deref());
            secret.map(Some).ok_or(())
        }
        Some(TlsMode::Disabled) | None => Ok(None),
    }
}
