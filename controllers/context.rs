//! What every controller is built from: the process's watches, once each, and its settings.

use std::sync::Arc;

use crds::names::{LABEL_MANAGED_BY, LABEL_TENANT, MANAGED_BY};
use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    ConfigMap, Node, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::StorageClass;
use kit::{Source, Watches};
use kube::api::{DynamicObject, PartialObjectMeta};
use plan::Settings;
use plan::certificate::cert_manager;
use plan::monitor::{prometheus_rule, service_monitor};

use crate::kept;

/// All watches, shared by the controllers. Children are watched by label, so what is not ours costs nothing.
#[derive(Clone)]
pub struct Sources {
    /// All Tenants.
    pub tenants: Source<Tenant>,
    /// All Pools.
    pub pools: Source<Pool>,
    /// All TenantCertificates.
    pub certificates: Source<TenantCertificate>,
    /// All TenantMonitors.
    pub monitors: Source<TenantMonitor>,
    /// Metadata of our StatefulSets.
    pub stateful_sets: Source<PartialObjectMeta<StatefulSet>>,
    /// Server Pods: what they were started with, and how they are.
    pub pods: Source<Pod>,
    /// Volume claims of servers, whole: the phase is in their status.
    pub claims: Source<PersistentVolumeClaim>,
    /// Our ConfigMaps, whole: the topology is in them.
    pub config_maps: Source<ConfigMap>,
    /// Metadata of Secrets with a Tenant's label; values are read by GET where they are needed.
    pub secrets: Source<PartialObjectMeta<Secret>>,
    /// Metadata of our Services.
    pub services: Source<PartialObjectMeta<Service>>,
    /// Metadata of our ServiceAccounts.
    pub service_accounts: Source<PartialObjectMeta<ServiceAccount>>,
    /// Metadata of our PodDisruptionBudgets.
    pub disruption_budgets: Source<PartialObjectMeta<PodDisruptionBudget>>,
    /// Metadata of our NetworkPolicies.
    pub network_policies: Source<PartialObjectMeta<NetworkPolicy>>,
    /// Our Jobs, whole: how far they are is in their status.
    pub jobs: Source<Job>,
    /// Metadata of our ServiceMonitors, where the cluster knows the kind.
    pub service_monitors: Source<PartialObjectMeta<DynamicObject>>,
    /// Metadata of our PrometheusRules, where the cluster knows the kind.
    pub prometheus_rules: Source<PartialObjectMeta<DynamicObject>>,
    /// Metadata of our Certificates of cert-manager, where the cluster knows the kind.
    pub requests: Source<PartialObjectMeta<DynamicObject>>,
    /// Nodes, where the operator may see them: labels, taints and what they can allocate.
    pub nodes: Source<Node>,
    /// StorageClasses, where the operator may see them.
    pub storage_classes: Source<StorageClass>,
}

impl Sources {
    /// Opens every watch once.
    #[must_use]
    pub fn open(watches: &mut Watches) -> Self {
        let ours = format!("{LABEL_MANAGED_BY}={MANAGED_BY}");
        let ours = Some(ours.as_str());
        Self {
            tenants: watches.primary(|_| None),
            pools: watches.primary(|pool| Some(&pool.spec.tenant_ref.name)),
            certificates: watches.primary(|certificate| Some(&certificate.spec.tenant_ref.name)),
            monitors: watches.primary(|monitor| Some(&monitor.spec.tenant_ref.name)),
            stateful_sets: watches.metadata(ours),
            pods: watches.parts(Some(LABEL_TENANT), kept::server),
            claims: watches.objects(Some(LABEL_TENANT)),
            config_maps: watches.objects(ours),
            // A given one too, once a person puts the label on it.
            secrets: watches.metadata(Some(LABEL_TENANT)),
            services: watches.metadata(ours),
            service_accounts: watches.metadata(ours),
            disruption_budgets: watches.metadata(ours),
            network_policies: watches.metadata(ours),
            jobs: watches.objects(ours),
            service_monitors: watches.dynamic(&service_monitor::resource(), ours),
            prometheus_rules: watches.dynamic(&prometheus_rule::resource(), ours),
            requests: watches.dynamic(&cert_manager::resource(), ours),
            nodes: watches.cluster(kept::placement),
            storage_classes: watches.cluster(|class| class),
        }
    }
}

/// What a controller is built with, besides its kit.
#[derive(Clone)]
pub struct Context {
    /// The watches.
    pub sources: Sources,
    /// Settings of the process.
    pub settings: Arc<Settings>,
}

/// The name by which a child knows who it belongs to: its owner reference, or, should someone have taken that away, its
/// label. Either alone is enough to put the other back.
pub(crate) fn owner_name<'a, K: kube::Resource>(child: &'a K, kind: &str, label: &str) -> Option<&'a str> {
    let owners = child.meta().owner_references.as_deref().unwrap_or_default();
    let owner = owners
        .iter()
        .find(|owner| owner.kind == kind && owner.controller == Some(true));
    owner
        .map(|owner| owner.name.as_str())
        .or_else(|| plan::meta::label(child, label))
}
