//! Read your writes: what this process wrote last to each object, against what the cache shows. Pure bookkeeping.

use std::sync::Mutex;

use kube::api::ObjectMeta;

use crate::digest::digest;
use crate::recent::Recent;
use crate::run::locked;
use crate::watch::health::number;
use crate::watch::registry::Look;

/// Names one object for all time: `apiVersion`, kind, namespace, name.
pub(crate) type Key = (String, String, String, String);

/// A write that succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    uid: u128,
    /// None: it is no number, and never waited for.
    version: Option<u64>,
    /// Hash of what was asked for; 0 where nothing was applied.
    pub(crate) desired: u64,
    /// Fingerprint of the metadata that came back; 0 where nothing was applied.
    pub(crate) fingerprint: u64,
}

impl Written {
    pub(crate) fn of(uid: &str, version: &str, desired: u64, fingerprint: u64) -> Self {
        Self {
            uid: digest(&[uid]),
            version: number(version),
            desired,
            fingerprint,
        }
    }

    pub(crate) fn is_of(&self, uid: &str) -> bool {
        self.uid == digest(&[uid])
    }

    /// Whether a cache at this version shows it.
    pub(crate) fn is_shown(&self, cached: &str) -> bool {
        is_as_new(number(cached), self.version)
    }

    /// Whether an object with these metadata shows it.
    pub(crate) fn is_shown_by(&self, cached: &ObjectMeta) -> bool {
        cached
            .resource_version
            .as_deref()
            .is_none_or(|version| self.is_shown(version))
    }
}

/// The last write to each object, by the digest of its key. Those long ago may be forgotten: that only costs requests,
/// since the caches show them.
#[derive(Default)]
pub(crate) struct Writes {
    inner: Mutex<Recent<u128, Written>>,
}

fn short((api_version, kind, namespace, name): &Key) -> u128 {
    digest(&[api_version, kind, namespace, name])
}

impl Writes {
    pub(crate) fn record(&self, key: &Key, written: Written) {
        locked(&self.inner).put(short(key), written);
    }

    pub(crate) fn last(&self, key: &Key) -> Option<Written> {
        locked(&self.inner).get(&short(key))
    }

    pub(crate) fn forget(&self, key: &Key) {
        locked(&self.inner).remove(&short(key));
    }
}

/// Whether a cache at `cached` shows a write that came back as `written`. Versions that are not numbers are never
/// waited for: no API server gives any.
#[must_use]
pub fn shows(cached: &str, written: &str) -> bool {
    is_as_new(number(cached), number(written))
}

fn is_as_new(cached: Option<u64>, written: Option<u64>) -> bool {
    match (cached, written) {
        (Some(cached), Some(written)) => cached >= written,
        _ => true,
    }
}

/// Whether what the caches say of an object is at least as new as the last write to it.
pub(crate) fn caught_up(look: &Look, last: Option<&Written>) -> bool {
    let Some(last) = last else { return true };
    match look {
        Look::Known(meta) => last.is_shown_by(meta),
        // It is not there: deleted if the cache is beyond our write, otherwise not seen yet.
        Look::Absent(progress) => last.version.is_none_or(|written| *progress >= written),
        Look::Unwatched => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(version: &str) -> Written {
        Written::of("u", version, 0, 0)
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
    fn the_write_of_a_moment_ago_is_known_however_many_there_were() {
        let writes = Writes::default();
        let key = |name: usize| -> Key { ("v1".into(), "Pod".into(), "ns".into(), name.to_string()) };
        for name in 0..50_001 {
            writes.record(&key(name), written("20"));
        }
        for name in [49_999, 50_000] {
            assert!(
                !caught_up(&known("19"), writes.last(&key(name)).as_ref()),
                "{name}"
            );
        }
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
