//! Moving objects between pools for balance: one for each Tenant, as the real server goes through it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long one takes that nothing holds up.
const TAKES: Duration = Duration::from_millis(1500);

const RECORDED: &str = include_str!("../../../controllers/admin/fixtures/rebalance-running.json");

/// What becomes of those that are begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Go,
    Hold,
    Fail,
    Refuse,
}

#[derive(Clone, Debug)]
struct Run {
    number: usize,
    started: Instant,
    end: Option<&'static str>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Rebalances {
    runs: BTreeMap<String, Run>,
    modes: BTreeMap<String, Mode>,
}

impl Rebalances {
    /// Lets those of a Tenant go on, holds them up, lets them fail, or be taken back as they begin.
    pub fn set(&mut self, tenant: &str, mode: &str) {
        let mode = match mode {
            "hold" => Mode::Hold,
            "fail" => Mode::Fail,
            "refuse" => Mode::Refuse,
            _ => Mode::Go,
        };
        self.modes.insert(tenant.to_owned(), mode);
    }

    /// How often each Tenant's store was told to begin: `{"namespace/name": 1}`.
    pub fn starts(&self) -> Value {
        let starts = self.runs.iter().map(|(tenant, run)| (tenant, run.number));
        json!(starts.collect::<BTreeMap<_, _>>())
    }

    /// How the one of a Tenant stands, as `rebalance/status` says it of the pool that objects leave.
    fn state(&mut self, tenant: &str) -> Option<&'static str> {
        let mode = self.modes.get(tenant).copied().unwrap_or_default();
        let run = self.runs.get_mut(tenant)?;
        if run.end.is_none() && mode != Mode::Hold && run.started.elapsed() >= TAKES {
            run.end = Some(if mode == Mode::Fail { "Failed" } else { "Completed" });
        }
        Some(run.end.unwrap_or("Started"))
    }

    /// Whether objects are being moved.
    pub fn runs(&mut self, tenant: &str) -> bool {
        self.state(tenant) == Some("Started")
    }

    /// The answer to `rebalance/status`; none if there never was one.
    pub fn status(&mut self, tenant: &str, pools: usize) -> Option<Value> {
        let state = self.state(tenant)?;
        let run = self.runs.get(tenant)?;
        let recorded: Value = serde_json::from_str(RECORDED).ok()?;
        let mut status = recorded.clone();
        status["id"] = json!(format!("{tenant}-{}", run.number));
        let each = (0..pools).map(|index| {
            let mut pool = recorded["pools"][usize::from(index > 0)].clone();
            pool["id"] = json!(index);
            if index == 0 {
                pool["status"] = json!(state);
                pool["lastError"] = json!((state == "Failed").then_some("no space left on the target"));
            }
            pool
        });
        status["pools"] = each.collect();
        status["stoppedAt"] = json!((state == "Stopped").then_some("2026-11-25T13:21:41.236702838Z"));
        Some(status)
    }

    /// Answers `start` or `stop`; `Err` is a status, a code and a sentence.
    pub fn tell(&mut self, tenant: &str, verb: &str) -> Result<(), (u16, &'static str, &'static str)> {
        match (verb, self.runs(tenant)) {
            ("start", true) => Err((409, "OperationAborted", "rebalance is already in progress")),
            ("start", false) => {
                let refused = self.modes.get(tenant) == Some(&Mode::Refuse);
                let number = self.runs.get(tenant).map_or(0, |run| run.number) + 1;
                let run = Run {
                    number,
                    started: Instant::now(),
                    end: refused.then_some("Stopped"),
                };
                self.runs.insert(tenant.to_owned(), run);
                if refused {
                    return Err((500, "InternalError", "failed to propagate rebalance start"));
                }
                Ok(())
            }
            ("stop", true) => {
                if let Some(run) = self.runs.get_mut(tenant) {
                    run.end = Some("Stopped");
                }
                Ok(())
            }
            _ => Err((404, "NoSuchResource", "pool rebalance is not started")),
        }
    }
}
