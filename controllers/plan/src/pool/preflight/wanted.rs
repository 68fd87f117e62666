//! What the servers ask of the cluster, taken from the very template they are made from, and where each demand was
//! written.

use std::collections::BTreeMap;

use crds::common::Scheduling;
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::super::template::{self, Ingredients};
use crate::Settings;
use crate::meta;

/// What one Pool's servers ask for.
pub(super) struct Wanted<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) pool: &'a Pool,
    /// The Pod of a server.
    pub(super) pod: PodSpec,
    /// Its labels.
    pub(super) labels: BTreeMap<String, String>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(tenant: &'a Tenant, pool: &'a Pool, settings: &Settings) -> Self {
        let made = template::build(Ingredients {
            tenant,
            pool,
            // None of these decides where a Pod may run.
            revision: 0,
            credentials: 0,
            tls_secret: None,
            settings,
        });
        Self {
            tenant,
            pool,
            pod: made.spec.unwrap_or_default(),
            labels: made.metadata.and_then(|meta| meta.labels).unwrap_or_default(),
        }
    }

    /// The path of a field of `spec.scheduling`, on the object that says it.
    pub(super) fn scheduling(&self, field: &str, said: impl Fn(&Scheduling) -> bool) -> String {
        let path = format!("spec.scheduling.{field}");
        self.placed(path, self.pool.spec.scheduling.as_ref().is_some_and(said))
    }

    /// The path of `spec.resources`, on the object that says it.
    pub(super) fn resources(&self) -> String {
        self.placed("spec.resources".to_owned(), self.pool.spec.resources.is_some())
    }

    /// A path on the Pool, or on the Tenant it is inherited from.
    fn placed(&self, path: String, on_pool: bool) -> String {
        if on_pool {
            path
        } else {
            format!("Tenant {}: {path}", meta::name(self.tenant))
        }
    }

    /// What one server reserves on its node. A limit without a request is a request.
    pub(super) fn requests(&self) -> BTreeMap<String, Quantity> {
        let asked = self
            .pod
            .containers
            .first()
            .and_then(|container| container.resources.clone());
        let ResourceRequirements { limits, requests, .. } = asked.unwrap_or_default();
        let mut all = limits.unwrap_or_default();
        all.extend(requests.unwrap_or_default());
        all
    }

    pub(super) fn servers(&self) -> usize {
        usize::try_from(self.pool.spec.servers).unwrap_or(0)
    }
}
