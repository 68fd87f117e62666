//! How far a rollout has come, what keeps it, and what is to be remembered of it.

use crds::Tenant;
use crds::hook::Before;
use crds::names;
use crds::rollout::MissingServer;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::hooks::{self, Gate, Occasion};
use super::observed::Observed;
use super::{rollout, servers};
use crate::meta;
use crate::pool::{self, Hold, Limit, Wanted};
use crate::rollout::{Recipe, Rejection, Rollout, Stored};
use crate::step::{Child, Step};
use crate::topology::{Member, Phase, Topology};

/// Seconds a replaced server may take, unless the Tenant says otherwise.
const DEADLINE_SECONDS: i32 = 600;

/// How far a rollout has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// The record as it is to be.
    pub(crate) record: Rollout,
    /// Servers that do not run what the specs ask for.
    pub(crate) behind: usize,
    /// Whether what is asked for has not reached all servers yet, or one of them has to be replaced.
    pub(crate) rolling: bool,
    /// Why servers are held back.
    pub(crate) hold: Option<Hold>,
    /// The first server without a Pod, while it is waited for.
    pub(crate) missing: Option<MissingServer>,
    /// The server that is waited for the longest.
    pub(crate) trouble: Option<Rejection>,
    /// When the server that is waited for is late; none while none is.
    pub(crate) due: Option<Timestamp>,
    /// Whether that server is late.
    pub(crate) late: bool,
    /// Seconds a server may take.
    pub(crate) deadline: i32,
    /// Servers that may be away at once.
    pub(crate) most: i32,
    /// The hooks before another image, while they have not completed.
    pub(crate) gate: Option<Gate>,
    /// What to say of a number that is not in force, and of which Pool.
    pub(crate) remark: Option<String>,
}

/// A member and what its servers should run.
struct Part<'a> {
    member: &'a Member,
    wanted: Wanted,
    pods: Vec<(i32, &'a Pod)>,
}

/// Looks at all servers; none before the store has formed, or while it is not known what a server should run.
pub(crate) fn survey(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Option<Progress> {
    if !topology.formed || topology.pools.is_empty() || observed.rollout == Stored::Foreign {
        return None;
    }
    let parts = topology.pools.iter().map(|member| {
        let wanted = rollout::wanted(tenant, observed, topology, member)?;
        let pods = rollout::numbered(tenant, observed, member).collect();
        Some(Part { member, wanted, pods })
    });
    let parts = parts.collect::<Option<Vec<_>>>()?;
    let mut progress = Progress {
        record: observed.rollout.rollout().cloned().unwrap_or_default(),
        behind: parts.iter().map(Part::behind).sum(),
        hold: parts.first().and_then(|part| part.wanted.hold),
        ..Progress::limited(tenant, topology)
    };
    let floor = status(tenant).map_or(0, |status| status.revision);
    progress
        .record
        .ask(&asked(tenant, observed, topology), floor, observed.now);
    progress.clear(tenant, observed, &parts);
    progress.watch(tenant, observed, &parts);
    progress.conclude(tenant, &parts);
    Some(progress)
}

fn status(tenant: &Tenant) -> Option<&crds::rollout::RolloutStatus> {
    tenant.status.as_ref()?.rollout.as_ref()
}

fn asked(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Recipe {
    let members = topology.pools.iter();
    let pools = members.filter_map(|member| observed.pool(&member.name, &member.uid));
    Recipe::of(tenant, pools, &observed.settings)
}

impl Part<'_> {
    fn behind(&self) -> usize {
        self.pods
            .iter()
            .filter(|(_, pod)| !self.wanted.is_said(pod))
            .count()
    }

    /// Whether no server has another image.
    fn runs(&self, image: &str) -> bool {
        let pods = self.pods.iter().filter_map(|(_, pod)| pod.spec.as_ref());
        let mut servers = pods.flat_map(|spec| &spec.containers);
        servers.all(|one| one.name != names::CONTAINER || one.image.as_deref() == Some(image))
    }

    fn complete(&self) -> bool {
        let hash = self.wanted.hash();
        let done = |pod: &Pod| servers::is_ready(pod) && pool::current(pod, &hash);
        let done = self.pods.iter().filter(|(_, pod)| done(pod)).count();
        !self.wanted.rejected && i32::try_from(done).is_ok_and(|done| done >= self.member.servers)
    }

    fn outdated(&self) -> bool {
        self.pods
            .iter()
            .any(|(ordinal, pod)| self.wanted.outdated(pod, *ordinal))
    }

    /// Servers of a Pool that joins are new themselves: no change of a spec is to blame for them.
    fn joins(&self) -> bool {
        self.member.phase == Phase::Joining
    }

    fn first_missing(&self, tenant: &Tenant) -> Option<String> {
        if self.joins() {
            return None;
        }
        let there = |number| self.pods.iter().any(|(ordinal, _)| *ordinal == number);
        let mut numbers = 0..self.member.servers;
        let number = numbers.find(|number| !there(*number) && !self.wanted.holds(*number))?;
        let set = names::stateful_set(meta::name(tenant), &self.member.name);
        Some(format!("{set}-{number}"))
    }

    /// Servers that were made as asked and do not serve. `asked` is when the change was asked for: what was so before
    /// cannot be its fault. While servers that it has not reached do not serve either, one that was ready as asked is no
    /// evidence: none is ready without enough peers.
    fn troubled(&self, asked: Timestamp, others_ail: bool) -> impl Iterator<Item = Rejection> {
        let hash = self.wanted.hash();
        let pods = self.pods.iter().filter(|_| !self.joins());
        let pods = pods.map(|(_, pod)| *pod);
        pods.filter(move |pod| !meta::deleting(*pod) && !servers::is_ready(pod) && pool::current(pod, &hash))
            .filter(move |pod| !(others_ail && pool::served(pod)))
            .filter_map(move |pod| {
                // The node's clock may be slow; when the Pod was made is the API server's.
                let made = pod.metadata.creation_timestamp.as_ref();
                let times = [pool::turned(pod), made].into_iter().flatten();
                let since = times.map(|time| time.0).max()?.max(asked);
                Some(Rejection {
                    server: meta::name(pod).to_owned(),
                    since: Time(since),
                    why: pool::trouble(pod),
                })
            })
    }

    /// Whether a server does not serve that runs what was asked for before.
    fn ails_as_it_was(&self) -> bool {
        let hash = self.wanted.hash();
        let mut pods = self.pods.iter().map(|(_, pod)| pod);
        pods.any(|pod| !servers::is_ready(pod) && !pool::current(pod, &hash))
    }
}

impl Progress {
    fn limited(tenant: &Tenant, topology: &Topology) -> Self {
        let said = tenant.spec.rollout.as_ref();
        let limits = topology.pools.iter().map(|member| {
            let limit = Limit::of(tenant, member.servers, member.volumes_per_server);
            (limit, member.name.as_str())
        });
        let least = limits.min_by_key(|(limit, _)| limit.most);
        let remark = least.and_then(|(limit, pool)| Some(format!("Pool {pool}: {}", limit.remark()?)));
        Self {
            most: least.map_or(1, |(limit, _)| limit.most),
            remark,
            deadline: said
                .and_then(|rollout| rollout.progress_deadline_seconds)
                .unwrap_or(DEADLINE_SECONDS),
            ..Self::default()
        }
    }

    /// Lets servers take another image once its hooks have completed.
    fn clear(&mut self, tenant: &Tenant, observed: &Observed, parts: &[Part<'_>]) {
        if self.record.clearance.given {
            return;
        }
        let image = self.record.latest.recipe.tenant.image.as_str();
        let same = match self.record.good {
            Some(_) => self.record.ran(image),
            None => parts.iter().all(|part| part.runs(image)),
        };
        if !same && hooks::any(tenant, Before::Upgrade) {
            // While something else holds the servers, none is begun.
            if self.hold != Some(Hold::Hooks) {
                return;
            }
            let occasion = Occasion::upgrade(self.record.clearance.revision, image);
            let gate = hooks::gate(tenant, observed, &occasion);
            let open = gate.is_open();
            self.gate = Some(gate);
            if !open {
                return;
            }
        }
        self.record.clearance.given = true;
    }

    /// Looks for a server that keeps the rollout.
    fn watch(&mut self, tenant: &Tenant, observed: &Observed, parts: &[Part<'_>]) {
        let good = self.record.good.as_ref();
        let settings_roll = good.is_none_or(|good| !good.recipe.agrees(&self.record.latest.recipe));
        let goes_back = self.record.rejected.is_some();
        self.rolling = (settings_roll && !goes_back) || parts.iter().any(Part::outdated);
        if !self.rolling || goes_back {
            return;
        }
        let first = parts.iter().find_map(|part| part.first_missing(tenant));
        self.missing = first.map(|name| {
            let before = status(tenant).and_then(|status| status.missing.as_ref());
            let since = before.filter(|before| before.name == name).map_or_else(
                || Time(Timestamp::from_second(observed.now.as_second()).unwrap_or_default()),
                |before| before.since.clone(),
            );
            MissingServer { name, since }
        });
        let latest = self.record.history.first();
        let asked = latest.map_or(Timestamp::MIN, |latest| latest.started_at.0);
        let others_ail = parts.iter().any(Part::ails_as_it_was);
        let missing = self.missing.iter().map(|missing| Rejection {
            server: missing.name.clone(),
            since: Time(missing.since.0.max(asked)),
            why: "it has no Pod; `kubectl describe statefulset` says why".to_owned(),
        });
        self.trouble = parts
            .iter()
            .flat_map(|part| part.troubled(asked, others_ail))
            .chain(missing)
            .min_by(|a, b| (a.since.0, &a.server).cmp(&(b.since.0, &b.server)));
        self.due = self.trouble.as_ref().and_then(|trouble| {
            let within = SignedDuration::from_secs(i64::from(self.deadline));
            trouble.since.0.checked_add(within).ok()
        });
        self.late = self.due.is_some_and(|due| due <= observed.now);
    }

    /// Whether what is asked for proved good, or is taken back.
    fn conclude(&mut self, tenant: &Tenant, parts: &[Part<'_>]) {
        let said = tenant.spec.rollout.as_ref();
        // While the Tenant is paused nothing is written, so nothing is taken back either.
        let may_go_back =
            said.is_some_and(|rollout| rollout.auto_rollback && !rollout.paused) && !tenant.spec.paused;
        if self.record.rejected.is_none() && parts.iter().all(Part::complete) {
            self.record.complete();
            self.rolling = false;
        } else if self.late
            && may_go_back
            && self.record.can_go_back()
            && let Some(trouble) = self.trouble.clone()
        {
            self.record.reject(trouble);
        }
    }

    /// How long until a server is late.
    pub(crate) fn recheck(&self, now: Timestamp) -> Option<std::time::Duration> {
        let due = self.due.filter(|_| !self.late)?;
        // A second later than the instant: timers may be early.
        let until = due.duration_since(now) + SignedDuration::from_secs(1);
        Some(until.max(SignedDuration::from_secs(1)).unsigned_abs())
    }
}

/// Writes the record, if it is not what is stored already; only as the version the decision was made on.
pub(crate) fn write(tenant: &Tenant, observed: &Observed, record: &Rollout) -> Option<Step> {
    let name = meta::name(tenant);
    // Serialising plain values cannot fail; an empty text would be found unreadable, not believed.
    let text = serde_json::to_string_pretty(record).unwrap_or_default();
    let mut map = ConfigMap {
        metadata: meta::child_meta(names::rollout(name), tenant, meta::labels(name, "rollout")),
        data: Some([(names::KEY_ROLLOUT.to_owned(), text)].into()),
        ..ConfigMap::default()
    };
    let stored = observed.rollout.rollout();
    match &observed.rollout {
        Stored::Foreign => None,
        Stored::Missing => Some(Step::Create(Box::new(Child::ConfigMap(map)))),
        Stored::Found { resource_version, .. } => {
            if stored != Some(record) {
                map.metadata.resource_version.clone_from(resource_version);
            }
            Some(Step::Apply(Box::new(Child::ConfigMap(map))))
        }
    }
}
