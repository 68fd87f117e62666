//! Which span wrote which version of which object, so that the reconcile it wakes can link to it. In memory only:
//! nothing of it is stored in the cluster.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use opentelemetry::trace::SpanContext;

use crate::digest::digest;
use crate::run::locked;

/// How many own writes are remembered.
const REMEMBERED: usize = 10_000;

/// Own writes by the digest of UID and resourceVersion; the oldest are forgotten first.
#[derive(Default)]
pub(crate) struct Links {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Boxed: most of the room a map takes is for entries it does not have.
    spans: HashMap<u128, Option<Box<SpanContext>>>,
    order: VecDeque<u128>,
}

impl Links {
    /// Remembers a write, and its span if it is traced.
    pub(crate) fn record(&self, uid: &str, version: &str, span: Option<SpanContext>) {
        let mut inner = locked(&self.inner);
        let key = digest(&[uid, version]);
        if inner.spans.insert(key, span.map(Box::new)).is_none() {
            inner.order.push_back(key);
        }
        while inner.order.len() > REMEMBERED {
            if let Some(oldest) = inner.order.pop_front() {
                inner.spans.remove(&oldest);
            }
        }
    }

    /// Whether this version is an own write.
    pub(crate) fn is_own(&self, uid: &str, version: &str) -> bool {
        locked(&self.inner).spans.contains_key(&digest(&[uid, version]))
    }

    /// The span that wrote this version, if it was ours and traced.
    pub(crate) fn span(&self, uid: &str, version: &str) -> Option<SpanContext> {
        locked(&self.inner)
            .spans
            .get(&digest(&[uid, version]))
            .and_then(|span| span.as_deref().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_edit_has_no_span_and_is_not_ours() {
        let links = Links::default();
        links.record("u", "1", None);
        assert!(links.is_own("u", "1"));
        assert!(!links.is_own("u", "2"));
        assert!(links.span("u", "2").is_none());
    }

    #[test]
    fn the_oldest_writes_are_forgotten_first() {
        let links = Links::default();
        for version in 0..=REMEMBERED {
            links.record("u", &version.to_string(), None);
        }
        assert!(!links.is_own("u", "0"));
        assert!(links.is_own("u", "1"));
        assert!(links.is_own("u", &REMEMBERED.to_string()));
    }
}
