//! What clients must meet in every world.

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
                !own.iter().any(|own| same_pool(own, element)) && self.drain_of(element) != "complete"
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
}
