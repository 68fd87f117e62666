//! Which Pool may replace outdated servers. Judged by the Pods themselves: a Pool's status may not know yet what the
//! Tenant asks for since a moment ago, and the Tenant must not call itself ready on its word.

use crds::Tenant;
use crds::names::ANNOTATION_TEMPLATE_HASH;
use crds::tenant::TlsMode;

use super::certificate;
use super::observed::Observed;
use super::servers;
use crate::meta;
use crate::pool;
use crate::topology::{Member, Topology};

/// The first pool, in order, with servers that run something older than is asked for. While the store forms, nothing
/// needs to wait for anything.
pub(crate) fn turn(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Option<String> {
    if !topology.formed {
        return None;
    }
    let mut members = topology.pools.iter();
    let first = members.find(|member| outdated(tenant, observed, member));
    first.map(|member| member.name.clone())
}

fn outdated(tenant: &Tenant, observed: &Observed, member: &Member) -> bool {
    let Some(pool) = observed.pool(&member.name, &member.uid) else {
        return false;
    };
    let Ok(secret) = tls_secret(tenant, observed) else {
        return false;
    };
    let wanted = pool::template_hash(tenant, pool, member.revision, secret, &observed.settings);
    servers::of(tenant, observed, member)
        .filter(|pod| !meta::deleting(*pod))
        .any(|pod| {
            let annotations = pod.metadata.annotations.as_ref();
            annotations.and_then(|annotations| annotations.get(ANNOTATION_TEMPLATE_HASH)) != wanted.as_ref()
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
