//! What every controller makes of its steps' outcome.

use std::time::Duration;

use kit::Next;
use plan::{Enacted, Step};

/// Whether the last finalizer went: the object may be gone too, and there is nothing left to write a status to.
pub(crate) fn released(steps: &[Step], enacted: &Enacted) -> bool {
    enacted.failure().is_none() && steps.iter().any(|step| matches!(step, Step::Release(_)))
}

/// When to look again.
pub(crate) fn next(requeue: Option<Duration>, enacted: &Enacted) -> Next {
    match (enacted.failure(), requeue) {
        (Some(failure), _) if failure.transient => Next::Retry,
        (_, Some(after)) => Next::After(after),
        _ => Next::Resync,
    }
}
