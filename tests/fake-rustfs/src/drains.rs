//! Moving pools away: state by Tenant and element, as the real server goes through it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

/// How long a drain takes that nothing holds up.
const TAKES: Duration = Duration::from_millis(1500);

/// One pool that is moved away.
#[derive(Clone, Debug)]
struct Drain {
    started: Instant,
    began: Timestamp,
    end: Option<&'static str>,
    /// It failed on an entry that could not be made out.
    unresolved: bool,
}

/// What is in the way of a Tenant's drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// They take until it is gone.
    Hold,
    /// They fail.
    Fail,
    /// They fail on an entry that cannot be made out.
    Die,
    /// They fail on an upload that nobody completes; every bucket has one.
    Upload,
    /// The scanner's record is not in every pool.
    Behind,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Drains {
    by_element: BTreeMap<(String, String), Drain>,
    obstacles: BTreeMap<String, Obstacle>,
    starts: BTreeMap<String, usize>,
    /// The place each element had when it was met.
    numbers: BTreeMap<(String, String), usize>,
}

impl Drains {
    /// Puts something in the way of a Tenant's drains: `hold`, `fail`, `die`, `upload`, `behind`; anything else takes it
    /// away.
    pub fn set(&mut self, tenant: &str, obstacle: &str) {
        let obstacle = match obstacle {
            "hold" => Obstacle::Hold,
            "fail" => Obstacle::Fail,
            "die" => Obstacle::Die,
            "upload" => Obstacle::Upload,
            "behind" => Obstacle::Behind,
            _ => {
                self.obstacles.remove(tenant);
                return;
            }
        };
        self.obstacles.insert(tenant.to_owned(), obstacle);
    }

    fn met(&self, tenant: &str, obstacle: Obstacle) -> bool {
        self.obstacles.get(tenant) == Some(&obstacle)
    }

    /// Whether the scanner's record is not in every pool.
    pub fn behind(&self, tenant: &str) -> bool {
        self.met(tenant, Obstacle::Behind)
    }

    /// Whether every bucket has an upload that nobody completes.
    pub fn uploading(&self, tenant: &str) -> bool {
        self.met(tenant, Obstacle::Upload)
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
        let obstacle = self.obstacles.get(tenant);
        let Some(drain) = self.by_element.get_mut(&(tenant.to_owned(), element.to_owned())) else {
            return "none";
        };
        if drain.end.is_none() && obstacle != Some(&Obstacle::Hold) && drain.started.elapsed() >= TAKES {
            let fails = matches!(obstacle, Some(Obstacle::Fail | Obstacle::Die | Obstacle::Upload));
            drain.end = Some(if fails { "failed" } else { "complete" });
            drain.unresolved = obstacle == Some(&Obstacle::Die);
        }
        drain.end.unwrap_or("running")
    }

    /// When the drain of an element began, as long as it runs: the real server forgets it when it gives up.
    pub fn began(&self, tenant: &str, element: &str) -> Option<Timestamp> {
        let drain = self.by_element.get(&(tenant.to_owned(), element.to_owned()))?;
        drain.end.is_none().then_some(drain.began)
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
                    began: Timestamp::now(),
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
