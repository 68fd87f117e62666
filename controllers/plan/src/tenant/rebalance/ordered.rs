//! A rebalance that the servers were told to begin, or are about to be: whether they have, and how it ended.

use std::time::Duration;

use crds::Tenant;
use crds::conditions::BALANCED;
use crds::rebalance::{PoolFill, RebalanceState, RebalanceStatus};

use super::super::observed::Observed;
use super::{
    Balance, FAILED, Order, RECHECK, REQUESTED, Report, State, Word, complete, ended, failed, in_the_way,
    rest, stored, unseen, waits,
};
use crate::condition::no;
use crate::topology::{Rebalance, Topology};

/// The servers were told, or are about to be.
pub(super) fn decide(
    tenant: &Tenant,
    observed: &Observed,
    topology: &Topology,
    before: &str,
    wanted: bool,
) -> Balance {
    let now = topology.rebalance.clone();
    let report = match &observed.rebalance {
        Word::NotAsked => return unseen(tenant, Some(topology)),
        Word::Silent { reason, message } => {
            return Balance {
                next: now,
                requeue: Some(RECHECK),
                status: stored(tenant).cloned(),
                ..waits(tenant, reason, message)
            };
        }
        Word::Said(report) => report,
    };
    let requested = stored(tenant).is_some_and(|last| last.state == RebalanceState::Requested);
    // Servers that do not all begin take it back: what is left is one that was stopped, and that never ran.
    if report.id == before || (report.state == State::Stopped && requested) {
        return not_begun(tenant, observed, topology, wanted);
    }
    let told = |state, reason, message: String| Balance {
        next: now.clone(),
        order: None,
        finding: no(BALANCED, reason, message),
        status: Some(said(topology, report, state)),
        requeue: Some(RECHECK),
    };
    let moved = format!(
        "{} objects with {} bytes have been moved",
        report.objects, report.bytes
    );
    let recorded = stored(tenant).map(|last| last.state);
    // Servers that were told that it is over call it stopped.
    let over_now = !matches!(report.state, State::Running | State::Stopping);
    if over_now && matches!(recorded, Some(RebalanceState::Complete | RebalanceState::Failed)) {
        let found = recalled(tenant, recorded, wanted);
        if observed.settled {
            return found;
        }
        let shown = if recorded == Some(RebalanceState::Complete) {
            settles(tenant)
        } else {
            found
        };
        return Balance {
            next: now,
            order: Some(Order::Settle),
            requeue: Some(RECHECK),
            ..shown
        };
    }
    match report.state {
        State::Running if wanted => told(RebalanceState::Running, "Rebalancing", moved),
        State::Running => Balance {
            order: Some(Order::Stop),
            ..told(
                RebalanceState::Stopping,
                "Stopping",
                "the servers are told to stop".to_owned(),
            )
        },
        State::Stopping => told(RebalanceState::Stopping, "Stopping", moved),
        // Forgotten only once the status tells of it: afterwards nobody is asked for the numbers again.
        State::Complete => Balance {
            next: now,
            status: Some(said(topology, report, RebalanceState::Complete)),
            requeue: Some(Duration::ZERO),
            ..settles(tenant)
        },
        // It was stopped because that was wished, and then it was wished again.
        State::Stopped
            if wanted && stored(tenant).is_some_and(|last| last.state == RebalanceState::Stopping) =>
        {
            waits(tenant, REQUESTED, "the one that was stopped is begun anew")
        }
        State::Stopped => over(
            tenant,
            Some(Rebalance::Ended),
            said(topology, report, RebalanceState::Stopped),
            "",
        ),
        State::Failed => {
            let last = said(topology, report, RebalanceState::Failed);
            Balance {
                next: now,
                requeue: Some(Duration::ZERO),
                ..over(tenant, Some(Rebalance::Ended), last, &report.error)
            }
        }
    }
}

/// Objects have moved. Only the server that moved them knows: the others keep it running in their memory, and make no
/// bucket, until they are told.
fn settles(tenant: &Tenant) -> Balance {
    let message =
        "all objects have moved, and the servers are told so: until then some of them make no bucket";
    Balance {
        status: stored(tenant).cloned(),
        ..waits(tenant, "Settling", message)
    }
}

/// How one has ended that the status tells of, in its words.
fn recalled(tenant: &Tenant, how: Option<RebalanceState>, wanted: bool) -> Balance {
    if how == Some(RebalanceState::Complete) {
        over(tenant, None, stored(tenant).cloned().unwrap_or_default(), "")
    } else if wanted {
        ended(tenant)
    } else {
        rest(tenant, Some(Rebalance::Due))
    }
}

/// How one that was ordered has ended.
fn over(tenant: &Tenant, next: Option<Rebalance>, last: RebalanceStatus, error: &str) -> Balance {
    let wanted = super::wanted(tenant);
    let finding = match &next {
        None if wanted => complete(&last),
        Some(_) if wanted => no(BALANCED, FAILED, failed(&last, error)),
        next => {
            let next = next.as_ref().map(|_| Rebalance::Due);
            return Balance {
                next: next.clone(),
                status: Some(last),
                ..rest(tenant, next)
            };
        }
    };
    Balance {
        next,
        order: None,
        finding,
        status: Some(last),
        requeue: None,
    }
}

/// The servers know no other rebalance than before they were to be told.
fn not_begun(tenant: &Tenant, observed: &Observed, topology: &Topology, wanted: bool) -> Balance {
    if !wanted {
        return rest(tenant, Some(Rebalance::Due));
    }
    if let Some(why) = in_the_way(tenant, observed, topology) {
        return waits(tenant, REQUESTED, &why);
    }
    let known = observed.topology.topology();
    let written = known.is_some_and(|stored| stored.rebalance == topology.rebalance);
    let told = stored(tenant).is_some_and(|last| last.state == RebalanceState::Requested);
    Balance {
        next: topology.rebalance.clone(),
        order: (written && told).then_some(Order::Start),
        requeue: Some(RECHECK),
        ..waits(tenant, REQUESTED, "the servers are told to begin")
    }
}

fn said(topology: &Topology, report: &Report, state: RebalanceState) -> RebalanceStatus {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let pools = topology.pools.iter().zip(&report.used);
    RebalanceStatus {
        state,
        objects: number(report.objects),
        bytes: number(report.bytes),
        pools: pools
            .map(|(member, used)| PoolFill {
                name: member.name.clone(),
                used_percent: *used,
            })
            .collect(),
    }
}
