//! Asks the servers how far rebalancing is, and tells them to begin or to stop.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use admin::Client;
use crds::{Tenant, names};
use kit::{Error, Kit};
use plan::tenant::rebalance::{Order, Report, State, Word, concerns};
use plan::tenant::{Observed, Plan, Stored};
use plan::{Enacted, meta};

use crate::store::{self, Stores, Whom};

/// What the servers say of rebalancing, where it matters.
pub(super) async fn word(stores: &Stores, tenant: &Tenant, observed: &Observed) -> Word {
    if !concerns(tenant, observed) {
        return Word::NotAsked;
    }
    let found = stores
        .ask(tenant, Whom::Any, &mut None, |client| async move {
            client.rebalance().await
        })
        .await;
    store::word(found.map(|found| found.as_ref().map(report).unwrap_or_default()))
}

/// Which rebalances all servers have been told the end of, by the Tenant's UID. In memory only: to tell them twice does
/// no harm.
#[derive(Default)]
pub(super) struct Settled(Mutex<BTreeMap<String, String>>);

impl Settled {
    /// Whether they have been told of the one they speak of.
    pub(super) fn is(&self, tenant: &Tenant, word: &Word) -> bool {
        let Word::Said(report) = word else {
            return false;
        };
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(meta::uid(tenant)) == Some(&report.id)
    }

    fn remember(&self, tenant: &Tenant, word: &Word) {
        if let Word::Said(report) = word {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(meta::uid(tenant).to_owned(), report.id.clone());
        }
    }
}

/// A rebalance as the plan reads it.
fn report(found: &admin::Rebalance) -> Report {
    let moved = || found.pools.iter().filter_map(|pool| pool.progress.as_ref());
    let mut errors = found.pools.iter().filter_map(|pool| pool.last_error.clone());
    Report {
        id: found.id.clone(),
        state: state(found),
        objects: moved().map(|moved| moved.objects).sum(),
        bytes: moved().map(|moved| moved.bytes).sum(),
        used: found.pools.iter().map(|pool| percent(pool.used)).collect(),
        error: errors.next().unwrap_or_default(),
    }
}

/// Pools end one by one: it runs as long as one of them has something to move.
fn state(found: &admin::Rebalance) -> State {
    let any = |status: &str| found.pools.iter().any(|pool| pool.status == status);
    if found.pools.iter().any(|pool| pool.stopping) || any("Stopping") {
        State::Stopping
    } else if any("Started") {
        State::Running
    } else if any("Failed") {
        State::Failed
    } else if any("Stopped") || found.stopped_at.is_some() {
        State::Stopped
    } else {
        State::Complete
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a share of 1 is at most 100 percent, and others are cut"
)]
fn percent(share: f64) -> i32 {
    (share.clamp(0.0, 1.0) * 100.0).round() as i32
}

/// Tells the servers what the plan orders, once all its steps are done, and gives whether they refused. Before objects
/// are set moving the topology is read again: another write may have taken the order back.
pub(super) async fn tell(
    kit: &Kit,
    stores: &Stores,
    settled: &Settled,
    tenant: &Tenant,
    observed: &Observed,
    plan: &mut Plan,
    enacted: &Enacted,
) -> Result<bool, Error> {
    let Some((order, pod)) = plan.rebalance_order(tenant, observed) else {
        return Ok(false);
    };
    if enacted.failure().is_some() || (order == Order::Start && !still_ordered(kit, tenant, observed).await?)
    {
        return Ok(false);
    }
    let told = match order {
        Order::Start => {
            let start = |client: Client| async move { client.start_rebalance().await };
            stores.tell(tenant, &pod, start).await
        }
        Order::Stop => {
            let stop = |client: Client| async move { client.stop_rebalance().await };
            stores.tell(tenant, &pod, stop).await
        }
        Order::Settle => {
            let settle = |client: Client| async move { client.settle_rebalance().await };
            let told = stores.tell_all(tenant, settle).await;
            told.inspect(|()| settled.remember(tenant, &observed.rebalance))
        }
    };
    let Err(fault) = told else {
        tracing::info!(server = pod, ?order, "the servers are told about rebalancing");
        return Ok(false);
    };
    tracing::warn!(
        reason = fault.reason,
        detail = fault.detail,
        ?order,
        "the servers refuse what they are told about rebalancing"
    );
    plan.rebalance_refused(&fault.message);
    Ok(true)
}

async fn still_ordered(kit: &Kit, tenant: &Tenant, observed: &Observed) -> Result<bool, Error> {
    let map = kit
        .get(meta::namespace(tenant), &names::topology(meta::name(tenant)))
        .await?;
    let stored = Stored::read(tenant, map.as_ref());
    let known = observed.topology.topology();
    Ok(stored.topology().is_some_and(|stored| {
        stored.rebalances() && known.is_some_and(|known| known.rebalance == stored.rebalance)
    }))
}

#[cfg(test)]
mod tests {
    use super::{State, report};

    fn recorded(text: &str) -> plan::tenant::rebalance::Report {
        report(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn recorded_rebalances_are_read_as_they_stood() {
        let running = recorded(include_str!("../admin/fixtures/rebalance-running.json"));
        assert_eq!((running.state, running.objects), (State::Running, 42));
        assert_eq!(running.used, [2, 0]);
        let stopped = recorded(include_str!("../admin/fixtures/rebalance-stopped.json"));
        assert_eq!((stopped.state, stopped.objects), (State::Stopped, 49));
        let completed = recorded(include_str!("../admin/fixtures/rebalance-completed.json"));
        assert_eq!((completed.state, completed.bytes), (State::Complete, 400_000));
    }
}
