//! What tells two worlds apart.

use crds::Pool;
use crds::pool::DrainStatus;

use super::world::{Server, World, told};

impl World {
    /// What tells two worlds apart.
    pub(super) fn key(&self) -> String {
        let pools: Vec<_> = self
            .pools
            .iter()
            .map(|pool| {
                let conditions = pool.status.as_ref().map(|status| {
                    let told = status
                        .conditions
                        .iter()
                        .map(|found| format!("{}{}{}", found.type_, found.status, found.reason));
                    told.collect::<Vec<_>>()
                });
                (
                    self.drain_told(pool),
                    pool.spec.state,
                    conditions,
                    pool.metadata.finalizers.is_some(),
                )
            })
            .collect();
        let sets: Vec<_> = self
            .sets
            .iter()
            .map(|(name, set)| (name, set.metadata.annotations.clone()))
            .collect();
        format!(
            "{:?} {pools:?} {sets:?} {:?} {} {:?} {:?} {} {} {:?} {:?} {} {:?} {:?} {:?}",
            self.topology(),
            self.servers_told_apart(),
            self.selected,
            self.drains,
            self.numbers,
            self.faults,
            self.offered,
            self.rotations,
            (self.rebalances, self.settled),
            self.cuts,
            self.tenant
                .status
                .as_ref()
                .and_then(|status| status.rebalance.clone()),
            (
                self.failing,
                self.noticed,
                self.waits,
                self.doubts,
                self.called_off
            ),
            (self.upload.map(|upload| upload.in_the_way), self.uploads),
        )
    }

    /// Each server with its pool and number, or in order without the number where servers are alike. Decisions take the
    /// number only to choose one of several that are in the same state, which needs all outdated ones to run the same.
    fn servers_told_apart(&self) -> Vec<(&str, Option<i32>, &Server)> {
        let servers = self.servers.iter();
        let mut told: Vec<_> = servers
            .map(|((pool, ordinal), server)| (pool.as_str(), (!self.alike).then_some(*ordinal), server))
            .collect();
        told.sort_unstable();
        if self.alike {
            let mut kinds: Vec<_> = told
                .iter()
                .map(|(pool, _, server)| (*pool, &server.hash))
                .collect();
            kinds.sort_unstable();
            kinds.dedup();
            assert!(
                kinds.windows(3).all(|three| three[0].0 != three[2].0),
                "servers of a pool run more than two things: {kinds:?}"
            );
        }
        told
    }

    /// What a status tells of a drain, with what its times mean now instead of the times: whether it is to be begun again
    /// and the time has come, and whether the upload that is open began before it. Nothing else is made of them, and a
    /// later upload is later than all of them.
    fn drain_told(&self, pool: &Pool) -> Option<(DrainStatus, Option<bool>, bool)> {
        let drain = told(pool)?;
        let due = drain.retry_at.as_ref().map(|at| at.0 <= self.now);
        let timeless = DrainStatus {
            started_at: None,
            retry_at: None,
            ..drain.clone()
        };
        Some((timeless, due, self.is_seen_open(pool)))
    }
}
