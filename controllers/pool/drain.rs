//! Asks the servers how far a drain is, and tells them to begin or to call it off.

use admin::{PoolEntry, Scanner};
use crds::names;
use crds::{Pool, Tenant};
use kit::{Error, Kit};
use plan::pool::drain::{self, Copied, Order, Report, Scanner as Record, ScannerWord, Word};
use plan::pool::{Observed, Plan};
use plan::tenant::Stored;
use plan::topology::Phase;
use plan::{Enacted, Failure, Outcome, meta};

use crate::store::{self, Fault, Stores, Whom};

/// How many of the entries a drain could not make out are named.
const NAMED: usize = 3;

/// What the servers say of their pools, where it matters.
pub(super) async fn word(stores: &Stores, pool: &Pool, observed: &Observed) -> Word {
    let topology = observed.topology.topology();
    let member = topology.and_then(|topology| topology.member(meta::name(pool), meta::uid(pool)));
    let (Some(tenant), Some(member)) = (&observed.tenant, member) else {
        return Word::NotAsked;
    };
    if !drain::concerns(pool, Some(member.phase)) {
        return Word::NotAsked;
    }
    let pools = stores
        .ask(tenant, Whom::KnowsPools, &mut None, |client| async move {
            client.pools().await
        })
        .await;
    store::word(pools.map(|pools| pools.iter().map(report).collect()))
}

/// What the servers say of their scanner's record, where it matters.
pub(super) async fn scanner(stores: &Stores, pool: &Pool, observed: &Observed) -> ScannerWord {
    let Some(tenant) = observed
        .tenant
        .as_ref()
        .filter(|_| drain::concerns_scanner(pool, observed))
    else {
        return ScannerWord::NotAsked;
    };
    let answer = stores
        .ask(tenant, Whom::KnowsPools, &mut None, |client| async move {
            client.scanner().await
        })
        .await;
    store::word(answer.map(record))
}

fn record(scanner: Scanner) -> Option<Record> {
    let record = scanner.pause_backlog.filter(|_| scanner.enabled)?;
    let copies = record.replica_diagnostics.into_iter().flatten();
    Some(Record {
        healthy: record.persistence_state == "healthy",
        // Otherwise it is what one process could not do last.
        error: record
            .error
            .filter(|_| record.persistence_state == "unavailable")
            .unwrap_or_default(),
        copies: copies
            .map(|copy| Copied {
                pool: copy.pool_index,
                state: copy.state,
            })
            .collect(),
    })
}

/// One pool as the plan reads it.
pub(crate) fn report(entry: &PoolEntry) -> Report {
    let info = entry.decommission_info.clone().unwrap_or_default();
    let unresolved = unresolved(&info.unresolved_entries);
    Report {
        element: entry.cmdline.clone(),
        number: entry.id,
        began: info.start_time.as_deref().and_then(|time| time.parse().ok()),
        decommission: entry.decommission_status.clone(),
        rebalancing: matches!(entry.rebalance_status.as_str(), "started" | "stopping"),
        free: entry.free_size,
        used: entry.used_size,
        objects: info.objects_decommissioned,
        bytes: info.bytes_decommissioned,
        bytes_at_start: info.bytes_at_start(),
        failed_objects: info.objects_decommissioned_failed,
        unresolved: unresolved.is_some(),
        held_up: info
            .capacity_blocked_reason
            .or(unresolved)
            .or(info.waiting_reason)
            .unwrap_or_default(),
    }
}

/// The entries a drain could not make out, for a person; none while there are none.
fn unresolved(entries: &serde_json::Value) -> Option<String> {
    let entries = entries.as_array().filter(|entries| !entries.is_empty())?;
    let named = entries.iter().take(NAMED).map(|entry| {
        let text = |key: &str| entry[key].as_str().unwrap_or("?").to_owned();
        format!("{}/{}", text("bucket"), text("object"))
    });
    let named: Vec<String> = named.collect();
    let more = match entries.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{}{more} is on fewer than half the drives of its erasure set",
        named.join(", ")
    ))
}

/// Tells the servers what the plan orders, once all its steps are done. Before data is set moving the topology is read
/// again: the Tenant may have changed its mind.
pub(super) async fn tell(
    kit: &Kit,
    stores: &Stores,
    pool: &Pool,
    observed: &Observed,
    plan: &Plan,
    enacted: &mut Enacted,
) -> Result<(), Error> {
    let (Some((order, element)), Some(tenant)) = (plan.order(), &observed.tenant) else {
        return Ok(());
    };
    if enacted.failure().is_some()
        || (order == Order::Start && !still_wanted(kit, tenant, pool, element).await?)
    {
        return Ok(());
    }
    // Only the server of a pool's first endpoint gives the reason of a refusal.
    let pod = format!(
        "{}-0",
        names::stateful_set(meta::name(tenant.as_ref()), meta::name(pool))
    );
    let told = stores
        .tell(tenant, &pod, |client| {
            let element = element.to_owned();
            async move {
                match order {
                    Order::Start => client.decommission(&element).await,
                    Order::Cancel => client.cancel_decommission(&element).await,
                    Order::Clear => client.clear_decommission(&element).await,
                }
            }
        })
        .await;
    enacted.outcomes.push(Outcome {
        action: action(order).to_owned(),
        result: told.map(|()| true).map_err(|fault| failure(order, fault)),
    });
    Ok(())
}

async fn still_wanted(kit: &Kit, tenant: &Tenant, pool: &Pool, element: &str) -> Result<bool, Error> {
    let map = kit
        .get(meta::namespace(tenant), &names::topology(meta::name(tenant)))
        .await?;
    let stored = Stored::read(tenant, map.as_ref());
    let member = stored
        .topology()
        .and_then(|topology| topology.member(meta::name(pool), meta::uid(pool)));
    Ok(member.is_some_and(|member| member.phase == Phase::Draining && member.element == element))
}

fn action(order: Order) -> &'static str {
    match order {
        Order::Start => "start to drain",
        Order::Cancel => "call the drain off",
        Order::Clear => "let the servers forget the drain",
    }
}

fn failure(order: Order, fault: Fault) -> Failure {
    tracing::warn!(
        reason = fault.reason,
        detail = fault.detail,
        "{} failed",
        action(order)
    );
    Failure {
        reason: drain::REFUSED,
        message: format!("could not {}: {}", action(order), fault.message),
        // The servers may be busy or starting; what they refuse for good they refuse again, at a growing distance.
        transient: true,
    }
}
