//! What a Pool's status says of a plan and what became of it.

use std::sync::Arc;

use crds::conditions::{ACCEPTED, DRAINED, JOINED, TENANT_FOUND};
use crds::names::{FINALIZER_POOL, LABEL_TOPOLOGY_REVISION};
use crds::{Pool, PoolStatus};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::blocked::{blocked, kept, obstructed, passed, waiting};
use super::stage::{Stage, Terms};
use super::{
    LEFT, Limit, Observed, Plan, claims, drain, growth, node_loss, pods, preflight, storage, teardown,
    workload,
};
use crate::condition::{self, Finding, Overall, no, yes};
use crate::meta;
use crate::step::Enacted;
use crate::topology::Phase;

/// The whole status. Nothing in it changes while nothing changes.
#[must_use]
pub fn status(
    pool: &Pool,
    observed: &Observed,
    plan: &Plan,
    enacted: &Enacted,
    now: Timestamp,
) -> PoolStatus {
    let stored = pool.status.clone().unwrap_or_default();
    let servers = Servers::count(pool, observed, plan);
    let (findings, overall) = judge(pool, observed, plan, enacted, &servers);
    let generation = pool.metadata.generation;
    let findings = overall.findings().into_iter().chain(findings);
    let mut status = PoolStatus {
        observed_generation: generation,
        conditions: condition::merge(&stored.conditions, findings, generation, now),
        servers: servers.all,
        ready_servers: servers.ready,
        updated_servers: servers.updated,
        topology_revision: servers.revision.or(stored.topology_revision),
        volume_size: growth::reached(pool, observed).or(stored.volume_size),
        drain: match (&plan.drain, &plan.stage) {
            (Some(drain), _) => drain.status.clone(),
            (None, Stage::Left { .. }) => None,
            (None, _) => stored.drain.clone(),
        },
        ..stored
    };
    if let Stage::Serving(terms) = &plan.stage
        && terms.obstacle.is_none()
    {
        status.element = Some(terms.member.element.clone());
        status.set_width = terms.sets.map(|(width, _)| width);
        status.parity = terms.sets.map(|(_, parity)| parity);
        status.max_unavailable = Some(Limit::of_pool(&terms.tenant, pool).most);
        status.stateful_set_name = Some(crds::names::stateful_set(
            meta::name(terms.tenant.as_ref()),
            meta::name(pool),
        ));
    }
    status
}

/// What is counted of a Pool's servers.
pub(super) struct Servers {
    all: i32,
    pub(super) ready: i32,
    pub(super) updated: i32,
    /// The topology revision all servers run.
    revision: Option<i64>,
    pub(super) first_trouble: Option<String>,
    /// What is to be said of a server whose Node is gone.
    pub(super) node_lost: Option<String>,
}

impl Servers {
    fn count(pool: &Pool, observed: &Observed, plan: &Plan) -> Self {
        let mut own: Vec<&Arc<Pod>> = observed
            .pods
            .iter()
            .filter(|pod| pods::ordinal(pool, pod.as_ref()).is_some())
            .collect();
        own.sort_by_key(|pod| pods::ordinal(pool, pod.as_ref()));
        let number = |keep: &dyn Fn(&Pod) -> bool| {
            i32::try_from(own.iter().filter(|pod| keep(pod.as_ref())).count()).unwrap_or(i32::MAX)
        };
        let all = number(&|_| true);
        let updated = plan
            .wanted
            .as_ref()
            // Without a decision anew the last one stands.
            .map_or_else(
                || stored_updated(pool).min(all),
                |wanted| number(&|pod| wanted.is_said(pod)),
            );
        let trouble = own.iter().find(|pod| !pods::ready(pod.as_ref()));
        Self {
            all,
            updated,
            ready: number(&|pod| pods::ready(pod)),
            revision: if all == pool.spec.servers {
                one_revision(&own)
            } else {
                None
            },
            node_lost: node_loss::first(pool, observed),
            first_trouble: trouble
                .map(|pod| format!("{}: {}", meta::name(pod.as_ref()), pods::trouble(pod.as_ref()))),
        }
    }
}

fn stored_updated(pool: &Pool) -> i32 {
    pool.status.as_ref().map_or(0, |status| status.updated_servers)
}

fn one_revision(pods: &[&Arc<Pod>]) -> Option<i64> {
    let mut revisions = pods
        .iter()
        .map(|pod| meta::label(pod.as_ref(), LABEL_TOPOLOGY_REVISION));
    let first = revisions.next()??;
    revisions
        .all(|revision| revision == Some(first))
        .then(|| first.parse().ok())
        .flatten()
}

fn judge(
    pool: &Pool,
    observed: &Observed,
    plan: &Plan,
    enacted: &Enacted,
    servers: &Servers,
) -> (Vec<Finding>, Overall) {
    let working = |reason: &str, message: String| Overall::Working {
        reason: reason.to_owned(),
        message,
    };
    if let Stage::Serving(terms) | Stage::Needed(Some(terms)) = &plan.stage
        && let Some(obstacle) = &terms.obstacle
    {
        return obstructed(pool, observed, plan, enacted, obstacle);
    }
    match &plan.stage {
        Stage::Paused => (
            kept(pool),
            working("Paused", "the Tenant is paused: spec.paused is true, nothing is changed".to_owned()),
        ),
        Stage::Dismissed => (
            kept(pool),
            working(
                "Deleting",
                "waiting for the Tenant to take this Pool out of its topology".to_owned(),
            ),
        ),
        Stage::Needed(Some(terms)) => drain::told(plan, pool, serving(pool, observed, plan, terms, enacted, servers)),
        Stage::Guarded(_) => (
            kept(pool),
            working(
                "TenantGuarded",
                format!(
                    "Tenant {} is to be deleted and may not go yet: its condition DeletionAllowed says why. Until then \
                     these servers stay",
                    pool.spec.tenant_ref.name
                ),
            ),
        ),
        Stage::Needed(None) => (
            kept(pool),
            working(
                "Kept",
                "this Pool holds data of a living Tenant: it is drained once its Tenant is not paused and usable, and \
                 its servers stay until then"
                    .to_owned(),
            ),
        ),
        Stage::Left { drained, released } => left(pool, observed, enacted, *drained, *released),
        Stage::Leaving => (kept(pool), leaving(pool, observed, enacted)),
        Stage::Blocked(verdict) => {
            let overall = verdict.blocks().unwrap_or_else(waiting);
            (blocked(pool, observed, &verdict.finding), overall)
        }
        Stage::Serving(terms) => drain::told(plan, pool, serving(pool, observed, plan, terms, enacted, servers)),
    }
}

fn leaving(pool: &Pool, observed: &Observed, enacted: &Enacted) -> Overall {
    if let Some(failure) = enacted.failure() {
        return failure.into();
    }
    let message = match (
        teardown::remaining(pool, observed),
        claims::reclaim(pool, observed.tenant.as_deref()),
    ) {
        (0, crds::common::ReclaimPolicy::Delete) => "volumes are being deleted".to_owned(),
        (0, crds::common::ReclaimPolicy::Retain) => "volumes are kept".to_owned(),
        (count, _) => {
            let lost = node_loss::first(pool, observed).map(|lost| format!("; {lost}"));
            format!("waiting for {count} servers to stop{}", lost.unwrap_or_default())
        }
    };
    Overall::Working {
        reason: "Deleting".to_owned(),
        message,
    }
}

/// Out of the topology: its servers go once no other server names them.
fn left(
    pool: &Pool,
    observed: &Observed,
    enacted: &Enacted,
    drained: bool,
    released: bool,
) -> (Vec<Finding>, Overall) {
    let mut findings = kept(pool);
    for finding in &mut findings {
        if finding.type_ == JOINED {
            *finding = no(JOINED, LEFT, "it has left the topology");
        } else if finding.type_ == DRAINED && drained {
            *finding = yes(DRAINED, LEFT, "its data is on the other Pools");
        }
    }
    if let Some(failure) = enacted.failure() {
        return (findings, failure.into());
    }
    let working = |message: &str| Overall::Working {
        reason: "Leaving".to_owned(),
        message: message.to_owned(),
    };
    let overall = if !released {
        working("the other servers take a topology without this Pool; its own servers stay until they have")
    } else if meta::deleting(pool) || meta::held(pool, FINALIZER_POOL) {
        leaving(pool, observed, enacted)
    } else {
        Overall::Ready {
            message: "drained: its data is on the other Pools and its servers are gone; it can be deleted"
                .to_owned(),
        }
    };
    (findings, overall)
}

fn serving(
    pool: &Pool,
    observed: &Observed,
    plan: &Plan,
    terms: &Terms,
    enacted: &Enacted,
    servers: &Servers,
) -> (Vec<Finding>, Overall) {
    let storage = storage::judge(pool, observed, plan, enacted);
    let workload = workload::judge(pool, plan, terms, servers, enacted);
    let joined = joined(terms);
    let findings = vec![
        passed(pool, TENANT_FOUND),
        passed(pool, ACCEPTED),
        preflight::finding(pool, observed),
        storage.finding.clone(),
        workload.clone(),
        joined.clone(),
        drain::finding(plan),
    ];
    if let Some(failure) = enacted.failure() {
        return (findings, failure.into());
    }
    if let Some(stuck @ Overall::Stuck { .. }) = storage.blocks() {
        return (findings, stuck);
    }
    let open = [workload, storage.finding, joined]
        .into_iter()
        .find(|finding| finding.status != condition::Truth::True);
    let overall = match open {
        Some(finding) if finding.reason == workload::ROLLED_BACK => Overall::Stuck {
            reason: finding.reason,
            message: finding.message,
        },
        Some(finding) => Overall::Working {
            reason: finding.reason,
            message: finding.message,
        },
        None => Overall::Ready {
            message: format!("{} servers serve", servers.ready),
        },
    };
    (findings, overall)
}

fn joined(terms: &Terms) -> Finding {
    let topology = &terms.topology;
    if !topology.formed {
        let message = "the store has not served yet: all servers of all Pools must be ready once";
        return no(JOINED, "Forming", message);
    }
    if terms.member.phase == Phase::Joining {
        let message = if topology.serving == topology.revision {
            "clients are served with it; all its servers must be ready once".to_owned()
        } else if topology
            .pools
            .iter()
            .any(|member| member.revision != topology.revision)
        {
            "all servers of this Pool must be ready; then the others take the new topology".to_owned()
        } else {
            format!(
                "the other servers take topology revision {} one after the other; clients follow with the last",
                topology.revision
            )
        };
        return no(JOINED, "Joining", message);
    }
    yes(
        JOINED,
        "Joined",
        format!("serves in topology revision {}", topology.serving),
    )
}
