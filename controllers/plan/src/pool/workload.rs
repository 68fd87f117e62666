//! Whether a Pool's servers run what is asked for and are ready.

use crds::Pool;
use crds::conditions::WORKLOAD_READY;

use super::roll::Decision;
use super::stage::Terms;
use super::status::Servers;
use super::{Hold, Limit, Plan, growth, node_loss};
use crate::condition::{Finding, no, yes};
use crate::meta;
use crate::step::Enacted;

/// What the specs ask for was taken back.
pub(super) const ROLLED_BACK: &str = "RolledBack";

/// The condition `WorkloadReady`.
pub(super) fn judge(
    pool: &Pool,
    plan: &Plan,
    terms: &Terms,
    servers: &Servers,
    enacted: &Enacted,
) -> Finding {
    let wanted = pool.spec.servers;
    if let Some(failure) = enacted
        .failure()
        .filter(|_| !growth::failed(&plan.steps, enacted))
    {
        return no(WORKLOAD_READY, failure.reason, failure.message.clone());
    }
    if servers.ready < wanted {
        if let Some(lost) = &servers.node_lost {
            let message = format!("{} of {wanted} servers are ready; {lost}", servers.ready);
            return no(WORKLOAD_READY, node_loss::NODE_LOST, message);
        }
        let why = servers.first_trouble.iter().map(|text| format!("; {text}"));
        let why: String = why.collect();
        let message = format!("{} of {wanted} servers are ready{why}", servers.ready);
        return no(WORKLOAD_READY, "ServersNotReady", message);
    }
    if servers.updated >= wanted {
        return yes(
            WORKLOAD_READY,
            "ServersReady",
            format!("{wanted} servers are ready"),
        );
    }
    behind(pool, plan, terms, servers)
}

/// All are ready, and not all run what the specs ask for.
fn behind(pool: &Pool, plan: &Plan, terms: &Terms, servers: &Servers) -> Finding {
    let wanted = pool.spec.servers;
    let run = format!("{} of {wanted} servers run what is asked for", servers.updated);
    let done = plan.decision == Decision::Done;
    if plan.wanted.as_ref().is_some_and(|wanted| wanted.rejected) {
        let message = format!(
            "what is asked for was taken back, and is not tried again before it changes: see the condition RolledOut of \
             Tenant {}",
            meta::name(terms.tenant.as_ref())
        );
        return no(WORKLOAD_READY, ROLLED_BACK, message);
    }
    match plan.wanted.as_ref().and_then(|wanted| wanted.hold) {
        Some(Hold::Paused) if done => {
            let message =
                format!("{wanted} servers are ready; {run}: the Tenant's spec.rollout.paused is true");
            return yes(WORKLOAD_READY, "RolloutPaused", message);
        }
        Some(Hold::Refused(_)) if done => {
            let message = format!(
                "{wanted} servers are ready; {run}: the image is refused, see the condition RolledOut of Tenant {}",
                meta::name(terms.tenant.as_ref())
            );
            return yes(WORKLOAD_READY, "ImageRefused", message);
        }
        Some(Hold::Hooks) if done => {
            let message = format!(
                "{run}; hooks have to complete before the others are replaced: see the condition RolledOut of Tenant {}",
                meta::name(terms.tenant.as_ref())
            );
            return no(WORKLOAD_READY, "UpgradeWaits", message);
        }
        Some(Hold::Below(partition)) if done => {
            let message = format!(
                "{wanted} servers are ready; {run}: the Tenant's spec.rollout.partition keeps those below {partition}"
            );
            return yes(WORKLOAD_READY, "CanaryWaits", message);
        }
        _ => {}
    }
    let limit = Limit::of_pool(&terms.tenant, pool);
    let remark: String = limit.remark().iter().map(|text| format!("; {text}")).collect();
    let waits = match &plan.decision {
        Decision::Wait(why) => format!(", not now: {why}"),
        Decision::Done | Decision::Replace(_) => String::new(),
    };
    let message = format!(
        "{run}; the others are replaced, at most {} at a time{waits}{remark}",
        limit.most
    );
    no(WORKLOAD_READY, "ServersOutdated", message)
}
