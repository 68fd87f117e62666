//! A Tenant's surroundings as values, and what steps make of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::common::NameRef;
use crds::conditions::{DELETION_ALLOWED, PREFLIGHT};
use crds::names::{self, ANNOTATION_TEMPLATE_HASH, LABEL_POOL, LABEL_TENANT, LABEL_TOPOLOGY_REVISION};
use crds::{Pool, PoolSpec, PoolStatus, Tenant, TenantStatus};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition, PodStatus, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::core::{ObjectMeta, PartialObjectMeta};

use super::super::{Hidden, Observed, Offer, Pair, Plan, SecretCheck, Stored, kept_pair, plan, status};
use crate::condition;
use crate::health::Health;
use crate::meta;
use crate::pool::{Basis, Wanted};
use crate::rollout;
use crate::step::{Child, Enacted, Step, Target};
use crate::topology::Topology;

pub(super) const NAMESPACE: &str = "shop";

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

/// A Tenant that is not named like anything the operator names, so that swapped names are seen.
pub(super) fn tenant() -> Tenant {
    let mut tenant = Tenant::new("store", crds::TenantSpec::default());
    tenant.metadata = ObjectMeta {
        namespace: Some(NAMESPACE.into()),
        uid: Some("tenant-uid".into()),
        generation: Some(3),
        finalizers: Some(vec![names::FINALIZER_TENANT.into()]),
        ..tenant.metadata
    };
    tenant
}

pub(super) fn pool(name: &str, servers: i32, volumes_per_server: i32) -> Pool {
    let spec = PoolSpec {
        tenant_ref: NameRef { name: "store".into() },
        servers,
        volumes_per_server,
        ..PoolSpec::default()
    };
    let mut pool = Pool::new(name, spec);
    pool.metadata.namespace = Some(NAMESPACE.into());
    pool.metadata.uid = Some(format!("{name}-uid"));
    pool.metadata.creation_timestamp = Some(Time(now()));
    pool
}

pub(super) fn deleted<K: kube::Resource>(mut object: K) -> K {
    object.meta_mut().deletion_timestamp = Some(Time(now()));
    object
}

/// A Tenant that was asked to go, and may.
pub(super) fn leaving(tenant: Tenant) -> Tenant {
    let mut tenant = deleted(tenant);
    let allowed = condition::yes(DELETION_ALLOWED, "Confirmed", "by a person");
    let conditions = &mut tenant.status.get_or_insert_default().conditions;
    conditions.extend(condition::merge(&[], [allowed], Some(3), now()));
    tenant
}

pub(super) fn pod(pool: &str, ordinal: i32, revision: u64, ready: bool) -> Arc<Pod> {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Arc::new(Pod {
        metadata: ObjectMeta {
            name: Some(format!("store-{pool}-{ordinal}")),
            namespace: Some(NAMESPACE.into()),
            labels: Some(
                [
                    label(LABEL_TENANT, "store"),
                    label(LABEL_POOL, pool),
                    label(LABEL_TOPOLOGY_REVISION, &revision.to_string()),
                ]
                .into(),
            ),
            ..ObjectMeta::default()
        },
        status: Some(PodStatus {
            conditions: Some(vec![PodCondition {
                type_: "Ready".into(),
                status: if ready { "True" } else { "False" }.into(),
                ..PodCondition::default()
            }]),
            ..PodStatus::default()
        }),
        ..Pod::default()
    })
}

fn example() -> Pair {
    Pair {
        access_key: Hidden::new("AKIAEXAMPLE".into()),
        secret_key: Hidden::new("correct-horse-battery".into()),
    }
}

/// An empty world: random values at hand, nothing made.
pub(super) fn empty() -> Observed {
    Observed {
        now: now(),
        fresh_credentials: Some(example()),
        offer: Offer {
            generation: 1,
            fresh: Some(example()),
            renames: false,
        },
        fresh_rpc: Some(Hidden::new("internode-internode".into())),
        health: Health::Said(BTreeMap::new()),
        ..Observed::default()
    }
}

pub(super) fn with_pools(pools: impl IntoIterator<Item = Pool>) -> Observed {
    Observed {
        pools: pools.into_iter().map(Arc::new).collect(),
        ..empty()
    }
}

/// Carries steps out on the values.
pub(super) fn enact(tenant: &Tenant, observed: &mut Observed, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Create(child) | Step::Apply(child) => make(tenant, observed, child),
            Step::Adopt(target) => adopt(tenant, observed, target),
            Step::Delete(target, _) | Step::Orphan(target, _) => remove(observed, target),
            Step::Hold(_) | Step::Release(_) | Step::Grow(..) => {}
        }
    }
}

fn make(tenant: &Tenant, observed: &mut Observed, child: &Child) {
    match child {
        Child::ConfigMap(map) if meta::name(map) == "store-topology" => {
            observed.topology = Stored::read(tenant, Some(map));
        }
        Child::ConfigMap(map) if meta::name(map) == "store-rollout" => {
            observed.rollout = rollout::Stored::read(tenant, Some(map));
        }
        // One that is there is left alone.
        Child::Job(job)
            if observed
                .jobs
                .iter()
                .any(|known| known.metadata.name == job.metadata.name) => {}
        Child::Job(job) => observed.jobs.push(Arc::new(job.clone())),
        Child::ConfigMap(map) => observed.revisions.push(Arc::new(map.clone())),
        Child::Secret(secret) if meta::name(secret) == "store-rpc" => observed.rpc = SecretCheck::Usable,
        Child::Secret(secret) if meta::name(secret) == "store-credentials" => {
            observed.credentials = SecretCheck::Usable;
        }
        Child::Secret(secret) => {
            observed.generations.push(Arc::new(secret_metadata(secret)));
            observed.kept_credentials = kept_pair(tenant, secret);
            observed.offer.fresh = None;
        }
        _ => {}
    }
}

fn secret_metadata(secret: &Secret) -> PartialObjectMeta<Secret> {
    PartialObjectMeta {
        types: None,
        metadata: secret.metadata.clone(),
        _phantom: std::marker::PhantomData,
    }
}

fn adopt(tenant: &Tenant, observed: &mut Observed, target: &Target) {
    for pool in &mut observed.pools {
        if meta::uid(pool.as_ref()) == target.uid {
            let metadata = &mut Arc::make_mut(pool).metadata;
            metadata.owner_references = Some(vec![meta::owner(tenant)]);
            let labels = metadata.labels.get_or_insert_default();
            labels.insert(LABEL_TENANT.into(), "store".into());
        }
    }
}

fn remove(observed: &mut Observed, target: &Target) {
    observed
        .revisions
        .retain(|map| target.kind != "ConfigMap" || meta::name(map.as_ref()) != target.name);
    observed
        .pools
        .retain(|pool| meta::uid(pool.as_ref()) != target.uid);
}

/// One reconcile in which everything succeeds.
pub(super) fn reconcile(tenant: &mut Tenant, observed: &mut Observed) -> Plan {
    let plan = plan(tenant, observed);
    enact(tenant, observed, &plan.steps);
    let written: TenantStatus = status(tenant, observed, &plan, &Enacted::default(), now());
    tenant.status = Some(written);
    plan
}

/// A server as its Pool makes it now at a revision.
pub(super) fn server(
    tenant: &Tenant,
    observed: &Observed,
    pool: &str,
    ordinal: i32,
    revision: u64,
    ready: bool,
) -> Arc<Pod> {
    let hash = observed.pool_named(pool).map(|pool| {
        Wanted::of(Basis {
            tenant,
            pool,
            revision,
            credentials: observed
                .topology
                .topology()
                .map_or(1, |topology| topology.credentials.of(revision)),
            formed: true,
            tls_secret: None,
            settings: &observed.settings,
            rollout: observed.rollout.rollout(),
        })
        .hash()
    });
    let annotation = hash.map(|hash| (ANNOTATION_TEMPLATE_HASH.to_owned(), hash));
    let mut pod = pod(pool, ordinal, revision, ready);
    Arc::make_mut(&mut pod).metadata.annotations = Some(annotation.into_iter().collect());
    pod
}

/// Starts all servers of all members at the revision they are to be made with, and lets their Pools say so.
pub(super) fn start_servers(tenant: &Tenant, observed: &mut Observed) {
    let topology = stored(observed);
    observed.pods.clear();
    for member in &topology.pools {
        for ordinal in 0..member.servers {
            let pod = server(tenant, observed, &member.name, ordinal, member.revision, true);
            observed.pods.push(pod);
        }
    }
    for pool in &mut observed.pools {
        let pool = Arc::make_mut(pool);
        if let Some(member) = topology.member(meta::name(pool), meta::uid(pool)) {
            pool.status = Some(PoolStatus {
                element: Some(member.element.clone()),
                servers: member.servers,
                ready_servers: member.servers,
                updated_servers: member.servers,
                topology_revision: i64::try_from(topology.revision).ok(),
                conditions: vec![preflight("True", "Passed", "")],
                ..PoolStatus::default()
            });
        }
    }
}

/// What a Pool says of its preflight.
pub(super) fn preflight(status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        type_: PREFLIGHT.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: Time(now()),
        observed_generation: None,
    }
}

/// A store of these pools that serves.
pub(super) fn formed(pools: impl IntoIterator<Item = Pool>) -> (Tenant, Observed) {
    let (mut tenant, mut observed) = (tenant(), with_pools(pools));
    let _ = reconcile(&mut tenant, &mut observed);
    start_servers(&tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(stored(&observed).formed);
    (tenant, observed)
}

pub(super) fn stored(observed: &Observed) -> Topology {
    observed.topology.topology().cloned().unwrap_or_default()
}

pub(super) fn members(topology: &Topology) -> Vec<&str> {
    topology.pools.iter().map(|member| member.name.as_str()).collect()
}

/// Reason of a condition, with `+` for true and `-` for anything else.
pub(super) fn condition(tenant: &Tenant, type_: &str) -> String {
    let status = tenant.status.as_ref().unwrap();
    let found = status.conditions.iter().find(|found| found.type_ == type_);
    let found = found.unwrap_or_else(|| panic!("{type_} is not in the status"));
    let sign = if found.status == "True" { '+' } else { '-' };
    format!("{sign}{}", found.reason)
}

/// What a condition says.
pub(super) fn message(tenant: &Tenant, type_: &str) -> String {
    let status = tenant.status.as_ref().unwrap();
    let found = status.conditions.iter().find(|found| found.type_ == type_);
    found.unwrap().message.clone()
}
