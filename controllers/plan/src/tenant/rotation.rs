//! Root credentials that change while the store serves. A server knows one pair only, the one it was started with; so a
//! changed pair is a revision of the topology like a changed string: servers take it one after the other, outside the
//! Services, and clients move to it in one write.

use std::collections::BTreeSet;

use crds::Tenant;
use crds::names;

use super::observed::Observed;
use super::pair::{self, started_with};
use super::{config_map, credentials, facts, hooks, living, topology};
use crate::meta;
use crate::step::{Step, Why};
use crate::topology::{Generations, Topology};

/// The generation that is offered; 0 while none may be taken.
pub(crate) fn offered(tenant: &Tenant, observed: &Observed) -> u64 {
    if credentials::pair_fault(tenant, observed).is_some() {
        0
    } else {
        observed.offer.generation
    }
}

/// Begins a rotation, once nothing else changes. Until clients have moved, a pair that is offered instead takes the
/// place of the one under way: one that no server starts with must not keep the one that mends it waiting.
pub(crate) fn rotate(tenant: &Tenant, observed: &Observed, base: &Topology, next: &mut Topology) {
    let (offered, taken) = (offered(tenant, observed), base.credentials);
    let still = || next.at_rest() && busy(tenant, observed, base).is_none();
    // Nothing is begun in a store that is to go.
    if offered == 0 || offered == taken.latest || meta::deleting(tenant) || !(under_way(base) || still()) {
        return;
    }
    let before = taken.of(base.serving);
    if under_way(base) && offered == before {
        next.revision = base.serving;
        next.credentials = Generations {
            latest: before,
            since: base.serving,
            ..Generations::default()
        };
    } else {
        next.revision = topology::next_revision(tenant, observed, base, &next.volumes(), offered);
        next.credentials = Generations {
            latest: offered,
            since: next.revision,
            before,
            renamed: observed.offer.renames,
        };
    }
    for member in &mut next.pools {
        member.revision = next.revision;
    }
}

/// What a rotation waits for. A hook was given the pair that serves, and needs it to the end.
fn busy(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Option<String> {
    let hook = || hooks::running(tenant, observed).map(meta::name).min();
    living::busy(observed, topology).or_else(|| Some(format!("a hook runs as Job {}", hook()?)))
}

/// Whether servers take a pair that clients are not served with yet.
fn under_way(topology: &Topology) -> bool {
    let generations = topology.credentials;
    topology.formed && generations.of(topology.serving) != generations.latest
}

/// What is to be said of a change of the pair, and under which reason; none while there is none.
pub(crate) fn describe(tenant: &Tenant, observed: &Observed) -> Option<(&'static str, String)> {
    let topology = observed.topology.topology().filter(|topology| topology.formed)?;
    let generations = topology.credentials;
    let secret = credentials::credentials_secret(tenant);
    let copy = |generation| names::credentials_generation(meta::name(tenant), generation);
    let warning = |renamed: bool| if renamed { RENAMED } else { "" };
    if under_way(topology) {
        let message = format!(
            "servers take the pair of Secret {secret}, from its copy {}; clients are served with the pair in {} until \
             half of the servers run the new one{}",
            copy(generations.latest),
            copy(generations.of(topology.serving)),
            warning(generations.renamed),
        );
        return Some(("Rotating", message));
    }
    let offered = offered(tenant, observed);
    let waits = offered > 0 && offered != generations.latest;
    let busy = busy(tenant, observed, topology).filter(|_| waits)?;
    let message = format!(
        "Secret {secret} holds another pair than {}, which servers are started with; they take it once nothing else \
         changes: {busy}{}",
        copy(generations.latest),
        warning(observed.offer.renames),
    );
    Some(("RotationWaits", message))
}

/// Seen on the real server: it looks the parent of such an account up by its access key.
const RENAMED: &str = "; the access key changes too, so service accounts that belong to root stop working, until the \
                       former access key is back: changing secretkey alone keeps them";

/// Deletes generations that nothing names: no server, no revision in use, not what is offered. Only while the topology
/// itself stands still.
pub(crate) fn prune(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Vec<Step> {
    if observed.topology.topology() != Some(topology) {
        return Vec::new();
    }
    let name = meta::name(tenant);
    let pods = observed.pods.iter();
    let pods = pods.filter_map(|pod| pair::number(name, started_with(pod.spec.as_ref()?)?));
    let maps = config_map::referred_to(observed).into_iter();
    let maps = maps
        .filter_map(|revision| pair::number(name, facts::revision_credentials(tenant, observed, revision)?));
    let mut kept: BTreeSet<u64> = pods.chain(maps).collect();
    let revisions = topology.pools.iter().map(|member| member.revision);
    let revisions = revisions.chain([topology.serving, topology.revision]);
    kept.extend(revisions.map(|revision| topology.credentials.of(revision)));
    kept.extend([topology.credentials.latest, observed.offer.generation]);
    observed
        .generations
        .iter()
        .map(AsRef::as_ref)
        .filter(|found| meta::controls(tenant, *found) && !meta::deleting(*found))
        .filter(|found| pair::generation_number(tenant, *found).is_some_and(|number| !kept.contains(&number)))
        .map(|found| {
            let message = format!("no server uses the pair in {} any more", meta::name(found));
            let reason = "CredentialsPruned";
            Step::Delete(meta::target(found), Why { reason, message })
        })
        .collect()
}
