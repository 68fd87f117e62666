//! The caches of all watches, to look an object's metadata up by its kind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::run::locked;

/// What the caches say of an object.
#[derive(Clone, Debug)]
pub(crate) enum Look {
    /// Its metadata. It may lag behind.
    Known(Box<ObjectMeta>),
    /// A filled cache does not hold it, as of this resourceVersion. Another selector may.
    Absent(u64),
    /// Nobody watches it, or the cache is not filled yet.
    Unwatched,
}

pub(crate) trait Cache: Send + Sync {
    fn look(&self, namespace: &str, name: &str) -> Look;
}

/// By `apiVersion` and kind.
type Caches = HashMap<(String, String), Vec<Arc<dyn Cache>>>;

#[derive(Default)]
pub(crate) struct Registry {
    caches: Mutex<Caches>,
}

impl Registry {
    pub(crate) fn add(&self, api_version: String, kind: String, cache: Arc<dyn Cache>) {
        locked(&self.caches)
            .entry((api_version, kind))
            .or_default()
            .push(cache);
    }

    /// Of several caches of one kind (other selectors), the one that knows the object wins.
    pub(crate) fn look(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Look {
        let caches = locked(&self.caches)
            .get(&(api_version.to_owned(), kind.to_owned()))
            .cloned()
            .unwrap_or_default();
        let mut answer = Look::Unwatched;
        for cache in caches {
            match (cache.look(namespace, name), &answer) {
                (known @ Look::Known(_), _) => return known,
                (Look::Absent(at), Look::Absent(before)) => answer = Look::Absent(at.min(*before)),
                (Look::Absent(at), _) => answer = Look::Absent(at),
                (Look::Unwatched, _) => {}
            }
        }
        answer
    }
}
