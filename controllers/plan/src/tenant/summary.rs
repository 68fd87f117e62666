//! The lists in a Tenant's status: what belongs to it, and how each is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::conditions::READY;
use crds::names;
use crds::tenant::{CredentialsStatus, OrphanedVolumes, PoolPhase, PoolSummary, ReadySummary};
use crds::{Tenant, TenantCertificate, TenantMonitor};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;

use super::observed::Observed;
use super::servers;
use crate::condition;
use crate::meta;
use crate::topology::{Phase, Topology};

/// Which root credentials servers run with; none before some were taken.
pub(crate) fn credentials(tenant: &Tenant, topology: &Topology) -> Option<CredentialsStatus> {
    let generations = topology.credentials;
    let serving = match generations.of(topology.serving) {
        0 => generations.latest,
        serving => serving,
    };
    let copy = |generation| names::credentials_generation(meta::name(tenant), generation);
    (generations.latest > 0).then(|| CredentialsStatus {
        secret_name: copy(generations.latest),
        serving_secret_name: copy(serving),
    })
}

/// Members in their order, then the others by name.
pub(crate) fn pools(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Vec<PoolSummary> {
    let mut list: Vec<PoolSummary> = Vec::new();
    for member in &topology.pools {
        list.push(PoolSummary {
            name: member.name.clone(),
            phase: phase(member.phase),
            servers: member.servers,
            ready_servers: servers::ready(tenant, observed, member, None),
        });
    }
    let mut others: Vec<_> = observed
        .pools
        .iter()
        .filter(|pool| !list.iter().any(|listed| listed.name == meta::name(pool.as_ref())))
        .map(|pool| {
            let (name, uid) = (meta::name(pool.as_ref()), meta::uid(pool.as_ref()));
            let refusal = topology.refusal(name, uid);
            PoolSummary {
                name: name.to_owned(),
                phase: if topology.former(name, uid).is_some() {
                    PoolPhase::Drained
                } else if refusal.is_some_and(|refusal| !refusal.waits) {
                    PoolPhase::Refused
                } else {
                    PoolPhase::Waiting
                },
                servers: pool.spec.servers,
                ready_servers: 0,
            }
        })
        .collect();
    others.sort_by(|a, b| a.name.cmp(&b.name));
    list.extend(others);
    list
}

/// Claims whose Pool is gone, by its name. A Pool that cannot be read is not gone, nor is one whose object was lost and
/// whose servers are still in the topology.
pub(crate) fn orphaned_volumes(observed: &Observed) -> Vec<OrphanedVolumes> {
    let mut orphaned: BTreeMap<&str, i32> = BTreeMap::new();
    for claim in &observed.claims {
        let Some(pool) = meta::label(claim.as_ref(), names::LABEL_POOL) else {
            continue;
        };
        let topology = observed.topology.topology();
        let there = observed.pool_named(pool).is_some()
            || observed.unreadable_pools.iter().any(|name| name == pool)
            || topology.is_some_and(|topology| topology.pools.iter().any(|member| member.name == pool));
        if !there && !meta::deleting(claim.as_ref()) {
            *orphaned.entry(pool).or_default() += 1;
        }
    }
    let listed = |(pool, claims): (&str, i32)| OrphanedVolumes {
        pool: pool.to_owned(),
        claims,
    };
    orphaned.into_iter().map(listed).collect()
}

fn phase(phase: Phase) -> PoolPhase {
    match phase {
        Phase::Joining => PoolPhase::Joining,
        Phase::Active => PoolPhase::Active,
        Phase::Draining => PoolPhase::Draining,
    }
}

/// Certificates by name.
pub(crate) fn certificates(observed: &Observed) -> Vec<ReadySummary> {
    let conditions = |object: &TenantCertificate| {
        let status = object.status.as_ref();
        status.map(|status| status.conditions.clone()).unwrap_or_default()
    };
    ready(&observed.certificates, conditions)
}

/// Monitors by name.
pub(crate) fn monitors(observed: &Observed) -> Vec<ReadySummary> {
    let conditions = |object: &TenantMonitor| {
        let status = object.status.as_ref();
        status.map(|status| status.conditions.clone()).unwrap_or_default()
    };
    ready(&observed.monitors, conditions)
}

fn ready<K: Resource>(objects: &[Arc<K>], conditions: impl Fn(&K) -> Vec<Condition>) -> Vec<ReadySummary> {
    let mut list: Vec<_> = objects
        .iter()
        .map(|object| ReadySummary {
            name: meta::name(object.as_ref()).to_owned(),
            ready: condition::is_true(&conditions(object), READY),
        })
        .collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}

/// Ready servers of all servers in the topology, as `ready/all`.
pub(crate) fn servers(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Option<String> {
    if topology.pools.is_empty() {
        return None;
    }
    let ready: i64 = topology
        .pools
        .iter()
        .map(|member| i64::from(servers::ready(tenant, observed, member, None)))
        .sum();
    let all: i64 = topology
        .pools
        .iter()
        .map(|member| i64::from(member.servers))
        .sum();
    Some(format!("{ready}/{all}"))
}
