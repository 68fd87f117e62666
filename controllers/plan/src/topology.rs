//! The topology: which servers form one store, in which order, and under which exact names.

use serde::{Deserialize, Serialize};

/// What the ConfigMap `{tenant}-topology` holds under `topology.json`. Only the Tenant controller writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Topology {
    /// Grows by one whenever the volumes string changes; 0 = nothing accepted yet.
    pub revision: u64,
    /// The revision that client Services select, 0 (which no server has) until the store has formed: before that
    /// pools come and go, and nothing may be written that a later string would not find. Behind `revision` while a
    /// change of the string is under way.
    pub serving: u64,
    /// Whether the store has served once. From then on its pools may not simply change.
    pub formed: bool,
    /// Pools in the order of the volumes string. Order is append-only.
    pub pools: Vec<Member>,
    /// Which root credentials servers are started with.
    #[serde(default)]
    pub credentials: Generations,
    /// Name of the one Pool that may replace outdated servers now; none while nothing may be disturbed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// What is to become of objects that lie where they were written before a Pool joined; none once they are spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<Rebalance>,
    /// Pools that left the string and whose objects are still there, in the order they left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
    /// Pools that name the Tenant and are not taken, and why. Sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refusal>,
}

/// Root credentials by generation, each an immutable Secret of its own. Servers of one topology revision all run the same
/// one, so that the Services, which select a revision, never lead to two pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Generations {
    /// The one that was taken last; 0 = none yet.
    pub latest: u64,
    /// The first topology revision with it.
    pub since: u64,
    /// The one of revisions before that; 0 = none.
    pub before: u64,
    /// Whether its access key is another one than that of the generation before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renamed: bool,
}

impl Generations {
    /// The generation that servers of a topology revision run with; 0 = not known.
    #[must_use]
    pub fn of(&self, revision: u64) -> u64 {
        if revision >= self.since {
            self.latest
        } else {
            self.before
        }
    }
}

/// Why a Pool is not in the topology.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Name of the Pool object.
    pub name: String,
    /// UID of the Pool object.
    pub uid: String,
    /// Reason in PascalCase, for the Pool's condition `Accepted`.
    pub reason: String,
    /// What is wrong and what to do, for a person.
    pub message: String,
    /// Whether it is taken later by itself, without a change by a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
}

/// How far the objects of a store are spread over Pools that joined it. Kept with the topology, so that it is never
/// forgotten, and begun once, wherever the operator is cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rebalance {
    /// Pools have joined; the servers have not been told.
    Due,
    /// The servers are told, or about to be.
    Ordered {
        /// The rebalance that the servers knew before, empty if none. As long as they know no other one, they have
        /// not begun.
        before: String,
    },
    /// The servers ended it early. They are not told again until a person has taken the wish back and asks anew.
    Ended,
}

/// How far a member has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// In the string, but clients are not served by it yet.
    #[default]
    Joining,
    /// It serves.
    Active,
    /// It serves, and its data is being moved to the other pools.
    Draining,
}

/// A pool that left the volumes string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    /// Name of the Pool object.
    pub name: String,
    /// UID of the Pool object.
    pub uid: String,
    /// The element it had in the volumes string.
    pub element: String,
    /// Whether it had served and was drained. Otherwise it was taken back before a client was served with it.
    pub drained: bool,
    /// Whether no server's string names it any more, so that its own servers may go.
    pub released: bool,
}

/// One pool in the topology.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Name of the Pool object.
    pub name: String,
    /// UID of the Pool object: another Pool of that name is not this one.
    pub uid: String,
    /// The exact element of the volumes string, ellipses included. RustFS knows the pool by it for life.
    pub element: String,
    /// Number of servers.
    pub servers: i32,
    /// Drives of each server.
    pub volumes_per_server: i32,
    /// How far it has come.
    pub phase: Phase,
    /// The revision its servers are to be made with: the serving one until all newcomers have started, so that a
    /// server that is lost meanwhile comes back as it was.
    pub revision: u64,
    /// The request to leave that hooks run for before the drain begins: it tells this request from a later one. None
    /// while nobody asked, or nothing runs before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

impl Topology {
    /// Reads `topology.json`; `Err` says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Whether no change of the string is under way.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        let settled = |member: &Member| member.phase == Phase::Active && member.revision == self.revision;
        self.serving == self.revision
            && self.pools.iter().all(settled)
            && self.former.iter().all(|former| former.released)
    }

    /// Pools that have been drained and left the string, while their servers are still there. Only these servers may be
    /// asked for the list of pools then: answering, a server takes over what is stored of them, by number, and until the
    /// first server of the store has stored the new list that is wrong for any server that runs without the pool.
    #[must_use]
    pub fn shrinking(&self) -> Vec<&Former> {
        let leaving = |former: &&Former| former.drained && !former.released;
        self.former.iter().filter(leaving).collect()
    }

    /// The pool whose data is moved to the others; there is one at a time.
    #[must_use]
    pub fn draining(&self) -> Option<&Member> {
        self.pools.iter().find(|member| member.phase == Phase::Draining)
    }

    /// Whether the servers move objects for balance, or are about to.
    #[must_use]
    pub fn rebalances(&self) -> bool {
        matches!(self.rebalance, Some(Rebalance::Ordered { .. }))
    }

    /// The drained pool that is this very Pool object.
    #[must_use]
    pub fn former(&self, name: &str, uid: &str) -> Option<&Former> {
        self.former
            .iter()
            .find(|former| former.name == name && former.uid == uid)
    }

    /// Why this very Pool object is not taken.
    #[must_use]
    pub fn refusal(&self, name: &str, uid: &str) -> Option<&Refusal> {
        self.refused
            .iter()
            .find(|refusal| refusal.name == name && refusal.uid == uid)
    }

    /// The exact value of `RUSTFS_VOLUMES`.
    #[must_use]
    pub fn volumes(&self) -> String {
        self.pools
            .iter()
            .map(|pool| pool.element.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The member that is this very Pool object.
    #[must_use]
    pub fn member(&self, name: &str, uid: &str) -> Option<&Member> {
        self.pools
            .iter()
            .find(|pool| pool.name == name && pool.uid == uid)
    }
}

/// Whether two elements name the same servers and drives. RustFS knows a pool by the exact text, and takes one with
/// another spelling for a pool that nothing was ever done with.
#[must_use]
pub fn same_pool(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// Whether an element, which has ellipses, names this drive of a server.
#[must_use]
pub fn names_drive(element: &str, endpoint: &str) -> bool {
    let mut rest = endpoint.trim_end_matches('/');
    let mut parts = element.trim_end_matches('/').split('{');
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else {
        return false;
    };
    rest = after;
    for part in parts {
        let literal = part.split_once('}').map_or("", |(_, literal)| literal);
        let number = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
        match number.strip_prefix(literal) {
            Some(after) if number.len() < rest.len() => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// The other spelling of an element.
#[must_use]
pub fn respelled(element: &str) -> String {
    element
        .strip_suffix('/')
        .map_or_else(|| format!("{element}/"), str::to_owned)
}

/// The exact element of the volumes string for a pool: always with ellipses, as RustFS can neither extend nor drain
/// a pool without. Hosts are the per-Pod names of the headless Service.
#[must_use]
pub fn element(
    scheme: &str,
    tenant: &str,
    namespace: &str,
    cluster_domain: &str,
    pool: &str,
    servers: i32,
    volumes_per_server: i32,
) -> String {
    format!(
        "{scheme}://{set}-{{0...{last_server}}}.{service}.{namespace}.svc.{cluster_domain}:{port}{path}{{0...{last_drive}}}",
        set = crds::names::stateful_set(tenant, pool),
        last_server = servers.saturating_sub(1),
        service = crds::names::headless_service(tenant),
        port = crds::names::PORT_API,
        path = crds::names::DATA_PATH,
        last_drive = volumes_per_server.saturating_sub(1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_names_its_own_drives_and_no_others() {
        let pool = |name: &str| element("http", "store", "shop", "cluster.local", name, 4, 2);
        let drive =
            |server: &str| format!("http://store-{server}.store-hl.shop.svc.cluster.local:9000/data/rustfs1");
        assert!(names_drive(&pool("a"), &drive("a-3")));
        assert!(names_drive(&respelled(&pool("a")), &drive("a-3")));
        for other in ["b-3", "a-b-3", "a-3-1", "a-"] {
            assert!(!names_drive(&pool("a"), &drive(other)), "{other}");
        }
        assert!(!names_drive(&pool("a"), "/data/rustfs1"));
    }
}
