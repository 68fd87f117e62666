//! What one reconcile leaves behind for its runner: whether it wrote, and when it must come back. Bound to the task,
//! so that controllers need not carry it through their code.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

tokio::task_local! {
    static RUN: Arc<Run>;
}

/// Notes of one reconcile.
#[derive(Default)]
pub(crate) struct Run {
    inner: Mutex<Notes>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Notes {
    /// Whether the API server changed anything on our request.
    pub(crate) wrote: bool,
    /// The latest moment to come back, from now on.
    pub(crate) back_in: Option<Duration>,
    /// The first failure of a step or of the status write.
    pub(crate) failed: Option<&'static str>,
}

impl Run {
    pub(crate) fn notes(&self) -> Notes {
        *locked(&self.inner)
    }
}

/// Runs a reconcile so that the effects in it can leave notes.
pub(crate) async fn within<F: Future>(run: Arc<Run>, work: F) -> F::Output {
    RUN.scope(run, work).await
}

/// Notes that something was written.
pub(crate) fn wrote() {
    note(|notes| notes.wrote = true);
}

/// Notes that the reconcile must be repeated after this long at the latest.
pub(crate) fn come_back(after: Duration) {
    note(|notes| notes.back_in = Some(notes.back_in.map_or(after, |known| known.min(after))));
}

/// Notes a failure that the status tells of, for metrics.
pub(crate) fn failed(reason: &'static str) {
    note(|notes| notes.failed = notes.failed.or(Some(reason)));
}

fn note(change: impl FnOnce(&mut Notes)) {
    // Outside of a runner, as in tests of a single effect, there is nobody to tell.
    let _ = RUN.try_with(|run| change(&mut locked(&run.inner)));
}

/// Locks, whether or not another holder panicked: all our critical sections leave the value whole.
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
