//! What a Tenant's status says of a plan and what became of it.

use std::collections::BTreeMap;

use crds::conditions::{AVAILABLE, POOLS_READY, ROLLED_OUT, TOPOLOGY_READY};
use crds::names::{self, PORT_API, PORT_CONSOLE};
use crds::tenant::TopologyStatus;
use crds::{Tenant, TenantStatus};
use jiff::Timestamp;

use super::observed::Observed;
use super::verdict::Verdict;
use super::{
    Plan, Stage, certificate, credentials, erasure, facts, hooks, living, preflight, rolled_out,
    server_names, servers, summary,
};
use crate::condition::{self, Overall};
use crate::meta;
use crate::step::Enacted;
use crate::topology::{Member, Phase, Topology};

/// The whole status. Nothing in it changes while nothing changes.
#[must_use]
pub fn status(
    tenant: &Tenant,
    observed: &Observed,
    plan: &Plan,
    enacted: &Enacted,
    now: Timestamp,
) -> TenantStatus {
    let stored = tenant.status.clone().unwrap_or_default();
    let verdicts = verdicts(tenant, observed, plan, enacted);
    let overall = overall(tenant, observed, plan, &verdicts, enacted);
    let findings = overall
        .findings()
        .into_iter()
        .chain(verdicts.into_iter().map(|verdict| verdict.finding))
        // In nobody's way here: a Pool that it holds back is not ready, and one that serves goes on.
        .chain([preflight::finding(observed), plan.balance.finding.clone()])
        .chain(plan.deletion.iter().map(|verdict| verdict.finding.clone()));
    let generation = tenant.metadata.generation;
    let mut status = TenantStatus {
        observed_generation: generation,
        conditions: condition::merge(&stored.conditions, findings, generation, now),
        certificates: summary::certificates(observed),
        monitors: summary::monitors(observed),
        server_names: server_names::server_names(tenant, &observed.settings),
        endpoints: endpoints(tenant, observed),
        // What a lost topology or Secret is judged by stays as it was until there is something to replace it.
        servers: stored.servers,
        pools: stored.pools,
        topology: stored.topology,
        rollout: stored.rollout,
        hooks: hooks::listed(tenant, observed, &plan.hooks),
        rebalance: stored.rebalance,
        orphaned_volumes: summary::orphaned_volumes(observed),
        credentials_secret_name: stored.credentials_secret_name,
        credentials: stored.credentials,
    };
    if let Some(topology) = settled(plan, observed, enacted) {
        status.servers = summary::servers(tenant, observed, topology);
        status.pools = summary::pools(tenant, observed, topology);
        status.topology = (topology.revision > 0).then(|| TopologyStatus {
            revision: i64::try_from(topology.revision).unwrap_or(i64::MAX),
            serving: i64::try_from(topology.serving).unwrap_or(i64::MAX),
            formed: topology.formed,
        });
        status.credentials = summary::credentials(tenant, topology);
    }
    if let Some(progress) = &plan.progress
        && plan.stage == Stage::Running
        && enacted.failure().is_none()
    {
        status.rollout = Some(rolled_out::listed(progress));
    }
    if enacted.failure().is_none() {
        status.rebalance.clone_from(&plan.balance.status);
    }
    if status.topology.is_none() && settled(plan, observed, enacted).is_none() {
        // Nothing was ever taken in: Pools that wait are listed all the same.
        status.pools = summary::pools(tenant, observed, &Topology::default());
    }
    if plan.credentials.holds() && enacted.failure().is_none() {
        status.credentials_secret_name = Some(credentials::credentials_secret(tenant));
    }
    status
}

/// The topology the status may speak of: one that is stored, or that was just written.
fn settled<'a>(plan: &'a Plan, observed: &'a Observed, enacted: &Enacted) -> Option<&'a Topology> {
    if enacted.failure().is_none() {
        plan.topology.as_ref()
    } else {
        observed.topology.topology()
    }
}

fn verdicts(tenant: &Tenant, observed: &Observed, plan: &Plan, enacted: &Enacted) -> [Verdict; 6] {
    let recorded = tenant
        .status
        .as_ref()
        .is_some_and(|status| status.topology.is_some());
    let none = Topology::default();
    let (pools, available, rolled_out) = match settled(plan, observed, enacted) {
        None if recorded => {
            let message = "the topology is not known: see TopologyReady";
            let unknown = |type_| Verdict::unknown(type_, "TopologyUnknown", message);
            (unknown(POOLS_READY), unknown(AVAILABLE), unknown(ROLLED_OUT))
        }
        known => {
            let topology = known.unwrap_or(&none);
            (
                pools(tenant, observed, topology),
                available(tenant, observed, topology),
                rolled_out::judge(topology, plan.progress.as_ref()),
            )
        }
    };
    [
        plan.credentials.clone(),
        topology_verdict(observed, plan, enacted),
        certificate::judge(tenant, observed),
        pools,
        available,
        rolled_out,
    ]
}

fn topology_verdict(observed: &Observed, plan: &Plan, enacted: &Enacted) -> Verdict {
    match enacted.failure() {
        Some(failure) if observed.topology.topology() != plan.topology.as_ref() => {
            Verdict::waiting(TOPOLOGY_READY, failure.reason, failure.message.clone())
        }
        _ => plan.topology_verdict.clone(),
    }
}

/// What is not said of a store that stands still while one of its pools is drained: the servers go on, and once they are
/// done none starts with a string that still names the pool, as seen with RustFS 1.0.1.
fn half_drained(observed: &Observed) -> String {
    let draining = observed.topology.topology().and_then(Topology::draining);
    draining.map_or_else(String::new, |member| {
        format!(
            "; meanwhile the servers move the data of Pool {} on, and once they are done a server that is restarted stays \
             down until the Pool has left: restart none",
            member.name
        )
    })
}

/// The first thing in the way, in the order a person would have to deal with it.
fn overall(
    tenant: &Tenant,
    observed: &Observed,
    plan: &Plan,
    verdicts: &[Verdict; 6],
    enacted: &Enacted,
) -> Overall {
    let working = |reason: &str, message: &str| Overall::Working {
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    // A person must know of this, whatever else cannot be done meanwhile.
    let guarded = match &plan.stage {
        Stage::Guarded(verdict) => verdict.blocks(),
        _ => None,
    };
    if let Some(stuck @ Overall::Stuck { .. }) = guarded {
        return stuck;
    }
    if let Some(failure) = enacted.failure() {
        return failure.into();
    }
    if let Some(waits) = guarded {
        return waits;
    }
    match &plan.stage {
        Stage::Leaving(waits_for) => return working("Deleting", waits_for),
        Stage::Paused => {
            let message = format!(
                "spec.paused is true: nothing is changed until it is false{}",
                half_drained(observed)
            );
            return working("Paused", &message);
        }
        Stage::Invalid(fault) => {
            return Overall::Stuck {
                reason: "SpecInvalid".to_owned(),
                message: format!("{fault}{}", half_drained(observed)),
            };
        }
        Stage::Guarded(_) | Stage::Running => {}
    }
    let [before @ .., pools, available, rolled_out] = verdicts;
    // A server that a rollout made and that is not ready is more than a server that is not ready.
    let stalled = Some(rolled_out).filter(|rolled_out| rolled_out.needs_person());
    let order = before.iter().chain(stalled).chain([pools, available]);
    if let Some(blocked) = order.into_iter().find_map(Verdict::blocks) {
        return blocked;
    }
    let topology = plan.topology.as_ref();
    if let Some(change) = topology.and_then(|topology| living::change(tenant, observed, topology)) {
        return working("ChangingTopology", &change);
    }
    if let Some(blocked) = rolled_out.blocks() {
        return blocked;
    }
    let refused = topology.map_or(0, |topology| {
        topology.refused.iter().filter(|refusal| !refusal.waits).count()
    });
    let mut message = match refused {
        0 => "all servers serve".to_owned(),
        count => format!("all servers serve; Pools refused: {count}"),
    };
    if !rolled_out.holds() {
        message += "; ";
        message += &rolled_out.finding.message;
    }
    Overall::Ready { message }
}

fn pools(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Verdict {
    let ready = |member: &Member| servers::ready(tenant, observed, member, None);
    let Some(first) = topology
        .pools
        .iter()
        .find(|member| ready(member) < member.servers)
    else {
        return if topology.pools.is_empty() {
            Verdict::waiting(POOLS_READY, "NoPools", "no Pool is in the topology")
        } else {
            Verdict::good(POOLS_READY, "AllReady", "all servers of all Pools are ready")
        };
    };
    let message = format!(
        "Pool {}: {} of {} servers are ready",
        first.name,
        ready(first),
        first.servers
    );
    Verdict::waiting(POOLS_READY, "ServersNotReady", message)
}

/// Every erasure set can be written, counting each missing server as if it held as much of one set as it may.
fn available(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Verdict {
    if topology.pools.is_empty() {
        return Verdict::waiting(AVAILABLE, "NoPools", "no Pool is in the topology");
    }
    if !topology.formed {
        let message = "clients are let in once every server was ready for the first time";
        return Verdict::waiting(AVAILABLE, "Forming", message);
    }
    let serving = |member| servers::ready(tenant, observed, member, Some(topology.serving));
    if topology.pools.iter().all(|member| serving(member) == 0) {
        let message = format!("no server of topology revision {} is ready", topology.serving);
        return Verdict::waiting(AVAILABLE, "NoServerServes", message);
    }
    // Servers of either revision hold their drives out to the others; a newcomer holds nothing yet.
    let lacking = topology
        .pools
        .iter()
        .filter(|member| member.phase != Phase::Joining)
        .find_map(|member| {
            let sets = erasure::sets(tenant, member.servers, member.volumes_per_server);
            let needed = member.servers - sets.map_or(0, |sets| sets.spare_servers);
            let ready = servers::ready(tenant, observed, member, None);
            (ready < needed).then_some((member, ready, needed))
        });
    match lacking {
        Some((member, ready, needed)) => {
            let message = format!(
                "Pool {}: {ready} servers are ready, writing needs {needed}",
                member.name
            );
            Verdict::waiting(AVAILABLE, "QuorumLost", message)
        }
        None => Verdict::good(AVAILABLE, "Serving", "every erasure set can be read and written"),
    }
}

fn endpoints(tenant: &Tenant, observed: &Observed) -> BTreeMap<String, String> {
    let name = meta::name(tenant);
    let url = |service: String, port: i32| facts::url(tenant, &observed.settings, &service, port);
    [
        ("api".to_owned(), url(names::api_service(name), PORT_API)),
        (
            "console".to_owned(),
            url(names::console_service(name), PORT_CONSOLE),
        ),
    ]
    .into()
}
