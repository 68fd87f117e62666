//! One loop for each accepted TenantMonitor: reads the Tenant's admin API at the interval, keeps the page for
//! Prometheus, and wakes the controller only when the verdict changes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crds::{Tenant, TenantMonitor};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use kit::serve::TenantMetrics;
use kit::{Source, Wake};
use kube::runtime::reflector::ObjectRef;
use plan::meta;
use plan::monitor::figures::{self, Answer, Reading};
use plan::monitor::{Collection, text};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::store::{Access, Fault};

/// Readings at the same time, over all monitors.
const AT_ONCE: usize = 16;
/// The longest the first reading is put off, so that a restart does not ask all Tenants at once.
const LATEST_START: Duration = Duration::from_secs(5);
/// While a Tenant does not answer it is asked at least this often, however long the interval is.
const WHILE_FAILING: Duration = Duration::from_secs(30);
/// The longest one reading may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Reads a Tenant's admin API once.
pub(super) trait Read: Send + Sync + 'static {
    /// `access` is kept from one reading to the next, for as long as the reader says.
    fn read<'a>(
        &'a self,
        tenant: &'a Tenant,
        access: &'a mut Option<Access>,
    ) -> BoxFuture<'a, Result<Answer, Fault>>;
}

/// Namespace and name of a TenantMonitor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    namespace: String,
    name: String,
}

impl Key {
    pub(super) fn of(monitor: &TenantMonitor) -> Self {
        Self {
            namespace: meta::namespace(monitor).to_owned(),
            name: meta::name(monitor).to_owned(),
        }
    }
}

/// What a loop does. Another job is another loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// UID of the TenantMonitor.
    pub(super) uid: String,
    /// Name of the Tenant.
    pub(super) tenant: String,
    /// How often it is read.
    pub(super) every: Duration,
}

/// The figures of all Tenants that are watched by this process. Cheap to clone.
#[derive(Clone)]
pub struct Exporter {
    shared: Arc<Shared>,
}

struct Shared {
    monitors: Source<TenantMonitor>,
    tenants: Source<Tenant>,
    reader: Box<dyn Read>,
    loops: Mutex<HashMap<Key, Loop>>,
    permits: Semaphore,
    flips: UnboundedSender<ObjectRef<TenantMonitor>>,
    flipped: Mutex<Option<UnboundedReceiver<ObjectRef<TenantMonitor>>>>,
}

struct Loop {
    job: Job,
    collection: Collection,
    page: String,
    task: AbortHandle,
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Exporter {
    pub(super) fn new(monitors: Source<TenantMonitor>, tenants: Source<Tenant>, reader: impl Read) -> Self {
        let (flips, flipped) = unbounded();
        Self {
            shared: Arc::new(Shared {
                monitors,
                tenants,
                reader: Box::new(reader),
                loops: Mutex::default(),
                permits: Semaphore::new(AT_ONCE),
                flips,
                flipped: Mutex::new(Some(flipped)),
            }),
        }
    }

    /// Sees to it that this job, and no other, is done for the monitor.
    pub(super) fn keep(&self, key: Key, job: Option<Job>) {
        let mut loops = locked(&self.shared.loops);
        let Some(job) = job else {
            loops.remove(&key);
            return;
        };
        if loops.get(&key).is_some_and(|running| running.job == job) {
            return;
        }
        let task = tokio::spawn(read_on(self.shared.clone(), key.clone(), job.clone())).abort_handle();
        // With another interval the verdict on the same Tenant still holds.
        let (collection, page) = loops
            .get_mut(&key)
            .filter(|old| (&old.job.uid, &old.job.tenant) == (&job.uid, &job.tenant))
            .map(|old| (old.collection.clone(), std::mem::take(&mut old.page)))
            .unwrap_or_default();
        loops.insert(
            key,
            Loop {
                job,
                collection,
                page,
                task,
            },
        );
    }

    /// What the last reading for the monitor came to.
    pub(super) fn collection(&self, key: &Key) -> Collection {
        locked(&self.shared.loops)
            .get(key)
            .map(|running| running.collection.clone())
            .unwrap_or_default()
    }

    /// Monitors whose verdict changed. Only the first call gets them.
    pub(super) fn wakes(&self) -> BoxStream<'static, Wake<TenantMonitor>> {
        match locked(&self.shared.flipped).take() {
            Some(flipped) => flipped.map(|target| Wake { target, cause: None }).boxed(),
            None => stream::pending().boxed(),
        }
    }
}

impl TenantMetrics for Exporter {
    /// `name` is the monitor's. The page is empty where this process does not read that Tenant, as on a replica that
    /// does not lead.
    fn text(&self, namespace: &str, name: &str) -> Option<String> {
        let monitor = self.shared.monitors.get(namespace, name)?;
        let loops = locked(&self.shared.loops);
        // A monitor that was made anew does not show what its predecessor read.
        let page = loops
            .get(&Key::of(&monitor))
            .filter(|running| running.job.uid == meta::uid(monitor.as_ref()))
            .map(|running| running.page.clone());
        Some(page.unwrap_or_default())
    }
}

/// Reads until the monitor or its Tenant is gone, or the loop is replaced.
async fn read_on(shared: Arc<Shared>, key: Key, job: Job) {
    let mut access = None;
    let mut last_success = None;
    let mut pause = first_pause(&job);
    loop {
        tokio::time::sleep(pause).await;
        let Some(tenant) = shared.tenant(&key, &job) else {
            shared.end(&key, &job);
            return;
        };
        let Ok(permit) = shared.permits.acquire().await else {
            return;
        };
        let began = Instant::now();
        let outcome = tokio::time::timeout(DEADLINE, shared.reader.read(&tenant, &mut access))
            .await
            .unwrap_or_else(|_| Err(overdue()));
        drop(permit);
        let took = began.elapsed();
        if outcome.is_ok() {
            last_success = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .map(|since| since.as_secs_f64());
        }
        pause = if outcome.is_ok() {
            job.every
        } else {
            job.every.min(WHILE_FAILING)
        };
        pause = pause.saturating_sub(took);
        shared.publish(&key, &job, took, last_success, outcome);
    }
}

impl Shared {
    fn tenant(&self, key: &Key, job: &Job) -> Option<Arc<Tenant>> {
        let monitor = self.monitors.get(&key.namespace, &key.name)?;
        if meta::uid(monitor.as_ref()) != job.uid || meta::deleting(monitor.as_ref()) {
            return None;
        }
        self.tenants.get(&key.namespace, &job.tenant)
    }

    /// Takes the loop's page away. It ends itself, so nothing is aborted here.
    fn end(&self, key: &Key, job: &Job) {
        let mut loops = locked(&self.loops);
        if loops.get(key).is_some_and(|running| running.job == *job) {
            loops.remove(key);
        }
    }

    fn publish(
        &self,
        key: &Key,
        job: &Job,
        took: Duration,
        last_success: Option<f64>,
        outcome: Result<Answer, Fault>,
    ) {
        let (answer, collection, detail) = match outcome {
            Ok(answer) => (Some(answer), Collection::Answering, String::new()),
            Err(Fault {
                reason,
                message,
                detail,
            }) => (None, Collection::Failing { reason, message }, detail),
        };
        let reading = Reading {
            seconds: took.as_secs_f64(),
            last_success,
            answer,
        };
        let common = text::Common {
            namespace: key.namespace.clone(),
            tenant: job.tenant.clone(),
            monitor: key.name.clone(),
        };
        let page = text::render(&common, &figures::samples(&job.tenant, &reading));
        let mut loops = locked(&self.loops);
        let Some(running) = loops.get_mut(key).filter(|running| running.job == *job) else {
            return;
        };
        running.page = page;
        if running.collection != collection {
            if let Collection::Failing { reason, .. } = &collection {
                tracing::warn!(
                    namespace = key.namespace,
                    monitor = key.name,
                    tenant = job.tenant,
                    reason,
                    detail,
                    "the admin API does not answer"
                );
            }
            running.collection = collection;
            let target = ObjectRef::new(&key.name).within(&key.namespace);
            // The controller is gone only when the process ends.
            let _ = self.flips.unbounded_send(target);
        }
    }
}

fn overdue() -> Fault {
    Fault::unreachable(format!("no complete reading within {} s", DEADLINE.as_secs()))
}

/// Differs between monitors, and is the same for one monitor each time.
fn first_pause(job: &Job) -> Duration {
    let mut hasher = DefaultHasher::new();
    job.uid.hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 1000).unwrap_or(0);
    job.every.min(LATEST_START) * share / 1000
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
