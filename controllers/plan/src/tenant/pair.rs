//! Pairs of root credentials and the generations they are kept in: each an immutable Secret that servers are started
//! with, so that what a Secret of a person becomes later changes nothing for a server that runs.

use std::collections::BTreeSet;

use crds::Tenant;
use crds::names::{self, KEY_ACCESS, KEY_SECRET};
use k8s_openapi::api::core::v1::{PodSpec, Secret};
use kube::Resource;

use super::observed::Observed;
use super::secret::{Hidden, SecretCheck};
use crate::meta;
use crate::topology::Generations;

/// Root credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The access key, 3 to 128 characters.
    pub access_key: Hidden,
    /// The secret key, 8 to 40 characters.
    pub secret_key: Hidden,
}

impl Pair {
    /// The pair in a Secret, as RustFS reads it: without white space around it. None if a key is missing or no text.
    #[must_use]
    pub fn read(secret: &Secret) -> Option<Self> {
        let text = |key: &str| {
            let value = secret.data.as_ref()?.get(key)?;
            Some(Hidden::new(std::str::from_utf8(&value.0).ok()?.trim().to_owned()))
        };
        Some(Self {
            access_key: text(KEY_ACCESS)?,
            secret_key: text(KEY_SECRET)?,
        })
    }
}

/// The pair that is to be used from now on, by where it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The generation that holds it; 0 = there is none to be had.
    pub generation: u64,
    /// Its values, where the Secret of this generation is still to be made.
    pub fresh: Option<Pair>,
    /// Whether its access key is another one than that of the pair clients are served with.
    pub renames: bool,
}

/// The pair of a Secret, if it is a generation of this Tenant: one that nobody can change.
#[must_use]
pub fn kept_pair(tenant: &Tenant, secret: &Secret) -> Option<Pair> {
    let ours = meta::controls(tenant, secret) && secret.immutable == Some(true);
    Pair::read(secret).filter(|_| ours)
}

/// The number of a generation's Secret.
#[must_use]
pub fn generation_number<K: Resource>(tenant: &Tenant, secret: &K) -> Option<u64> {
    number(meta::name(tenant), meta::name(secret))
}

/// Whether a Secret is named like a generation of a Tenant's root credentials.
#[must_use]
pub fn is_generation(tenant: &str, secret: &str) -> bool {
    number(tenant, secret).is_some()
}

/// The number of the generation in the name of a Secret.
pub(crate) fn number(tenant: &str, secret: &str) -> Option<u64> {
    // A name that was made up must not exhaust the numbers.
    let number = secret
        .strip_prefix(tenant)?
        .strip_prefix("-credentials-r")?
        .parse()
        .ok();
    number.filter(|number| (1..u64::from(u32::MAX)).contains(number))
}

/// The generations in which the offered pair may be kept already, those of the topology first.
#[must_use]
pub fn known_generations(tenant: &Tenant, observed: &Observed) -> Vec<u64> {
    let taken = taken(observed);
    let seen = observed.generations.iter();
    let seen: BTreeSet<u64> = seen
        .filter_map(|found| generation_number(tenant, found.as_ref()))
        .collect();
    let first = [taken.latest, serving(observed)];
    let mut known: Vec<u64> = Vec::new();
    for number in first.into_iter().chain(seen.into_iter().rev()) {
        if number > 0 && !known.contains(&number) {
            known.push(number);
        }
    }
    known
}

/// The generation clients are served with; 0 = none yet.
#[must_use]
pub fn serving(observed: &Observed) -> u64 {
    let topology = observed.topology.topology();
    topology.map_or(0, |topology| topology.credentials.of(topology.serving))
}

/// Whether a pair is looked for in the generations although its Secret is gone: one that was generated, and that servers
/// run with, is put back.
#[must_use]
pub fn may_be_put_back(tenant: &Tenant, observed: &Observed) -> bool {
    let recorded = tenant.status.as_ref();
    let recorded = recorded.and_then(|status| status.credentials_secret_name.as_deref());
    tenant.spec.credentials_secret_ref.is_none()
        && observed.credentials == SecretCheck::Missing
        && taken(observed).latest > 0
        && recorded.is_none_or(|name| name == names::credentials_secret(meta::name(tenant)))
}

/// The generations of the stored topology.
pub(crate) fn taken(observed: &Observed) -> Generations {
    let topology = observed.topology.topology();
    topology.map_or_else(Generations::default, |topology| topology.credentials)
}

/// The name of the Secret that a server was started with: its own word, which nothing can change while it runs.
#[must_use]
pub fn started_with(server: &PodSpec) -> Option<&str> {
    let containers = server.containers.iter();
    let mut variables = containers.flat_map(|container| container.env.iter().flatten());
    let access_key = variables.find(|variable| variable.name == "RUSTFS_ACCESS_KEY")?;
    let from = access_key.value_from.as_ref()?.secret_key_ref.as_ref()?;
    Some(from.name.as_str())
}
