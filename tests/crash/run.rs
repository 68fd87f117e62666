//! One life with some of its writes failing, and what is wrong with how its scenarios end.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;

use crate::lane::Lane;
use crate::lives::{Life, Scenario};
use crate::plans::Plan;
use crate::support::cutter::Fault;
use crate::support::failure;
use crate::support::sight::Sight;
use crate::support::state;
use crate::support::writes::Write;

/// Nothing is written for so long before it is looked whether all is as it should be.
const QUIET: Duration = Duration::from_millis(700);
/// An undisturbed run, and one that sees late, has ended when nothing is written for so long: the progress of a status
/// may be held back for 2 s.
const CALM: Duration = Duration::from_secs(5);
/// How long after all that is waited for has come a disturbed run may differ from an undisturbed one.
const CONVERGES: Duration = Duration::from_secs(90);

/// Faults of one scenario, by site.
pub type Faults = Vec<(String, Fault)>;

/// How a scenario goes when nothing disturbs it.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    /// Its end.
    pub end: Vec<String>,
    /// What two undisturbed runs differed in; it is told, and not asked of disturbed ones.
    pub unsteady: Vec<String>,
    /// Its sites, in order.
    pub sites: Vec<String>,
    /// How often each object is made.
    pub creates: BTreeMap<String, usize>,
    /// How often each object is deleted.
    pub deletes: BTreeMap<String, usize>,
    /// What servers were told to begin.
    pub begun: Begun,
}

/// How often servers were told to begin what must not begin twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// To move a pool away.
    pub drains: u64,
    /// To spread objects over pools.
    pub rebalances: u64,
}

/// What became of the faults of one scenario.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Place of the scenario in its life.
    pub scenario: usize,
    /// The faults that were to come about.
    pub planned: Faults,
    /// Those that did.
    pub met: usize,
    /// How well watches saw.
    pub sight: Option<Sight>,
    /// What is wrong, if anything.
    pub wrong: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Reference {
    /// How an end differs.
    pub fn differences(&self, end: &[String]) -> Vec<String> {
        let mut differences = state::differences(&self.end, end);
        let steady = |line: &String| {
            !self
                .unsteady
                .iter()
                .any(|other| state::path(other) == state::path(line))
        };
        differences.retain(steady);
        differences
    }

    /// Takes in another undisturbed run: no site of either is left out.
    pub fn widen(&mut self, other: Self) {
        self.unsteady = state::differences(&self.end, &other.end);
        for site in other.sites {
            if !self.sites.contains(&site) {
                self.sites.push(site);
            }
        }
        most(&mut self.creates, other.creates);
        most(&mut self.deletes, other.deletes);
    }
}

fn most(into: &mut BTreeMap<String, usize>, from: BTreeMap<String, usize>) {
    for (key, count) in from {
        let known = into.entry(key).or_default();
        *known = count.max(*known);
    }
}

/// Lives a life undisturbed.
pub async fn reference(lane: &Arc<Lane>, life: &Life) -> Result<Vec<Reference>, String> {
    lane.start();
    let mut all = Vec::new();
    for scenario in life.scenarios {
        lane.plan(&[]).await;
        let before = begun(lane).await;
        act(lane, scenario).await?;
        calm(lane, CALM).await;
        let writes = lane.cutter.writes();
        let (admin, _) = lane.ground.servers.writes(&lane.tenant()).await;
        all.push(Reference {
            end: state::of(&lane.space).await,
            unsteady: Vec::new(),
            sites: sites(&writes, &admin),
            creates: creates(&writes),
            deletes: deletes(&writes),
            begun: begun(lane).await.since(before),
        });
    }
    Ok(all)
}

/// Lives a life with these faults, as far as there are any; ends with the first scenario that goes wrong.
pub async fn disturbed(lane: &Arc<Lane>, life: &Life, references: &[Reference], plan: &Plan) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let last = plan.faults.iter().rposition(|faults| !faults.is_empty());
    if let Some(sight) = plan.sight {
        lane.cutter.see(sight);
    }
    lane.start();
    let reviving = tokio::spawn(Arc::clone(lane).revive());
    for (place, scenario) in life.scenarios.iter().enumerate() {
        if plan.sight.is_none() && last.is_none_or(|last| place > last) {
            break;
        }
        let started = Instant::now();
        lane.plan(&plan.faults[place]).await;
        let quiet = if plan.sight.is_some() { CALM } else { QUIET };
        let wrong = scenario_is_wrong(lane, scenario, &references[place], quiet).await;
        let (_, held) = lane.ground.servers.writes(&lane.tenant()).await;
        let failed = wrong.is_some();
        verdicts.push(Verdict {
            scenario: place,
            planned: plan.faults[place].clone(),
            sight: plan.sight,
            met: lane.cutter.done().len() + held.len(),
            wrong,
            took: started.elapsed(),
        });
        if failed {
            break;
        }
    }
    reviving.abort();
    verdicts
}

async fn scenario_is_wrong(
    lane: &Arc<Lane>,
    scenario: &Scenario,
    reference: &Reference,
    quiet: Duration,
) -> Option<String> {
    let before = begun(lane).await;
    if let Err(why) = act(lane, scenario).await {
        return Some(format!("{why}\n{}", lane.tail()));
    }
    let deadline = Instant::now() + CONVERGES;
    loop {
        calm(lane, quiet).await;
        let differences = reference.differences(&state::of(&lane.space).await);
        if differences.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            return Some(format!("it ends differently:\n{}", differences.join("\n")));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let writes = lane.cutter.writes();
    let mut wrong = more("made", &reference.creates, &creates(&writes));
    wrong.extend(more("deleted", &reference.deletes, &deletes(&writes)));
    let begun = begun(lane).await.since(before);
    if begun != reference.begun {
        wrong.push(format!("{begun:?}, undisturbed {:?}", reference.begun));
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

async fn act(lane: &Arc<Lane>, scenario: &Scenario) -> Result<(), String> {
    let acted = AssertUnwindSafe((scenario.act)(Arc::clone(lane))).catch_unwind();
    acted.await.map_err(|panic| failure::said(panic.as_ref()))
}

async fn calm(lane: &Lane, quiet: Duration) {
    let deadline = Instant::now() + CONVERGES;
    while lane.cutter.quiet() < quiet && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Begun {
    fn since(self, before: Self) -> Self {
        Self {
            drains: self.drains - before.drains,
            rebalances: self.rebalances - before.rebalances,
        }
    }
}

async fn begun(lane: &Lane) -> Begun {
    let servers = &lane.ground.servers;
    Begun {
        drains: servers.starts(&format!(".store-hl.{}.", lane.space.name)).await,
        rebalances: servers.rebalances_begun(&lane.space.name, "store").await,
    }
}

fn sites(writes: &[Write], admin: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let told = admin.iter().map(|site| {
        let count = counts.entry(site).or_default();
        *count += 1;
        format!("admin {site} #{count}")
    });
    let told: Vec<_> = told.collect();
    writes
        .iter()
        .map(|write| write.site.clone())
        .chain(told)
        .collect()
}

/// How often each object was made.
fn creates(writes: &[Write]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for write in writes.iter().filter(|write| write.status == 201) {
        *counts
            .entry(format!("{} {}", write.asked.resource, write.asked.name))
            .or_default() += 1;
    }
    counts
}

/// How many objects of each name were deleted: one that is deleted again while it goes is the same one.
fn deletes(writes: &[Write]) -> BTreeMap<String, usize> {
    let mut gone: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let deletions = writes
        .iter()
        .filter(|write| write.asked.verb == "delete" && write.status < 300);
    for write in deletions {
        let name = format!("{} {}", write.asked.resource, write.asked.name);
        gone.entry(name).or_default().insert(&write.asked.uid);
    }
    gone.into_iter().map(|(name, uids)| (name, uids.len())).collect()
}

fn more(what: &str, known: &BTreeMap<String, usize>, found: &BTreeMap<String, usize>) -> Vec<String> {
    let allowed = |name: &String| known.get(name).copied().unwrap_or_default();
    found
        .iter()
        .filter(|(name, count)| **count > allowed(name))
        .map(|(name, count)| format!("{name} was {what} {count} times, {} undisturbed", allowed(name)))
        .collect()
}
