//! Everything there is at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::pool::DrainStatus;
use crds::{Pool, Tenant, TenantSpec};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ConfigMap;

use crate::tenant::Stored;
use crate::topology::Topology;

use super::events::Event;
use super::made::new_pool;

pub(super) const NAMESPACE: &str = "shop";
/// Servers of each pool.
pub(super) const SERVERS: i32 = 4;

/// When every history begins.
pub(super) fn start() -> Timestamp {
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

/// How drains fail that no upload keeps from their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// So many still may, and need not.
    Times(u32),
    /// Each of them.
    Always,
    /// Each of them, in a way that the servers cannot forget.
    ForGood,
}

/// An upload in parts that is neither completed nor aborted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upload {
    pub(super) initiated: Timestamp,
    /// Whether it is on the pool that leaves, which nobody is told.
    pub(super) in_the_way: bool,
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
    /// Whether two worlds are the same in which servers of a pool have changed places. Not where they may run more than
    /// two things.
    pub(super) alike: bool,
    /// The revision clients are sent to.
    pub(super) selected: u64,
    /// What the servers do with pools, by element.
    pub(super) drains: BTreeMap<String, &'static str>,
    /// When the servers began the last drain.
    pub(super) began: Timestamp,
    /// The servers' number of each pool, by element: its place when they met it.
    pub(super) numbers: BTreeMap<String, u64>,
    pub(super) failing: Failing,
    pub(super) upload: Option<Upload>,
    /// Uploads that clients may still begin on the pool that leaves.
    pub(super) uploads: u32,
    /// Whether the status has told of open uploads since the drain failed.
    pub(super) noticed: bool,
    /// The hour by the clock of the pool controller. It moves only as far as somebody waits for.
    pub(super) now: Timestamp,
    /// How often the time of a retry may come while an upload is open. Otherwise it comes as often as it is waited for.
    pub(super) waits: u32,
    /// How often a person may still change their mind about a drain that failed.
    pub(super) doubts: u32,
    /// The Pool that was called back.
    pub(super) called_off: Option<usize>,
    /// How often the servers were told to rebalance, and whether they still do.
    pub(super) rebalances: (u32, bool),
    /// Whether all of them have been told that it is over.
    pub(super) settled: bool,
    /// How often the operator may still be cut off before it writes a status.
    pub(super) cuts: u32,
    /// Servers that may still fail by themselves.
    pub(super) faults: u32,
    /// The generation of root credentials that is offered.
    pub(super) offered: u64,
    /// Generations that are still to be offered, in this order.
    pub(super) rotations: Vec<u64>,
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
            alike: true,
            selected: 0,
            drains: BTreeMap::new(),
            began: start(),
            numbers: BTreeMap::new(),
            failing: Failing::Times(0),
            upload: None,
            uploads: 0,
            noticed: false,
            now: start(),
            waits: 0,
            doubts: 0,
            called_off: None,
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

    /// What the servers say of the drain of a pool.
    pub(super) fn drain_of(&self, element: &str) -> &'static str {
        self.drains.get(element).copied().unwrap_or("none")
    }
}

/// What the status of a Pool tells of its drain.
pub(super) fn told(pool: &Pool) -> Option<&DrainStatus> {
    pool.status.as_ref()?.drain.as_ref()
}
