//! Reads all a plan for a Pool is made on.

use std::fmt::Debug;
use std::sync::Arc;

use crds::common::ReclaimPolicy;
use crds::names;
use crds::{Pool, Tenant};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kit::{Error, Kit};
use kube::Resource;
use kube::api::PartialObjectMeta;
use kube::core::NamespaceResourceScope;
use plan::pool::growth::{self, Expansion, Made};
use plan::pool::preflight::Cluster;
use plan::pool::{Observed, claims};
use plan::tenant::Stored;
use plan::{meta, rollout};
use serde::de::DeserializeOwned;

use crate::context::Context;

/// How many objects are read at the same time.
const READS: usize = 16;

/// Reads. An error means that nothing may be decided.
pub(super) async fn observe(kit: &Kit, context: &Context, pool: &Pool) -> Result<Observed, Error> {
    let (namespace, tenant_name) = (meta::namespace(pool), pool.spec.tenant_ref.name.as_str());
    let sources = &context.sources;
    let tenant = sources.tenants.get(namespace, tenant_name);
    let map = sources.config_maps.get(namespace, &names::topology(tenant_name));
    let record = sources.config_maps.get(namespace, &names::rollout(tenant_name));
    let set_name = names::stateful_set(tenant_name, meta::name(pool));
    let cached = sources.stateful_sets.get(namespace, &set_name);
    let pods = sources.pods.of_tenant(namespace, tenant_name);
    let mut observed = Observed {
        settings: context.settings.clone(),
        now: kit.now(),
        certificate: tenant
            .as_ref()
            .and_then(|tenant| sources.certificates.get(namespace, certificate_name(tenant))),
        topology: tenant
            .as_ref()
            .map_or(Stored::Missing, |tenant| Stored::read(tenant, map.as_deref())),
        rollout: tenant.as_ref().map_or(rollout::Stored::Missing, |tenant| {
            rollout::Stored::read(tenant, record.as_deref())
        }),
        tenant,
        caught_up: kit.caught_up(cached.as_ref(), namespace, &set_name)
            && pods
                .iter()
                .all(|pod| kit.caught_up::<Pod>(None, namespace, meta::name(pod.as_ref()))),
        stateful_set: cached,
        pods,
        claims: sources.claims.of_tenant(namespace, tenant_name),
        cluster: Cluster {
            nodes: sources.nodes.all(),
            classes: sources.storage_classes.all(),
        },
        ..Observed::default()
    };
    if meta::deleting(pool) {
        observe_departure(kit, pool, &set_name, &mut observed).await?;
    } else if observed.tenant.is_some() {
        observe_growth(kit, pool, &set_name, &mut observed).await?;
        if observed.stateful_set.is_none() {
            observed.foreign_claim = foreign_claim(kit, pool, &observed).await?;
        }
    }
    Ok(observed)
}

/// Before a StatefulSet is made anew a cache is not enough: it shows no volumes, and may not know that it is done.
async fn observe_growth(
    kit: &Kit,
    pool: &Pool,
    set_name: &str,
    observed: &mut Observed,
) -> Result<(), Error> {
    if observed
        .stateful_set
        .as_ref()
        .is_some_and(|set| growth::concerns(pool, set))
    {
        observe_set(kit, pool, set_name, observed).await?;
    }
    for class in growth::classes(pool, observed) {
        let answer: Result<Option<StorageClass>, Error> = kit.get_global(&class).await;
        let expansion = match answer {
            Ok(Some(found)) if found.allow_volume_expansion == Some(true) => Expansion::Allowed,
            Ok(Some(_)) => Expansion::Forbidden,
            Ok(None) => Expansion::Missing,
            // A Role in one namespace cannot grant it.
            Err(error) if error.reason() == "ApiForbidden" => Expansion::Unreadable,
            Err(error) => return Err(error),
        };
        observed.classes.insert(class, expansion);
    }
    Ok(())
}

async fn observe_set(kit: &Kit, pool: &Pool, set_name: &str, observed: &mut Observed) -> Result<(), Error> {
    let set: Option<StatefulSet> = kit.get(meta::namespace(pool), set_name).await?;
    observed.made = set.as_ref().and_then(Made::read);
    observed.stateful_set = set.map(|set| Arc::new(metadata(set)));
    Ok(())
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
    observe_set(kit, pool, set_name, observed).await?;
    let tenant: Option<Tenant> = kit.get(namespace, &pool.spec.tenant_ref.name).await?;
    if let Some(tenant) = &tenant {
        let map = kit.get(namespace, &names::topology(meta::name(tenant))).await?;
        observed.topology = Stored::read(tenant, map.as_ref());
        let record: Option<ConfigMap> = kit.get(namespace, &names::rollout(meta::name(tenant))).await?;
        observed.rollout = rollout::Stored::read(tenant, record.as_ref());
    }
    observed.tenant = tenant.map(Arc::new);
    if observed.stateful_set.is_none() {
        observe_remains(kit, pool, observed).await?;
    }
    Ok(())
}

/// Servers and volumes that the watches have not told of.
async fn observe_remains(kit: &Kit, pool: &Pool, observed: &mut Observed) -> Result<(), Error> {
    let set = names::stateful_set(&pool.spec.tenant_ref.name, meta::name(pool));
    let servers = (0..pool.spec.servers).map(|ordinal| format!("{set}-{ordinal}"));
    let servers: Vec<String> = servers.filter(|name| !has(&observed.pods, name)).collect();
    let found: Vec<Pod> = get_all(kit, meta::namespace(pool), servers).await?;
    observed.pods.extend(found.into_iter().map(Arc::new));
    if claims::reclaim(pool, observed.tenant.as_deref()) == ReclaimPolicy::Delete {
        let volumes = claims::names(pool).into_iter();
        let volumes = volumes.filter(|name| !has(&observed.claims, name)).collect();
        let found: Vec<PersistentVolumeClaim> = get_all(kit, meta::namespace(pool), volumes).await?;
        observed.claims.extend(found.into_iter().map(Arc::new));
    }
    Ok(())
}

fn has<K: Resource>(objects: &[Arc<K>], name: &str) -> bool {
    objects.iter().any(|object| meta::name(object.as_ref()) == name)
}

/// Those of the names that exist. A few reads at a time: a large Pool has thousands of volumes.
async fn get_all<K>(kit: &Kit, namespace: &str, names: Vec<String>) -> Result<Vec<K>, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let found: Vec<Option<K>> = stream::iter(names)
        .map(|name| async move { kit.get(namespace, &name).await })
        .buffer_unordered(READS)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
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
    let names = claims::names(pool).into_iter();
    let names = names.filter(|name| !has(&observed.claims, name)).collect();
    let found: Vec<PersistentVolumeClaim> = get_all(kit, meta::namespace(pool), names).await?;
    let foreign = found.iter().filter(|claim| !claims::labelled(pool, claim));
    Ok(foreign.map(|claim| meta::name(claim).to_owned()).min())
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
