//! The topology: which servers form one store, in which order, and under which exact names.

use serde::{Deserialize, Serialize};

/// What the ConfigMap `{tenant}-topology` holds under `topology.json`. Only the Tenant controller writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Topology {
    /// Grows by one whenever the volumes string changes; 0 = nothing accepted yet.
    pub revision: u64,
    /// Whether the store has served once. From then on its pools may not simply change.
    pub formed: bool,
    /// Pools in the order of the volumes string. Order is append-only.
    pub pools: Vec<Member>,
    /// Name of the one Pool that may replace outdated servers now; none while nothing may be disturbed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
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
}

impl Topology {
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
