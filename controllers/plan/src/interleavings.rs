//! A small model of a cluster around the real decisions: a Pool joins a store that serves, and one is drained, in every
//! order in which controllers may look, servers may start, stop and fail. Whatever the order: clients never meet two
//! views of the store, no server that serves is stopped while another is missing, and there is always a way to the end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crds::common::NameRef;
use crds::names::{
    ANNOTATION_TEMPLATE_HASH, LABEL_LAYOUT, LABEL_POOL, LABEL_TENANT, LABEL_TOPOLOGY_REVISION,
};
use crds::pool::PoolState;
use crds::{Pool, PoolSpec, Tenant, TenantSpec};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, PersistentVolumeClaimStatus, Pod, PodCondition, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::{ObjectMeta, PartialObjectMeta};

use crate::health::Health;
use crate::pool::drain::{Order, Report, Word};
use crate::step::{Child, Enacted, Step};
use crate::tenant::{FreshCredentials, Hidden, SecretCheck, Stored};
use crate::topology::{Phase, Topology};
use crate::{meta, pool, tenant};

const NAMESPACE: &str = "shop";
/// Servers of each pool.
const SERVERS: i32 = 4;

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Life {
    Starting,
    Ready,
    Stopping,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Server {
    revision: u64,
    hash: String,
    life: Life,
}

/// Everything there is at one moment.
#[derive(Clone)]
struct World {
    tenant: Tenant,
    pools: Vec<Pool>,
    topology: Option<ConfigMap>,
    revisions: Vec<Arc<ConfigMap>>,
    sets: BTreeMap<String, StatefulSet>,
    servers: BTreeMap<(String, i32), Server>,
    /// The revision clients are sent to.
    selected: u64,
    /// What the servers do with pools, by element.
    drains: BTreeMap<String, &'static str>,
    /// Servers that may still fail by themselves.
    faults: u32,
}

/// One thing that may happen next.
#[derive(Clone, Debug)]
enum Event {
    TenantLooks,
    PoolLooks(usize),
    Becomes(String, i32, Option<Life>),
    Moved(String),
}

impl World {
    fn empty(pools: &[&str]) -> Self {
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
            faults: 0,
        }
    }

    /// A store of these pools that serves, at rest.
    fn serving(pools: &[&str]) -> Self {
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

    fn topology(&self) -> Topology {
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
            fresh_credentials: None::<FreshCredentials>,
            fresh_rpc: None::<Hidden>,
            pools: self.pools.iter().cloned().map(Arc::new).collect(),
            pods: self.pods(),
            stateful_sets: self.sets.values().map(|set| Arc::new(metadata(set))).collect(),
            empty_elements: empty.map(|(element, _)| element.clone()).collect(),
            ..tenant::Observed::default()
        };
        if tenant::about_to_form(&self.tenant, &observed) {
            observed.health = Health::Said(BTreeMap::new());
        }
        observed
    }

    fn pool_sees(&self, pool: &Pool) -> pool::Observed {
        let topology = self.topology();
        let reports = topology.pools.iter().map(|member| Report {
            element: member.element.clone(),
            decommission: self
                .drains
                .get(&member.element)
                .copied()
                .unwrap_or("none")
                .to_owned(),
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
            ..pool::Observed::default()
        };
        if pool::concerns_health(pool, &observed) {
            observed.health = Health::Said(BTreeMap::new());
        }
        observed
    }

    /// What may happen next.
    fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::TenantLooks];
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
        events
    }

    /// Lets it happen; `Err` says which law it breaks.
    fn happen(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::TenantLooks => self.tenant_looks(),
            Event::PoolLooks(index) => self.pool_looks(*index)?,
            Event::Becomes(pool, ordinal, Some(life)) => {
                let server = self.servers.get_mut(&(pool.clone(), *ordinal)).unwrap();
                if server.life == Life::Ready {
                    self.faults -= 1;
                }
                server.life = *life;
            }
            Event::Becomes(pool, ordinal, None) => drop(self.servers.remove(&(pool.clone(), *ordinal))),
            Event::Moved(element) => drop(self.drains.insert(element.clone(), "complete")),
        }
        self.start_missing();
        self.check()
    }

    fn tenant_looks(&mut self) {
        let observed = self.tenant_sees();
        let plan = tenant::plan(&self.tenant, &observed);
        for step in &plan.steps {
            match step {
                Step::Create(child) | Step::Apply(child) => match child.as_ref() {
                    Child::ConfigMap(map) if meta::name(map) == "store-topology" => {
                        self.topology = Some(map.clone())
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
        let status = tenant::status(&self.tenant, &observed, &plan, &Enacted::default(), now());
        self.tenant.status = Some(status);
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
                let before = self.drains.insert(element.to_owned(), "running");
                if before.is_some_and(|state| state != "none") {
                    return Err(format!("{element} is told to go twice"));
                }
            }
            Some((Order::Cancel, element)) => drop(self.drains.insert(element.to_owned(), "canceled")),
            Some((Order::Clear, element)) => drop(self.drains.remove(element)),
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
            let template = set.spec.as_ref().unwrap().template.metadata.as_ref().unwrap();
            let pool = template.labels.as_ref().unwrap()[LABEL_POOL].clone();
            let server = Server {
                revision: template.labels.as_ref().unwrap()[LABEL_TOPOLOGY_REVISION]
                    .parse()
                    .unwrap(),
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

    /// The laws about what clients meet.
    fn check(&self) -> Result<(), String> {
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
            let data_it_misses = knows
                .iter()
                .any(|element| !own.contains(element) && self.drains.get(element) != Some(&"complete"));
            if server.life != Life::Starting && data_it_misses && self.has_served(server.revision) {
                return Err(format!(
                    "{pool}-{ordinal} at revision {} serves beside {}",
                    server.revision, self.selected
                ));
            }
        }
        // What may hold data is never missing from the string that clients are served by.
        for member in &topology.pools {
            if member.phase != Phase::Joining && !knows.contains(&member.element) {
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
    fn key(&self) -> String {
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
            "{:?} {pools:?} {sets:?} {:?} {} {:?} {}",
            self.topology(),
            self.servers,
            self.selected,
            self.drains,
            self.faults
        )
    }
}

fn new_pool(name: &str) -> Pool {
    let spec = PoolSpec {
        tenant_ref: NameRef { name: "store".into() },
        servers: SERVERS,
        volumes_per_server: 1,
        ..PoolSpec::default()
    };
    let mut pool = Pool::new(name, spec);
    pool.metadata.namespace = Some(NAMESPACE.into());
    pool.metadata.uid = Some(format!("{name}-uid"));
    pool.metadata.creation_timestamp = Some(Time(now()));
    pool
}

fn metadata(set: &StatefulSet) -> PartialObjectMeta<StatefulSet> {
    PartialObjectMeta {
        types: None,
        metadata: set.metadata.clone(),
        _phantom: std::marker::PhantomData,
    }
}

fn pod(pool: &str, ordinal: i32, server: &Server) -> Pod {
    let label = |key: &str, value: String| (key.to_owned(), value);
    Pod {
        metadata: ObjectMeta {
            name: Some(format!("store-{pool}-{ordinal}")),
            namespace: Some(NAMESPACE.into()),
            uid: Some(format!("{pool}-{ordinal}-{}", server.revision)),
            labels: Some(
                [
                    label(LABEL_TENANT, "store".into()),
                    label(LABEL_POOL, pool.into()),
                    label(LABEL_TOPOLOGY_REVISION, server.revision.to_string()),
                ]
                .into(),
            ),
            annotations: Some([label(ANNOTATION_TEMPLATE_HASH, server.hash.clone())].into()),
            deletion_timestamp: (server.life == Life::Stopping).then(|| Time(now())),
            ..ObjectMeta::default()
        },
        status: Some(PodStatus {
            conditions: Some(vec![PodCondition {
                type_: "Ready".into(),
                // A server that is being stopped goes on answering until it has ended.
                status: if server.life == Life::Starting {
                    "False"
                } else {
                    "True"
                }
                .into(),
                ..PodCondition::default()
            }]),
            ..PodStatus::default()
        }),
        ..Pod::default()
    }
}

fn claim(pool: &Pool, name: &str) -> PersistentVolumeClaim {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut claim = PersistentVolumeClaim {
        status: Some(PersistentVolumeClaimStatus {
            phase: Some("Bound".into()),
            ..PersistentVolumeClaimStatus::default()
        }),
        ..PersistentVolumeClaim::default()
    };
    claim.metadata.name = Some(name.to_owned());
    claim.metadata.labels = Some(
        [
            label(LABEL_TENANT, "store"),
            label(LABEL_POOL, meta::name(pool)),
            label(LABEL_LAYOUT, "4x1"),
        ]
        .into(),
    );
    claim
}

/// Follows every order of events from `start`, and gives the number of worlds met. From each of them there must be a
/// way to one that is `done`.
fn explore(start: World, done: impl Fn(&World) -> bool) -> usize {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut leads_from: Vec<Vec<usize>> = Vec::new();
    let mut ends = Vec::new();
    let mut queue = VecDeque::new();
    numbers.insert(start.key(), 0);
    leads_from.push(Vec::new());
    queue.push_back((0, start));
    while let Some((number, world)) = queue.pop_front() {
        if done(&world) {
            ends.push(number);
        }
        for event in world.events() {
            let mut next = world.clone();
            if let Err(law) = next.happen(&event) {
                panic!("{law} after {event:?} in {}", world.key());
            }
            let found = *numbers.entry(next.key()).or_insert_with(|| {
                leads_from.push(Vec::new());
                queue.push_back((leads_from.len() - 1, next));
                leads_from.len() - 1
            });
            leads_from[found].push(number);
        }
    }
    let mut reached = vec![false; leads_from.len()];
    while let Some(number) = ends.pop() {
        if !std::mem::replace(&mut reached[number], true) {
            ends.extend(&leads_from[number]);
        }
    }
    let lost = reached.iter().filter(|reached| !**reached).count();
    assert_eq!(
        lost,
        0,
        "of {} worlds so many have no way to the end",
        reached.len()
    );
    reached.len()
}

fn all_serve(world: &World, servers: usize) -> bool {
    let topology = world.topology();
    topology.at_rest()
        && topology.turn.is_none()
        && world.servers.len() == servers
        && world.selected == topology.revision
        && world
            .servers
            .values()
            .all(|server| server.life == Life::Ready && server.revision == topology.revision)
}

#[test]
fn a_pool_joins_in_every_order_of_events() {
    let mut world = World::serving(&["a"]);
    world.pools.push(new_pool("b"));
    let worlds = explore(world, |world| {
        all_serve(world, 8) && world.topology().pools.len() == 2
    });
    assert!(worlds > 100, "{worlds}");
}

#[test]
fn a_pool_joins_although_a_server_fails_at_any_time() {
    let mut world = World::serving(&["a"]);
    world.pools.push(new_pool("b"));
    world.faults = 1;
    let worlds = explore(world, |world| {
        all_serve(world, 8) && world.topology().pools.len() == 2
    });
    assert!(worlds > 1000, "{worlds}");
}

#[test]
fn a_pool_is_drained_in_every_order_of_events() {
    let mut world = World::serving(&["a", "b"]);
    world.pools[1].spec.state = PoolState::Decommissioned;
    let worlds = explore(world, |world| {
        all_serve(world, 4) && world.topology().pools.len() == 1
    });
    assert!(worlds > 50, "{worlds}");
}
