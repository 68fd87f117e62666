//! Decisions of the tenant controller: credentials, topology, Services, adoption, teardown.

mod adoption;
mod agreement;
mod certificate;
mod config_map;
mod credentials;
mod deletion;
mod disruption_budget;
pub(crate) mod erasure;
mod facts;
mod hooks;
mod leaving;
mod living;
mod members;
mod network_policy;
mod observed;
mod pair;
mod preflight;
mod progress;
pub mod rebalance;
mod rebuild;
mod refusal;
mod rolled_out;
mod rollout;
mod rotation;
mod secret;
mod server_names;
mod servers;
mod service;
mod service_account;
mod status;
mod summary;
mod teardown;
mod topology;
mod validate;
mod verdict;

use std::time::Duration;

use crds::Tenant;
use crds::conditions::DELETION_ALLOWED;
use crds::hook::HookRun;
use crds::names::FINALIZER_TENANT;

use crate::meta;
use crate::step::Step;
use crate::topology::Topology;

pub(crate) use credentials::PAIR_KEPT;
pub(crate) use deletion::in_foreground;
pub use deletion::{Contents, Filled, Holdings, NAMED, may_go, must_ask};
use hooks::Gate;
pub use leaving::{says_ended, unseen_newcomers};
pub use observed::{Observed, Stored};
pub use pair::{
    Offer, Pair, generation_number, is_generation, kept_pair, known_generations, may_be_put_back, serving,
    started_with,
};
use progress::Progress;
use rebalance::Balance;
pub use secret::{Hidden, SecretCheck, check_credentials, check_rpc};
pub use server_names::server_names;
pub use status::status;
pub use topology::about_to_form;
pub(crate) use validate::{first_fault, servers_fault};
pub use verdict::Verdict;

/// How soon a given Secret that is missing or unusable is read again: nothing tells of its change.
const SECRET_RECHECK: Duration = Duration::from_secs(30);

/// How soon the servers are asked again how the drain of a Pool ended that says that it has.
const ENDED_RECHECK: Duration = Duration::from_secs(5);

/// How soon servers that are all ready are asked again whether they take writes: nothing tells of it.
const HEALTH_RECHECK: Duration = Duration::from_secs(2);

/// How soon a store that must not be deleted yet is asked again what it holds.
const DELETION_RECHECK: Duration = Duration::from_secs(30);

/// What is to be done for a Tenant, and the decisions its status tells of.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Plan {
    /// In order. A failed step ends them.
    pub steps: Vec<Step>,
    /// When to look again without being woken; none = at the resync.
    pub requeue: Option<Duration>,
    pub(crate) stage: Stage,
    /// The topology as it is to be; none while it is not known, or there is none.
    pub(crate) topology: Option<Topology>,
    pub(crate) credentials: Verdict,
    pub(crate) topology_verdict: Verdict,
    /// How far what the specs ask for has reached the servers; none while that cannot be told.
    pub(crate) progress: Option<Progress>,
    /// What is done about spreading objects over its Pools.
    pub(crate) balance: Balance,
    /// Whether it may be taken down; none while nobody wants that.
    pub(crate) deletion: Option<Verdict>,
    /// Runs of hooks that something waits for.
    pub(crate) hooks: Vec<HookRun>,
}

/// What the Tenant is in, as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is made and kept as its spec says.
    Running,
    /// Nothing is changed.
    Paused,
    /// The spec cannot be carried out; the path and what is wrong with it.
    Invalid(String),
    /// It was asked to go and may not yet: it is kept as before. The condition that says why.
    Guarded(Verdict),
    /// It is being taken down; what that waits for.
    Leaving(String),
}

/// Decides what to do for a Tenant. Total: whatever is seen becomes steps and verdicts.
pub fn plan(tenant: &Tenant, observed: &Observed) -> Plan {
    let credentials = credentials::judge(tenant, observed);
    let mut plan = Plan {
        steps: Vec::new(),
        requeue: None,
        stage: Stage::Running,
        topology: None,
        topology_verdict: topology::unknown(),
        progress: None,
        balance: rebalance::unseen(tenant, observed.topology.topology()),
        credentials,
        deletion: None,
        hooks: Vec::new(),
    };
    if meta::deleting(tenant) {
        plan.depart(tenant, observed);
        return plan;
    }
    if tenant.spec.paused {
        plan.stage = Stage::Paused;
        plan.report_stored(tenant, observed);
        return plan;
    }
    if let Some(fault) = validate::first_fault(tenant, observed.topology.topology()) {
        plan.stage = Stage::Invalid(fault);
        plan.report_stored(tenant, observed);
        return plan;
    }
    plan.run(tenant, observed);
    plan
}

impl Plan {
    /// What the servers are to be told about rebalancing, and by which of their Pods.
    #[must_use]
    pub fn rebalance_order(
        &self,
        tenant: &Tenant,
        observed: &Observed,
    ) -> Option<(rebalance::Order, String)> {
        let order = self.balance.order?;
        let members = self.topology.iter().flat_map(|topology| &topology.pools);
        let mut pods = members.flat_map(|member| servers::of(tenant, observed, member));
        let pod = pods.find(|pod| servers::is_ready(pod))?;
        Some((order, meta::name(pod).to_owned()))
    }

    /// Says that the servers did not do as they were told, and why.
    pub fn rebalance_refused(&mut self, why: &str) {
        self.balance.finding.message =
            format!("the servers do not do as they are told, and are told again: {why}");
    }

    fn depart(&mut self, tenant: &Tenant, observed: &Observed) {
        if meta::held(tenant, FINALIZER_TENANT) {
            let verdict = deletion::judge(tenant, observed);
            if !verdict.holds() {
                self.guard(tenant, observed);
                let sooner = self.requeue.unwrap_or(DELETION_RECHECK);
                self.requeue = Some(sooner.min(DELETION_RECHECK));
                self.deletion = Some(verdict.clone());
                self.stage = Stage::Guarded(verdict);
                return;
            }
            if !deletion::may_go(tenant) && self.held_by_hooks(tenant, observed) {
                return;
            }
            self.deletion = Some(verdict.clone());
            if !deletion::may_go(tenant) {
                // Written down before anything goes: afterwards the store cannot be asked again.
                self.report_stored(tenant, observed);
                self.stage = Stage::Leaving(verdict.finding.message);
                self.requeue = Some(Duration::ZERO);
                return;
            }
        }
        let (steps, waits_for) = teardown::plan(tenant, observed);
        self.stage = Stage::Leaving(waits_for);
        self.report_stored(tenant, observed);
        self.steps = steps;
    }

    /// Keeps a Tenant that may not go as if nobody had asked, as far as it can be kept: what was deleted with its
    /// namespace or by its owner would be deleted again.
    fn guard(&mut self, tenant: &Tenant, observed: &Observed) {
        let kept = observed.topology.topology().is_some()
            && !deletion::in_foreground(tenant)
            && !tenant.spec.paused
            && validate::first_fault(tenant, observed.topology.topology()).is_none();
        if kept {
            self.run(tenant, observed);
        } else {
            self.report_stored(tenant, observed);
        }
    }

    /// Whether a Tenant that may go waits for hooks. Meanwhile it is kept, so that they reach it.
    fn held_by_hooks(&mut self, tenant: &Tenant, observed: &Observed) -> bool {
        let gate = hooks::before_deletion(tenant, observed);
        let verdict = gate.verdict(DELETION_ALLOWED);
        if let Some(verdict) = &verdict {
            self.guard(tenant, observed);
            self.deletion = Some(verdict.clone());
            self.stage = Stage::Guarded(verdict.clone());
        }
        self.run_hooks(gate);
        verdict.is_some()
    }

    fn run_hooks(&mut self, gate: Gate) {
        self.steps.extend(gate.start);
        self.hooks.extend(gate.runs);
    }

    fn report_stored(&mut self, tenant: &Tenant, observed: &Observed) {
        if let Stored::Read { topology, .. } = &observed.topology {
            self.topology = Some(topology.as_ref().clone());
        }
        self.topology_verdict = topology::describe(observed, self.topology.as_ref());
        self.progress = self.survey(tenant, observed);
    }

    fn survey(&self, tenant: &Tenant, observed: &Observed) -> Option<Progress> {
        progress::survey(tenant, observed, self.topology.as_ref()?)
    }

    fn run(&mut self, tenant: &Tenant, observed: &Observed) {
        self.steps.push(Step::Hold(FINALIZER_TENANT));
        // Nobody joins a store that is to go.
        let open = credentials::allow_servers(&self.credentials) && !meta::deleting(tenant);
        match topology::decide(tenant, observed, open) {
            Ok(mut topology) => {
                if let Some(topology) = &mut topology {
                    self.balance = rebalance::decide(tenant, observed, topology);
                    topology.rebalance.clone_from(&self.balance.next);
                }
                self.topology_verdict = topology::describe(observed, topology.as_ref());
                self.topology = topology;
                self.progress = self.survey(tenant, observed);
                self.steps.extend(self.children(tenant, observed));
                self.start_hooks(tenant, observed);
            }
            // What is seen contradicts itself: whatever were written now could be the wrong half of it.
            Err(verdict) => {
                self.report_stored(tenant, observed);
                self.topology_verdict = verdict;
            }
        }
        let topology = self.topology.as_ref();
        let ended = topology.is_some_and(|topology| says_ended(tenant, observed, topology));
        let ended = ended.then_some(ENDED_RECHECK);
        let secret = (!self.credentials.holds()).then_some(SECRET_RECHECK);
        let progress = self.progress.as_ref();
        let late = progress.and_then(|progress| progress.recheck(observed.now));
        let forms = self.topology.as_ref().is_some_and(|topology| !topology.formed)
            && about_to_form(tenant, observed);
        let forms = forms.then_some(HEALTH_RECHECK);
        let moves = self.balance.requeue;
        self.requeue = [ended, secret, late, forms, moves].into_iter().flatten().min();
    }

    /// After all else: what they wait for is stored then, and one that cannot be made keeps nothing from going on.
    fn start_hooks(&mut self, tenant: &Tenant, observed: &Observed) {
        if let Some(topology) = self.topology.as_ref().filter(|_| !meta::deleting(tenant)) {
            self.run_hooks(hooks::before_drain(tenant, observed, topology));
        }
        let upgrade = self.progress.as_ref().and_then(|progress| progress.gate.clone());
        self.run_hooks(upgrade.unwrap_or_default());
    }

    /// Secrets first and the topology before the Services that select its revision; adoption last, because one
    /// object that resists must not keep the others from what they need.
    fn children(&self, tenant: &Tenant, observed: &Observed) -> Vec<Step> {
        let topology = self.topology.as_ref();
        let mut steps = secret::steps(tenant, observed, &self.credentials, topology);
        steps.extend(service_account::step(tenant));
        steps.push(service::headless(tenant));
        steps.extend(
            topology
                .iter()
                .flat_map(|topology| config_map::write(tenant, observed, topology)),
        );
        let progress = self.progress.as_ref();
        steps.extend(progress.and_then(|progress| progress::write(tenant, observed, &progress.record)));
        let serving = topology.map_or(0, |topology| topology.serving);
        steps.push(service::api(tenant, serving));
        steps.push(service::console(tenant, serving));
        steps.extend(topology.and_then(|topology| disruption_budget::step(tenant, topology)));
        steps.extend(network_policy::step(tenant, observed));
        steps.extend(
            topology
                .iter()
                .flat_map(|topology| config_map::prune(tenant, observed, topology)),
        );
        steps.extend(
            topology
                .iter()
                .flat_map(|topology| rotation::prune(tenant, observed, topology)),
        );
        // What is written now may be meant for the next Tenant of this name.
        if !meta::deleting(tenant) {
            steps.extend(adoption::steps(tenant, observed));
        }
        steps
    }
}

#[cfg(test)]
mod tests;
