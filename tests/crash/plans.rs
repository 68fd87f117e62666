//! Which writes fail in which run.

use crate::run::{Faults, Reference};
use crate::support::cutter::Fault;

/// What a campaign tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Campaign {
    /// Each site once, every other one before it arrives and the rest after it was carried out; several in one run.
    Sample,
    /// Each site both before it arrives and after it was carried out, one in each scenario of a run.
    Whole,
    /// Each kind of answer at the first write of each kind.
    Faults,
}

/// Runs a sample is spread over.
const SPREAD: usize = 6;

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

impl Campaign {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Whole => "whole",
            Self::Faults => "faults",
        }
    }

    /// The runs of one life: for each the faults of each scenario.
    pub fn plans(self, life: &[Reference]) -> Vec<Vec<Faults>> {
        let faults: Vec<Faults> = life.iter().map(|scenario| self.faults(scenario)).collect();
        let longest = faults.iter().map(Vec::len).max().unwrap_or_default();
        let runs = if self == Self::Sample {
            longest.min(SPREAD)
        } else {
            longest
        };
        let plan = |run: usize| {
            faults
                .iter()
                .map(move |all| all.iter().skip(run).step_by(runs).cloned().collect())
        };
        (0..runs).map(|run| plan(run).collect()).collect()
    }

    fn faults(self, scenario: &Reference) -> Faults {
        let sites = scenario.sites.iter().enumerate();
        match self {
            Self::Sample => sites
                .map(|(place, site)| (site.clone(), alternate(place)))
                .collect(),
            Self::Whole => sites
                .flat_map(|(_, site)| [Fault::Before, Fault::After].map(|fault| (site.clone(), fault)))
                .collect(),
            Self::Faults => first_of_each_kind(&scenario.sites),
        }
    }
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
    first
        .flat_map(|site| ANSWERS.map(|answer| (site.clone(), answer)))
        .collect()
}
