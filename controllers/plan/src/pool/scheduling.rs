//! Where servers run: the Pool's fields, else the Tenant's, else a preference to keep apart.

use crds::common::Scheduling;
use crds::names::{LABEL_POOL, LABEL_TENANT};
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{
    Affinity, PodAffinityTerm, PodAntiAffinity, PodSpec, TopologySpreadConstraint, WeightedPodAffinityTerm,
};

use crate::meta;

/// Sets all scheduling fields of a Pod.
pub(super) fn apply(tenant: &Tenant, pool: &Pool, pod: &mut PodSpec) {
    let chosen = choose(tenant.spec.scheduling.as_ref(), pool.spec.scheduling.as_ref());
    pod.node_selector = (!chosen.node_selector.is_empty()).then_some(chosen.node_selector);
    pod.affinity = Some(chosen.affinity.unwrap_or_else(|| apart(meta::name(tenant))));
    pod.tolerations = (!chosen.tolerations.is_empty()).then_some(chosen.tolerations);
    let spread: Vec<_> = chosen
        .topology_spread_constraints
        .into_iter()
        .map(|one| counted(one, tenant, pool))
        .collect();
    pod.topology_spread_constraints = (!spread.is_empty()).then_some(spread);
    pod.priority_class_name = chosen.priority_class_name;
    pod.scheduler_name = chosen.scheduler_name;
    pod.runtime_class_name = chosen.runtime_class_name;
}

fn choose(tenant: Option<&Scheduling>, pool: Option<&Scheduling>) -> Scheduling {
    let tenant = tenant.cloned().unwrap_or_default();
    let pool = pool.cloned().unwrap_or_default();
    let or = |one: Vec<_>, other| if one.is_empty() { other } else { one };
    Scheduling {
        node_selector: if pool.node_selector.is_empty() {
            tenant.node_selector
        } else {
            pool.node_selector
        },
        affinity: pool.affinity.or(tenant.affinity),
        tolerations: if pool.tolerations.is_empty() {
            tenant.tolerations
        } else {
            pool.tolerations
        },
        topology_spread_constraints: or(
            pool.topology_spread_constraints,
            tenant.topology_spread_constraints,
        ),
        priority_class_name: pool.priority_class_name.or(tenant.priority_class_name),
        scheduler_name: pool.scheduler_name.or(tenant.scheduler_name),
        runtime_class_name: pool.runtime_class_name.or(tenant.runtime_class_name),
    }
}

/// A preference only: a rule would keep a server that must restart from ever finding a node on a small cluster.
fn apart(tenant: &str) -> Affinity {
    let term = PodAffinityTerm {
        label_selector: Some(meta::select([(LABEL_TENANT, tenant)])),
        topology_key: "kubernetes.io/hostname".to_owned(),
        ..PodAffinityTerm::default()
    };
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![WeightedPodAffinityTerm {
                weight: 100,
                pod_affinity_term: term,
            }]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn counted(
    mut constraint: TopologySpreadConstraint,
    tenant: &Tenant,
    pool: &Pool,
) -> TopologySpreadConstraint {
    if constraint.label_selector.is_none() {
        let labels = [(LABEL_TENANT, meta::name(tenant)), (LABEL_POOL, meta::name(pool))];
        constraint.label_selector = Some(meta::select(labels));
    }
    constraint
}
