//! Reads all a plan for a Pool is made on.

use std::sync::Arc;

use crds::names::{self, LABEL_TENANT};
use crds::{Pool, Tenant};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kit::{Error, Kit};
use kube::api::PartialObjectMeta;
use plan::meta;
use plan::pool::{Observed, claims};
use plan::tenant::Stored;

use crate::context::Context;

/// Reads. An error means that nothing may be decided.
pub(super) async fn observe(kit: &Kit, context: &Context, pool: &Pool) -> Result<Observed, Error> {
    let (namespace, tenant_name) = (meta::namespace(pool), pool.spec.tenant_ref.name.as_str());
    let sources = &context.sources;
    let tenant = sources.tenants.get(namespace, tenant_name);
    let map = sources.config_maps.get(namespace, &names::topology(tenant_name));
    let set_name = names::stateful_set(tenant_name, meta::name(pool));
    let cached = sources.stateful_sets.get(namespace, &set_name);
    let mut observed = Observed {
        settings: context.settings.clone(),
        certificate: tenant
            .as_ref()
            .and_then(|tenant| sources.certificates.get(namespace, certificate_name(tenant))),
        topology: tenant
            .as_ref()
            .map_or(Stored::Missing, |tenant| Stored::read(tenant, map.as_deref())),
        tenant,
        caught_up: kit.caught_up(cached.as_ref(), namespace, &set_name),
        stateful_set: cached,
        pods: sources.pods.select(namespace, |pod| {
            meta::label(pod, LABEL_TENANT) == Some(tenant_name)
        }),
        claims: sources.claims.select(namespace, |claim| {
            meta::label(claim, LABEL_TENANT) == Some(tenant_name)
        }),
        foreign_claim: None,
    };
    if meta::deleting(pool) {
        observe_departure(kit, pool, &set_name, &mut observed).await?;
    } else if observed.stateful_set.is_none() && observed.tenant.is_some() {
        observed.foreign_claim = foreign_claim(kit, pool, &observed).await?;
    }
    Ok(observed)
}

/// Before anything is deleted a cache is not enough: it may not know yet what was made a moment ago, nor that a
/// Tenant is back.
async fn observe_departure(
    kit: &Kit,
    pool: &Pool,
    set_name: &str,
    observed: &mut Observed,
) -> Result<(), Error> {
    let namespace = meta::namespace(pool);
    let set: Option<StatefulSet> = kit.get(namespace, set_name).await?;
    observed.stateful_set = set.map(|set| Arc::new(metadata(set)));
    let tenant: Option<Tenant> = kit.get(namespace, &pool.spec.tenant_ref.name).await?;
    if let Some(tenant) = &tenant {
        let map = kit.get(namespace, &names::topology(meta::name(tenant))).await?;
        observed.topology = Stored::read(tenant, map.as_ref());
    }
    observed.tenant = tenant.map(Arc::new);
    Ok(())
}

fn metadata(set: StatefulSet) -> PartialObjectMeta<StatefulSet> {
    PartialObjectMeta {
        types: None,
        metadata: set.metadata,
        _phantom: std::marker::PhantomData,
    }
}

/// A claim the StatefulSet would take by its name, although it was not made for this Pool.
async fn foreign_claim(kit: &Kit, pool: &Pool, observed: &Observed) -> Result<Option<String>, Error> {
    let accepted = observed
        .topology
        .topology()
        .is_some_and(|topology| topology.member(meta::name(pool), meta::uid(pool)).is_some());
    if !accepted {
        return Ok(None);
    }
    for name in claims::names(pool) {
        if observed
            .claims
            .iter()
            .any(|claim| meta::name(claim.as_ref()) == name)
        {
            continue;
        }
        let found: Option<PersistentVolumeClaim> = kit.get(meta::namespace(pool), &name).await?;
        if found.is_some_and(|claim| !claims::labelled(pool, &claim)) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The TenantCertificate a Tenant's servers use.
fn certificate_name(tenant: &Tenant) -> &str {
    tenant
        .spec
        .tls
        .as_ref()
        .and_then(|tls| tls.certificate_ref.as_ref())
        .map_or_else(|| meta::name(tenant), |reference| reference.name.as_str())
}
