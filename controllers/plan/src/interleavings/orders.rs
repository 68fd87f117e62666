//! The laws about drains: what servers may be told, and what a status may tell.

use crds::Pool;
use crds::pool::DrainStatus;

use super::world::{Failing, World, told};
use crate::meta;
use crate::pool::Observed;
use crate::pool::drain::{Order, ScannerWord, Word};
use crate::topology::Phase;

impl World {
    /// Whether the servers may be told this about a pool.
    pub(super) fn check_order(
        &self,
        pool: &Pool,
        observed: &Observed,
        order: Order,
        element: &str,
    ) -> Result<(), String> {
        let wanted = self.is_wanted_away(pool);
        let tells = told(pool).map(|drain| drain.state.as_str()).unwrap_or_default();
        let law = match (order, self.drain_of(element)) {
            (Order::Start, "running" | "complete") => "is told to go twice",
            (Order::Start, "failed" | "canceled") => {
                "is told to go before the last drain of it was forgotten"
            }
            (Order::Start, _) => return self.check_start(pool, observed, element),
            (Order::Cancel, "running") if !wanted => return Ok(()),
            (Order::Cancel, _) => "is told to stay although it is to go, or does not move",
            (Order::Clear, "failed") if self.failing == Failing::ForGood => {
                "is told to forget what it cannot forget"
            }
            // Once they have forgotten it, nothing but the status tells that it is to be begun again.
            (Order::Clear, "failed") if wanted && tells != "failed" => {
                "is told to forget a failure before the status tells of it"
            }
            (Order::Clear, "failed" | "canceled") => return Ok(()),
            (Order::Clear, _) => "is told to forget what is no failure",
        };
        Err(format!("{element} {law}"))
    }

    fn check_start(&self, pool: &Pool, observed: &Observed, element: &str) -> Result<(), String> {
        let topology = self.topology();
        let busy = |other: &str| matches!(self.drain_of(other), "running" | "failed" | "canceled");
        let asked =
            matches!(observed.word, Word::Said(_)) && matches!(observed.scanner, ScannerWord::Said(_));
        let law = if !self.is_wanted_away(pool) {
            "is told to go although it is to stay"
        } else if !asked {
            "is told to go before the servers were asked"
        } else if told(pool).is_none_or(|drain| drain.state != "Requested") {
            "is told to go before the status tells of it"
        } else if !self.misplaced_elements().is_empty() {
            "is told to go with numbers that are no places"
        } else if topology.pools.iter().any(|other| busy(&other.element)) {
            "is told to go while another one goes"
        } else {
            return Ok(());
        };
        Err(format!("{element} {law}"))
    }

    /// Whether the servers may be told nothing: while they remember a failure they make no bucket.
    pub(super) fn check_silence(&self, pool: &Pool) -> Result<(), String> {
        let topology = self.topology();
        let member = topology.member(meta::name(pool), meta::uid(pool));
        let failed = member.is_some_and(|member| self.drain_of(&member.element) == "failed");
        let tells = told(pool).is_some_and(|drain| drain.state == "failed");
        if failed && self.failing != Failing::ForGood && (tells || !self.is_wanted_away(pool)) {
            return Err(format!("{} is not told to forget its failure", meta::name(pool)));
        }
        Ok(())
    }

    /// Whether the status may tell this of a drain after what it told before.
    pub(super) fn check_told(
        &self,
        pool: &Pool,
        observed: &Observed,
        next: Option<&DrainStatus>,
    ) -> Result<(), String> {
        let (Some(before), Some(next)) = (told(pool), next) else {
            return Ok(());
        };
        let Word::Said(reports) = &observed.word else {
            return Ok(());
        };
        if before.state != "failed" || !self.is_wanted_away(pool) {
            return Ok(());
        }
        let remembered = reports.iter().any(|report| report.decommission == "failed");
        let due = before.retry_at.as_ref().is_some_and(|at| at.0 <= self.now);
        let free = self.noticed && !self.is_seen_open(pool);
        let name = meta::name(pool);
        match next.state.as_str() {
            "Requested" if remembered => Err(format!("{name} asks for what the servers have not forgotten")),
            "Requested" if !due && !free => Err(format!("{name} asks before its time")),
            "failed" if !remembered && (due || free) => Err(format!("{name} waits for nothing")),
            _ => Ok(()),
        }
    }

    /// Keeps in mind whether a person was told that uploads are in the way of what failed.
    pub(super) fn notice(&mut self, pool: &Pool, next: Option<&DrainStatus>) {
        if told(pool).is_none() && next.is_none() {
            return;
        }
        let failed = next.filter(|drain| drain.state == "failed");
        self.noticed = failed.is_some_and(|drain| self.noticed || drain.open_uploads.is_some());
    }

    fn is_wanted_away(&self, pool: &Pool) -> bool {
        let topology = self.topology();
        let member = topology.member(meta::name(pool), meta::uid(pool));
        member.is_some_and(|member| member.phase == Phase::Draining)
    }
}
