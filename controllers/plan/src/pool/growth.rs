//! Growing volumes: which claims ask for less than the Pool does, whether they may ask for more, and when the
//! StatefulSet is made anew. Its servers run on all the while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crds::Pool;
use crds::conditions::STORAGE_READY;
use crds::names::ANNOTATION_CLAIMS_HASH;
use crds::pool::VolumeClaim;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::core::PartialObjectMeta;

use super::stateful_set::claims_hash;
use super::{Observed, claims};
use crate::meta;
use crate::quantity::{same, smaller};
use crate::step::{Enacted, Step, Why};
use crate::tenant::Verdict;

/// How soon a StorageClass that forbids growth is read again: it is not watched.
const CLASS_RECHECK: Duration = Duration::from_secs(60);

/// What a StatefulSet makes its servers' volumes of, read back from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    volumes_per_server: i32,
    claim: VolumeClaim,
}

impl Made {
    /// What a person once wrote, as far as the StatefulSet still says it.
    #[must_use]
    pub fn read(set: &StatefulSet) -> Option<Self> {
        let templates = set.spec.as_ref()?.volume_claim_templates.as_deref()?;
        let first = templates.first()?;
        let theirs = |map: &Option<BTreeMap<String, String>>| -> BTreeMap<String, String> {
            let pairs = map.clone().unwrap_or_default().into_iter();
            pairs.filter(|(key, _)| !claims::is_owned(key)).collect()
        };
        Some(Self {
            volumes_per_server: i32::try_from(templates.len()).ok()?,
            claim: VolumeClaim {
                storage_class_name: first.spec.as_ref()?.storage_class_name.clone(),
                size: requested(first)?.clone(),
                labels: theirs(&first.metadata.labels),
                annotations: theirs(&first.metadata.annotations),
            },
        })
    }

    /// Whether the Pool asks for the same volumes, or for larger ones that are the same otherwise.
    pub(super) fn may_become(&self, pool: &Pool) -> bool {
        let asked = &pool.spec.volume_claim;
        let resized = VolumeClaim {
            size: asked.size.clone(),
            ..self.claim.clone()
        };
        self.volumes_per_server == pool.spec.volumes_per_server
            && resized == *asked
            && !smaller(&asked.size, &self.claim.size)
    }
}

/// What a StorageClass says of growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expansion {
    /// Its volumes may grow.
    Allowed,
    /// They may not.
    Forbidden,
    /// There is no such class.
    Missing,
    /// The operator may not read it; the API server knows.
    Unreadable,
}

/// What is done about volumes that are smaller than asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Growth {
    /// Last of all, so that a refusal keeps nothing else from being done.
    pub(super) steps: Vec<Step>,
    /// The size the StatefulSet is applied with; none while it goes or is about to.
    pub(super) size: Option<Quantity>,
    /// What `StorageReady` says instead of that all is well.
    pub(super) verdict: Option<Verdict>,
    pub(super) requeue: Option<Duration>,
}

/// Whether the StatefulSet may have been made of something else than is asked for now, so that it must be read whole.
#[must_use]
pub fn concerns(pool: &Pool, set: &PartialObjectMeta<StatefulSet>) -> bool {
    let annotations = set.metadata.annotations.as_ref();
    let made_of = annotations.and_then(|annotations| annotations.get(ANNOTATION_CLAIMS_HASH));
    made_of.is_some_and(|hash| *hash != claims_hash(pool))
}

/// The StorageClasses of the claims that must grow.
#[must_use]
pub fn classes(pool: &Pool, observed: &Observed) -> BTreeSet<String> {
    let small = small(pool, observed);
    small
        .iter()
        .filter_map(|claim| class(claim))
        .map(str::to_owned)
        .collect()
}

/// Decides. Claims first, all that are too small; once none is, the StatefulSet, whose Pods stay.
pub(super) fn decide(pool: &Pool, observed: &Observed) -> Growth {
    let asked = &pool.spec.volume_claim.size;
    let as_made = observed
        .made
        .as_ref()
        .filter(|_| observed.stateful_set.is_some())
        .map_or(asked, |made| &made.claim.size);
    let as_it_is = Growth {
        size: Some(as_made.clone()),
        ..Growth::default()
    };
    // What is on its way out does not grow.
    if meta::deleting(pool) {
        return as_it_is;
    }
    let small = small(pool, observed);
    if let Some(message) = forbidden(&small, observed) {
        return Growth {
            verdict: Some(Verdict::stuck(STORAGE_READY, "ExpansionNotSupported", message)),
            requeue: Some(CLASS_RECHECK),
            ..as_it_is
        };
    }
    if !small.is_empty() {
        let message = format!("{} volumes are told to grow to {}", small.len(), asked.0);
        return Growth {
            steps: small.iter().map(|claim| grow(claim, asked)).collect(),
            verdict: Some(growing(message)),
            ..as_it_is
        };
    }
    if smaller(as_made, asked) {
        return renewal(pool, observed, as_it_is);
    }
    Growth {
        size: Some(asked.clone()),
        verdict: progress(pool, observed),
        ..Growth::default()
    }
}

/// All claims ask for enough; the StatefulSet is to make further ones of the same size. It is made anew only when every
/// claim is seen to be this Pool's, so that nothing keeps it from being made again.
fn renewal(pool: &Pool, observed: &Observed, as_it_is: Growth) -> Growth {
    let Some(set) = &observed.stateful_set else {
        return as_it_is;
    };
    let known: BTreeSet<&str> = own(pool, observed).map(meta::name).collect();
    if let Some(name) = claims::names(pool)
        .iter()
        .find(|name| !known.contains(name.as_str()))
    {
        let message = format!(
            "waiting for PersistentVolumeClaim {name}: the StatefulSet is made anew once all claims of this Pool exist \
             and carry its labels"
        );
        return Growth {
            verdict: Some(growing(message)),
            ..as_it_is
        };
    }
    // One that lost its owner is taken back first.
    if !meta::controls(pool, set.as_ref()) {
        return as_it_is;
    }
    let message = format!(
        "StatefulSet {} is made anew with claims of {}; its servers run on",
        meta::name(set.as_ref()),
        pool.spec.volume_claim.size.0
    );
    Growth {
        steps: (!meta::deleting(set.as_ref()))
            .then(|| orphan(set, &message))
            .into_iter()
            .collect(),
        size: None,
        verdict: Some(growing(message)),
        requeue: None,
    }
}

fn grow(claim: &PersistentVolumeClaim, size: &Quantity) -> Step {
    // The same words for each, so that they become one event.
    let message = format!(
        "volumes are told to grow to {}, as spec.volumeClaim.size says",
        size.0
    );
    Step::Grow(
        meta::target_at(claim),
        size.clone(),
        Why {
            reason: "VolumesGrow",
            message,
        },
    )
}

fn orphan(set: &PartialObjectMeta<StatefulSet>, message: &str) -> Step {
    Step::Orphan(
        meta::target_at(set),
        Why {
            reason: "StatefulSetRenewed",
            message: message.to_owned(),
        },
    )
}

fn growing(message: String) -> Verdict {
    Verdict::waiting(STORAGE_READY, "VolumesGrowing", message)
}

/// This Pool's claims, by name.
fn own<'a>(pool: &Pool, observed: &'a Observed) -> impl Iterator<Item = &'a PersistentVolumeClaim> {
    let names: BTreeSet<String> = claims::names(pool).into_iter().collect();
    let mut own: Vec<&PersistentVolumeClaim> = observed
        .claims
        .iter()
        .map(AsRef::as_ref)
        .filter(|claim| claims::fits(pool, claim) && names.contains(meta::name(*claim)))
        .collect();
    own.sort_by_key(|claim| meta::name(*claim));
    own.into_iter()
}

/// Claims that ask for less than the Pool does. One that is not bound yet cannot be told to grow.
fn small<'a>(pool: &Pool, observed: &'a Observed) -> Vec<&'a PersistentVolumeClaim> {
    own(pool, observed)
        .filter(|claim| claims::phase(claim) == "Bound" && !meta::deleting(*claim))
        .filter(|claim| requested(claim).is_some_and(|size| smaller(size, &pool.spec.volume_claim.size)))
        .collect()
}

fn requested(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    let resources = claim.spec.as_ref()?.resources.as_ref()?;
    resources.requests.as_ref()?.get("storage")
}

fn capacity(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    claim.status.as_ref()?.capacity.as_ref()?.get("storage")
}

fn class(claim: &PersistentVolumeClaim) -> Option<&str> {
    let name = claim.spec.as_ref()?.storage_class_name.as_deref()?;
    (!name.is_empty()).then_some(name)
}

/// Why some of these may not grow. Then none does: a Pool whose volumes differ in size can use the smallest only.
fn forbidden(small: &[&PersistentVolumeClaim], observed: &Observed) -> Option<String> {
    let (claim, why) = small.iter().find_map(|claim| {
        let Some(class) = class(claim) else {
            return Some((claim, "it has no StorageClass that could let it grow".to_owned()));
        };
        match observed.classes.get(class) {
            Some(Expansion::Forbidden) => Some((
                claim,
                format!("StorageClass {class} does not allow it (allowVolumeExpansion)"),
            )),
            Some(Expansion::Missing) => Some((claim, format!("its StorageClass {class} does not exist"))),
            Some(Expansion::Allowed | Expansion::Unreadable) | None => None,
        }
    })?;
    Some(format!(
        "spec.volumeClaim.size: PersistentVolumeClaim {} cannot grow: {why}. Volumes and servers stay as they are. Let \
         the StorageClass allow it, if its driver can, or create a Pool of larger volumes whose spec.replaces names this \
         one",
        meta::name(*claim)
    ))
}

/// What volumes that were told to grow still wait for.
fn progress(pool: &Pool, observed: &Observed) -> Option<Verdict> {
    let asked = &pool.spec.volume_claim.size;
    let open: Vec<String> = own(pool, observed)
        .filter(|claim| claims::phase(claim) == "Bound")
        .filter_map(|claim| {
            let has = capacity(claim).filter(|has| smaller(has, asked))?;
            Some(format!("{} has {}{}", meta::name(claim), has.0, hindrance(claim)))
        })
        .collect();
    let first = open.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
    let message = format!("{} volumes have not reached {} yet: {first}", open.len(), asked.0);
    (!open.is_empty()).then(|| growing(message))
}

/// What the volume's driver or the node says of a claim that grows.
fn hindrance(claim: &PersistentVolumeClaim) -> String {
    let conditions = claim
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let holding: Vec<_> = conditions
        .filter(|condition| condition.status == "True")
        .collect();
    let failed = holding
        .iter()
        .find(|condition| condition.type_.ends_with("ResizeError"));
    if let Some(failed) = failed {
        return format!(
            " ({}: {})",
            failed.type_,
            failed.message.as_deref().unwrap_or("no reason given")
        );
    }
    if holding
        .iter()
        .any(|condition| condition.type_ == "FileSystemResizePending")
    {
        return format!(
            " (FileSystemResizePending: the node enlarges the file system while the server runs; where the driver \
             cannot, delete Pod {} while all others are ready)",
            server(claim)
        );
    }
    String::new()
}

/// `data-0-shop-ssd-1` is a volume of the server `shop-ssd-1`.
fn server(claim: &PersistentVolumeClaim) -> &str {
    let name = meta::name(claim);
    name.splitn(3, '-').last().unwrap_or(name)
}

/// The size that every volume has reached, once all are bound.
pub(super) fn reached(pool: &Pool, observed: &Observed) -> Option<Quantity> {
    let sizes: Vec<&Quantity> = own(pool, observed)
        .filter(|claim| claims::phase(claim) == "Bound")
        .filter_map(capacity)
        .collect();
    let all = sizes.len() == claims::names(pool).len();
    let smallest = sizes
        .into_iter()
        .reduce(|one, other| if smaller(other, one) { other } else { one });
    smallest.filter(|_| all).cloned()
}

/// The Pool as its StatefulSet is to be made now.
pub(super) fn sized(pool: &Pool, size: &Quantity) -> Pool {
    let mut sized = pool.clone();
    // What a person wrote counts where it is the same: the annotation is a hash of their words.
    if !same(size, &pool.spec.volume_claim.size) {
        sized.spec.volume_claim.size = size.clone();
    }
    sized
}

/// Whether the step that failed was about growing.
pub(super) fn failed(steps: &[Step], enacted: &Enacted) -> bool {
    let last = enacted
        .outcomes
        .len()
        .checked_sub(1)
        .and_then(|index| steps.get(index));
    enacted.failure().is_some() && matches!(last, Some(Step::Grow(..) | Step::Orphan(..)))
}
