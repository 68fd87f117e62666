//! Decisions of the pool controller: when servers may exist, what they run, which one may be replaced, what goes
//! with the Pool.

mod blocked;
pub mod claims;
pub mod drain;
pub(crate) mod environment;
pub mod growth;
mod inherited;
mod limit;
mod node_loss;
mod pods;
pub mod preflight;
mod prepare;
mod roll;
mod scheduling;
pub(crate) mod security;
mod stage;
mod stateful_set;
mod status;
mod storage;
mod teardown;
mod template;
#[cfg(test)]
mod tests;
mod wanted;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crds::names::FINALIZER_POOL;
use crds::{Pool, Tenant, TenantCertificate};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::core::PartialObjectMeta;

pub(crate) use limit::Limit;
pub(crate) use pods::{current, served, trouble, turned};
pub use roll::{concerns_health, ready};
pub use status::status;
pub(crate) use template::hash as digest;
pub(crate) use wanted::{Basis, Hold, Wanted};

use crate::health::Health;
use crate::meta;
use crate::rollout;
use crate::settings::Settings;
use crate::step::{Child, Step};
use crate::tenant::Stored;
use drain::Drain;
use growth::Growth;
use roll::Decision;
use stage::Stage;

pub(crate) use drain::{COMPLETE, RENUMBERED, RESPELLED};

/// Reason of the condition `Drained` once the Pool is out of the topology.
pub(crate) const LEFT: &str = "Left";

/// How soon what is left of a deleted Pool is read again, should a watch not tell.
const DEPARTURE_RECHECK: Duration = Duration::from_secs(10);

/// How soon servers that are not well are asked again before one of them is replaced: nothing tells of it.
const HEALTH_RECHECK: Duration = Duration::from_secs(2);

/// What was seen around one Pool.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Settings of the process.
    pub settings: Arc<Settings>,
    /// When it was seen.
    pub now: Timestamp,
    /// The Tenant it names, if there is one.
    pub tenant: Option<Arc<Tenant>>,
    /// The TenantCertificate whose key the servers use, if it exists.
    pub certificate: Option<Arc<TenantCertificate>>,
    /// The topology of the Tenant.
    pub topology: Stored,
    /// The record of the Tenant's rollouts.
    pub rollout: rollout::Stored,
    /// The StatefulSet of the Pool's name, whoever owns it. While the Pool is deleted it is read from the API server.
    pub stateful_set: Option<Arc<PartialObjectMeta<StatefulSet>>>,
    /// Whether what was seen of the StatefulSet is at least as new as the operator's own last write of it.
    pub caught_up: bool,
    /// All server Pods of the Tenant, this Pool's among them.
    pub pods: Vec<Arc<Pod>>,
    /// Volume claims with the Tenant's label.
    pub claims: Vec<Arc<PersistentVolumeClaim>>,
    /// A claim that has a name the StatefulSet would use but none of our labels; looked for before it is made.
    pub foreign_claim: Option<String>,
    /// What the StatefulSet makes its volumes of, where it was read whole from the API server: [`growth::concerns`].
    pub made: Option<growth::Made>,
    /// What the StorageClasses of [`growth::classes`] say.
    pub classes: BTreeMap<String, growth::Expansion>,
    /// What the servers say of their pools; asked for only where [`drain::concerns`] says so.
    pub word: drain::Word,
    /// What they say of their scanner's record; asked for only where [`drain::concerns_scanner`] says so.
    pub scanner: drain::ScannerWord,
    /// What they say of uploads that are still open; asked for only where [`drain::uploads::concerns`] says so.
    pub uploads: drain::UploadsWord,
    /// How the servers are; asked only where [`concerns_health`] says so.
    pub health: Health,
    /// Nodes and StorageClasses.
    pub cluster: preflight::Cluster,
}

/// What is to be done for a Pool.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Plan {
    /// In order. A failed step ends them.
    pub steps: Vec<Step>,
    /// When to look again without being woken; none = at the resync.
    pub requeue: Option<Duration>,
    pub(crate) stage: Stage,
    /// What the servers should run, once it is known.
    pub(crate) wanted: Option<Wanted>,
    /// What is done about outdated servers.
    pub(crate) decision: Decision,
    /// What is done about moving data away; none while no servers are kept.
    pub(crate) drain: Option<Drain>,
    /// What is done about volumes that are smaller than asked for.
    pub(crate) growth: Growth,
}

/// Decides what to do for a Pool. Total: whatever is seen becomes steps and conditions.
pub fn plan(pool: &Pool, observed: &Observed) -> Plan {
    let stage = stage::judge(pool, observed);
    let mut plan = Plan {
        steps: Vec::new(),
        requeue: None,
        wanted: None,
        decision: Decision::Done,
        drain: None,
        growth: Growth::default(),
        stage,
    };
    match &plan.stage {
        Stage::Leaving | Stage::Left { released: true, .. } => {
            plan.steps = teardown::steps(pool, observed);
            plan.requeue = meta::held(pool, FINALIZER_POOL).then_some(DEPARTURE_RECHECK);
        }
        Stage::Serving(terms) | Stage::Needed(Some(terms)) | Stage::Guarded(Some(terms)) => {
            let terms = terms.clone();
            plan.serve(pool, observed, &terms);
        }
        Stage::Paused
        | Stage::Blocked(_)
        | Stage::Needed(None)
        | Stage::Guarded(None)
        | Stage::Dismissed
        | Stage::Left { released: false, .. } => {}
    }
    plan
}

impl Plan {
    /// What the servers are to be told, and about which element.
    #[must_use]
    pub fn order(&self) -> Option<(drain::Order, &str)> {
        let order = self.drain.as_ref()?.order?;
        match &self.stage {
            Stage::Serving(terms) | Stage::Needed(Some(terms)) => {
                // Nothing is begun in a store that is to go.
                let begins = order == drain::Order::Start && meta::deleting(terms.tenant.as_ref());
                (!begins).then_some((order, terms.member.element.as_str()))
            }
            _ => None,
        }
    }

    fn serve(&mut self, pool: &Pool, observed: &Observed, terms: &stage::Terms) {
        if terms.obstacle.is_none() {
            self.keep_servers(pool, observed, terms);
        }
        let drain = drain::decide(pool, observed, terms);
        self.requeue = drain::recheck(pool, observed.now, &drain).or(self.requeue);
        self.drain = Some(drain);
    }

    fn keep_servers(&mut self, pool: &Pool, observed: &Observed, terms: &stage::Terms) {
        let wanted = terms.wanted(pool, observed);
        // No finalizer can be added to what is on its way out.
        if !meta::held(pool, FINALIZER_POOL) && !meta::deleting(pool) {
            self.steps.push(Step::Hold(FINALIZER_POOL));
        }
        let (decision, template) = roll::decide(pool, observed, terms, &wanted, &observed.health);
        let growth = growth::decide(pool, observed);
        if let Some(size) = &growth.size {
            let set = stateful_set::build(&terms.tenant, &growth::sized(pool, size), template.clone());
            self.steps.push(Step::Apply(Box::new(Child::StatefulSet(set))));
        }
        if let Decision::Replace(numbers) = &decision {
            self.steps.extend(roll::steps(pool, observed, numbers));
        } else {
            // A server that goes needs the StatefulSet to come back.
            self.steps.extend(growth.steps.clone());
        }
        self.requeue = growth.requeue;
        if observed.health != Health::NotAsked && matches!(decision, Decision::Wait(_)) {
            self.requeue = Some(HEALTH_RECHECK);
        }
        self.growth = growth;
        self.decision = decision;
        self.wanted = Some(wanted);
    }
}
