//! How a watch is doing: filled, open, cut since when, heard of up to which version.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::env::Env;
use crate::metrics::Kind;
use crate::run::locked;

/// A watch that has been cut for longer makes the process unready.
pub const STALE_AFTER: Duration = Duration::from_secs(30);

/// Whether the objects of a kind can be seen at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// They can.
    Open,
    /// The API server does not have the kind.
    NotServed,
    /// The operator has no right to list or watch the kind.
    NotPermitted,
}

/// One watch's state.
pub(crate) struct Health {
    kind: String,
    state: Mutex<State>,
    filled: watch::Sender<bool>,
}

struct State {
    cut_since: Option<Instant>,
    access: Access,
    progress: u64,
    last_event: Option<SystemTime>,
    error: Option<String>,
}

impl Health {
    pub(crate) fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            state: Mutex::new(State {
                cut_since: Some(Instant::now()),
                access: Access::Open,
                progress: 0,
                last_event: None,
                error: None,
            }),
            filled: watch::Sender::new(false),
        }
    }

    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// Something was heard: the store holds everything up to this version.
    pub(crate) fn heard(&self, version: Option<&str>) {
        let mut state = locked(&self.state);
        state.cut_since = None;
        state.error = None;
        state.last_event = Some(SystemTime::now());
        if let Some(version) = version.and_then(number) {
            state.progress = state.progress.max(version);
        }
    }

    /// The store is complete.
    pub(crate) fn fill(&self) {
        self.filled.send_replace(true);
    }

    /// The connection failed.
    pub(crate) fn cut(&self, error: String) {
        let mut state = locked(&self.state);
        state.cut_since.get_or_insert_with(Instant::now);
        state.error = Some(error);
    }

    /// Sets whether this kind can be seen, and tells whether that is new.
    pub(crate) fn set_access(&self, access: Access) -> bool {
        let mut state = locked(&self.state);
        std::mem::replace(&mut state.access, access) != access
    }

    pub(crate) fn access(&self) -> Access {
        locked(&self.state).access
    }

    pub(crate) fn is_filled(&self) -> bool {
        *self.filled.borrow()
    }

    pub(crate) async fn until_filled(&self) {
        // The sender lives as long as self, so this ends only when it is filled.
        let _ = self.filled.subscribe().wait_for(|filled| *filled).await;
    }

    /// The version up to which the store is known to be complete.
    pub(crate) fn progress(&self) -> u64 {
        locked(&self.state).progress
    }

    fn problem(&self) -> Option<String> {
        let state = locked(&self.state);
        let because = state
            .error
            .as_deref()
            .map_or(String::new(), |error| format!(": {error}"));
        if !self.is_filled() {
            return Some(format!("the store of {} is not filled{because}", self.kind));
        }
        let cut = state.cut_since.filter(|_| state.access == Access::Open)?;
        (cut.elapsed() > STALE_AFTER).then(|| {
            format!(
                "the watch of {} has been cut for {} s{because}",
                self.kind,
                cut.elapsed().as_secs()
            )
        })
    }

    fn stale_seconds(&self) -> i64 {
        let state = locked(&self.state);
        state.cut_since.map_or(0, |since| {
            i64::try_from(since.elapsed().as_secs()).unwrap_or(i64::MAX)
        })
    }

    fn last_event_seconds(&self) -> Option<i64> {
        let at = locked(&self.state).last_event?;
        let since = at.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }
}

/// Whether the watches let this process do its work.
#[derive(Clone)]
pub struct Readiness {
    env: Env,
    watches: Vec<Arc<Health>>,
}

impl Readiness {
    pub(crate) fn new(env: Env, watches: Vec<Arc<Health>>) -> Self {
        Self { env, watches }
    }

    /// What is missing, one sentence each; empty when ready.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.watches
            .iter()
            .filter_map(|health| health.problem())
            .collect()
    }

    /// Ends when every store has been filled once.
    pub async fn until_filled(&self) {
        for health in &self.watches {
            health.until_filled().await;
        }
    }

    /// Brings the gauges of the watches up to date; called for each scrape.
    pub(crate) fn measure(&self) {
        for health in &self.watches {
            let kind = Kind {
                kind: health.kind().to_owned(),
            };
            let metrics = self.env.metrics();
            metrics
                .watch_stale
                .get_or_create(&kind)
                .set(health.stale_seconds());
            if let Some(at) = health.last_event_seconds() {
                metrics.watch_last_event.get_or_create(&kind).set(at);
            }
        }
    }
}

/// A resourceVersion as a number. The API server's own are numbers, and later is greater.
pub(crate) fn number(version: &str) -> Option<u64> {
    version.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_missed_until_it_is_filled_and_when_it_was_cut_for_long() {
        let health = Health::new("Pod");
        assert!(health.problem().unwrap().contains("not filled"));
        health.heard(Some("7"));
        health.fill();
        assert_eq!(health.problem(), None);
        health.cut("connection reset".to_owned());
        tokio::time::advance(STALE_AFTER).await;
        assert_eq!(health.problem(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(health.problem().unwrap().contains("connection reset"));
        health.heard(None);
        assert_eq!(health.problem(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_that_cannot_be_seen_is_not_missed() {
        let health = Health::new("ServiceMonitor");
        health.fill();
        for access in [Access::NotServed, Access::NotPermitted] {
            health.set_access(access);
            tokio::time::advance(STALE_AFTER * 2).await;
            assert_eq!(health.problem(), None, "{access:?}");
        }
    }
}
