//! Spreading objects over Pools that have joined: when the servers are told to begin or to stop, and what their words
//! mean. That Pools have joined is remembered in the topology, and so is that the servers were told, beside the
//! rebalance they knew before: wherever the operator is cut off, it is seen whether they have begun.

mod ordered;

use std::time::Duration;

use crds::Tenant;
use crds::conditions::BALANCED;
use crds::rebalance::{self as wish, RebalanceState, RebalanceStatus};

use super::observed::Observed;
use super::{living, servers};
use crate::condition::{Finding, no, yes};
use crate::meta;
use crate::topology::{Rebalance, Topology};

/// How soon the servers are asked again how far they are: nothing tells of it.
pub(super) const RECHECK: Duration = Duration::from_secs(5);

/// Reason of `Balanced` before the servers were told.
const REQUESTED: &str = "Requested";
/// Once they have ended it early.
const FAILED: &str = "RebalanceFailed";

/// What the servers were heard to say of the last rebalance they know.
pub type Word = crate::word::Word<Report>;

/// The last rebalance in the servers' words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What tells it from any other one; empty if there never was one.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// Objects that have been moved.
    pub objects: u64,
    /// Bytes that have been moved.
    pub bytes: u64,
    /// What part of its space is in use, in percent, of each pool in the order of the volumes string.
    pub used: Vec<i32>,
    /// What went wrong, in the servers' words; empty = nothing.
    pub error: String,
}

/// Where a rebalance stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing is left to do, or there never was one.
    #[default]
    Complete,
    /// Objects are being moved.
    Running,
    /// The servers are about to stop it.
    Stopping,
    /// It was stopped.
    Stopped,
    /// The servers gave up.
    Failed,
}

/// What the servers are to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Begin.
    Start,
    /// Stop.
    Stop,
    /// Hear that it is over: all of them, each by itself.
    Settle,
}

/// What is done about rebalancing, and what the status says of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Balance {
    /// What the topology is to remember.
    pub(crate) next: Option<Rebalance>,
    pub(crate) order: Option<Order>,
    pub(crate) finding: Finding,
    pub(crate) status: Option<RebalanceStatus>,
    pub(crate) requeue: Option<Duration>,
}

/// Whether the servers are to be asked.
#[must_use]
pub fn concerns(tenant: &Tenant, observed: &Observed) -> bool {
    let Some(topology) = observed.topology.topology() else {
        return false;
    };
    match topology.rebalance {
        Some(Rebalance::Ordered { .. }) => !tenant.spec.paused,
        Some(Rebalance::Due) => wanted(tenant) && in_the_way(tenant, observed, topology).is_none(),
        Some(Rebalance::Ended) | None => false,
    }
}

fn wanted(tenant: &Tenant) -> bool {
    tenant.spec.rebalance == wish::Rebalance::AfterJoin
}

fn stored(tenant: &Tenant) -> Option<&RebalanceStatus> {
    tenant.status.as_ref()?.rebalance.as_ref()
}

/// What has to come before the servers are told to begin.
fn in_the_way(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Option<String> {
    if meta::deleting(tenant) || tenant.spec.paused {
        return Some("the Tenant is deleted or paused: nothing begins".to_owned());
    }
    let alone = Topology {
        rebalance: None,
        ..topology.clone()
    };
    if let Some(busy) = living::busy(observed, &alone) {
        return Some(format!("it begins once this has ended: {busy}"));
    }
    let ready = servers::all_ready(tenant, observed, topology);
    (!ready).then(|| "it begins once all servers of all Pools are ready".to_owned())
}

/// Decides. The servers are told to begin only by a topology that is stored and says so, and after the status has told
/// of it.
pub(crate) fn decide(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Balance {
    // Nothing can be moved anywhere.
    let now = topology.rebalance.clone().filter(|_| topology.pools.len() > 1);
    match (&now, wanted(tenant)) {
        (None, _) => rest(tenant, None),
        (Some(Rebalance::Ordered { before }), wanted) => {
            ordered::decide(tenant, observed, topology, before, wanted)
        }
        (Some(Rebalance::Ended), true) => ended(tenant),
        (Some(_), false) => rest(tenant, Some(Rebalance::Due)),
        (Some(Rebalance::Due), true) => due(tenant, observed, topology),
    }
}

/// What is said where the servers are not looked at.
pub(crate) fn unseen(tenant: &Tenant, topology: Option<&Topology>) -> Balance {
    let now = topology.and_then(|topology| topology.rebalance.clone());
    match now {
        Some(Rebalance::Ordered { .. }) => Balance {
            next: now,
            status: stored(tenant).cloned(),
            ..waits(
                tenant,
                "NotObserved",
                "the servers are not asked how far they are",
            )
        },
        Some(Rebalance::Due) if wanted(tenant) => waits(tenant, REQUESTED, "it begins later"),
        Some(Rebalance::Ended) if wanted(tenant) => ended(tenant),
        now => rest(tenant, now),
    }
}

/// Nothing is moved, and nobody is about to be told.
fn rest(tenant: &Tenant, next: Option<Rebalance>) -> Balance {
    let last = stored(tenant).filter(|last| last.state != RebalanceState::Requested);
    let finding = match (wanted(tenant), &next, last) {
        (false, Some(_), _) => no(
            BALANCED,
            "NotAsked",
            "Pools have joined and spec.rebalance is Never: what was there before stays where it is; AfterJoin has a \
             part of it moved",
        ),
        (false, None, _) => no(BALANCED, "NotAsked", "spec.rebalance is Never"),
        (true, _, Some(last)) if last.state == RebalanceState::Complete => complete(last),
        (true, ..) => yes(BALANCED, "NothingToDo", "it begins once a Pool has joined"),
    };
    Balance {
        next,
        order: None,
        finding,
        status: last.cloned(),
        requeue: None,
    }
}

fn complete(last: &RebalanceStatus) -> Finding {
    let message = format!(
        "{} objects with {} bytes were moved after the last join",
        last.objects, last.bytes
    );
    yes(BALANCED, "Complete", message)
}

fn ended(tenant: &Tenant) -> Balance {
    let last = stored(tenant).cloned().unwrap_or_default();
    let before = tenant.status.iter().flat_map(|status| &status.conditions);
    let why = before
        .into_iter()
        .find(|found| found.type_ == BALANCED && found.reason == FAILED)
        .map_or_else(|| failed(&last, ""), |found| found.message.clone());
    Balance {
        next: Some(Rebalance::Ended),
        order: None,
        finding: no(BALANCED, FAILED, why),
        status: Some(last),
        requeue: None,
    }
}

fn failed(last: &RebalanceStatus, error: &str) -> String {
    let why = match (last.state, error) {
        (RebalanceState::Stopped, _) => "it was stopped, and not by this operator".to_owned(),
        (_, "") => "their logs say why".to_owned(),
        (_, error) => format!("they say: {error}"),
    };
    format!(
        "the servers gave up after {} objects ({why}). Every object can be read: what was moved is where it is now, the \
         rest where it was. It is not tried again by itself: set spec.rebalance to Never and then to AfterJoin to go on",
        last.objects
    )
}

/// Pools have joined, and it is wished that objects are moved to them.
fn due(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Balance {
    if let Some(why) = in_the_way(tenant, observed, topology) {
        return waits(tenant, REQUESTED, &why);
    }
    let asked = |balance: Balance| Balance {
        requeue: Some(RECHECK),
        ..balance
    };
    asked(match &observed.rebalance {
        Word::NotAsked => waits(tenant, REQUESTED, "the servers are about to be asked"),
        Word::Silent { reason, message } => waits(tenant, reason, message),
        Word::Said(report) if matches!(report.state, State::Running | State::Stopping) => waits(
            tenant,
            REQUESTED,
            "the servers rebalance already, as somebody else asked them to: it begins afterwards",
        ),
        Word::Said(report) => Balance {
            next: Some(Rebalance::Ordered {
                before: report.id.clone(),
            }),
            ..waits(tenant, REQUESTED, "the servers are about to be told")
        },
    })
}

/// It begins later; the topology remembers that it is due.
fn waits(tenant: &Tenant, reason: &str, message: &str) -> Balance {
    let last = stored(tenant).filter(|last| last.state == RebalanceState::Requested);
    Balance {
        next: Some(Rebalance::Due),
        order: None,
        finding: no(BALANCED, reason, message),
        status: Some(last.cloned().unwrap_or_default()),
        requeue: None,
    }
}
