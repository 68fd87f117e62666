//! What a controller is handed: typed reads, enactment of steps, the status writer.

use std::sync::Arc;

use jiff::Timestamp;
use kube::api::PartialObjectMeta;
use kube::{Client, Resource};
use plan::{Enacted, Step};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Effects of one controller. Cheap to clone.
#[derive(Clone)]
pub struct Kit {
    client: Client,
    /// Field manager, as `rustfs-operator/tenant`.
    manager: &'static str,
}

impl Kit {
    /// The time decisions are made on.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Reads one object; `None` when there is none.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, Error>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let _ = (namespace, name, &self.client, self.manager);
        todo!()
    }

    /// Whether the API server serves this resource, as `("monitoring.coreos.com/v1", "servicemonitors")`.
    pub async fn serves(&self, api_version: &str, plural: &str) -> Result<bool, Error> {
        let _ = (api_version, plural);
        todo!()
    }

    /// Carries out the steps in order for `object`; a failed step ends the list. Never fails itself.
    pub async fn enact<O>(&self, object: &O, steps: Vec<Step>) -> Enacted
    where
        O: Resource<DynamicType = ()> + Sync,
    {
        let _ = (object.meta(), steps);
        todo!()
    }

    /// Writes the whole status of `object`, unless it is what is stored. Publishes the events of changed conditions.
    pub async fn write_status<O, S>(&self, object: &O, stored: Option<&S>, status: &S) -> Result<(), Error>
    where
        O: Resource<DynamicType = ()> + Sync,
        S: Serialize + PartialEq + Sync,
    {
        let _ = (object.meta(), stored, status.eq(status));
        todo!()
    }

    /// Whether the cached child is at least as new as this controller's own last write of it. A plan that would
    /// disturb something must not be made on an older one.
    #[must_use]
    pub fn caught_up<K: Resource<DynamicType = ()>>(
        &self,
        cached: Option<&Arc<PartialObjectMeta<K>>>,
        namespace: &str,
        name: &str,
    ) -> bool {
        let _ = (cached, namespace, name);
        todo!()
    }
}
