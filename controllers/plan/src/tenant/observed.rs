//! All a plan for a Tenant is made on.

use std::sync::Arc;

use crds::{Pool, Tenant, TenantCertificate, TenantMonitor};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::core::PartialObjectMeta;

use super::deletion::Contents;
use super::pair::{Offer, Pair};
use super::rebalance;
use super::secret::{Hidden, SecretCheck};
use crate::health::Health;
use crate::meta;
use crate::rollout;
use crate::settings::Settings;
use crate::topology::Topology;

/// What was seen around one Tenant. Lists hold what names the Tenant or carries its label, in any order.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Settings of the process.
    pub settings: Arc<Settings>,
    /// The ConfigMap `{tenant}-topology`, read from the API server and not from a cache.
    pub topology: Stored,
    /// The record of rollouts.
    pub rollout: rollout::Stored,
    /// When all this was seen.
    pub now: Timestamp,
    /// ConfigMaps of topology revisions.
    pub revisions: Vec<Arc<ConfigMap>>,
    /// The root credentials' Secret.
    pub credentials: SecretCheck,
    /// The internode Secret.
    pub rpc: SecretCheck,
    /// Random credentials, in case they are to be made.
    pub fresh_credentials: Option<Pair>,
    /// The pair of the generation that was taken last, if its Secret is there.
    pub kept_credentials: Option<Pair>,
    /// The pair that is to be used from now on. Nothing but a usable Secret, or one that is about to be made, offers one.
    pub offer: Offer,
    /// Metadata of the Secrets of this Tenant that are named like generations of its root credentials.
    pub generations: Vec<Arc<PartialObjectMeta<Secret>>>,
    /// A random internode secret, in case it is to be made.
    pub fresh_rpc: Option<Hidden>,
    /// Pools that name the Tenant.
    pub pools: Vec<Arc<Pool>>,
    /// Names of Pools of the namespace that are stored and cannot be read: they are in no list, but not gone.
    pub unreadable_pools: Vec<String>,
    /// UIDs of newcomers in the topology that the API server has no more; read only where [`super::unseen_newcomers`]
    /// names one.
    pub gone_pools: Vec<String>,
    /// TenantCertificates that name the Tenant.
    pub certificates: Vec<Arc<TenantCertificate>>,
    /// TenantMonitors that name the Tenant.
    pub monitors: Vec<Arc<TenantMonitor>>,
    /// Server Pods with the Tenant's label.
    pub pods: Vec<Arc<Pod>>,
    /// Volume claims with the Tenant's label.
    pub claims: Vec<Arc<PersistentVolumeClaim>>,
    /// The cluster's default StorageClass, if there is one and it may be seen.
    pub default_class: Option<String>,
    /// StatefulSets with the Tenant's label.
    pub stateful_sets: Vec<Arc<PartialObjectMeta<StatefulSet>>>,
    /// Metadata of the NetworkPolicy with the Tenant's name, if it is one of ours.
    pub network_policy: Option<Arc<PartialObjectMeta<NetworkPolicy>>>,
    /// Jobs of hooks with the Tenant's label.
    pub jobs: Vec<Arc<Job>>,
    /// Elements that the servers call decommissioned to the end; asked for only where a Pool says that it is drained.
    pub empty_elements: Vec<String>,
    /// Elements whose drain has failed in a way that the servers cannot forget; asked for only where a Pool says so.
    pub dead_elements: Vec<String>,
    /// Elements that the servers, asked for this decision, number otherwise than by their places.
    pub misplaced_elements: Vec<String>,
    /// What the servers say of rebalancing; asked only where [`super::rebalance::concerns`] says so.
    pub rebalance: rebalance::Word,
    /// Whether all servers have been told that this one is over.
    pub settled: bool,
    /// How the servers are; asked only while [`super::about_to_form`].
    pub health: Health,
    /// Names of Pools in the topology that the API server still has; read only while the Tenant is deleted.
    pub lingering_pools: Vec<String>,
    /// What the store holds; asked only while [`super::must_ask`].
    pub contents: Contents,
}

/// What the ConfigMap `{tenant}-topology` held.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stored {
    /// There is none.
    #[default]
    Missing,
    /// One that cannot be read; why.
    Unreadable(String),
    /// One that belongs to another owner, such as an earlier Tenant of this name.
    Foreign,
    /// One that was read.
    Read {
        /// What it says.
        topology: Box<Topology>,
        /// The version that was read.
        resource_version: Option<String>,
    },
}

impl Stored {
    /// Reads the ConfigMap of a Tenant.
    #[must_use]
    pub fn read(tenant: &Tenant, found: Option<&ConfigMap>) -> Self {
        let Some(found) = found else {
            return Self::Missing;
        };
        if meta::controller_uid(found).is_some() && !meta::controls(tenant, found) {
            return Self::Foreign;
        }
        let key = crds::names::KEY_TOPOLOGY;
        let Some(text) = found.data.as_ref().and_then(|data| data.get(key)) else {
            return Self::Unreadable(format!("it has no key {key}"));
        };
        match Topology::parse(text) {
            Ok(topology) => Self::Read {
                topology: Box::new(topology),
                resource_version: found.metadata.resource_version.clone(),
            },
            Err(error) => Self::Unreadable(format!("{key}: {error}")),
        }
    }

    /// The topology, if one was read.
    #[must_use]
    pub fn topology(&self) -> Option<&Topology> {
        match self {
            Self::Read { topology, .. } => Some(topology),
            _ => None,
        }
    }
}

impl Observed {
    /// The Pool object that is a member: by name and UID.
    pub(crate) fn pool(&self, name: &str, uid: &str) -> Option<&Pool> {
        self.pools
            .iter()
            .find(|pool| meta::name(pool.as_ref()) == name && meta::uid(pool.as_ref()) == uid)
            .map(AsRef::as_ref)
    }

    /// The Pool object of a name, whichever it is.
    pub(crate) fn pool_named(&self, name: &str) -> Option<&Pool> {
        self.pools
            .iter()
            .find(|pool| meta::name(pool.as_ref()) == name)
            .map(AsRef::as_ref)
    }

    /// Whether any server of the Tenant was ever started, as far as can be seen.
    pub(crate) fn started(&self) -> bool {
        !self.pods.is_empty() || !self.stateful_sets.is_empty()
    }
}
