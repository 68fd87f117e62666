//! `/health`, `/health/live`, `/health/ready`, `/minio/health/cluster`.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::json;
use crate::environment::Identity;
use crate::world::{Mode, World};

/// What a server finds of the store.
pub struct State {
    /// Every erasure set has enough drives to be read.
    pub storage: bool,
    /// Every erasure set has enough drives to be written.
    pub writes: bool,
    /// A majority of the servers listens.
    pub lock: bool,
}

impl State {
    /// Looks at all pools of the server.
    pub fn of(world: &World, identity: &Identity) -> Self {
        let live = |host: &str| world.is_live(host);
        let enough = |more: bool| {
            identity.pools.iter().all(|pool| {
                let data = pool.set_width - pool.parity;
                // With as much parity as data half the drives could be on either side of a split.
                let needed = data + usize::from(more && data == pool.parity);
                pool.drives
                    .chunks(pool.set_width)
                    .all(|set| set.iter().filter(|drive| live(&drive.host)).count() >= needed)
            })
        };
        let mut hosts: Vec<_> = identity
            .pools
            .iter()
            .flat_map(|pool| &pool.drives)
            .map(|drive| drive.host.as_str())
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        let up = hosts.iter().filter(|host| live(host)).count();
        Self {
            storage: enough(false),
            writes: enough(true),
            lock: up > hosts.len() / 2,
        }
    }

    /// Whether the server takes requests.
    pub fn is_ready(&self) -> bool {
        self.storage && self.lock
    }
}

/// The answer, when the path is one of health.
pub fn answer(world: &World, identity: &Identity, path: &str) -> Option<Response<Bytes>> {
    match path {
        "/health" | "/health/live" => Some(json(200, &base("ok"))),
        "/health/ready" => {
            let state = State::of(world, identity);
            let ready = state.is_ready() && world.fault(&identity.pod) != Mode::Unready;
            Some(json(if ready { 200 } else { 503 }, &readiness(&state, ready)))
        }
        "/minio/health/cluster" => {
            let writes = State::of(world, identity).writes && world.fault(&identity.pod) != Mode::ReadOnly;
            Some(json(
                if writes { 200 } else { 503 },
                &base(if writes { "ok" } else { "degraded" }),
            ))
        }
        _ => None,
    }
}

fn base(status: &str) -> Value {
    json!({
        "status": status,
        "service": "rustfs-endpoint",
        "timestamp": jiff::Timestamp::now().to_string(),
        "version": "1.0.1",
    })
}

fn readiness(state: &State, ready: bool) -> Value {
    let part =
        |ready: bool| json!({"status": if ready { "connected" } else { "disconnected" }, "ready": ready});
    let mut reasons = Vec::new();
    if !state.storage {
        reasons.push("storage_quorum_unavailable");
    }
    if !state.lock {
        reasons.push("lock_quorum_unavailable");
    }
    if !ready && reasons.is_empty() {
        reasons.push("fault_requested");
    }
    let mut body = base(if ready { "ok" } else { "degraded" });
    body["ready"] = json!(ready);
    body["details"] = json!({
        "storage": part(state.storage),
        "iam": part(state.storage),
        "lock": part(state.lock),
    });
    body["degradedReasons"] = json!(reasons);
    body
}
