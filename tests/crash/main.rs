//! The crash campaign: the operator is cut off at each of its writes, in every scenario, before it arrives and after it
//! was carried out, and started anew. It must end where an undisturbed run ends, and must have made and deleted no more.
//!
//! `CRASH=sample` (the default) tries each site once, `CRASH=whole` both ways, `CRASH=alone` as well, with one fault in
//! each scenario of a run, `CRASH=faults` what the API server may answer, `CRASH=sight` watches that are late or have gaps;
//! `CRASH_LANES` sets how many runs go at the same time.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test says what is wrong by panicking"
)]

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "shared by several test programs, each of which uses a part"
)]
mod support;

mod lane;
mod lives;
mod plans;
mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use lane::Lane;
use libtest_mimic::{Arguments, Failed, Trial};
use lives::{LIVES, Life};
use plans::{Campaign, Plan};
use run::{Reference, Verdict};
use support::cluster::{Cluster, client, uses_existing};
use support::operator;
use support::servers::Servers;
use tokio::runtime::Runtime;

/// Runs at the same time, unless `CRASH_LANES` says otherwise.
const LANES: usize = 8;

/// What all lanes share.
pub struct Ground {
    pub cluster: Cluster,
    pub servers: Servers,
    kubeconfig: PathBuf,
}

fn main() -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::from_args();
    let names = || {
        LIVES
            .iter()
            .flat_map(|life| life.scenarios.iter().map(|scenario| name(life, scenario.name)))
    };
    if arguments.list || uses_existing() {
        if uses_existing() {
            println!("the crash campaign is left out: it takes a control plane of its own");
        }
        let trial = |name| Trial::test(name, || Ok(())).with_ignored_flag(uses_existing());
        return libtest_mimic::run(&arguments, names().map(trial).collect()).exit_code();
    }
    let filter = arguments.filter.clone().unwrap_or_default();
    let lives = LIVES
        .iter()
        .filter(|life| life.name.contains(&filter) || filter.starts_with(life.name));
    let lives: Vec<Life> = lives.copied().collect();
    let runtime = Runtime::new().expect("a runtime can be made");
    let outcomes = runtime.block_on(campaign(&lives));
    let trials = lives
        .iter()
        .zip(&outcomes)
        .flat_map(|(life, outcome)| trials(life, outcome));
    libtest_mimic::run(
        &Arguments {
            filter: None,
            ..arguments
        },
        trials.collect(),
    )
    .exit_code()
}

/// What became of one life in all its runs.
struct Outcome {
    references: Result<Vec<Reference>, String>,
    verdicts: Vec<Verdict>,
}

async fn campaign(lives: &[Life]) -> Vec<Outcome> {
    let campaign = match std::env::var("CRASH").as_deref() {
        Ok("whole") => Campaign::Whole,
        Ok("alone") => Campaign::Alone,
        Ok("faults") => Campaign::Faults,
        Ok("sight") => Campaign::Sight,
        _ => Campaign::Sample,
    };
    let started = Instant::now();
    let ground = Arc::new(Ground::start().await);
    let up = started.elapsed();
    let references = futures::future::join_all(lives.iter().map(|life| references(&ground, life))).await;
    let known = started.elapsed();
    let mut queue: Vec<(usize, Plan)> = Vec::new();
    for (place, references) in references.iter().enumerate() {
        let plans = references
            .iter()
            .flat_map(|references| campaign.plans(place, references));
        queue.extend(plans.map(|plan| (place, plan)));
    }
    let runs = queue.len();
    let verdicts = live_all(&ground, lives, &references, queue, started).await;
    let outcomes: Vec<Outcome> = references
        .into_iter()
        .zip(verdicts)
        .map(|(references, verdicts)| Outcome { references, verdicts })
        .collect();
    report(campaign, lives, &outcomes, runs, [up, known, started.elapsed()]);
    outcomes
}

/// Lives all runs, as many at the same time as there are lanes; the verdicts of each life.
async fn live_all(
    ground: &Arc<Ground>,
    lives: &[Life],
    references: &[Result<Vec<Reference>, String>],
    mut queue: Vec<(usize, Plan)>,
    started: Instant,
) -> Vec<Vec<Verdict>> {
    let lanes = std::env::var("CRASH_LANES")
        .ok()
        .and_then(|lanes| lanes.parse().ok());
    let lanes: usize = lanes.unwrap_or(LANES);
    let runs = queue.len();
    // The longest first, so that no lane works alone at the end.
    queue.sort_by_key(|(_, plan)| {
        std::cmp::Reverse(plan.faults.iter().filter(|faults| !faults.is_empty()).count())
    });
    let lived = futures::stream::iter(queue).map(|(place, plan)| {
        let references = &references[place];
        async move {
            let references = references.as_ref().expect("it has plans");
            (place, lived(ground, &lives[place], references, &plan).await)
        }
    });
    let mut verdicts: Vec<Vec<Verdict>> = lives.iter().map(|_| Vec::new()).collect();
    let mut lived = std::pin::pin!(lived.buffer_unordered(lanes));
    let mut ended = 0;
    while let Some((place, of_one)) = lived.next().await {
        ended += 1;
        let wrong = of_one.iter().filter_map(|verdict| verdict.wrong.as_ref()).count();
        eprintln!(
            "{ended} of {runs} runs after {} s: {}{}",
            started.elapsed().as_secs(),
            lives[place].name,
            if wrong > 0 { ", wrong" } else { "" }
        );
        verdicts[place].extend(of_one);
    }
    verdicts
}

impl Ground {
    async fn start() -> Self {
        let cluster = Cluster::start("crash", &["--nodes", "6"]).await;
        let kubeconfig = operator::install(&cluster, "dev").await;
        let servers = Servers::start(&cluster).await;
        Self {
            cluster,
            servers,
            kubeconfig,
        }
    }
}

/// Two undisturbed runs of each life, which must end alike.
async fn references(ground: &Arc<Ground>, life: &Life) -> Result<Vec<Reference>, String> {
    let undisturbed = || async {
        let lane = Lane::open(ground, life.name, client(&ground.kubeconfig).await).await;
        let references = run::reference(&lane, life).await;
        let references = references.map_err(|why| format!("undisturbed: {why}\n{}", lane.tail()));
        lane.leave().await;
        references
    };
    let (one, other) = tokio::join!(undisturbed(), undisturbed());
    let (mut one, other) = (one?, other?);
    for (one, other) in one.iter_mut().zip(other) {
        one.widen(other);
    }
    Ok(one)
}

async fn lived(ground: &Arc<Ground>, life: &Life, references: &[Reference], plan: &Plan) -> Vec<Verdict> {
    let lane = Lane::open(ground, life.name, client(&ground.kubeconfig).await).await;
    let verdicts = run::disturbed(&lane, life, references, plan).await;
    lane.leave().await;
    verdicts
}

fn name(life: &Life, scenario: &str) -> String {
    format!("{}::{scenario}", life.name)
}

fn trials(life: &Life, outcome: &Outcome) -> Vec<Trial> {
    let trial = |(place, scenario): (usize, &lives::Scenario)| {
        let wrong = wrong(outcome, place);
        Trial::test(name(life, scenario.name), move || match wrong {
            None => Ok(()),
            Some(wrong) => Err(Failed::from(wrong)),
        })
    };
    life.scenarios.iter().enumerate().map(trial).collect()
}

fn wrong(outcome: &Outcome, scenario: usize) -> Option<String> {
    let mut wrong = Vec::new();
    match &outcome.references {
        Err(why) => return Some(why.clone()),
        Ok(references) if !references[scenario].unsteady.is_empty() => {
            let differences = references[scenario].unsteady.join("\n");
            wrong.push(format!("undisturbed runs differ:\n{differences}"));
        }
        Ok(_) => {}
    }
    let of_it = outcome
        .verdicts
        .iter()
        .filter(|verdict| verdict.scenario == scenario);
    wrong.extend(of_it.filter_map(|verdict| {
        let why = verdict.wrong.as_ref()?;
        Some(format!("{:?} {:?}\n{why}", verdict.planned, verdict.sight))
    }));
    (!wrong.is_empty()).then(|| wrong.join("\n\n"))
}

fn report(campaign: Campaign, lives: &[Life], outcomes: &[Outcome], runs: usize, times: [Duration; 3]) {
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    println!(
        "\n{:40} {:>6} {:>7} {:>5} {:>6} {:>9}",
        "scenario", "sites", "planned", "met", "wrong", "seconds"
    );
    for (life, outcome) in lives.iter().zip(outcomes) {
        for (place, scenario) in life.scenarios.iter().enumerate() {
            let of_it: Vec<_> = outcome
                .verdicts
                .iter()
                .filter(|verdict| verdict.scenario == place)
                .collect();
            let sites = outcome
                .references
                .as_ref()
                .map_or(0, |references| references[place].sites.len());
            let planned: usize = of_it.iter().map(|verdict| verdict.planned.len()).sum();
            let met: usize = of_it.iter().map(|verdict| verdict.met).sum();
            let wrong = of_it.iter().filter(|verdict| verdict.wrong.is_some()).count();
            let seconds = of_it
                .iter()
                .map(|verdict| verdict.took.as_secs_f64())
                .sum::<f64>();
            let each = seconds / f64::from(u32::try_from(of_it.len().max(1)).unwrap_or(1));
            println!(
                "{:40} {sites:>6} {planned:>7} {met:>5} {wrong:>6} {each:>9.1}",
                name(life, scenario.name)
            );
            for (what, count) in [
                ("scenarios", 1),
                ("sites", sites),
                ("planned", planned),
                ("met", met),
                ("wrong", wrong),
            ] {
                *sums.entry(what).or_default() += count;
            }
        }
    }
    let [up, known, all] = times.map(|time| time.as_secs());
    println!(
        "\ncrash campaign ({}): {} scenarios, {} sites, {} faults in {runs} runs, of which {} came about, {} wrong; \
         {all} s in all, {up} s to start, {} s undisturbed",
        campaign.name(),
        sums["scenarios"],
        sums["sites"],
        sums["planned"],
        sums["met"],
        sums["wrong"],
        known - up,
    );
}
