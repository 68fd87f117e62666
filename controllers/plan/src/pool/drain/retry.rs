//! A drain that failed without an entry the servers could not make out: most often a server was away in that moment, or a
//! bucket was made just as it began. It is begun again a few times, at growing distances, and then left to a person.

use crds::Pool;
use crds::conditions::DRAINED;
use crds::names::ANNOTATION_HOLD_DRAIN;
use crds::pool::DrainStatus;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Drain, FAILED, Order, Report, said, stored};
use crate::condition::no;

/// How often it is begun again.
const RETRIES: i32 = 4;
/// How long after the first failure that is,
const FIRST: SignedDuration = SignedDuration::from_secs(15);
/// and by how much this grows each time: 15 s, 1, 4 and 16 minutes.
const GROWTH: i32 = 4;

/// What becomes of a drain that failed while the data is still meant to leave. The status tells of the retry and its
/// time first: it is what is left should the operator end before the servers have been told.
pub(super) fn after_failure(pool: &Pool, now: Timestamp, own: &Report) -> Drain {
    let before = stored(pool).cloned().unwrap_or_default();
    let begun = before.retries;
    let told = said(pool, own);
    if own.unresolved || (before.retry_at.is_none() && begun >= RETRIES) {
        return Drain {
            stuck: true,
            finding: no(DRAINED, FAILED, failed(own, begun)),
            ..told
        };
    }
    let (retries, at) = match before.retry_at {
        Some(Time(at)) => (begun, at),
        None => (begun + 1, now + FIRST * GROWTH.pow(begun.unsigned_abs())),
    };
    // Conditions tell times to the second.
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    let status = DrainStatus {
        retries,
        retry_at: Some(Time(at)),
        ..told.status.clone().unwrap_or_default()
    };
    let due = before.retry_at.is_some() && at <= now;
    Drain {
        order: due.then_some(Order::Clear),
        finding: no(
            DRAINED,
            FAILED,
            format!(
                "{}. It is begun again at {at} ({retries} of {RETRIES} times)",
                gave_up(own)
            ),
        ),
        status: Some(status),
        ..told
    }
}

/// Whether the status still tells of the failure although the servers have forgotten it.
pub(super) fn is_due(pool: &Pool) -> bool {
    stored(pool).is_some_and(|drain| drain.retry_at.is_some())
}

/// How the servers gave up.
fn gave_up(own: &Report) -> String {
    let why = match own.held_up.as_str() {
        "" => "the log of the server with the number 0 says why",
        why => why,
    };
    format!(
        "the servers gave up after {} objects, {} could not be moved ({why}). Nothing is lost: the Pool still serves \
         what is left on it; but they make no bucket until they have forgotten it",
        own.objects, own.failed_objects
    )
}

fn failed(own: &Report, retries: i32) -> String {
    let next = if own.unresolved {
        format!(
            "Call the drain off with spec.state Active or, on a deleted Pool, the annotation {ANNOTATION_HOLD_DRAIN}: \
             the servers are replaced one by one to forget it. Meanwhile remove what is named here from the drives, and \
             ask again"
        )
    } else {
        format!(
            "It was begun again {retries} times and is not any more. To try once more, or to keep the data here, call \
             the drain off with spec.state Active or, on a deleted Pool, the annotation {ANNOTATION_HOLD_DRAIN}, and ask \
             again once it is forgotten"
        )
    };
    format!("{}. {next}", gave_up(own))
}
