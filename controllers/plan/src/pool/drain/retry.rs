//! A drain that failed without an entry the servers could not make out: most often a server was away in that moment, a
//! bucket was made just as it began, or an upload was never completed. The servers are made to forget it, so that the Pool
//! takes part in everything again, and it is begun anew a few times, at growing distances. Then it is left to a person,
//! unless uploads are in its way.

use std::time::Duration;

use crds::Pool;
use crds::conditions::DRAINED;
use crds::names::ANNOTATION_HOLD_DRAIN;
use crds::pool::DrainStatus;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{Drain, FAILED, Observed, Order, Report, said, seconds, stored, stuck, uploads, waits};
use crate::condition::no;
use crate::word::Word;

/// How often it is begun again.
const RETRIES: i32 = 4;
/// How long after the first failure that is,
const FIRST: SignedDuration = SignedDuration::from_secs(15);
/// and by how much this grows each time: 15 s, 1, 4 and 16 minutes.
const GROWTH: i32 = 4;
/// How often at most while uploads are in its way: with 16 minutes in between that is 30 hours. The servers end uploads
/// after 24 hours, looking every 6.
const UPLOAD_RETRIES: i32 = 116;
/// How the servers call it, and the status as long as it tells of the failure.
pub(super) const STATE: &str = "failed";
/// How soon the servers are asked again how far a drain is: nothing tells of it.
const RECHECK: Duration = Duration::from_secs(5);
/// The same while nothing moves.
const REST_RECHECK: Duration = Duration::from_secs(30);

/// What becomes of a drain that failed while the data is still meant to leave. The status tells of the failure and of the
/// retry first: it is what is left once the servers have been made to forget.
pub(super) fn after_failure(pool: &Pool, observed: &Observed, own: &Report) -> Drain {
    let told = said(pool, own);
    let status = told.status.clone().unwrap_or_default();
    if own.unresolved {
        let message = format!(
            "{}. Call the drain off with spec.state Active or, on a deleted Pool, the annotation {ANNOTATION_HOLD_DRAIN}: \
             the servers are replaced one by one to forget it. Meanwhile remove what is named here from the drives, and \
             ask again",
            gave_up(observed, own, &status)
        );
        return Drain {
            stuck: true,
            finding: no(DRAINED, FAILED, message),
            ..told
        };
    }
    let before = stored(pool).filter(|drain| drain.state == STATE);
    let status = before.map_or_else(|| next(observed, &status), |told| still_told(observed, told));
    Drain {
        // Until then no server makes a bucket, and uploads to this Pool are refused.
        order: before.map(|_| Order::Clear),
        ..outlook(pool, observed, own, status)
    }
}

/// What was told of the failure. That no upload is in its way any more may be seen only now, before the servers have
/// forgotten it: then the time of the retry has come, because nothing will tell later that there was one.
fn still_told(observed: &Observed, told: &DrainStatus) -> DrainStatus {
    if is_free(observed, told) {
        DrainStatus {
            retry_at: seconds(observed.now),
            ..told.clone()
        }
    } else {
        told.clone()
    }
}

/// Whether uploads were in its way and no one is any more.
fn is_free(observed: &Observed, told: &DrainStatus) -> bool {
    told.open_uploads.is_some() && uploads::are_gone(&observed.uploads)
}

/// What becomes of it once the servers have forgotten it; none if it is to be begun.
pub(super) fn after_clearing(pool: &Pool, observed: &Observed, own: &Report) -> Option<Drain> {
    let status = stored(pool).filter(|drain| drain.state == STATE)?;
    let due = status.retry_at.as_ref().is_some_and(|at| at.0 <= observed.now);
    (!due && !is_free(observed, status)).then(|| outlook(pool, observed, own, status.clone()))
}

/// When to look at a drain again; none where none is asked for.
pub(in crate::pool) fn recheck(pool: &Pool, now: Timestamp, drain: &Drain) -> Option<Duration> {
    let status = drain.status.as_ref()?;
    let rests = drain.order.is_none() && stored(pool) == Some(status);
    Some(match &status.retry_at {
        // It is due, and something that tells of itself is in its way.
        Some(Time(at)) if rests && *at <= now => REST_RECHECK,
        Some(Time(at)) if rests => {
            let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
            left.clamp(Duration::from_secs(1), REST_RECHECK)
        }
        None if rests && drain.stuck => REST_RECHECK,
        _ => RECHECK,
    })
}

/// When it is begun again: not at all after so many times.
fn next(observed: &Observed, status: &DrainStatus) -> DrainStatus {
    let (begun, most) = if uploads::may_be_open(&observed.uploads) {
        (status.retries, UPLOAD_RETRIES)
    } else if status.retries > RETRIES {
        // So many were for uploads. They are out of the way, and it fails for another reason for the first time.
        (0, RETRIES)
    } else {
        (status.retries, RETRIES)
    };
    if begun >= most {
        return status.clone();
    }
    let at = observed.now + FIRST * GROWTH.pow(begun.min(RETRIES - 1).unsigned_abs());
    DrainStatus {
        retries: begun + 1,
        retry_at: seconds(at),
        ..status.clone()
    }
}

fn outlook(pool: &Pool, observed: &Observed, own: &Report, mut status: DrainStatus) -> Drain {
    status.open_uploads = uploads::count(&observed.uploads, status.open_uploads);
    let why = gave_up(observed, own, &status);
    let drain = match &status.retry_at {
        Some(Time(at)) => {
            let often = match status.retries {
                retries @ ..=RETRIES => format!("{retries} of {RETRIES} times"),
                // Clients end uploads, and the servers those that no client does.
                _ => "and again while uploads may be in its way".to_owned(),
            };
            let message = format!("{why}. It is begun again at {at} ({often})");
            waits(pool, FAILED, &told_before(pool, observed).unwrap_or(message))
        }
        None => {
            let message = format!(
                "{why}. It was begun again {} times and is not any more. To try once more, or to keep the data here, call \
                 the drain off with spec.state Active or, on a deleted Pool, the annotation {ANNOTATION_HOLD_DRAIN}, and \
                 ask again",
                status.retries
            );
            stuck(pool, FAILED, message)
        }
    };
    Drain {
        status: Some(status),
        ..drain
    }
}

/// What was said before, where the servers do not say which uploads are open: it is what is known of them.
fn told_before(pool: &Pool, observed: &Observed) -> Option<String> {
    if !matches!(observed.uploads, Word::Silent { .. }) {
        return None;
    }
    let status = pool.status.as_ref()?;
    let of_failure = |one: &&Condition| one.type_ == DRAINED && one.reason == FAILED;
    let told = status.conditions.iter().find(of_failure)?;
    Some(told.message.clone())
}

/// How the servers gave up.
fn gave_up(observed: &Observed, own: &Report, status: &DrainStatus) -> String {
    let why = match status.blocked_reason.as_deref() {
        None => "the log of the server with the number 0 says why",
        Some(why) => why,
    };
    let buckets = if own.decommission == STATE {
        "; but they make no bucket until they have forgotten it"
    } else {
        ""
    };
    format!(
        "the servers gave up after {} objects, {} could not be moved ({why}). Nothing is lost: the Pool still serves \
         what is left on it{buckets}{}",
        status.objects,
        status.failed_objects,
        uploads::remark(&observed.uploads)
    )
}
