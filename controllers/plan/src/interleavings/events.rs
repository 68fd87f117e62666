//! What may happen next, and what becomes of it.

use crds::Pool;
use crds::pool::PoolState;
use jiff::{SignedDuration, Timestamp};

use super::world::{Failing, Life, Upload, World, told};

/// One thing that may happen next.
#[derive(Clone, Debug)]
pub(super) enum Event {
    TenantLooks,
    TenantIsCutOff,
    Balanced,
    PoolLooks(usize),
    PoolIsCutOff(usize),
    Becomes(String, i32, Option<Life>),
    /// A drain came to this end.
    Ended(String, &'static str),
    CalledOff(usize),
    AskedAgain(usize),
    UploadBegins,
    UploadEnds,
    /// The time comes that a drain which failed waits for.
    LaterOn(Timestamp),
    Offered(u64),
}

impl World {
    /// What may happen next.
    pub(super) fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::TenantLooks];
        let pools = 0..self.pools.len();
        if self.cuts > 0 {
            events.push(Event::TenantIsCutOff);
            events.extend(pools.clone().map(Event::PoolIsCutOff));
        }
        if self.rebalances.1 {
            events.push(Event::Balanced);
        }
        events.extend(pools.map(Event::PoolLooks));
        for ((pool, ordinal), server) in &self.servers {
            let becomes = |life| Event::Becomes(pool.clone(), *ordinal, life);
            match server.life {
                Life::Starting => events.push(becomes(Some(Life::Ready))),
                Life::Stopping => events.push(becomes(None)),
                Life::Ready if self.faults > 0 => events.push(becomes(Some(Life::Starting))),
                Life::Ready => {}
            }
        }
        self.ends(&mut events);
        self.changes_of_mind(&mut events);
        self.uploads_and_time(&mut events);
        let next = self.rotations.first();
        events.extend(next.map(|generation| Event::Offered(*generation)));
        events
    }

    fn ends(&self, events: &mut Vec<Event>) {
        let in_the_way = self.upload.is_some_and(|upload| upload.in_the_way);
        let ends: &[&str] = match self.failing {
            _ if in_the_way => &["failed"],
            Failing::Times(0) => &["complete"],
            Failing::Times(_) => &["complete", "failed"],
            Failing::Always | Failing::ForGood => &["failed"],
        };
        let moving = self.drains.iter().filter(|(_, state)| **state == "running");
        for (element, _) in moving {
            events.extend(ends.iter().map(|end| Event::Ended(element.clone(), end)));
        }
    }

    fn changes_of_mind(&self, events: &mut Vec<Event>) {
        if self.doubts == 0 {
            return;
        }
        let failed = self.drains.values().any(|state| *state == "failed");
        let has_failed =
            |pool: &Pool| told(pool).is_some_and(|drain| drain.state == "failed" || drain.retries > 0);
        let pools = self.pools.iter().enumerate();
        let asked = pools.filter(|(_, pool)| pool.spec.state == PoolState::Decommissioned);
        let called_off = asked.filter(|(_, pool)| failed || has_failed(pool));
        events.extend(called_off.map(|(index, _)| Event::CalledOff(index)));
        events.extend(self.called_off.map(Event::AskedAgain));
    }

    fn uploads_and_time(&self, events: &mut Vec<Event>) {
        if self.upload.is_some() {
            events.push(Event::UploadEnds);
        } else if self.uploads > 0 && self.drains.is_empty() {
            // None begins on a pool that is moved, or whose drain has failed and is not forgotten.
            events.push(Event::UploadBegins);
        }
        let failed = self
            .pools
            .iter()
            .filter_map(told)
            .filter(|drain| drain.state == "failed");
        let retries = failed.filter_map(|drain| Some(drain.retry_at.as_ref()?.0));
        let later = retries.filter(|at| *at > self.now).min();
        if self.upload.is_none() || self.waits > 0 {
            events.extend(later.map(Event::LaterOn));
        }
    }

    /// Lets it happen; `Err` says which law it breaks.
    pub(super) fn happen(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::TenantLooks => self.tenant_looks(true)?,
            Event::TenantIsCutOff => {
                self.cuts -= 1;
                self.tenant_looks(false)?;
            }
            Event::Balanced => self.rebalances.1 = false,
            Event::PoolLooks(index) => self.pool_looks(*index, true)?,
            Event::PoolIsCutOff(index) => {
                self.cuts -= 1;
                self.pool_looks(*index, false)?;
            }
            Event::Becomes(pool, ordinal, Some(life)) => {
                let server = self.servers.get_mut(&(pool.clone(), *ordinal)).unwrap();
                if server.life == Life::Ready {
                    self.faults -= 1;
                }
                server.life = *life;
            }
            Event::Becomes(pool, ordinal, None) => drop(self.servers.remove(&(pool.clone(), *ordinal))),
            Event::Ended(element, end) => self.ended(element, end),
            Event::CalledOff(_) | Event::AskedAgain(_) => self.change_mind(event),
            Event::UploadBegins => self.begin_upload(),
            Event::UploadEnds => self.upload = None,
            Event::LaterOn(at) => {
                self.waits -= u32::from(self.upload.is_some());
                self.now = *at;
            }
            Event::Offered(generation) => {
                self.offered = *generation;
                self.rotations.remove(0);
            }
        }
        self.start_missing();
        self.check()
    }

    fn ended(&mut self, element: &str, end: &'static str) {
        let in_the_way = self.upload.is_some_and(|upload| upload.in_the_way);
        if let (Failing::Times(times), "failed", false) = (&mut self.failing, end, in_the_way) {
            *times -= 1;
        }
        self.drains.insert(element.to_owned(), end);
    }

    fn change_mind(&mut self, event: &Event) {
        self.doubts -= 1;
        match *event {
            Event::CalledOff(index) => {
                self.pools[index].spec.state = PoolState::Active;
                self.called_off = Some(index);
            }
            Event::AskedAgain(index) => {
                self.pools[index].spec.state = PoolState::Decommissioned;
                self.called_off = None;
            }
            _ => unreachable!("nobody's mind"),
        }
    }

    /// A moment later than anything the status tells of: the drain may have been requested before.
    fn begin_upload(&mut self) {
        self.uploads -= 1;
        self.now += SignedDuration::from_secs(1);
        self.upload = Some(Upload {
            initiated: self.now,
            in_the_way: true,
        });
    }
}
