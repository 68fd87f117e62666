//! What must hold in every world, and what tells two apart.

use super::world::Life;
use super::world::World;
use crate::meta;
use crate::topology::{Phase, same_pool};

impl World {
    /// The laws about what clients meet.
    pub(super) fn check(&self) -> Result<(), String> {
        let topology = self.topology();
        if !topology.formed {
            return Ok(());
        }
        let volumes = |revision: u64| -> Vec<String> {
            let name = crds::names::topology_revision("store", revision);
            let map = self.revisions.iter().find(|map| meta::name(map.as_ref()) == name);
            let text = map
                .and_then(|map| map.data.as_ref()?.get("RUSTFS_VOLUMES").cloned())
                .unwrap_or_default();
            text.split(' ').map(str::to_owned).collect()
        };
        // A server that knows fewer pools than those that serve may still be asked on an old connection.
        let knows = volumes(self.selected);
        for ((pool, ordinal), server) in &self.servers {
            let own = volumes(server.revision);
            let data_it_misses = knows.iter().any(|element| {
                !own.iter().any(|own| same_pool(own, element))
                    && self.drains.get(element) != Some(&"complete")
            });
            if server.life != Life::Starting && data_it_misses && self.has_served(server.revision) {
                return Err(format!(
                    "{pool}-{ordinal} at revision {} serves beside {}",
                    server.revision, self.selected
                ));
            }
        }
        // Clients meet servers of one pair of root credentials.
        let reached = self.servers.values();
        let mut pairs: Vec<&str> = reached
            .filter(|server| server.revision == self.selected)
            .map(|server| server.credentials.as_str())
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        if pairs.len() > 1 {
            return Err(format!("clients meet {}", pairs.join(" and ")));
        }
        // What may hold data is never missing from the string that clients are served by.
        for member in &topology.pools {
            let known = knows.iter().any(|element| same_pool(element, &member.element));
            if member.phase != Phase::Joining && !known {
                return Err(format!("clients are served without {}", member.name));
            }
        }
        Ok(())
    }

    /// Whether clients may have open connections to servers of a revision.
    fn has_served(&self, revision: u64) -> bool {
        revision <= self.selected && revision > 0
    }

    /// What tells two worlds apart.
    pub(super) fn key(&self) -> String {
        let pools: Vec<_> = self
            .pools
            .iter()
            .map(|pool| {
                let status = pool.status.as_ref();
                let conditions = status.map(|status| {
                    let told = status
                        .conditions
                        .iter()
                        .map(|found| format!("{}{}{}", found.type_, found.status, found.reason));
                    told.collect::<Vec<_>>()
                });
                (
                    status.and_then(|status| status.drain.clone()),
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
            "{:?} {pools:?} {sets:?} {:?} {} {:?} {:?} {} {} {:?} {:?} {} {:?}",
            self.topology(),
            self.servers,
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
        )
    }
}
