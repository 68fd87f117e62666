//! Reads all a plan for a Tenant is made on. What decides over data is read from the API server; the rest comes from
//! the watches.

use std::sync::Arc;

use crds::names;
use crds::{Pool, Tenant};
use futures::future::try_join4;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kit::{Error, Kit};
use kube::api::PartialObjectMeta;
use plan::pool::preflight::default_class;
use plan::tenant::{
    Observed, SecretCheck, Stored, check_rpc, generation_number, may_go, must_ask, says_ended,
    unseen_newcomers,
};
use plan::{meta, rollout};

use super::contents::Asker;
use super::secrets::{Reader, Secrets};
use super::{credentials, random};
use crate::context::Context;
use crate::pool::report;
use crate::store::{Stores, Whom};

/// Reads. An error means that nothing may be decided.
pub(super) async fn observe(
    kit: &Kit,
    context: &Context,
    secrets: &Secrets,
    contents: &Asker,
    tenant: &Tenant,
) -> Result<Observed, Error> {
    let reader = Reader {
        kit,
        sources: &context.sources,
        secrets,
    };
    let (namespace, name) = (meta::namespace(tenant), meta::name(tenant));
    let newest = credentials::newest(tenant, &generations(context, tenant));
    // None waits for another: each is a request more before anything is decided.
    let (found, rollout, rpc, pair) = try_join4(
        kit.get::<ConfigMap>(namespace, &names::topology(name)),
        rollout(kit, context, tenant),
        rpc(reader, tenant),
        credentials::reads(reader, tenant, newest),
    )
    .await?;
    let mut observed = from_watches(context, tenant);
    observed.topology = Stored::read(tenant, found.as_ref());
    observed.rollout = rollout;
    observed.now = kit.now();
    observed.rpc = rpc;
    if observed.rpc == SecretCheck::Missing {
        observed.fresh_rpc = random::rpc();
    }
    credentials::observe(reader, tenant, pair, &mut observed).await?;
    observed.gone_pools = gone_newcomers(kit, namespace, &observed).await?;
    if meta::deleting(tenant) {
        if may_go(tenant) {
            observed.lingering_pools = lingering_pools(kit, tenant, &observed).await?;
        }
        if must_ask(tenant, &observed) {
            observed.contents = contents.ask(tenant).await;
        } else {
            contents.forget(tenant);
        }
    }
    Ok(observed)
}

/// Asks the servers anew where a Pool says that its data has left, or that a drain of it cannot be forgotten: with this
/// word a pool leaves the string, or is spelled otherwise in it. Without an answer neither happens.
pub(super) async fn ask_for_ends(stores: &Stores, tenant: &Tenant, observed: &mut Observed) {
    let topology = observed.topology.topology();
    let said = topology.is_some_and(|topology| says_ended(tenant, observed, topology));
    if !said || may_go(tenant) {
        return;
    }
    match stores
        .ask(tenant, Whom::KnowsPools, &mut None, |client| async move {
            client.pools().await
        })
        .await
    {
        Ok(pools) => {
            for (place, report) in (0..).zip(pools.iter().map(report)) {
                if report.number != place {
                    observed.misplaced_elements.push(report.element.clone());
                }
                match report.decommission.as_str() {
                    "complete" => observed.empty_elements.push(report.element),
                    "failed" if report.unresolved => observed.dead_elements.push(report.element),
                    _ => {}
                }
            }
        }
        Err(fault) => {
            tracing::warn!(
                reason = fault.reason,
                detail = fault.detail,
                "the servers do not say how drains ended"
            );
        }
    }
}

/// That a watch does not show one is no proof that it is gone.
async fn gone_newcomers(kit: &Kit, namespace: &str, observed: &Observed) -> Result<Vec<String>, Error> {
    let mut gone = Vec::new();
    for member in unseen_newcomers(observed) {
        let found: Option<Pool> = kit.get(namespace, &member.name).await?;
        if found.is_none_or(|found| meta::uid(&found) != member.uid) {
            gone.push(member.uid.clone());
        }
    }
    Ok(gone)
}

/// From the watch, unless it has not told of the last write yet.
async fn rollout(kit: &Kit, context: &Context, tenant: &Tenant) -> Result<rollout::Stored, Error> {
    let (namespace, name) = (meta::namespace(tenant), names::rollout(meta::name(tenant)));
    if kit.caught_up::<ConfigMap>(None, namespace, &name) {
        let cached = context.sources.config_maps.get(namespace, &name);
        return Ok(rollout::Stored::read(tenant, cached.as_deref()));
    }
    let found: Option<ConfigMap> = kit.get(namespace, &name).await?;
    Ok(rollout::Stored::read(tenant, found.as_ref()))
}

fn from_watches(context: &Context, tenant: &Tenant) -> Observed {
    let (namespace, name) = (meta::namespace(tenant), meta::name(tenant));
    let sources = &context.sources;
    Observed {
        settings: context.settings.clone(),
        pools: sources.pools.of_tenant(namespace, name),
        unreadable_pools: sources
            .pools
            .unparsed(namespace)
            .into_iter()
            .filter_map(|pool| pool.metadata.name)
            .collect(),
        certificates: sources.certificates.of_tenant(namespace, name),
        monitors: sources.monitors.of_tenant(namespace, name),
        default_class: sources
            .storage_classes
            .all()
            .and_then(|classes| Some(meta::name(default_class(&classes)?).to_owned())),
        pods: sources.pods.of_tenant(namespace, name),
        claims: sources.claims.of_tenant(namespace, name),
        stateful_sets: sources.stateful_sets.of_tenant(namespace, name),
        network_policy: sources.network_policies.get(namespace, name),
        jobs: sources.jobs.of_tenant(namespace, name),
        revisions: revisions(sources.config_maps.of_tenant(namespace, name)),
        generations: generations(context, tenant),
        ..Observed::default()
    }
}

/// The ConfigMaps of the revisions of a topology.
fn revisions(mut maps: Vec<Arc<ConfigMap>>) -> Vec<Arc<ConfigMap>> {
    maps.retain(|map| meta::label(map.as_ref(), names::LABEL_TOPOLOGY_REVISION).is_some());
    maps
}

/// Secrets that are named like generations of the root credentials.
fn generations(context: &Context, tenant: &Tenant) -> Vec<Arc<PartialObjectMeta<Secret>>> {
    let (namespace, name) = (meta::namespace(tenant), meta::name(tenant));
    let mut secrets = context.sources.secrets.of_tenant(namespace, name);
    secrets.retain(|secret| generation_number(tenant, secret.as_ref()).is_some());
    secrets
}

/// The Secret that servers trust each other by.
async fn rpc(reader: Reader<'_>, tenant: &Tenant) -> Result<SecretCheck, Error> {
    let given = tenant.spec.rpc_secret_ref.as_ref();
    let name = given.map_or_else(
        || names::rpc_secret(meta::name(tenant)),
        |given| given.name.clone(),
    );
    let look = |found: Option<&_>| check_rpc(tenant, found);
    reader.read(meta::namespace(tenant), &name, look).await
}

/// Pools of the topology that the API server still has, although no watch shows them.
async fn lingering_pools(kit: &Kit, tenant: &Tenant, observed: &Observed) -> Result<Vec<String>, Error> {
    let members = observed
        .topology
        .topology()
        .map_or(&[][..], |topology| &topology.pools);
    let mut lingering = Vec::new();
    for member in members {
        let found: Option<Pool> = kit.get(meta::namespace(tenant), &member.name).await?;
        if found.is_some_and(|pool| meta::uid(&pool) == member.uid) {
            lingering.push(member.name.clone());
        }
    }
    Ok(lingering)
}
