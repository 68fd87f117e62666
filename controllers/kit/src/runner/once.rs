//! One reconcile, guarded: span, deadline, panic, metrics, log, back-off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::Resource;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{Config, Next, Reconciler};
use crate::error::Error;
use crate::kit::Kit;
use crate::metrics::{Name, Outcome, Reason};
use crate::retry::{Failures, jitter};
use crate::run::{self, Notes, Run, locked};
use crate::trace;
use crate::watch::{Source, Wake};

/// A reconcile on a cache older than the own last write is put off by this much at first: the watch is a moment behind.
const BEHIND_FIRST: Duration = Duration::from_millis(5);
/// Then by as much as it has waited, and no more than this at a time,
const BEHIND_LAST: Duration = Duration::from_millis(100);
/// or than this in all.
const BEHIND_AT_MOST: Duration = Duration::from_secs(2);

type Causes = HashMap<ObjectRefKey, Vec<(String, String)>>;
type ObjectRefKey = (Option<String>, String);

pub(super) struct Runner<R: Reconciler> {
    reconciler: Arc<R>,
    kit: Kit,
    primary: Source<R::Object>,
    config: Config,
    failures: Failures,
    causes: Mutex<Causes>,
    behind: Mutex<HashMap<String, Instant>>,
}

impl<R: Reconciler> Runner<R> {
    pub(super) fn new(reconciler: R, kit: Kit, primary: Source<R::Object>, config: Config) -> Self {
        Self {
            reconciler: Arc::new(reconciler),
            kit,
            primary,
            config,
            failures: Failures::default(),
            causes: Mutex::default(),
            behind: Mutex::default(),
        }
    }

    /// Keeps why an object is woken, for the links of the trace.
    pub(super) fn note(&self, wake: &Wake<R::Object>) {
        if let Some(cause) = &wake.cause
            && self.kit.env().links().span(&cause.0, &cause.1).is_some()
        {
            let mut causes = locked(&self.causes);
            let known = causes.entry(reference(&wake.target)).or_default();
            if !known.contains(cause) && known.len() < 16 {
                known.push(cause.clone());
            }
        }
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, object: &R::Object) {
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        self.failures.forget(uid);
        self.kit.statuses().forget(uid);
        locked(&self.behind).remove(uid);
        let meta = object.meta();
        locked(&self.causes).remove(&(meta.namespace.clone(), meta.name.clone().unwrap_or_default()));
    }

    pub(super) async fn reconcile(self: Arc<Self>, namespace: String, name: String) -> Action {
        // What is in the store is the last version that could be read, not what the user wants now.
        if self.primary.is_unparsed(&namespace, &name).is_some() {
            return Action::await_change();
        }
        let Some(object) = self.primary.get(&namespace, &name) else {
            return Action::await_change();
        };
        if is_gone(&*object) {
            return Action::await_change();
        }
        if let Some(after) = self.is_behind(&object) {
            return Action::requeue(after);
        }
        let span = self.span(&object);
        self.link(&span, &(Some(namespace), name));
        let started = Instant::now();
        let gauge = self
            .kit
            .env()
            .metrics()
            .active
            .get_or_create_owned(&Name { controller: R::NAME });
        gauge.inc();
        let notes = Arc::new(Run::default());
        let result = self
            .guarded(object.clone(), notes.clone())
            .instrument(span.clone())
            .await;
        gauge.dec();
        self.conclude(&object, &span, started.elapsed(), result, notes.notes())
    }

    /// In a task of its own, so that a panic ends the task and not the controller. Whoever drops this ends the task too:
    /// without the Lease nothing may go on.
    async fn guarded(&self, object: Arc<R::Object>, notes: Arc<Run>) -> Result<Next, Error> {
        let reconciler = self.reconciler.clone();
        let limit = self.config.deadline;
        let action = format!(
            "reconcile {} {}",
            R::Object::kind(&()),
            object.meta().name.as_deref().unwrap_or_default()
        );
        let work = async move {
            let work = run::within(notes, reconciler.reconcile(&object));
            tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                Err(Error::Deadline {
                    action,
                    seconds: limit.as_secs(),
                })
            })
        };
        let mut task = JoinSet::new();
        task.spawn(work.in_current_span());
        match task.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(error)) => Err(Error::Panicked(panic_text(error))),
            None => Err(Error::Ended("a reconcile ended without a result".to_owned())),
        }
    }

    /// For how long to put off what would be decided on a cache older than our own last write.
    fn is_behind(&self, object: &R::Object) -> Option<Duration> {
        let meta = object.meta();
        let (uid, version) = (meta.uid.as_ref()?, meta.resource_version.as_ref()?);
        let key = crate::kit::key::<R::Object>(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        );
        let is_behind = self.kit.statuses().is_behind(uid, version)
            || self
                .kit
                .writes()
                .last(&key)
                .is_some_and(|last| last.is_of(uid) && !last.is_shown(version));
        let mut behind = locked(&self.behind);
        if !is_behind {
            behind.remove(uid);
            return None;
        }
        let waited = behind.entry(uid.clone()).or_insert_with(Instant::now).elapsed();
        if waited > BEHIND_AT_MOST {
            return None;
        }
        drop(behind);
        let name = Name { controller: R::NAME };
        self.kit.env().metrics().stale_reads.get_or_create(&name).inc();
        Some(waited.clamp(BEHIND_FIRST, BEHIND_LAST))
    }

    fn span(&self, object: &R::Object) -> Span {
        let meta = object.meta();
        let name = meta.name.as_deref().unwrap_or_default();
        let kind = R::Object::kind(&());
        let tenant = if kind == "Tenant" {
            Some(name)
        } else {
            meta.labels
                .as_ref()
                .and_then(|labels| labels.get(crds::names::LABEL_TENANT))
                .map(String::as_str)
        };
        tracing::info_span!(
            parent: None,
            "reconcile",
            otel.name = format!("reconcile {kind}"),
            otel.kind = "consumer",
            otel.status_code = field::Empty,
            controller = R::NAME,
            k8s.object.kind = %kind,
            k8s.object.name = name,
            k8s.object.uid = meta.uid,
            k8s.namespace.name = meta.namespace,
            rustfs.tenant = tenant,
            trace_id = field::Empty,
            outcome = field::Empty,
            wrote = field::Empty,
            error = field::Empty,
        )
    }

    fn link(&self, span: &Span, target: &ObjectRefKey) {
        let causes = locked(&self.causes).remove(target).unwrap_or_default();
        for (uid, version) in causes {
            if let Some(cause) = self.kit.env().links().span(&uid, &version) {
                span.add_link(cause);
            }
        }
        // For the log lines of this reconcile.
        if let Some(identity) = trace::identity(span) {
            span.record("trace_id", identity.trace_id().to_string());
        }
    }

    /// The one place that logs and counts what became of a reconcile, and decides when to come back.
    fn conclude(
        &self,
        object: &R::Object,
        span: &Span,
        took: Duration,
        result: Result<Next, Error>,
        notes: Notes,
    ) -> Action {
        let meta = object.meta();
        let uid = meta.uid.as_deref().unwrap_or_default();
        let outcome = match &result {
            Ok(Next::Retry) => "retry",
            Ok(_) => "success",
            Err(_) => "error",
        };
        span.record("outcome", outcome);
        span.record("wrote", notes.wrote);
        self.count(took, outcome, reason(&result, notes));
        let after = match &result {
            Ok(Next::Resync) => {
                self.failures.forget(uid);
                // What a person must change may be outside of anything that is watched, as a right or a quota.
                let resync = if notes.failed.is_some() {
                    Duration::from_secs(60)
                } else {
                    self.config.resync
                };
                jitter(resync)
            }
            Ok(Next::After(after)) => {
                self.failures.forget(uid);
                *after
            }
            Ok(Next::Retry) | Err(_) => self.failures.failed(uid, meta.generation),
        };
        let after = notes.back_in.map_or(after, |back| back.min(after));
        if let Err(error) = &result {
            trace::fail(span, &error.to_string());
            span.in_scope(
                || tracing::warn!(reason = error.reason(), again_in = ?after, %error, "a reconcile failed"),
            );
        } else {
            span.in_scope(
                || tracing::debug!(outcome, wrote = notes.wrote, ?took, again_in = ?after, "reconciled"),
            );
        }
        Action::requeue(after)
    }

    fn count(&self, took: Duration, result: &'static str, reason: Option<&'static str>) {
        let metrics = self.kit.env().metrics();
        metrics
            .reconciles
            .get_or_create(&Outcome {
                controller: R::NAME,
                result,
            })
            .observe(took.as_secs_f64());
        if let Some(reason) = reason {
            metrics
                .reconcile_errors
                .get_or_create(&Reason {
                    controller: R::NAME,
                    reason,
                })
                .inc();
        }
    }
}

fn reason(result: &Result<Next, Error>, notes: Notes) -> Option<&'static str> {
    match result {
        Err(error) => Some(error.reason()),
        Ok(Next::Retry) => Some(notes.failed.unwrap_or("Retry")),
        Ok(_) => notes.failed,
    }
}

fn reference<O: Resource<DynamicType = ()>>(target: &ObjectRef<O>) -> ObjectRefKey {
    (target.namespace.clone(), target.name.clone())
}

fn panic_text(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "without a message".to_owned()),
        Err(error) => error.to_string(),
    }
}

/// Whether an object is only still in the cache: with its last finalizer it went, and what it owned goes with it.
fn is_gone<O: kube::Resource>(object: &O) -> bool {
    let meta = object.meta();
    meta.deletion_timestamp.is_some() && meta.finalizers.as_ref().is_none_or(Vec::is_empty)
}
