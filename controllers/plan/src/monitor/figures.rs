//! Figures from what the admin API answered. Only what an answer really holds becomes a figure.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue as c;
use super::text::Sample;

/// More drives than this get no figures of their own: each would be three more series.
pub const DRIVES_SHOWN: usize = 1024;

/// One reading of the admin API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// How long it took, in seconds.
    pub seconds: f64,
    /// When the API last answered, in seconds since 1970; none = never yet.
    pub last_success: Option<f64>,
    /// What was answered; none = nothing.
    pub answer: Option<Answer>,
}

/// What the admin API answered, as far as figures need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// States of the servers, as RustFS spells them.
    pub servers: Vec<String>,
    /// Buckets; none if not counted.
    pub buckets: Option<u64>,
    /// Objects; none if not counted.
    pub objects: Option<u64>,
    /// Pools, with their index in the volumes string.
    pub pools: Vec<Pool>,
    /// Erasure layout by pool index.
    pub layouts: Vec<Layout>,
    /// All drives.
    pub drives: Vec<Drive>,
}

/// One pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    /// Index in the volumes string.
    pub index: usize,
    /// Its element of the volumes string.
    pub element: String,
    /// Capacity for data, in bytes.
    pub total: u64,
    /// Used, in bytes.
    pub used: u64,
    /// Free, in bytes.
    pub free: u64,
    /// `active`, `decommissioning`, …
    pub status: String,
    /// How far its drain is; none = the servers know of none.
    pub drain: Option<Drain>,
}

/// How far the drain of a pool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drain {
    /// Objects that have left.
    pub objects: u64,
    /// Bytes that have left.
    pub bytes: u64,
    /// Bytes that were in use when it began.
    pub bytes_at_start: u64,
    /// Objects that could not leave.
    pub failed_objects: u64,
}

/// The erasure layout of one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Sets of the pool.
    pub sets: usize,
    /// Drives of each set.
    pub drives_per_set: usize,
    /// Drives of a set that may be lost.
    pub parity: usize,
}

/// One drive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drive {
    /// Index of its pool; none if the server did not say.
    pub pool: Option<usize>,
    /// Index of its set; none if the server did not say.
    pub set: Option<usize>,
    /// Its endpoint, as a URL, or a path on a server of its own.
    pub endpoint: String,
    /// `ok`, `offline`, …
    pub state: String,
    /// Whether it is being healed.
    pub healing: bool,
    /// Size in bytes; 0 = not reported.
    pub total: u64,
    /// Used, in bytes.
    pub used: u64,
    /// Free, in bytes.
    pub free: u64,
}

/// All samples of a reading. `tenant` is the Tenant's name, which the names of its pools begin with.
#[must_use]
pub fn samples(tenant: &str, reading: &Reading) -> Vec<Sample> {
    let mut samples = vec![
        one(&c::UP, [], f64::from(u8::from(reading.answer.is_some()))),
        one(&c::SCRAPE_DURATION, [], reading.seconds),
    ];
    samples.extend(reading.last_success.map(|when| one(&c::LAST_SUCCESS, [], when)));
    if let Some(answer) = &reading.answer {
        let names = pool_names(tenant, answer);
        samples.extend(servers(answer));
        samples.extend(answer.buckets.map(|count| one(&c::BUCKETS, [], number(count))));
        samples.extend(answer.objects.map(|count| one(&c::OBJECTS, [], number(count))));
        samples.extend(capacity(answer));
        samples.extend(drive_states(answer));
        samples.extend(pools(answer, &names));
        samples.extend(sets(answer, &names));
        samples.extend(drives(answer, &names));
    }
    samples
}

fn servers(answer: &Answer) -> Vec<Sample> {
    const STATES: [&str; 4] = ["online", "initializing", "offline", "unknown"];
    if answer.servers.is_empty() {
        return Vec::new();
    }
    by_state(&c::SERVERS, &STATES, answer.servers.iter().map(String::as_str))
}

fn drive_states(answer: &Answer) -> Vec<Sample> {
    const STATES: [&str; 4] = ["online", "offline", "faulty", "unknown"];
    let expected: usize = answer
        .layouts
        .iter()
        .map(|layout| layout.sets * layout.drives_per_set)
        .sum();
    if answer.drives.is_empty() && expected == 0 {
        return Vec::new();
    }
    // A server that is gone may not be in the list at all; its drives are as lost as the ones that are.
    let missing = expected.saturating_sub(answer.drives.len());
    let states = answer
        .drives
        .iter()
        .map(|drive| drive_state(&drive.state))
        .chain(std::iter::repeat_n("offline", missing));
    let mut samples = by_state(&c::DRIVES, &STATES, states);
    let healing = answer.drives.iter().filter(|drive| drive.healing).count();
    samples.push(one(&c::DRIVES_HEALING, [], count(healing)));
    samples
}

fn drive_state(state: &str) -> &'static str {
    match state {
        "ok" | "online" => "online",
        "offline" | "missing" => "offline",
        "" | "unknown" => "unknown",
        _ => "faulty",
    }
}

fn capacity(answer: &Answer) -> Vec<Sample> {
    let mut samples = Vec::new();
    if answer.drives.iter().any(|drive| drive.total > 0) {
        let sum = |size: fn(&Drive) -> u64| number(answer.drives.iter().map(size).sum());
        samples.push(one(&c::CAPACITY_RAW, [], sum(|drive| drive.total)));
        samples.push(one(&c::CAPACITY_USED, [], sum(|drive| drive.used)));
        samples.push(one(&c::CAPACITY_FREE, [], sum(|drive| drive.free)));
    }
    if !answer.pools.is_empty() {
        let usable = answer.pools.iter().map(|pool| pool.total).sum();
        samples.push(one(&c::CAPACITY_USABLE, [], number(usable)));
    }
    samples
}

fn pools(answer: &Answer, names: &BTreeMap<usize, String>) -> Vec<Sample> {
    const STATUSES: [&str; 6] = [
        "active",
        "decommissioning",
        "decommissioned",
        "blocked",
        "rebalancing",
        "unknown",
    ];
    let mut samples = Vec::new();
    for pool in &answer.pools {
        let name = pool_name(names, pool.index);
        samples.push(one(&c::POOL_TOTAL, [&name], number(pool.total)));
        samples.push(one(&c::POOL_USED, [&name], number(pool.used)));
        samples.push(one(&c::POOL_FREE, [&name], number(pool.free)));
        let status = known(&STATUSES, &pool.status);
        samples.extend(STATUSES.map(|each| {
            one(
                &c::POOL_STATUS,
                [&name, each],
                f64::from(u8::from(each == status)),
            )
        }));
        if let Some(drain) = &pool.drain {
            samples.push(one(&c::POOL_DRAIN_OBJECTS, [&name], number(drain.objects)));
            samples.push(one(&c::POOL_DRAIN_BYTES, [&name], number(drain.bytes)));
            samples.push(one(&c::POOL_DRAIN_START, [&name], number(drain.bytes_at_start)));
            samples.push(one(&c::POOL_DRAIN_FAILED, [&name], number(drain.failed_objects)));
        }
    }
    samples
}

fn sets(answer: &Answer, names: &BTreeMap<usize, String>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (index, layout) in answer.layouts.iter().enumerate() {
        let name = pool_name(names, index);
        for set in 0..layout.sets {
            let online = answer
                .drives
                .iter()
                .filter(|drive| drive.pool == Some(index) && drive.set == Some(set))
                .filter(|drive| drive_state(&drive.state) == "online")
                .count();
            let label = set.to_string();
            let of = |metric, value| one(metric, [name.as_str(), label.as_str()], count(value));
            samples.push(of(&c::SET_DRIVES, layout.drives_per_set));
            samples.push(of(&c::SET_ONLINE, online));
            samples.push(of(&c::SET_PARITY, layout.parity));
            samples.push(of(&c::SET_WRITE_QUORUM, write_quorum(*layout)));
        }
    }
    samples
}

/// Drives of a set that must be online for a write: one more than the data drives if half of the set is parity.
#[must_use]
pub fn write_quorum(layout: Layout) -> usize {
    let data = layout.drives_per_set.saturating_sub(layout.parity);
    data + usize::from(data == layout.parity)
}

fn drives(answer: &Answer, names: &BTreeMap<usize, String>) -> Vec<Sample> {
    if answer.drives.len() > DRIVES_SHOWN {
        return Vec::new();
    }
    // Two samples with the same labels would spoil the whole scrape.
    let mut seen = BTreeSet::new();
    let mut samples = Vec::new();
    for drive in answer.drives.iter().filter(|drive| drive.total > 0) {
        let (server, path) = place(&drive.endpoint);
        let pool = drive
            .pool
            .map_or_else(String::new, |index| pool_name(names, index));
        if seen.insert((pool.clone(), server, path)) {
            let labels = [pool.as_str(), server, path];
            samples.push(one(&c::DRIVE_TOTAL, labels, number(drive.total)));
            samples.push(one(&c::DRIVE_USED, labels, number(drive.used)));
            samples.push(one(&c::DRIVE_FREE, labels, number(drive.free)));
        }
    }
    samples
}

/// Server and path of an endpoint: `http://store-p0-1.store-hl.ns.svc:9000/data/rustfs0` is `store-p0-1`,
/// `/data/rustfs0`.
fn place(endpoint: &str) -> (&str, &str) {
    let Some((_, rest)) = endpoint.split_once("://") else {
        return ("", endpoint);
    };
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let end = host.find(['.', ':']).unwrap_or(host.len());
    (host.get(..end).unwrap_or(host), path)
}

/// Names of the Pools by index: what stands between the Tenant's name and the ellipses in the element.
fn pool_names(tenant: &str, answer: &Answer) -> BTreeMap<usize, String> {
    let name = |element: &str| -> Option<String> {
        let (_, host) = element.split_once("://")?;
        let (set, _) = host.split_once("-{")?;
        let name = set.strip_prefix(tenant)?.strip_prefix('-')?;
        Some(name.to_owned())
    };
    answer
        .pools
        .iter()
        .filter_map(|pool| Some((pool.index, name(&pool.element)?)))
        .collect()
}

fn pool_name(names: &BTreeMap<usize, String>, index: usize) -> String {
    names.get(&index).cloned().unwrap_or_else(|| index.to_string())
}

fn by_state<'a>(
    metric: &'static c::Metric,
    states: &[&'static str],
    seen: impl Iterator<Item = &'a str>,
) -> Vec<Sample> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for state in seen {
        *counts.entry(known(states, state)).or_default() += 1;
    }
    states
        .iter()
        .map(|state| one(metric, [*state], count(counts.get(state).copied().unwrap_or(0))))
        .collect()
}

/// The state if it is one we know, `unknown` otherwise: labels stay bounded whatever a server says.
fn known(states: &[&'static str], state: &str) -> &'static str {
    states
        .iter()
        .find(|each| **each == state)
        .copied()
        .unwrap_or("unknown")
}

fn one<const N: usize>(metric: &'static c::Metric, labels: [&str; N], value: f64) -> Sample {
    Sample {
        metric,
        labels: labels.map(str::to_owned).to_vec(),
        value,
    }
}

#[allow(clippy::cast_precision_loss)]
fn number(value: u64) -> f64 {
    value as f64
}

fn count(value: usize) -> f64 {
    number(u64::try_from(value).unwrap_or(u64::MAX))
}
