//! What controllers see of a world, as their `observe` fills it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::Pool;
use k8s_openapi::api::core::v1::Pod;

use crate::health::Health;
use crate::pool::drain::{self, Report, ScannerWord, Uploads, UploadsWord, Word};
use crate::tenant::rebalance::{self, State};
use crate::tenant::{Hidden, Offer, Pair, SecretCheck, Stored};
use crate::{meta, pool, tenant};

use super::made::{claim, metadata, pod};
use super::world::{Failing, World};

impl World {
    fn pods(&self) -> Vec<Arc<Pod>> {
        self.servers
            .iter()
            .map(|((pool, ordinal), server)| Arc::new(pod(pool, *ordinal, server)))
            .collect()
    }

    pub(super) fn tenant_sees(&self) -> tenant::Observed {
        let mut observed = tenant::Observed {
            topology: Stored::read(&self.tenant, self.topology.as_ref()),
            revisions: self.revisions.clone(),
            credentials: SecretCheck::Usable,
            rpc: SecretCheck::Usable,
            offer: Offer {
                generation: self.offered,
                ..Offer::default()
            },
            fresh_credentials: None::<Pair>,
            fresh_rpc: None::<Hidden>,
            pools: self.pools.iter().cloned().map(Arc::new).collect(),
            pods: self.pods(),
            stateful_sets: self.sets.values().map(|set| Arc::new(metadata(set))).collect(),
            ..tenant::Observed::default()
        };
        if tenant::says_ended(&self.tenant, &observed, &self.topology()) {
            observed.dead_elements = self.dead_elements();
            observed.misplaced_elements = self.misplaced_elements();
            observed.empty_elements = self.elements("complete");
        }
        if tenant::about_to_form(&self.tenant, &observed) {
            observed.health = Health::Said(BTreeMap::new());
        }
        if rebalance::concerns(&self.tenant, &observed) {
            let (number, runs) = self.rebalances;
            observed.settled = self.settled;
            observed.rebalance = rebalance::Word::Said(rebalance::Report {
                id: if number == 0 {
                    String::new()
                } else {
                    number.to_string()
                },
                state: if runs { State::Running } else { State::Complete },
                ..rebalance::Report::default()
            });
        }
        observed
    }

    fn elements(&self, state: &str) -> Vec<String> {
        let drains = self.drains.iter().filter(|(_, found)| **found == state);
        drains.map(|(element, _)| element.clone()).collect()
    }

    /// What servers say that all run the topology: an older spelling is known to none of them.
    fn dead_elements(&self) -> Vec<String> {
        if self.failing == Failing::ForGood {
            self.elements("failed")
        } else {
            Vec::new()
        }
    }

    pub(super) fn misplaced_elements(&self) -> Vec<String> {
        let topology = self.topology();
        let members = (0..).zip(&topology.pools);
        members
            .filter(|(place, member)| {
                self.numbers
                    .get(&member.element)
                    .is_some_and(|number| number != place)
            })
            .map(|(_, member)| member.element.clone())
            .collect()
    }

    pub(super) fn pool_sees(&self, pool: &Pool) -> pool::Observed {
        let set = crds::names::stateful_set("store", meta::name(pool));
        let mut observed = pool::Observed {
            now: self.now,
            tenant: Some(Arc::new(self.tenant.clone())),
            topology: Stored::read(&self.tenant, self.topology.as_ref()),
            stateful_set: self.sets.get(&set).map(|set| Arc::new(metadata(set))),
            caught_up: true,
            pods: self.pods(),
            claims: pool::claims::names(pool)
                .iter()
                .map(|name| Arc::new(claim(pool, name)))
                .collect(),
            ..pool::Observed::default()
        };
        self.ask_about_drains(pool, &mut observed);
        if pool::concerns_health(pool, &observed) {
            observed.health = Health::Said(BTreeMap::new());
        }
        observed
    }

    /// The servers are asked one thing after the other, each only where it matters.
    fn ask_about_drains(&self, pool: &Pool, observed: &mut pool::Observed) {
        let topology = self.topology();
        let member = topology.member(meta::name(pool), meta::uid(pool));
        if member.is_some_and(|member| drain::concerns(pool, Some(member.phase))) {
            observed.word = Word::Said(self.reports());
        }
        if drain::concerns_scanner(pool, observed) {
            observed.scanner = ScannerWord::Said(None);
        }
        if drain::uploads::concerns(pool, observed) {
            let mut found = Uploads::default();
            if self.is_seen_open(pool) {
                found.add(|| "films/a".to_owned());
            }
            observed.uploads = UploadsWord::Said(found);
        }
    }

    /// Whether an upload is open that began before the drain the Pool tells of.
    pub(super) fn is_seen_open(&self, pool: &Pool) -> bool {
        let initiated = self.upload.map(|upload| upload.initiated);
        initiated.is_some() && drain::uploads::is_early(pool, initiated)
    }

    fn reports(&self) -> Vec<Report> {
        let topology = self.topology();
        let report = |element: &String| {
            let decommission = self.drain_of(element);
            Report {
                element: element.clone(),
                number: self.numbers.get(element).copied().unwrap_or_default(),
                decommission: decommission.to_owned(),
                // The servers forget it when they give up.
                began: matches!(decommission, "running" | "complete").then_some(self.began),
                unresolved: self.failing == Failing::ForGood,
                free: 100,
                used: 10,
                ..Report::default()
            }
        };
        topology
            .pools
            .iter()
            .map(|member| report(&member.element))
            .collect()
    }
}
