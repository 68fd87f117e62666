//! The admin API: the recorded documents, filled with the topology of the Pod.

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Map, Value, json};

use super::{Refusal, json};
use crate::environment::Identity;
use crate::volumes::{Drive, Pool};
use crate::world::World;

const INFO: &str = include_str!("../../../../controllers/admin/fixtures/info.json");
const STORAGE: &str = include_str!("../../../../controllers/admin/fixtures/storageinfo.json");
const SCANNER: &str = include_str!("../../../../controllers/admin/fixtures/scanner.json");
const BEHIND: &str = include_str!("../../../../controllers/admin/fixtures/scanner-behind.json");
const POOLS: &str = include_str!("../../../../controllers/admin/fixtures/pools-list.json");

/// What every drive holds and uses, in bytes: round numbers that a person recognises.
const DRIVE_SIZE: u64 = 10 << 30;
const DRIVE_USED: u64 = 1 << 30;

/// Answers a path under `/rustfs/admin`.
pub fn answer(
    world: &World,
    identity: &Identity,
    method: &Method,
    path: &str,
    query: &str,
) -> Result<Response<Bytes>, Refusal> {
    if let ("POST", Some(verb)) = (method.as_str(), path.strip_prefix("/v3/pools/")) {
        return drain(world, identity, verb, query);
    }
    if let Some(verb) = path.strip_prefix("/v3/rebalance/") {
        return rebalance(world, identity, method, verb);
    }
    let body = match (method.as_str(), path) {
        ("GET", "/v3/info") => info(world, identity),
        ("GET", "/v3/storageinfo") => storage(world, identity),
        ("GET", "/v3/pools/list") => pools(world, identity),
        ("GET", "/v3/scanner/status") => scanner(world, identity),
        _ => None,
    };
    let unknown = "A header you provided implies functionality that is not implemented.";
    body.map(|body| json(200, &body))
        .ok_or_else(|| Refusal::new(501, "NotImplemented", unknown))
}

/// What a request changes, as `decommission store-p1`.
pub fn written(request: &Request<Bytes>) -> Option<String> {
    let verb = request.uri().path().strip_prefix("/rustfs/admin/v3/pools/")?;
    let element = request.uri().query()?.strip_prefix("pool=")?;
    let element = percent_encoding::percent_decode_str(element).decode_utf8_lossy();
    let (_, servers) = element.split_once("://")?;
    let (pool, _) = servers.split_once("-{")?;
    (request.method() == Method::POST).then(|| format!("{verb} {pool}"))
}

fn info(world: &World, identity: &Identity) -> Option<Value> {
    let mut whole: Value = serde_json::from_str(INFO).ok()?;
    let drives = drives(world, identity)?;
    let (buckets, objects, bytes) = world.store(&identity.tenant, |store| {
        let objects = || store.values().flat_map(|bucket| bucket.objects.values());
        (
            store.len(),
            objects().count(),
            objects().map(|object| object.body.len()).sum::<usize>(),
        )
    });
    let online = drives.iter().filter(|(_, drive)| drive["state"] == "ok").count();
    let document = whole.get_mut("info")?;
    document["deploymentID"] = json!(deployment(&identity.tenant));
    document["buckets"]["count"] = json!(buckets);
    document["objects"]["count"] = json!(objects);
    document["versions"]["count"] = json!(objects);
    document["usage"]["size"] = json!(bytes);
    let backend = &mut document["backend"];
    backend["onlineDisks"] = json!(online);
    backend["offlineDisks"] = json!(drives.len() - online);
    backend["standardSCParity"] = json!(identity.pools.first()?.parity);
    backend["totalSets"] = each(identity, sets);
    backend["totalDrivesPerSet"] = each(identity, |pool| pool.set_width);
    document["pools"] = usage(identity);
    let template = document["servers"][0].take();
    document["servers"] = json!(servers(world, identity, &template, &drives));
    Some(whole)
}

fn storage(world: &World, identity: &Identity) -> Option<Value> {
    let mut whole: Value = serde_json::from_str(STORAGE).ok()?;
    let drives: Vec<_> = drives(world, identity)?
        .into_iter()
        .map(|(_, drive)| drive)
        .collect();
    let document = whole.get_mut("info")?;
    document["disks"] = json!(drives);
    document["observations"] = json!([]);
    let backend = &mut document["backend"];
    backend["StandardSCData"] = each(identity, |pool| pool.set_width - pool.parity);
    backend["StandardSCParities"] = each(identity, |pool| pool.parity);
    backend["StandardSCParity"] = json!(identity.pools.first()?.parity);
    backend["TotalSets"] = each(identity, sets);
    backend["DrivesPerSet"] = each(identity, |pool| pool.set_width);
    Some(whole)
}

fn scanner(world: &World, identity: &Identity) -> Option<Value> {
    let behind = world.drains(|drains| drains.behind(&identity.tenant));
    serde_json::from_str(if behind { BEHIND } else { SCANNER }).ok()
}

fn drain(world: &World, identity: &Identity, verb: &str, query: &str) -> Result<Response<Bytes>, Refusal> {
    let element = query.strip_prefix("pool=").unwrap_or_default();
    let element = percent_encoding::percent_decode_str(element).decode_utf8_lossy();
    if verb == "decommission" && world.rebalances(|rebalances| rebalances.runs(&identity.tenant)) {
        let why = "Decommission cannot be started, rebalance is already in progress";
        return Err(Refusal::new(409, "OperationAborted", why));
    }
    let elements: Vec<&str> = identity.pools.iter().map(|pool| pool.element.as_str()).collect();
    let told = world.drains(|drains| drains.tell(&identity.tenant, &elements, verb, &element));
    told.map(|()| json(200, &Value::Null))
        .map_err(|(code, why)| Refusal::new(if code == "InternalError" { 500 } else { 400 }, code, why))
}

fn rebalance(
    world: &World,
    identity: &Identity,
    method: &Method,
    verb: &str,
) -> Result<Response<Bytes>, Refusal> {
    let (tenant, pools) = (&identity.tenant, identity.pools.len());
    if (method.as_str(), verb) == ("GET", "status") {
        let status = world.rebalances(|rebalances| rebalances.status(tenant, pools));
        let none = || Refusal::new(404, "NoSuchResource", "pool rebalance is not started");
        return status.map(|status| json(200, &status)).ok_or_else(none);
    }
    if pools < 2 {
        return Err(Refusal::new(501, "NotImplemented", "there is one pool"));
    }
    world
        .rebalances(|rebalances| rebalances.tell(tenant, verb))
        .map(|()| json(200, &Value::Null))
        .map_err(|(status, code, why)| Refusal::new(status, code, why))
}

fn pools(world: &World, identity: &Identity) -> Option<Value> {
    let recorded: Value = serde_json::from_str(POOLS).ok()?;
    let entry = |(index, pool): (usize, &Pool)| {
        let mut entry = recorded[0].clone();
        let data = (pool.drives.len() / pool.set_width * (pool.set_width - pool.parity)) as u64;
        let number = world.drains(|drains| drains.number(&identity.tenant, &pool.element, index));
        entry["id"] = json!(number);
        entry["cmdline"] = json!(pool.element);
        entry["totalSize"] = json!(data * DRIVE_SIZE);
        entry["usedSize"] = json!(data * DRIVE_USED);
        entry["currentSize"] = json!(data * (DRIVE_SIZE - DRIVE_USED));
        entry["used"] = json!(DRIVE_USED as f64 / DRIVE_SIZE as f64);
        let rebalances = world.rebalances(|rebalances| rebalances.runs(&identity.tenant));
        entry["rebalanceStatus"] = json!(if rebalances && index == 0 {
            "started"
        } else {
            "none"
        });
        let state = world.drains(|drains| drains.state(&identity.tenant, &pool.element));
        entry["decommissionStatus"] = json!(state);
        entry["status"] = json!(match state {
            "running" => "decommissioning",
            "complete" => "decommissioned",
            "canceled" | "failed" => "blocked",
            _ => "active",
        });
        if state != "none" {
            let began = world.drains(|drains| drains.began(&identity.tenant, &pool.element));
            entry["decommissionInfo"] = json!({
                "startTime": began,
                "complete": state == "complete", "failed": state == "failed", "canceled": state == "canceled",
                "objectsDecommissioned": 12, "bytesDecommissioned": 4096,
                "totalSize": data * DRIVE_SIZE, "startSize": data * DRIVE_SIZE - 16384,
            });
        }
        if world.drains(|drains| drains.unresolved(&identity.tenant, &pool.element)) {
            entry["decommissionInfo"]["unresolvedEntries"] = json!([{
                "bucket": "photos", "object": "2026/lost.jpg", "candidateCount": 1,
                "reason": "metadata_resolution_failed",
            }]);
        }
        entry
    };
    Some(identity.pools.iter().enumerate().map(entry).collect())
}

fn sets(pool: &Pool) -> usize {
    pool.drives.len() / pool.set_width
}

fn each(identity: &Identity, number: impl Fn(&Pool) -> usize) -> Value {
    identity.pools.iter().map(number).collect()
}

/// Every drive of the store with its document, made from the first recorded one.
fn drives<'a>(world: &World, identity: &'a Identity) -> Option<Vec<(&'a Drive, Value)>> {
    let recorded: Value = serde_json::from_str(STORAGE).ok()?;
    let template = &recorded["info"]["disks"][0];
    let pools = identity.pools.iter().enumerate();
    Some(
        pools
            .flat_map(|(index, pool)| {
                pool.drives
                    .iter()
                    .enumerate()
                    .map(move |(place, drive)| (index, pool, place, drive))
            })
            .map(|(index, pool, place, drive)| {
                let mut document = template.clone();
                let online = world.is_live(&drive.host);
                document["endpoint"] = json!(drive.endpoint);
                document["path"] = json!(drive.path);
                document["state"] = json!(if online { "ok" } else { "offline" });
                document["runtimeState"] = json!(if online { "online" } else { "offline" });
                document["local"] = json!(drive.host == identity.host);
                document["uuid"] = json!(deployment(&drive.endpoint));
                document["totalspace"] = json!(DRIVE_SIZE);
                document["usedspace"] = json!(DRIVE_USED);
                document["availspace"] = json!(DRIVE_SIZE - DRIVE_USED);
                document["utilization"] = json!(10.0);
                document["pool_index"] = json!(index);
                document["set_index"] = json!(place / pool.set_width);
                document["disk_index"] = json!(place % pool.set_width);
                (drive, document)
            })
            .collect(),
    )
}

fn servers(world: &World, identity: &Identity, template: &Value, drives: &[(&Drive, Value)]) -> Vec<Value> {
    let mut authorities: Vec<(&str, &str)> = Vec::new();
    for (drive, _) in drives {
        if !authorities
            .iter()
            .any(|(authority, _)| *authority == drive.authority)
        {
            authorities.push((&drive.authority, &drive.host));
        }
    }
    let state = |host: &str| if world.is_live(host) { "online" } else { "offline" };
    let network: Map<String, Value> = authorities
        .iter()
        .map(|(authority, host)| ((*authority).to_owned(), json!(state(host))))
        .collect();
    let server = |(authority, host): &(&str, &str)| {
        let mut document = template.clone();
        let own = drives
            .iter()
            .filter(|(drive, _)| drive.host == *host)
            .map(|(_, document)| document);
        let own: Vec<_> = own.collect();
        let pool = own
            .first()
            .and_then(|drive| drive["pool_index"].as_i64())
            .unwrap_or_default()
            + 1;
        document["state"] = json!(state(host));
        document["endpoint"] = json!(authority);
        document["scheme"] = json!(if identity.tls.is_some() { "https" } else { "http" });
        document["network"] = json!(network);
        document["drives"] = json!(own);
        document["poolNumber"] = json!(pool);
        document["poolNumbers"] = json!([pool]);
        document
    };
    authorities.iter().map(server).collect()
}

/// Usage of every erasure set, by pool and set.
fn usage(identity: &Identity) -> Value {
    let set = |pool: &Pool, index: usize| {
        json!({
            "id": index, "rawUsage": pool.set_width as u64 * DRIVE_USED,
            "rawCapacity": pool.set_width as u64 * DRIVE_SIZE, "usage": 0, "objectsCount": 0,
            "versionsCount": 0, "deleteMarkersCount": 0, "healDisks": 0,
        })
    };
    let sets = |pool: &Pool| -> Map<String, Value> {
        (0..sets(pool))
            .map(|index| (index.to_string(), set(pool, index)))
            .collect()
    };
    let pools: Map<String, Value> = identity
        .pools
        .iter()
        .enumerate()
        .map(|(index, pool)| (index.to_string(), json!(sets(pool))))
        .collect();
    json!(pools)
}

/// An identity in the form of a UUID that is the same for the same name.
fn deployment(name: &str) -> String {
    use sha2::Digest;
    let digest = crate::verify::hex(&sha2::Sha256::digest(name));
    format!(
        "{}-{}-4{}-8{}-{}",
        &digest[..8],
        &digest[8..12],
        &digest[13..16],
        &digest[17..20],
        &digest[20..32]
    )
}
