//! Whether a Tenant that was asked to go may be taken down: data that may be somebody's only copy goes with their
//! word, or not at all.

use crds::Tenant;
use crds::conditions::{DELETION_ALLOWED, JOINED};
use crds::names::{ANNOTATION_CONFIRM_DELETION, FINALIZER_TENANT};
use crds::tenant::Protection;
use kube::Resource;

use super::observed::{Observed, Stored};
use super::verdict::Verdict;
use crate::condition;
use crate::meta;
use crate::pool::claims;

/// Buckets with objects that are named before it is enough.
pub const NAMED: usize = 10;

/// What the store was found to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contents {
    /// Nobody had to ask.
    #[default]
    NotAsked,
    /// It could not be asked; why, and what to do about that.
    Unknown(String),
    /// What it answered.
    Found(Holdings),
}

/// What a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// How many buckets there are.
    pub buckets: usize,
    /// Whether every bucket there is was looked into.
    pub all_seen: bool,
    /// Buckets that hold objects, in the order of their names; no more than [`NAMED`].
    pub filled: Vec<Filled>,
    /// How many drives served. What lies on others is in no listing.
    pub drives: usize,
}

/// A bucket that holds objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Its name.
    pub name: String,
    /// It holds this many objects or more, versions counted: 1, 10, 100 or 1000. An exact number would change all the
    /// time under load, and the status with it.
    pub at_least: usize,
}

impl Filled {
    /// A bucket in which so many were seen.
    #[must_use]
    pub fn of(name: &str, seen: usize) -> Self {
        let steps = [1000, 100, 10];
        Self {
            name: name.to_owned(),
            at_least: steps.into_iter().find(|step| seen >= *step).unwrap_or(1),
        }
    }
}

/// Whether the Tenant is being taken down: it is deleted, and may be. From then on its store cannot be asked any more,
/// so this is written into its status before anything goes, and never taken back.
#[must_use]
pub fn may_go(tenant: &Tenant) -> bool {
    let status = tenant.status.as_ref();
    meta::deleting(tenant)
        && status.is_some_and(|status| condition::is_true(&status.conditions, DELETION_ALLOWED))
}

/// Whether Kubernetes itself deletes what the Tenant owns, whatever the operator says: what is made anew would go again
/// at once.
pub(crate) fn in_foreground<K: Resource<DynamicType = ()>>(object: &K) -> bool {
    meta::held(object, "foregroundDeletion")
}

/// Whether the store must be asked what it holds.
#[must_use]
pub fn must_ask(tenant: &Tenant, observed: &Observed) -> bool {
    meta::deleting(tenant)
        && meta::held(tenant, FINALIZER_TENANT)
        && without_asking(tenant, observed).is_none()
}

/// Whether the store may be taken down.
pub(crate) fn judge(tenant: &Tenant, observed: &Observed) -> Verdict {
    if let Some(allowed) = without_asking(tenant, observed) {
        return allowed;
    }
    match &observed.contents {
        Contents::NotAsked => unknown(tenant, "the store has not been asked yet"),
        Contents::Unknown(why) => unknown(tenant, why),
        Contents::Found(found) if !found.filled.is_empty() => filled(tenant, found),
        Contents::Found(found) => match incomplete(observed, found) {
            Some(why) => unknown(tenant, &why),
            None => allowed("StoreEmpty", "no bucket of the store holds an object"),
        },
    }
}

fn without_asking(tenant: &Tenant, observed: &Observed) -> Option<Verdict> {
    if may_go(tenant) {
        return recorded(tenant);
    }
    let deletion = tenant.spec.deletion.as_ref();
    if deletion.is_some_and(|deletion| deletion.protection == Protection::None) {
        return Some(allowed("ProtectionNone", "spec.deletion.protection is None"));
    }
    if token(tenant) == Some(meta::uid(tenant)) {
        let message = format!("confirmed by the annotation {ANNOTATION_CONFIRM_DELETION}");
        return Some(allowed("Confirmed", message));
    }
    never_served(tenant, observed).then(|| {
        allowed(
            "NeverServed",
            "the store has never served, so it holds no objects",
        )
    })
}

fn allowed(reason: &str, message: impl Into<String>) -> Verdict {
    Verdict::good(DELETION_ALLOWED, reason, message)
}

fn recorded(tenant: &Tenant) -> Option<Verdict> {
    let conditions = &tenant.status.as_ref()?.conditions;
    let found = conditions.iter().find(|found| found.type_ == DELETION_ALLOWED)?;
    Some(allowed(&found.reason, found.message.clone()))
}

fn token(tenant: &Tenant) -> Option<&str> {
    let annotations = tenant.metadata.annotations.as_ref()?;
    annotations.get(ANNOTATION_CONFIRM_DELETION).map(String::as_str)
}

/// Whether the store has never served. Whatever cannot be read is no proof, and volumes that were there before the
/// Tenant may hold what an earlier store of its name kept.
pub(crate) fn never_served(tenant: &Tenant, observed: &Observed) -> bool {
    let inherits = observed.pools.iter().any(|pool| {
        let claims = observed.claims.iter().map(AsRef::as_ref);
        claims
            .filter(|claim| claims::labelled(pool, claim))
            .any(|claim| meta::older(claim, tenant))
    });
    let in_topology = match &observed.topology {
        Stored::Read { topology, .. } => topology.formed,
        Stored::Unreadable(_) => true,
        Stored::Missing | Stored::Foreign => false,
    };
    let status = tenant.status.as_ref().and_then(|status| status.topology.as_ref());
    let joined = observed.pools.iter().any(|pool| {
        let status = pool.status.as_ref();
        meta::controls(tenant, pool.as_ref())
            && status.is_some_and(|status| condition::is_true(&status.conditions, JOINED))
    });
    !in_topology
        && !joined
        && !status.is_some_and(|topology| topology.formed)
        && observed.unreadable_pools.is_empty()
        && !inherits
}

/// Why a store in which nothing was found may hold something all the same.
fn incomplete(observed: &Observed, found: &Holdings) -> Option<String> {
    if !found.all_seen {
        return Some(format!(
            "not all of its {} buckets could be looked into",
            found.buckets
        ));
    }
    let Some(topology) = observed.topology.topology() else {
        return Some("nothing was found in it, but its topology cannot be read".to_owned());
    };
    let drives =
        |member: &crate::topology::Member| i64::from(member.servers) * i64::from(member.volumes_per_server);
    let all: i64 = topology.pools.iter().map(drives).sum();
    let serving = i64::try_from(found.drives).unwrap_or(i64::MAX);
    (serving < all).then(|| format!("nothing was found in it, but {serving} of its {all} drives serve"))
}

fn filled(tenant: &Tenant, found: &Holdings) -> Verdict {
    let names: Vec<String> = found
        .filled
        .iter()
        .map(|bucket| format!("{} ({} or more)", bucket.name, bucket.at_least))
        .collect();
    let message = format!(
        "nothing is taken down while the store holds objects, unless you {}. Buckets that hold objects, of {} in all: {}",
        confirm(tenant),
        found.buckets,
        names.join(", ")
    );
    Verdict::stuck(DELETION_ALLOWED, "DataFound", message)
}

fn unknown(tenant: &Tenant, why: &str) -> Verdict {
    let message = format!(
        "it is not known what the store holds: {why}. Nothing is taken down until it is seen to be empty, unless you \
         {}. Servers and Secrets that went with their namespace, or by --cascade=foreground, do not come back: then only \
         your confirmation lets the rest go",
        confirm(tenant)
    );
    Verdict::stuck(DELETION_ALLOWED, "DataUnknown", message)
}

/// What a person types, so that it can be copied.
fn confirm(tenant: &Tenant) -> String {
    let (namespace, name, uid) = (meta::namespace(tenant), meta::name(tenant), meta::uid(tenant));
    let command = format!(
        "confirm it by `kubectl -n {namespace} annotate --overwrite tenants.storage.rustfs.com/{name} \
         {ANNOTATION_CONFIRM_DELETION}={uid}`"
    );
    match token(tenant) {
        None => command,
        Some(_) => {
            format!("{command} (the annotation that is there is not this Tenant's UID and confirms nothing)")
        }
    }
}
