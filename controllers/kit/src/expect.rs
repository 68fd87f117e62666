//! Read your writes: what this process wrote last to each object, against what the cache shows. Pure bookkeeping.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::run::locked;
use crate::watch::health::number;
use crate::watch::registry::Look;

/// Entries beyond this are all forgotten at once: forgetting only costs requests.
const REMEMBERED: usize = 50_000;

/// Names one object for all time: `apiVersion`, kind, namespace, name.
pub(crate) type Key = (String, String, String, String);

/// A write that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) uid: String,
    pub(crate) version: String,
    /// Hash of what was asked for; 0 where nothing was applied.
    pub(crate) desired: u64,
    /// Fingerprint of the metadata that came back; 0 where nothing was applied.
    pub(crate) fingerprint: u64,
}

/// The last write to each object.
#[derive(Default)]
pub(crate) struct Writes {
    inner: Mutex<HashMap<Key, Written>>,
}

impl Writes {
    pub(crate) fn record(&self, key: Key, written: Written) {
        let mut inner = locked(&self.inner);
        if inner.len() >= REMEMBERED {
            inner.clear();
        }
        inner.insert(key, written);
    }

    pub(crate) fn last(&self, key: &Key) -> Option<Written> {
        locked(&self.inner).get(key).cloned()
    }

    pub(crate) fn forget(&self, key: &Key) {
        locked(&self.inner).remove(key);
    }
}

/// Whether a cache at `cached` shows a write that came back as `written`. Versions that are not numbers are never
/// waited for: no API server gives any.
#[must_use]
pub fn shows(cached: &str, written: &str) -> bool {
    match (number(cached), number(written)) {
        (Some(cached), Some(written)) => cached >= written,
        _ => true,
    }
}

/// Whether what the caches say of an object is at least as new as the last write to it.
pub(crate) fn caught_up(look: &Look, last: Option<&Written>) -> bool {
    let Some(last) = last else { return true };
    match look {
        Look::Known(meta) => meta
            .resource_version
            .as_deref()
            .is_none_or(|cached| shows(cached, &last.version)),
        // It is not there: deleted if the cache is beyond our write, otherwise not seen yet.
        Look::Absent(progress) => number(&last.version).is_none_or(|written| *progress >= written),
        Look::Unwatched => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::api::ObjectMeta;

    fn written(version: &str) -> Written {
        Written {
            uid: "u".to_owned(),
            version: version.to_owned(),
            ..Written::default()
        }
    }

    fn known(version: &str) -> Look {
        Look::Known(Box::new(ObjectMeta {
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        }))
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(shows("10", "9"));
        assert!(shows("9", "9"));
        assert!(!shows("9", "10"));
        assert!(shows("x", "10"));
    }

    #[test]
    fn a_cache_is_behind_until_it_shows_the_last_write() {
        let last = written("20");
        assert!(!caught_up(&known("19"), Some(&last)));
        assert!(caught_up(&known("20"), Some(&last)));
        assert!(!caught_up(&Look::Absent(19), Some(&last)));
        assert!(caught_up(&Look::Absent(21), Some(&last)));
        assert!(caught_up(&known("1"), None));
        assert!(caught_up(&Look::Unwatched, Some(&last)));
    }
}
