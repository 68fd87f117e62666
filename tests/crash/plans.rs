//! Which writes fail in which run.

use std::time::Duration;

use crate::run::{Faults, Reference};
use crate::support::cutter::Fault;
use crate::support::sight::Sight;

/// What a campaign tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Campaign {
    /// Each site once, every other one before it arrives and the rest after it was carried out; several in one run.
    Sample,
    /// Each site both before it arrives and after it was carried out; several in one run.
    Whole,
    /// The same, with one fault in each scenario of a run, to find out which one it was.
    Alone,
    /// Each kind of answer at the first write of each kind, one for every kind in each run.
    Faults,
    /// No fault of a write, but watches that are late or have gaps.
    Sight,
}

/// Runs a sample is spread over.
const SPREAD: usize = 6;
/// Runs the whole is spread over: odd, so that each run has faults of both kinds.
const SPREAD_WHOLE: usize = 13;

/// What the API server may say to a write, and what may become of it on the way.
const ANSWERS: [Fault; 8] = [
    Fault::Refused(403),
    Fault::Refused(409),
    Fault::Refused(422),
    Fault::Refused(429),
    Fault::Refused(500),
    Fault::Refused(503),
    Fault::Lost,
    Fault::Unheard,
];

/// The ways in which watches are tried to mislead.
const SIGHTS: [Sight; 4] = [
    Sight::Late(own_late),
    Sight::Late(servers_late),
    Sight::Late(topology_late),
    Sight::Gaps {
        sees: Duration::from_millis(1500),
        misses: Duration::from_millis(1000),
    },
];

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The faults of each scenario.
    pub faults: Vec<Faults>,
    /// How well watches see, if not as ever.
    pub sight: Option<Sight>,
}

impl Campaign {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Whole => "whole",
            Self::Alone => "alone",
            Self::Faults => "faults",
            Self::Sight => "sight",
        }
    }

    /// The runs of one life, the how-manyeth it is.
    pub fn plans(self, place: usize, life: &[Reference]) -> Vec<Plan> {
        let faults: Vec<Faults> = life.iter().map(|scenario| self.faults(scenario)).collect();
        let longest = faults.iter().map(Vec::len).max().unwrap_or_default();
        let runs = match self {
            Self::Sample => longest.min(SPREAD),
            Self::Whole => longest.min(SPREAD_WHOLE),
            Self::Alone => longest,
            Self::Faults => ANSWERS.len(),
            Self::Sight => 0,
        };
        let of_run = |run: usize| {
            let some = move |all: &Faults| all.iter().skip(run).step_by(runs).cloned().collect();
            Plan {
                faults: faults.iter().map(some).collect(),
                sight: None,
            }
        };
        // A sample looks in one way at each life.
        let sights: Vec<Sight> = match self {
            Self::Sample => SIGHTS.into_iter().skip(place % SIGHTS.len()).take(1).collect(),
            Self::Sight => SIGHTS.to_vec(),
            _ => vec![],
        };
        let seen = |sight: Sight| Plan {
            faults: vec![Faults::new(); life.len()],
            sight: Some(sight),
        };
        (0..runs)
            .map(of_run)
            .chain(sights.into_iter().map(seen))
            .collect()
    }

    fn faults(self, scenario: &Reference) -> Faults {
        let sites = scenario.sites.iter();
        match self {
            Self::Sample => sites
                .enumerate()
                .map(|(place, site)| (site.clone(), alternate(place)))
                .collect(),
            Self::Whole | Self::Alone => sites
                .flat_map(|site| [Fault::Before, Fault::After].map(|fault| (site.clone(), fault)))
                .collect(),
            Self::Faults => first_of_each_kind(&scenario.sites),
            Self::Sight => Faults::new(),
        }
    }
}

/// What people write is seen long after what became of it,
fn own_late(resource: &str) -> Duration {
    let own = ["tenants", "pools", "tenantcertificates", "tenantmonitors"];
    Duration::from_millis(if own.contains(&resource) { 1500 } else { 0 })
}

/// what the servers do long after what was asked of them,
fn servers_late(resource: &str) -> Duration {
    let servers = ["statefulsets", "pods", "persistentvolumeclaims"];
    Duration::from_millis(if servers.contains(&resource) { 1500 } else { 0 })
}

/// or the topology long after all others.
fn topology_late(resource: &str) -> Duration {
    Duration::from_millis(if resource == "configmaps" { 1500 } else { 0 })
}

fn alternate(place: usize) -> Fault {
    // Sites of one run are `SPREAD` apart, which is even: the neighbour's kind would always be the same.
    if (place + place / SPREAD).is_multiple_of(2) {
        Fault::Before
    } else {
        Fault::After
    }
}

fn first_of_each_kind(sites: &[String]) -> Faults {
    let kind = |site: &str| site.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
    let mut seen = std::collections::BTreeSet::new();
    let first = sites
        .iter()
        .filter(|site| !site.starts_with("admin ") && seen.insert(kind(site)));
    // Every eighth is of one run, in which no two kinds after each other meet the same answer.
    let turned = |place: usize| (0..ANSWERS.len()).map(move |run| ANSWERS[(place + run) % ANSWERS.len()]);
    first
        .enumerate()
        .flat_map(|(place, site)| turned(place).map(|answer| (site.clone(), answer)))
        .collect()
}
