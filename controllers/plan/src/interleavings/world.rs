//! Everything there is, what may happen next, and what must always hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::names::{ANNOTATION_TEMPLATE_HASH, LABEL_POOL, LABEL_TOPOLOGY_REVISION};
use crds::pool::PoolState;
use crds::{Pool, Tenant, TenantSpec};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};

use crate::health::Health;
use crate::pool::drain::{Order, Report, ScannerWord, Word};
use crate::step::{Child, Enacted, Step};
use crate::tenant::rebalance::{self, State};
use crate::tenant::{Hidden, Offer, Pair, SecretCheck, Stored, started_with};
use crate::topology::Topology;
use crate::{meta, pool, tenant};

use super::made::{claim, metadata, new_pool, pod};

pub(super) const NAMESPACE: &str = "shop";
/// Servers of each pool.
pub(super) const SERVERS: i32 = 4;

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Life {
    Starting,
    Ready,
    Stopping,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Server {
    pub(super) revision: u64,
    /// Name of the Secret with its root credentials.
    pub(super) credentials: String,
    pub(super) hash: String,
    pub(super) life: Life,
}

/// Everything there is at one moment.
#[derive(Clone)]
pub(super) struct World {
    pub(super) tenant: Tenant,
    pub(super) pools: Vec<Pool>,
    pub(super) topology: Option<ConfigMap>,
    pub(super) revisions: Vec<Arc<ConfigMap>>,
    pub(super) sets: BTreeMap<String, StatefulSet>,
    pub(super) servers: BTreeMap<(String, i32), Server>,
    /// The revision clients are sent to.
    pub(super) selected: u64,
    /// What the servers do with pools, by element.
    pub(super) drains: BTreeMap<String, &'static str>,
    /// The servers' number of each pool, by element: its place when they met it.
    pub(super) numbers: BTreeMap<String, u64>,
    /// Whether the servers give drains up in a way that they cannot forget.
    pub(super) dead: bool,
    /// How often the servers were told to rebalance, and whether they still do.
    pub(super) rebalances: (u32, bool),
    /// Whether all of them have been told that it is over.
    pub(super) settled: bool,
    /// How often the operator may still be cut off before it writes the Tenant's status.
    pub(super) cuts: u32,
    /// Servers that may still fail by themselves.
    pub(super) faults: u32,
    /// The generation of root credentials that is offered.
    pub(super) offered: u64,
    /// Generations that are still to be offered, in this order.
    pub(super) rotations: Vec<u64>,
}

/// One thing that may happen next.
#[derive(Clone, Debug)]
pub(super) enum Event {
    TenantLooks,
    TenantIsCutOff,
    Balanced,
    PoolLooks(usize),
    Becomes(String, i32, Option<Life>),
    Moved(String),
    CalledOff(usize),
    Offered(u64),
}

impl World {
    pub(super) fn empty(pools: &[&str]) -> Self {
        let mut tenant = Tenant::new("store", TenantSpec::default());
        tenant.metadata.namespace = Some(NAMESPACE.into());
        tenant.metadata.uid = Some("tenant-uid".into());
        Self {
            tenant,
            pools: pools.iter().map(|name| new_pool(name)).collect(),
            topology: None,
            revisions: Vec::new(),
            sets: BTreeMap::new(),
            servers: BTreeMap::new(),
            selected: 0,
            drains: BTreeMap::new(),
            numbers: BTreeMap::new(),
            dead: false,
            rebalances: (0, false),
            settled: false,
            cuts: 0,
            faults: 0,
            offered: 1,
            rotations: Vec::new(),
        }
    }

    /// A store of these pools that serves, at rest.
    pub(super) fn serving(pools: &[&str]) -> Self {
        let mut world = Self::empty(pools);
        for _ in 0..8 {
            world.happen(&Event::TenantLooks).unwrap();
            for index in 0..world.pools.len() {
                world.happen(&Event::PoolLooks(index)).unwrap();
            }
            for server in world.servers.values_mut() {
                server.life = Life::Ready;
            }
        }
        assert!(world.topology().formed && world.topology().at_rest());
        world
    }

    pub(super) fn topology(&self) -> Topology {
        let stored = Stored::read(&self.tenant, self.topology.as_ref());
        stored.topology().cloned().unwrap_or_default()
    }

    fn pods(&self) -> Vec<Arc<Pod>> {
        self.servers
            .iter()
            .map(|((pool, ordinal), server)| Arc::new(pod(pool, *ordinal, server)))
            .collect()
    }

    fn tenant_sees(&self) -> tenant::Observed {
        let empty = self.drains.iter().filter(|(_, state)| **state == "complete");
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
            dead_elements: self.dead_elements(),
            misplaced_elements: self.misplaced_elements(),
            empty_elements: empty.map(|(element, _)| element.clone()).collect(),
            ..tenant::Observed::default()
        };
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

    /// What servers say that all run the topology: an older spelling is known to none of them.
    fn dead_elements(&self) -> Vec<String> {
        let failed = self.drains.iter().filter(|(_, state)| **state == "failed");
        failed.map(|(element, _)| element.clone()).collect()
    }

    fn misplaced_elements(&self) -> Vec<String> {
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

    /// RustFS numbers what it has not met by its place, and forgets what is not there.
    fn number(&mut self) {
        let topology = self.topology();
        let members = (0..).zip(&topology.pools);
        self.numbers = members
            .map(|(place, member)| {
                let known = self.numbers.get(&member.element).copied();
                (member.element.clone(), known.unwrap_or(place))
            })
            .collect();
    }

    fn pool_sees(&self, pool: &Pool) -> pool::Observed {
        let topology = self.topology();
        let reports = topology.pools.iter().map(|member| Report {
            element: member.element.clone(),
            number: self.numbers.get(&member.element).copied().unwrap_or_default(),
            decommission: self
                .drains
                .get(&member.element)
                .copied()
                .unwrap_or("none")
                .to_owned(),
            unresolved: self.dead,
            free: 100,
            used: 10,
            ..Report::default()
        });
        let set = crds::names::stateful_set("store", meta::name(pool));
        let mut observed = pool::Observed {
            tenant: Some(Arc::new(self.tenant.clone())),
            topology: Stored::read(&self.tenant, self.topology.as_ref()),
            stateful_set: self.sets.get(&set).map(|set| Arc::new(metadata(set))),
            caught_up: true,
            pods: self.pods(),
            claims: pool::claims::names(pool)
                .iter()
                .map(|name| Arc::new(claim(pool, name)))
                .collect(),
            word: Word::Said(reports.collect()),
            scanner: ScannerWord::Said(None),
            ..pool::Observed::default()
        };
        if pool::concerns_health(pool, &observed) {
            observed.health = Health::Said(BTreeMap::new());
        }
        observed
    }

    /// What may happen next.
    pub(super) fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::TenantLooks];
        if self.cuts > 0 {
            events.push(Event::TenantIsCutOff);
        }
        if self.rebalances.1 {
            events.push(Event::Balanced);
        }
        events.extend((0..self.pools.len()).map(Event::PoolLooks));
        for ((pool, ordinal), server) in &self.servers {
            let becomes = |life| Event::Becomes(pool.clone(), *ordinal, life);
            match server.life {
                Life::Starting => events.push(becomes(Some(Life::Ready))),
                Life::Stopping => events.push(becomes(None)),
                Life::Ready if self.faults > 0 => events.push(becomes(Some(Life::Starting))),
                Life::Ready => {}
            }
        }
        let moving = self.drains.iter().filter(|(_, state)| **state == "running");
        events.extend(moving.map(|(element, _)| Event::Moved(element.clone())));
        let failed = self.drains.values().any(|state| *state == "failed");
        let asked = |(_, pool): &(usize, &Pool)| failed && pool.spec.state == PoolState::Decommissioned;
        let called_off = self.pools.iter().enumerate().filter(asked);
        events.extend(called_off.map(|(index, _)| Event::CalledOff(index)));
        events.extend(
            self.rotations
                .first()
                .map(|generation| Event::Offered(*generation)),
        );
        events
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
            Event::PoolLooks(index) => self.pool_looks(*index)?,
            Event::Becomes(pool, ordinal, Some(life)) => {
                let server = self.servers.get_mut(&(pool.clone(), *ordinal)).unwrap();
                if server.life == Life::Ready {
                    self.faults -= 1;
                }
                server.life = *life;
            }
            Event::Becomes(pool, ordinal, None) => drop(self.servers.remove(&(pool.clone(), *ordinal))),
            Event::Moved(element) => {
                let end = if self.dead { "failed" } else { "complete" };
                self.drains.insert(element.clone(), end);
            }
            Event::Offered(generation) => {
                self.offered = *generation;
                self.rotations.remove(0);
            }
            Event::CalledOff(index) => self.pools[*index].spec.state = PoolState::Active,
        }
        self.start_missing();
        self.check()
    }

    fn tenant_looks(&mut self, to_the_end: bool) -> Result<(), String> {
        let observed = self.tenant_sees();
        let plan = tenant::plan(&self.tenant, &observed);
        for step in &plan.steps {
            match step {
                Step::Create(child) | Step::Apply(child) => match child.as_ref() {
                    Child::ConfigMap(map) if meta::name(map) == "store-topology" => {
                        self.topology = Some(map.clone());
                        self.number();
                    }
                    Child::ConfigMap(map) => self.revisions.push(Arc::new(map.clone())),
                    Child::Service(service) if meta::name(service) == "store-api" => {
                        let selector = service.spec.as_ref().unwrap().selector.as_ref().unwrap();
                        self.selected = selector[LABEL_TOPOLOGY_REVISION].parse().unwrap();
                    }
                    _ => {}
                },
                Step::Delete(target, _) => {
                    assert_eq!(
                        target.kind, "ConfigMap",
                        "a living Tenant deletes {}",
                        target.name
                    );
                    self.revisions
                        .retain(|map| meta::name(map.as_ref()) != target.name);
                }
                _ => {}
            }
        }
        match plan.rebalance_order(&self.tenant, &observed) {
            Some((rebalance::Order::Start, _)) if self.rebalances.0 > 0 => {
                return Err("the servers are told to rebalance twice".to_owned());
            }
            Some((rebalance::Order::Start, _)) => self.rebalances = (1, true),
            Some((rebalance::Order::Stop, _)) => self.rebalances.1 = false,
            Some((rebalance::Order::Settle, _)) => self.settled = true,
            None => {}
        }
        if to_the_end {
            let status = tenant::status(&self.tenant, &observed, &plan, &Enacted::default(), now());
            self.tenant.status = Some(status);
        }
        Ok(())
    }

    fn pool_looks(&mut self, index: usize) -> Result<(), String> {
        let pool = self.pools[index].clone();
        let observed = self.pool_sees(&pool);
        let plan = pool::plan(&pool, &observed);
        for step in &plan.steps {
            match step {
                Step::Hold(finalizer) => {
                    self.pools[index].metadata.finalizers = Some(vec![(*finalizer).to_owned()])
                }
                Step::Release(_) => self.pools[index].metadata.finalizers = None,
                Step::Apply(child) => {
                    if let Child::StatefulSet(set) = child.as_ref() {
                        self.sets.insert(meta::name(set).to_owned(), set.clone());
                    }
                }
                Step::Delete(target, _) => self.stop(&pool, &target.kind, &target.name)?,
                _ => {}
            }
        }
        match plan.order() {
            Some((Order::Start, element)) => {
                if !self.misplaced_elements().is_empty() {
                    return Err(format!("{element} is told to go with numbers that are no places"));
                }
                let before = self.drains.insert(element.to_owned(), "running");
                if before.is_some_and(|state| state != "none") {
                    return Err(format!("{element} is told to go twice"));
                }
            }
            Some((Order::Cancel, element)) => drop(self.drains.insert(element.to_owned(), "canceled")),
            Some((Order::Clear, element)) => {
                if self.dead && self.drains.get(element) == Some(&"failed") {
                    return Err(format!("{element} is told to forget what it cannot forget"));
                }
                self.drains.remove(element);
            }
            None => {}
        }
        let status = pool::status(&pool, &observed, &plan, &Enacted::default(), now());
        self.pools[index].status = Some(status);
        Ok(())
    }

    fn stop(&mut self, pool: &Pool, kind: &str, name: &str) -> Result<(), String> {
        if kind == "StatefulSet" {
            self.sets.remove(name);
            for ((of, _), server) in &mut self.servers {
                if of == meta::name(pool) {
                    server.life = Life::Stopping;
                }
            }
            return Ok(());
        }
        let ordinal: i32 = name.rsplit('-').next().unwrap().parse().unwrap();
        let key = (meta::name(pool).to_owned(), ordinal);
        let others_serve = self
            .servers
            .iter()
            .all(|(other, server)| *other == key || server.life == Life::Ready);
        let victim = self.servers.get_mut(&key).unwrap();
        if victim.life == Life::Ready && !others_serve {
            return Err(format!(
                "{name} serves and is stopped while another server is missing"
            ));
        }
        victim.life = Life::Stopping;
        Ok(())
    }

    /// The StatefulSet controller: Parallel, from the template it has now.
    fn start_missing(&mut self) {
        for set in self.sets.values() {
            let template = &set.spec.as_ref().unwrap().template;
            let credentials = started_with(template.spec.as_ref().unwrap()).unwrap().to_owned();
            let template = template.metadata.as_ref().unwrap();
            let pool = template.labels.as_ref().unwrap()[LABEL_POOL].clone();
            let server = Server {
                revision: template.labels.as_ref().unwrap()[LABEL_TOPOLOGY_REVISION]
                    .parse()
                    .unwrap(),
                credentials,
                hash: template.annotations.as_ref().unwrap()[ANNOTATION_TEMPLATE_HASH].clone(),
                life: Life::Starting,
            };
            for ordinal in 0..SERVERS {
                self.servers
                    .entry((pool.clone(), ordinal))
                    .or_insert_with(|| server.clone());
            }
        }
    }
}
