//! What each server of a Pool should run: what is asked for, or, where a rollout holds back, what it ran before.

use crds::hook::Before;
use crds::names::{ANNOTATION_ALLOW_DOWNGRADE, LABEL_TOPOLOGY_REVISION};
use crds::{Pool, Tenant};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};

use super::{pods, template};
use crate::meta;
use crate::rollout::version::{self, Skew};
use crate::rollout::{PoolPart, Rollout, TenantPart};
use crate::settings::Settings;

/// What servers are made from.
#[derive(Clone, Copy)]
pub(crate) struct Basis<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) pool: &'a Pool,
    /// Revision of the volumes string.
    pub(crate) revision: u64,
    /// Generation of the root credentials.
    pub(crate) credentials: u64,
    /// Whether the store has served once. Before that nothing is held back.
    pub(crate) formed: bool,
    /// Secret with key and chain, when TLS is on.
    pub(crate) tls_secret: Option<&'a str>,
    pub(crate) settings: &'a Settings,
    /// What is known of earlier servers.
    pub(crate) rollout: Option<&'a Rollout>,
}

/// Why servers do not run what the specs ask for although nothing is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// `spec.rollout.paused`.
    Paused,
    /// An image that must not follow what all servers ran.
    Refused(Skew),
    /// Hooks have to complete before servers get another image.
    Hooks,
    /// `spec.rollout.partition`: servers with a number below it wait.
    Below(i32),
}

/// What the servers of a Pool should run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// Of servers that are not held back.
    asked: PodTemplateSpec,
    /// Of servers that are.
    kept: PodTemplateSpec,
    pub(crate) hold: Option<Hold>,
    /// Whether the specs ask for something that was taken back.
    pub(crate) rejected: bool,
    revision: String,
    /// Hash of what the specs ask for, whatever became of it.
    said: String,
}

impl Wanted {
    /// What this basis comes to.
    pub(crate) fn of(basis: Basis<'_>) -> Self {
        let said = (
            TenantPart::of(basis.tenant, basis.settings),
            PoolPart::of(basis.pool),
        );
        let good = basis.rollout.and_then(|rollout| rollout.good.as_ref());
        let good = good.map(|good| {
            let pool = good.recipe.part(meta::name(basis.pool));
            (good.recipe.tenant.clone(), pool.unwrap_or(&said.1).clone())
        });
        let rejected = good.is_some()
            && basis
                .rollout
                .is_some_and(|rollout| rejects(rollout, basis.pool, &said));
        // Making a template is most of the work of a look, and mostly nothing is held back.
        let made = basis.make(&said);
        let kept = good.filter(|good| *good != said);
        let kept = kept.map_or_else(|| made.clone(), |good| basis.make(&good));
        Self {
            hold: hold(basis, &said.0, rejected),
            rejected,
            revision: basis.revision.to_string(),
            said: hash(&made),
            asked: if rejected { kept.clone() } else { made },
            kept,
        }
    }

    /// Hash of what servers run that are not held back.
    pub(crate) fn hash(&self) -> String {
        hash(&self.asked)
    }

    /// Whether a server keeps what it runs. A change of the topology reaches it all the same.
    pub(crate) fn holds(&self, ordinal: i32) -> bool {
        match self.hold {
            Some(Hold::Paused | Hold::Refused(_) | Hold::Hooks) => true,
            Some(Hold::Below(partition)) => ordinal < partition,
            None => false,
        }
    }

    /// Whether a server runs what the specs ask for.
    pub(crate) fn is_said(&self, pod: &Pod) -> bool {
        pods::current(pod, &self.said)
    }

    /// Whether a server should be replaced.
    pub(crate) fn outdated(&self, pod: &Pod, ordinal: i32) -> bool {
        if self.holds(ordinal) {
            meta::label(pod, LABEL_TOPOLOGY_REVISION) != Some(self.revision.as_str())
        } else {
            !pods::current(pod, &self.hash())
        }
    }

    /// The template of the servers that are held back, or of the others.
    pub(super) fn template(&self, held: bool) -> &PodTemplateSpec {
        if held { &self.kept } else { &self.asked }
    }
}

impl Basis<'_> {
    fn make(self, (tenant, pool): &(TenantPart, PoolPart)) -> PodTemplateSpec {
        template::build(template::Ingredients {
            tenant: &tenant.onto(self.tenant),
            pool: &pool.onto(self.pool),
            revision: self.revision,
            credentials: self.credentials,
            tls_secret: self.tls_secret,
            settings: self.settings,
        })
    }
}

fn hash(template: &PodTemplateSpec) -> String {
    template::hash_of(template).unwrap_or_default().to_owned()
}

/// Whether these very parts were taken back.
fn rejects(rollout: &Rollout, pool: &Pool, (tenant, part): &(TenantPart, PoolPart)) -> bool {
    let latest = &rollout.latest.recipe;
    let same = latest.tenant == *tenant && latest.part(meta::name(pool)).is_none_or(|known| known == part);
    rollout.rejected.is_some() && same
}

/// Only where it is known what to keep instead.
fn skew(basis: Basis<'_>) -> Option<Skew> {
    let rollout = basis.rollout.filter(|rollout| rollout.good.is_some())?;
    let annotations = basis.tenant.metadata.annotations.as_ref();
    let allowed = annotations.and_then(|annotations| annotations.get(ANNOTATION_ALLOW_DOWNGRADE));
    let image = TenantPart::of(basis.tenant, basis.settings).image;
    version::judge(&image, rollout.newest.as_ref(), allowed.map(String::as_str))
}

/// What was taken back is taken back everywhere, whatever the partition.
fn hold(basis: Basis<'_>, said: &TenantPart, rejected: bool) -> Option<Hold> {
    if !basis.formed {
        return None;
    }
    if let Some(skew) = skew(basis) {
        return Some(Hold::Refused(skew));
    }
    let rollout = basis.tenant.spec.rollout.as_ref();
    if rollout.is_some_and(|rollout| rollout.paused) {
        return Some(Hold::Paused);
    }
    if !rejected && waits_for_hooks(basis, said) {
        return Some(Hold::Hooks);
    }
    let below = rollout?.partition.filter(|partition| *partition > 0 && !rejected);
    below.map(Hold::Below)
}

/// Also as long as the record does not know of this image yet: only it says what hooks have completed for.
fn waits_for_hooks(basis: Basis<'_>, said: &TenantPart) -> bool {
    let mut hooks = basis.tenant.spec.hooks.iter();
    hooks.any(|hook| hook.before.contains(&Before::Upgrade))
        && basis.rollout.is_none_or(|rollout| !rollout.lets(&said.image))
}
