//! Jobs that run before something that cannot be taken back: which run is meant, how far it is, and whether what waits
//! for it may begin.

mod job;

use crds::Tenant;
use crds::hook::{Before, Hook, HookFailurePolicy, HookOutcome, HookRun};
use crds::names::{ANNOTATION_HOOK_BEFORE, ANNOTATION_HOOK_POOL, LABEL_HOOK};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

pub(crate) use job::POD_NAME;

use super::deletion;
use super::observed::Observed;
use super::verdict::Verdict;
use crate::meta;
use crate::step::{Child, Step};
use crate::topology::{Member, Topology};

/// Reason while a hook runs.
pub(crate) const RUNNING: &str = "HookRunning";
/// Reason once a hook has failed and its policy is `Fail`.
pub(crate) const FAILED: &str = "HookFailed";
/// Reason where a hook cannot be run at all.
const IMPOSSIBLE: &str = "HookImpossible";

/// What hooks run before, this one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Occasion<'a> {
    pub(crate) before: Before,
    /// What tells this request from every other one of the Tenant.
    request: String,
    /// The Pool that is to be drained.
    pub(crate) pool: Option<&'a str>,
    /// What is so as long as the hooks have not completed; a sentence without its full stop.
    meanwhile: String,
}

impl<'a> Occasion<'a> {
    /// A Tenant is deleted once.
    fn deletion(tenant: &Tenant) -> Self {
        Self {
            before: Before::Deletion,
            request: meta::uid(tenant).to_owned(),
            pool: None,
            meanwhile: "Nothing is taken down and clients are served until then".to_owned(),
        }
    }

    /// The drain of a Pool, by the request that is in the topology.
    pub(crate) fn drain(member: &'a Member, request: &str) -> Self {
        Self {
            before: Before::Drain,
            request: request.to_owned(),
            pool: Some(&member.name),
            meanwhile: format!("Pool {} serves and keeps its data until then", member.name),
        }
    }

    /// Another image, by the revision of the rollout that asked for it first.
    pub(crate) fn upgrade(revision: i64, image: &str) -> Self {
        Self {
            before: Before::Upgrade,
            request: format!("{revision}/{image}"),
            pool: None,
            meanwhile: "Every server runs what it ran before until then".to_owned(),
        }
    }
}

/// Whether what waits for hooks may begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All have completed, or there is none.
    #[default]
    Open,
    /// One runs; which.
    Runs(String),
    /// One has failed; what to do.
    Failed(String),
    /// One cannot be run; why, and what to do.
    Impossible(String),
}

/// The hooks of one occasion at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Gate {
    pub(crate) standing: Standing,
    /// The Job that is to be made now.
    pub(crate) start: Option<Step>,
    /// What the status lists.
    pub(crate) runs: Vec<HookRun>,
}

impl Gate {
    pub(crate) fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    /// The condition of what waits; none once it may begin.
    pub(crate) fn verdict(&self, type_: &'static str) -> Option<Verdict> {
        match &self.standing {
            Standing::Open => None,
            Standing::Runs(message) => Some(Verdict::waiting(type_, RUNNING, message.as_str())),
            Standing::Failed(message) => Some(Verdict::stuck(type_, FAILED, message.as_str())),
            Standing::Impossible(message) => Some(Verdict::stuck(type_, IMPOSSIBLE, message.as_str())),
        }
    }
}

fn of(tenant: &Tenant, before: Before) -> impl Iterator<Item = &Hook> {
    let hooks = tenant.spec.hooks.iter();
    hooks.filter(move |hook| hook.before.contains(&before))
}

/// Whether any hook runs before this.
pub(crate) fn any(tenant: &Tenant, before: Before) -> bool {
    of(tenant, before).next().is_some()
}

/// The hooks of an occasion, one after the other: the first that has not completed decides.
pub(crate) fn gate(tenant: &Tenant, observed: &Observed, occasion: &Occasion<'_>) -> Gate {
    let mut gate = Gate::default();
    for hook in of(tenant, occasion.before) {
        let run = Run {
            tenant,
            observed,
            hook,
            occasion,
            name: job::name(tenant, hook, occasion),
        };
        let (listed, standing, start) = run.judge();
        gate.runs.extend(listed);
        if standing != Standing::Open {
            gate.standing = standing;
            gate.start = start;
            break;
        }
    }
    gate
}

/// The hooks before the deletion of a Tenant that may go. A store that has never served holds nothing that they could
/// save, and could not be reached by them.
pub(crate) fn before_deletion(tenant: &Tenant, observed: &Observed) -> Gate {
    if deletion::never_served(tenant, observed) {
        return Gate::default();
    }
    let mut gate = gate(tenant, observed, &Occasion::deletion(tenant));
    if gate.start.is_some() && deletion::in_foreground(tenant) {
        gate.start = None;
        gate.standing = Standing::Impossible(
            "the Tenant is deleted by --cascade=foreground, so Kubernetes deletes what it owns at once, a hook's Job \
             too: no hook can run. Remove the hooks before Deletion from spec.hooks to let the rest go without them"
                .to_owned(),
        );
    }
    gate
}

/// The hooks before the drain of the Pool that is next, if there is one.
pub(crate) fn before_drain(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Gate {
    let next = topology.pools.iter().find_map(|member| {
        let request = member.request.as_deref()?;
        Some(Occasion::drain(member, request))
    });
    next.map(|occasion| gate(tenant, observed, &occasion))
        .unwrap_or_default()
}

/// The list of the status: the runs that were looked at, and of every other hook its last run, of which the status may not
/// know if the operator was cut off.
pub(crate) fn listed(tenant: &Tenant, observed: &Observed, seen: &[HookRun]) -> Vec<HookRun> {
    let stored = tenant.status.iter().flat_map(|status| &status.hooks);
    let kept: Vec<HookRun> = stored
        .filter_map(|run| {
            let hook = tenant.spec.hooks.iter().find(|hook| hook.name == run.name)?;
            refreshed(tenant, observed, hook, run)
        })
        .collect();
    let mut list = Vec::new();
    for hook in &tenant.spec.hooks {
        let mut before = hook.before.clone();
        before.sort_unstable();
        before.dedup();
        for before in before {
            let of = |run: &&HookRun| run.name == hook.name && run.before == before;
            let found = seen.iter().find(of).cloned();
            let found = found.or_else(|| last_job(tenant, observed, hook, before));
            list.extend(found.or_else(|| kept.iter().find(of).cloned()));
        }
    }
    list
}

/// The run whose Job was made last.
fn last_job(tenant: &Tenant, observed: &Observed, hook: &Hook, before: Before) -> Option<HookRun> {
    let word = format!("{before:?}");
    let annotation = |job: &Job, key| job.metadata.annotations.as_ref()?.get(key).cloned();
    let jobs = observed.jobs.iter().map(AsRef::as_ref);
    let of = |job: &&Job| {
        meta::controls(tenant, *job)
            && meta::label(*job, LABEL_HOOK) == Some(hook.name.as_str())
            && annotation(job, ANNOTATION_HOOK_BEFORE).as_deref() == Some(word.as_str())
    };
    let made = |job: &&Job| {
        let time = job.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (time, meta::name(*job).to_owned())
    };
    let job = jobs.filter(of).max_by_key(made)?;
    let (outcome, finished_at) = outcome(hook, job);
    Some(HookRun {
        name: hook.name.clone(),
        before,
        pool: annotation(job, ANNOTATION_HOOK_POOL),
        job: meta::name(job).to_owned(),
        outcome,
        finished_at,
    })
}

/// A run that nothing waits for any more; none if it was called off and its Job is gone.
fn refreshed(tenant: &Tenant, observed: &Observed, hook: &Hook, run: &HookRun) -> Option<HookRun> {
    if run.outcome != HookOutcome::Running {
        return Some(run.clone());
    }
    let (outcome, finished_at) = outcome(hook, find(tenant, observed, &run.job)?);
    Some(HookRun {
        outcome,
        finished_at,
        ..run.clone()
    })
}

fn outcome(hook: &Hook, job: &Job) -> (HookOutcome, Option<Time>) {
    match (ended(job), hook.failure_policy) {
        (None, _) => (HookOutcome::Running, None),
        (Some(End::Complete(at)), _) => (HookOutcome::Succeeded, at),
        (Some(End::Failed(why)), HookFailurePolicy::Ignore) => {
            (HookOutcome::Ignored, why.last_transition_time.clone())
        }
        (Some(End::Failed(why)), HookFailurePolicy::Fail) => {
            (HookOutcome::Failed, why.last_transition_time.clone())
        }
    }
}

/// One run of one hook.
struct Run<'a> {
    tenant: &'a Tenant,
    observed: &'a Observed,
    hook: &'a Hook,
    occasion: &'a Occasion<'a>,
    /// Of the Job. It is the identity of the run.
    name: String,
}

type Judged = (Option<HookRun>, Standing, Option<Step>);

impl Run<'_> {
    fn judge(&self) -> Judged {
        if let Some(stored) = self.remembered() {
            return (Some(stored), Standing::Open, None);
        }
        match find(self.tenant, self.observed, &self.name) {
            Some(job) => self.seen(job),
            None => self.begin(),
        }
    }

    /// A run that was over, whatever has become of its Job.
    fn remembered(&self) -> Option<HookRun> {
        let runs = self.tenant.status.iter().flat_map(|status| &status.hooks);
        let mut over =
            runs.filter(|run| matches!(run.outcome, HookOutcome::Succeeded | HookOutcome::Ignored));
        over.find(|run| run.job == self.name && run.before == self.occasion.before)
            .cloned()
    }

    fn seen(&self, job: &Job) -> Judged {
        let (mut outcome, mut finished_at) = outcome(self.hook, job);
        // Whoever deletes a Job that has failed wants it to run again.
        if outcome == HookOutcome::Failed && meta::deleting(job) {
            (outcome, finished_at) = (HookOutcome::Running, None);
        }
        let standing = match (outcome, ended(job)) {
            (HookOutcome::Succeeded | HookOutcome::Ignored, _) => Standing::Open,
            (HookOutcome::Failed, Some(End::Failed(why))) => Standing::Failed(self.failed(why)),
            _ if meta::deleting(job) => {
                Standing::Runs(self.runs("it is being deleted and is made again once it is gone"))
            }
            _ => Standing::Runs(self.runs("`kubectl describe job` says how far it is")),
        };
        (Some(self.listed(outcome, finished_at)), standing, None)
    }

    /// Never beside a run for another request: two backups at once would be in each other's way.
    fn begin(&self) -> Judged {
        if let Some(other) = self.other() {
            let message = format!(
                "hook {} waits for its Job {other}, which runs for an earlier request; delete that Job to go on at once. {}",
                self.hook.name, self.occasion.meanwhile
            );
            return (None, Standing::Runs(message), None);
        }
        match job::build(self.tenant, self.observed, self.hook, self.occasion, &self.name) {
            Ok(job) => (
                Some(self.listed(HookOutcome::Running, None)),
                Standing::Runs(self.runs("`kubectl describe job` says how far it is")),
                Some(Step::Create(Box::new(Child::Job(job)))),
            ),
            Err(waits_for) => {
                let message = format!(
                    "hook {} waits for {waits_for}. {}",
                    self.hook.name, self.occasion.meanwhile
                );
                (None, Standing::Runs(message), None)
            }
        }
    }

    fn other(&self) -> Option<&str> {
        let of_hook = |job: &&Job| meta::label(*job, LABEL_HOOK) == Some(&self.hook.name);
        let running = running(self.tenant, self.observed).filter(of_hook);
        running.map(meta::name).min()
    }

    fn listed(&self, outcome: HookOutcome, finished_at: Option<Time>) -> HookRun {
        HookRun {
            name: self.hook.name.clone(),
            before: self.occasion.before,
            pool: self.occasion.pool.map(str::to_owned),
            job: self.name.clone(),
            outcome,
            finished_at,
        }
    }

    fn runs(&self, remark: &str) -> String {
        format!(
            "hook {} runs as Job {}: {remark}. {}. If it cannot run, remove it from spec.hooks to go on without it",
            self.hook.name, self.name, self.occasion.meanwhile
        )
    }

    fn failed(&self, failed: &JobCondition) -> String {
        let namespace = meta::namespace(self.tenant);
        let job = &self.name;
        let mut why = failed.reason.clone().unwrap_or_default();
        if let Some(message) = failed.message.as_ref().filter(|message| !message.is_empty()) {
            why = format!("{why}: {message}");
        }
        format!(
            "hook {} has failed as Job {job} ({why}); its log: `kubectl -n {namespace} logs job/{job}`. {}. To run it \
             again, mend it and `kubectl -n {namespace} delete job {job}`; to go on without it, set its failurePolicy to \
             Ignore, or remove it from spec.hooks",
            self.hook.name, self.occasion.meanwhile
        )
    }
}

/// Jobs of hooks that have not ended.
pub(crate) fn running<'a>(tenant: &'a Tenant, observed: &'a Observed) -> impl Iterator<Item = &'a Job> {
    let jobs = observed.jobs.iter().map(AsRef::as_ref);
    jobs.filter(move |job: &&Job| meta::controls(tenant, *job) && ended(job).is_none())
}

fn find<'a>(tenant: &Tenant, observed: &'a Observed, name: &str) -> Option<&'a Job> {
    let mut jobs = observed.jobs.iter().map(AsRef::as_ref);
    jobs.find(|job| meta::name(*job) == name && meta::controls(tenant, *job))
}

/// How a Job ended.
enum End<'a> {
    Complete(Option<Time>),
    Failed(&'a JobCondition),
}

fn ended(job: &Job) -> Option<End<'_>> {
    let status = job.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    let last = conditions
        .find(|found| found.status == "True" && matches!(found.type_.as_str(), "Complete" | "Failed"))?;
    Some(if last.type_ == "Complete" {
        let at = status.completion_time.clone();
        End::Complete(at.or_else(|| last.last_transition_time.clone()))
    } else {
        End::Failed(last)
    })
}
