//! ConfigMaps of the topology: the current one, which the Pool controller reads, and one for each revision, which
//! Pods take their volumes string from.

use std::collections::{BTreeMap, BTreeSet};

use crds::Tenant;
use crds::names::{self, KEY_CREDENTIALS, KEY_TOPOLOGY, KEY_VOLUMES, LABEL_TOPOLOGY_REVISION};
use k8s_openapi::api::core::v1::ConfigMap;

use super::facts;
use super::observed::{Observed, Stored};
use crate::meta;
use crate::step::{Child, Step, Why};
use crate::topology::Topology;

/// The revision before what names it. The current one is made only where none was seen, and changed only as the very
/// version the decision was made on.
pub(crate) fn write(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Vec<Step> {
    let mut steps = Vec::new();
    let exists = facts::revision_volumes(tenant, observed, topology.revision).is_some();
    if !topology.pools.is_empty() && !exists {
        let child = Child::ConfigMap(revision(tenant, topology));
        steps.push(Step::Create(Box::new(child)));
    }
    let mut map = current(tenant, topology);
    steps.push(match &observed.topology {
        Stored::Read {
            topology: stored,
            resource_version,
        } => {
            if stored.as_ref() != topology {
                map.metadata.resource_version.clone_from(resource_version);
            }
            Step::Apply(Box::new(Child::ConfigMap(map)))
        }
        _ => Step::Create(Box::new(Child::ConfigMap(map))),
    });
    steps
}

fn current(tenant: &Tenant, topology: &Topology) -> ConfigMap {
    let name = meta::name(tenant);
    // Serialising plain strings and numbers cannot fail; an empty text would be found unreadable, not believed.
    let text = serde_json::to_string_pretty(topology).unwrap_or_default();
    ConfigMap {
        metadata: meta::child_meta(names::topology(name), tenant, meta::labels(name, "topology")),
        data: Some(
            [
                (KEY_VOLUMES.to_owned(), topology.volumes()),
                (KEY_TOPOLOGY.to_owned(), text),
            ]
            .into(),
        ),
        ..ConfigMap::default()
    }
}

fn revision(tenant: &Tenant, topology: &Topology) -> ConfigMap {
    let name = meta::name(tenant);
    let generation = topology.credentials.of(topology.revision);
    let credentials = names::credentials_generation(name, generation);
    let mut labels = meta::labels(name, "topology-revision");
    labels.insert(LABEL_TOPOLOGY_REVISION.to_owned(), topology.revision.to_string());
    ConfigMap {
        metadata: meta::child_meta(names::topology_revision(name, topology.revision), tenant, labels),
        data: Some(BTreeMap::from([
            (KEY_VOLUMES.to_owned(), topology.volumes()),
            (KEY_CREDENTIALS.to_owned(), credentials),
        ])),
        immutable: Some(true),
        ..ConfigMap::default()
    }
}

/// Deletes revisions that nothing refers to: not the current one, not the one before it, none that a Pod, a
/// StatefulSet or a Pool still speaks of. Only while the topology itself stands still.
pub(crate) fn prune(tenant: &Tenant, observed: &Observed, topology: &Topology) -> Vec<Step> {
    if observed.topology.topology() != Some(topology) {
        return Vec::new();
    }
    let numbers: BTreeSet<u64> = observed
        .revisions
        .iter()
        .filter_map(|found| facts::revision_number(tenant, found))
        .collect();
    let previous = numbers.range(..topology.revision).next_back().copied();
    let mut kept = referred_to(observed);
    kept.extend(previous);
    kept.insert(topology.revision);
    kept.insert(topology.serving);
    kept.extend(topology.pools.iter().map(|member| member.revision));
    observed
        .revisions
        .iter()
        .filter(|found| meta::controls(tenant, found.as_ref()) && !meta::deleting(found.as_ref()))
        .filter(|found| facts::revision_number(tenant, found).is_some_and(|number| !kept.contains(&number)))
        .map(|found| {
            let message = format!("no server uses {} any more", meta::name(found.as_ref()));
            let reason = "RevisionPruned";
            Step::Delete(meta::target(found.as_ref()), Why { reason, message })
        })
        .collect()
}

/// The revisions that a Pod, a StatefulSet or a Pool speaks of.
pub(crate) fn referred_to(observed: &Observed) -> BTreeSet<u64> {
    let pods = observed
        .pods
        .iter()
        .filter_map(|pod| meta::label(pod.as_ref(), LABEL_TOPOLOGY_REVISION)?.parse().ok());
    let sets = observed
        .stateful_sets
        .iter()
        .filter_map(|set| meta::label(set.as_ref(), LABEL_TOPOLOGY_REVISION)?.parse().ok());
    let pools = observed
        .pools
        .iter()
        .filter_map(|pool| u64::try_from(pool.status.as_ref()?.topology_revision?).ok());
    pods.chain(sets).chain(pools).collect()
}
