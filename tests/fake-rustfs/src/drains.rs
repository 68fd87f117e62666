//! Moving pools away: state by Tenant and element, as the real server goes through it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a drain takes that nothing holds up.
const TAKES: Duration = Duration::from_millis(1500);

/// One pool that is moved away.
#[derive(Clone, Debug)]
struct Drain {
    started: Instant,
    end: Option<&'static str>,
    /// It failed on an entry that could not be made out.
    unresolved: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Drains {
    by_element: BTreeMap<(String, String), Drain>,
    held: BTreeSet<String>,
    failing: BTreeSet<String>,
    dying: BTreeSet<String>,
    behind: BTreeSet<String>,
    starts: BTreeMap<String, usize>,
    /// The place each element had when it was met.
    numbers: BTreeMap<(String, String), usize>,
}

impl Drains {
    /// Holds the drains of a Tenant up, lets them fail, fail for good, or end; or lets the scanner's record be behind.
    pub fn set(&mut self, tenant: &str, mode: &str) {
        self.held.remove(tenant);
        self.failing.remove(tenant);
        self.dying.remove(tenant);
        self.behind.remove(tenant);
        match mode {
            "behind" => drop(self.behind.insert(tenant.to_owned())),
            "hold" => drop(self.held.insert(tenant.to_owned())),
            "fail" => drop(self.failing.insert(tenant.to_owned())),
            "die" => {
                self.failing.insert(tenant.to_owned());
                self.dying.insert(tenant.to_owned());
            }
            _ => {}
        }
    }

    /// Whether the scanner's record is not in every pool.
    pub fn behind(&self, tenant: &str) -> bool {
        self.behind.contains(tenant)
    }

    /// How often each element was told to go: `{"element": 1}`.
    pub fn starts(&self) -> Value {
        json!(self.starts)
    }

    /// The number of an element that is at this place now.
    pub fn number(&mut self, tenant: &str, element: &str, place: usize) -> usize {
        let key = (tenant.to_owned(), element.to_owned());
        *self.numbers.entry(key).or_insert(place)
    }

    /// The state of one element as `pools/list` says it.
    pub fn state(&mut self, tenant: &str, element: &str) -> &'static str {
        let held = self.held.contains(tenant);
        let failing = self.failing.contains(tenant);
        let dying = self.dying.contains(tenant);
        let Some(drain) = self.by_element.get_mut(&(tenant.to_owned(), element.to_owned())) else {
            return "none";
        };
        if drain.end.is_none() && !held && drain.started.elapsed() >= TAKES {
            drain.end = Some(if failing { "failed" } else { "complete" });
            drain.unresolved = dying;
        }
        drain.end.unwrap_or("running")
    }

    /// Whether the drain of an element failed for good.
    pub fn unresolved(&self, tenant: &str, element: &str) -> bool {
        let drain = self.by_element.get(&(tenant.to_owned(), element.to_owned()));
        drain.is_some_and(|drain| drain.unresolved)
    }

    /// Answers `decommission`, `cancel` or `clear`; `Err` is a code and a sentence.
    pub fn tell(
        &mut self,
        tenant: &str,
        elements: &[&str],
        verb: &str,
        element: &str,
    ) -> Result<(), (&'static str, &'static str)> {
        let Some(place) = elements.iter().position(|known| *known == element) else {
            return Err(("InvalidArgument", "pool not found"));
        };
        if self.number(tenant, element, place) != place {
            return Err(("InternalError", "pool metadata layout changed"));
        }
        let key = (tenant.to_owned(), element.to_owned());
        match (verb, self.state(tenant, element)) {
            ("decommission", "none") => {
                let states: Vec<_> = elements.iter().map(|other| self.state(tenant, other)).collect();
                if states.contains(&"running") {
                    return Err(("InvalidRequest", "DecommissionAlreadyRunning"));
                }
                if states.iter().filter(|state| **state == "none").count() < 2 {
                    let why = "at least one active pool must remain after decommission start";
                    return Err(("InvalidArgument", why));
                }
                *self.starts.entry(element.to_owned()).or_default() += 1;
                let drain = Drain {
                    started: Instant::now(),
                    end: None,
                    unresolved: false,
                };
                self.by_element.insert(key, drain);
                Ok(())
            }
            ("decommission", "canceled" | "failed") => Err((
                "InvalidArgument",
                "target pool decommission is blocked; clear failed or canceled metadata before starting again",
            )),
            ("cancel", "running" | "canceled") => {
                if let Some(drain) = self.by_element.get_mut(&key) {
                    drain.end = Some("canceled");
                }
                Ok(())
            }
            ("clear", "failed") if self.unresolved(tenant, element) => Err((
                "InvalidArgument",
                "1 unresolved listing entries must be reconciled by retrying decommission",
            )),
            ("clear", "canceled" | "failed") => {
                self.by_element.remove(&key);
                Ok(())
            }
            _ => Err((
                "InternalError",
                "We encountered an internal error, please try again.",
            )),
        }
    }
}
