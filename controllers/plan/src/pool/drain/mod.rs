//! Moving a Pool's data to the others: when the servers are told to begin or to call it off, and what their words mean.
//! The Tenant says by the topology who may be drained; the servers alone know how far it is.

mod retry;
mod scanner;
pub mod uploads;
mod word;

use crds::Pool;
use crds::conditions::DRAINED;
use crds::names::ANNOTATION_HOLD_DRAIN;
use crds::pool::{DrainStatus, PoolState};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::stage::{Stage, Terms};
use super::{Observed, Plan, pods};
use crate::condition::{Finding, Overall, no, unknown, yes};
use crate::meta;
use crate::topology::Phase;
use word::{own, percent};

pub(super) use retry::recheck;
pub use scanner::{Copied, Scanner};
pub use uploads::Uploads;
pub use word::{Order, Report, ScannerWord, UploadsWord, Word};

/// Reason of `Drained` once the servers say that all data has left.
pub(crate) const COMPLETE: &str = "Complete";
/// Reason of `Drained` while nobody wants the data to leave.
const NOT_ASKED: &str = "NotAsked";
/// Once a drain was called off that the servers cannot forget by themselves.
pub(crate) const RESPELLED: &str = "Respelled";
/// Before a drain begins in a store whose servers do not number their pools by their places.
pub(crate) const RENUMBERED: &str = "Renumbered";
/// While a person keeps the data here although something asks for it to leave.
const HELD: &str = "DrainHeld";
/// Before the servers were told.
const REQUESTED: &str = "Requested";
/// While the servers refuse what they are told about it.
pub const REFUSED: &str = "DrainOrderRefused";
/// Once the servers gave up.
const FAILED: &str = "DrainFailed";

/// What is done about draining, and what the status says of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drain {
    pub(crate) order: Option<Order>,
    pub(crate) finding: Finding,
    /// Whether a person must act.
    pub(crate) stuck: bool,
    pub(crate) status: Option<DrainStatus>,
}

/// Whether the servers are to be asked.
#[must_use]
pub fn concerns(pool: &Pool, phase: Option<Phase>) -> bool {
    phase == Some(Phase::Draining) || stored(pool).is_some()
}

/// Whether a person keeps its data where it is.
pub(crate) fn held(pool: &Pool) -> bool {
    let annotations = pool.metadata.annotations.as_ref();
    let value = annotations.and_then(|annotations| annotations.get(ANNOTATION_HOLD_DRAIN));
    value.is_some_and(|value| value != "false")
}

/// Whether nothing but the scanner's record can be in the way of a drain, so that the servers are to be asked about it.
#[must_use]
pub fn concerns_scanner(pool: &Pool, observed: &Observed) -> bool {
    // At rest nobody was asked, and there is nothing to work out.
    if !matches!(observed.word, Word::Said(_)) {
        return false;
    }
    let (Stage::Serving(terms) | Stage::Needed(Some(terms))) = super::stage::judge(pool, observed) else {
        return false;
    };
    decide(pool, observed, &terms).finding.reason == scanner::NOT_ASKED
}

/// Whether its status tells of a drain that the servers may know.
pub(crate) fn is_told(pool: &Pool) -> bool {
    stored(pool).is_some()
}

fn stored(pool: &Pool) -> Option<&DrainStatus> {
    pool.status.as_ref()?.drain.as_ref()
}

/// Decides. A start is ordered only after the status has told of it: so that whoever reads the status knows that the
/// servers may have been told.
pub(super) fn decide(pool: &Pool, observed: &Observed, terms: &Terms) -> Drain {
    let wanted = terms.member.phase == Phase::Draining;
    if !concerns(pool, Some(terms.member.phase)) {
        return idle(pool, terms);
    }
    let reports = match &observed.word {
        Word::NotAsked => return waits(pool, "StoreNotAsked", "the servers are about to be asked"),
        Word::Silent { reason, message } => return waits(pool, reason, message),
        Word::Said(reports) => reports,
    };
    let Some(own) = own(reports, &terms.member) else {
        let message = format!(
            "the servers know no pool {}: their volumes string is not the one of the topology",
            terms.member.element
        );
        return stuck(pool, "PoolUnknown", message);
    };
    match (own.decommission.as_str(), wanted) {
        ("complete", _) => Drain {
            finding: yes(
                DRAINED,
                COMPLETE,
                format!(
                    "{} objects have moved to the other Pools; this one leaves the topology",
                    own.objects
                ),
            ),
            ..said(pool, own)
        },
        ("queued" | "running", true) => said(pool, own),
        ("queued" | "running", false) => Drain {
            order: Some(Order::Cancel),
            finding: no(DRAINED, "CallingOff", "the servers are told to call it off"),
            ..said(pool, own)
        },
        ("failed", true) => retry::after_failure(pool, observed, own),
        ("failed", false) if own.unresolved => Drain {
            finding: no(
                DRAINED,
                RESPELLED,
                "the servers cannot forget a drain that failed like this one by themselves: the Pool's element gets \
                 another spelling in the volumes string, and they are replaced one by one",
            ),
            ..said(pool, own)
        },
        ("canceled", true) | ("canceled" | "failed", false) => Drain {
            order: Some(Order::Clear),
            finding: no(
                DRAINED,
                "CallingOff",
                "the servers are told to forget the drain that was called off",
            ),
            ..said(pool, own)
        },
        (_, true) => begin(pool, observed, terms, reports, own),
        (_, false) => idle(pool, terms),
    }
}

fn begin(pool: &Pool, observed: &Observed, terms: &Terms, reports: &[Report], own: &Report) -> Drain {
    if let Some(failed) = retry::after_clearing(pool, observed, own) {
        return failed;
    }
    if let Some(obstacle) = &terms.obstacle {
        let message = format!(
            "it begins once servers can be made again: {}",
            obstacle.finding.message
        );
        return waits(pool, &obstacle.finding.reason, &message);
    }
    if stored(pool).is_none_or(|drain| drain.retry_at.is_some() || drain.started_at.is_none()) {
        let waiting = waits(pool, REQUESTED, "the servers are about to be told");
        let status = waiting.status.map(|status| DrainStatus {
            state: REQUESTED.to_owned(),
            // One that fails at once is gone from the servers' memory before they are asked how far it is.
            started_at: seconds(observed.now),
            open_uploads: None,
            retry_at: None,
            ..status
        });
        return Drain { status, ..waiting };
    }
    let known: Vec<&str> = reports.iter().map(|report| report.element.as_str()).collect();
    let asked: Vec<&str> = terms
        .topology
        .pools
        .iter()
        .map(|member| member.element.as_str())
        .collect();
    if known != asked {
        return waits(
            pool,
            "TopologyDiffers",
            "the server that was asked tells of other pools than the topology has: it does not run it yet, or it was asked \
             too early while a pool left, and then counts wrongly until its Pod is deleted",
        );
    }
    if (0..).zip(reports).any(|(place, report)| report.number != place) {
        return waits(
            pool,
            RENUMBERED,
            "a Pool before it has left, and the servers still number the others as before, with which they drain none: \
             elements get another spelling in the volumes string, and the servers are replaced one by one",
        );
    }
    if let Some(who) = not_ready(observed, terms) {
        return waits(
            pool,
            "ServersNotReady",
            &format!(
                "all servers of all Pools must be ready at the same topology revision first, and {who} is not"
            ),
        );
    }
    if reports.iter().any(|report| report.rebalancing) {
        return waits(
            pool,
            "RebalanceRuns",
            "the servers are rebalancing; they drain afterwards",
        );
    }
    let free: u64 = reports
        .iter()
        .filter(|report| report.element != own.element)
        .map(|report| report.free)
        .sum();
    if own.used > free {
        let message = format!(
            "this Pool uses {} bytes and the others have {free} bytes free: add a Pool, or set spec.state back to Active",
            own.used
        );
        return stuck(pool, "CapacityShort", message);
    }
    if let Some(obstacle) = scanner::obstacle(pool, observed, own.number) {
        return obstacle;
    }
    Drain {
        order: Some(Order::Start),
        ..waits(pool, REQUESTED, "the servers are told to move the data")
    }
}

/// Who keeps it from being so that every server the topology asks for is there, ready, and runs its revision; a Pod of
/// a Pool that has left counts too, since it may still run with another string.
fn not_ready(observed: &Observed, terms: &Terms) -> Option<String> {
    let revision = terms.topology.revision.to_string();
    let expected: usize = terms
        .topology
        .pools
        .iter()
        .filter_map(|member| usize::try_from(member.servers).ok())
        .sum();
    let good = |pod: &k8s_openapi::api::core::v1::Pod| {
        pods::ready(pod) && meta::label(pod, crds::names::LABEL_TOPOLOGY_REVISION) == Some(revision.as_str())
    };
    let pods = observed.pods.iter().map(AsRef::as_ref);
    let first = pods.filter(|pod| !good(pod)).map(meta::name).min();
    let missing = || (observed.pods.len() < expected).then(|| "one that has no Pod".to_owned());
    first.map(str::to_owned).or_else(missing)
}

/// Nothing moves, and nobody was told to move anything.
fn idle(pool: &Pool, terms: &Terms) -> Drain {
    let refusal = terms.topology.refusal(meta::name(pool), meta::uid(pool));
    let asked = meta::deleting(pool) || pool.spec.state == PoolState::Decommissioned;
    let (finding, stuck) = match refusal {
        None if asked && held(pool) => (
            no(
                DRAINED,
                HELD,
                format!("its data stays as long as the annotation {ANNOTATION_HOLD_DRAIN} is on it"),
            ),
            false,
        ),
        Some(refusal) => (no(DRAINED, &refusal.reason, &refusal.message), !refusal.waits),
        None => (no(DRAINED, NOT_ASKED, "its data is meant to stay"), false),
    };
    Drain {
        order: None,
        finding,
        stuck,
        status: None,
    }
}

/// As before, for the reason given.
fn waits(pool: &Pool, reason: &str, message: &str) -> Drain {
    let requested = || DrainStatus {
        state: REQUESTED.to_owned(),
        ..DrainStatus::default()
    };
    Drain {
        order: None,
        finding: no(DRAINED, reason, message),
        stuck: false,
        status: Some(stored(pool).cloned().unwrap_or_else(requested)),
    }
}

fn stuck(pool: &Pool, reason: &str, message: String) -> Drain {
    Drain {
        stuck: true,
        ..waits(pool, reason, &message)
    }
}

/// What the servers say of it.
fn said(pool: &Pool, own: &Report) -> Drain {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let held_up = match own.held_up.as_str() {
        "" => String::new(),
        why => format!("; held up: {why}"),
    };
    let percent = percent(own);
    let message = format!(
        "{} objects with {} bytes, {percent}% of what was there, have moved to the other Pools{held_up}",
        own.objects, own.bytes
    );
    Drain {
        order: None,
        finding: no(DRAINED, "Draining", message),
        stuck: false,
        status: Some(DrainStatus {
            state: own.decommission.clone(),
            objects: number(own.objects),
            bytes: number(own.bytes),
            percent,
            failed_objects: number(own.failed_objects),
            blocked_reason: (!own.held_up.is_empty()).then(|| own.held_up.clone()),
            // The servers forget it when they give up.
            started_at: own
                .began
                .and_then(seconds)
                .or_else(|| stored(pool)?.started_at.clone()),
            open_uploads: None,
            retries: stored(pool).map_or(0, |drain| drain.retries),
            retry_at: None,
        }),
    }
}

/// As statuses tell times.
fn seconds(time: Timestamp) -> Option<Time> {
    Timestamp::from_second(time.as_second()).ok().map(Time)
}

/// The condition `Drained` of a plan that keeps servers.
pub(super) fn finding(plan: &Plan) -> Finding {
    let drain = plan.drain.as_ref();
    drain.map_or_else(
        || unknown(DRAINED, "NotYetChecked", "not looked at yet"),
        |drain| drain.finding.clone(),
    )
}

/// What the Pool as a whole is doing, if it is moving its data or was asked to go; otherwise as found.
pub(super) fn told(plan: &Plan, pool: &Pool, found: (Vec<Finding>, Overall)) -> (Vec<Finding>, Overall) {
    let (findings, overall) = found;
    let Some(drain) = &plan.drain else {
        return (findings, overall);
    };
    let asked = drain.status.is_some() || drain.finding.reason != NOT_ASKED;
    let (reason, message) = (drain.finding.reason.clone(), drain.finding.message.clone());
    let refused = matches!(&overall, Overall::Working { reason, .. } | Overall::Stuck { reason, .. } if reason == REFUSED);
    let overall = if refused {
        overall
    } else if asked && drain.stuck {
        Overall::Stuck { reason, message }
    } else if asked {
        Overall::Working { reason, message }
    } else if meta::deleting(pool) {
        Overall::Working {
            reason: "DrainWaits".to_owned(),
            message: "the Tenant is about to let it be drained; its servers stay until its data has left"
                .to_owned(),
        }
    } else {
        overall
    };
    (findings, overall)
}
