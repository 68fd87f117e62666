//! How far a Pool has come.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::conditions::{
    ACCEPTED, CREDENTIALS_READY, ISSUED, JOINED, STORAGE_READY, TENANT_FOUND, WORKLOAD_READY,
};
use crds::{Pool, Tenant};

use super::{Basis, Observed, Wanted, claims, environment, growth, inherited, preflight};
use crate::condition;
use crate::meta;
use crate::step::NAME_TAKEN;
use crate::tenant::{PAIR_KEPT, Verdict, erasure, first_fault, in_foreground, may_go, servers_fault};
use crate::topology::{Former, Member, Phase, Topology};

/// How far a Pool has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    /// Nothing is changed while the Tenant is paused.
    Paused,
    /// It is in no topology; the condition that says why.
    Blocked(Verdict),
    /// Its servers are to be there, unless something is in their way.
    Serving(Box<Terms>),
    /// It was asked to go while its Tenant needs it; its servers are kept as long as it is known how.
    Needed(Option<Box<Terms>>),
    /// It was asked to go with its Tenant, which may not go yet; its servers are kept as long as it is known how.
    Guarded(Option<Box<Terms>>),
    /// It was asked to go, and the Tenant is to take it out of the topology first.
    Dismissed,
    /// It has left the topology.
    Left {
        /// Whether no other server's string names it any more. Until then its servers stay.
        released: bool,
        /// Whether it had served; otherwise it was taken back as a newcomer.
        drained: bool,
    },
    /// It is being taken down.
    Leaving,
}

/// What the servers of an accepted Pool are made from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Terms {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) topology: Topology,
    pub(crate) member: Member,
    /// Width and parity of the erasure sets.
    pub(crate) sets: Option<(i32, i32)>,
    pub(crate) tls_secret: Option<String>,
    /// Why no servers can be made, or not like this; those that are there stay as they are. What is known of their data
    /// does not depend on it: a drain is called off, and forgotten once it has failed, all the same.
    pub(crate) obstacle: Option<Verdict>,
}

impl Terms {
    /// What the servers should run.
    pub(super) fn wanted(&self, pool: &Pool, observed: &Observed) -> Wanted {
        Wanted::of(Basis {
            tenant: &self.tenant,
            pool,
            revision: self.member.revision,
            credentials: self.topology.credentials.of(self.member.revision),
            formed: self.topology.formed,
            tls_secret: self.tls_secret.as_deref(),
            settings: &observed.settings,
            rollout: observed.rollout.rollout(),
        })
    }
}

/// Where a Pool stands.
pub(super) fn judge(pool: &Pool, observed: &Observed) -> Stage {
    if meta::deleting(pool) {
        return departure(pool, observed);
    }
    if let Some(former) = former(pool, observed) {
        let paused = observed.tenant.as_ref().is_some_and(|tenant| tenant.spec.paused);
        return if paused { Stage::Paused } else { left(former) };
    }
    match terms(pool, observed) {
        Ok(terms) if terms.tenant.spec.paused => Stage::Paused,
        Ok(terms) => Stage::Serving(Box::new(terms)),
        Err(_) if observed.tenant.as_ref().is_some_and(|tenant| tenant.spec.paused) => Stage::Paused,
        Err(verdict) => Stage::Blocked(verdict),
    }
}

/// What a Pool that was asked to go may do. Only the Tenant takes a pool out of the topology: as long as this one is
/// in it, its servers may be about to serve.
fn departure(pool: &Pool, observed: &Observed) -> Stage {
    let living = observed
        .tenant
        .as_deref()
        .filter(|tenant| !may_go(tenant) && controls_or_none(pool, tenant));
    let Some(tenant) = living else {
        return Stage::Leaving;
    };
    if meta::deleting(tenant) {
        return guarded(pool, observed, tenant);
    }
    let Some(topology) = observed.topology.topology() else {
        return without_topology(pool, tenant);
    };
    if topology.member(meta::name(pool), meta::uid(pool)).is_none() {
        return match former(pool, observed) {
            Some(former) => left(former),
            None => Stage::Leaving,
        };
    }
    match (topology.formed, tenant.spec.paused) {
        (true, true) => Stage::Needed(None),
        (true, false) => Stage::Needed(terms(pool, observed).ok().map(Box::new)),
        // A paused Tenant writes no topology, so nothing can begin to serve meanwhile.
        (false, true) => Stage::Leaving,
        (false, false) => Stage::Dismissed,
    }
}

fn left(former: &Former) -> Stage {
    Stage::Left {
        released: former.released,
        drained: former.drained,
    }
}

pub(super) fn former<'a>(pool: &Pool, observed: &'a Observed) -> Option<&'a Former> {
    observed
        .topology
        .topology()?
        .former(meta::name(pool), meta::uid(pool))
}

/// A Pool of a Tenant that waits to be deleted. Only what is no member can go before.
fn guarded(pool: &Pool, observed: &Observed, tenant: &Tenant) -> Stage {
    let Some(topology) = observed.topology.topology() else {
        return match without_topology(pool, tenant) {
            Stage::Needed(kept) => Stage::Guarded(kept),
            other => other,
        };
    };
    let Some(member) = topology.member(meta::name(pool), meta::uid(pool)) else {
        return former(pool, observed).map_or(Stage::Leaving, left);
    };
    // What Kubernetes deletes with its owner would go again at once.
    let kept = !tenant.spec.paused && !in_foreground(tenant) && !in_foreground(pool);
    let terms = if kept { terms(pool, observed).ok() } else { None };
    // What was begun ends: a store with a half-drained pool cannot be left as it is.
    if member.phase == Phase::Draining {
        return Stage::Needed(terms.map(Box::new));
    }
    Stage::Guarded(terms.map(Box::new))
}

/// A topology that cannot be read is no proof that nothing is stored here; a store that never formed is.
fn without_topology(pool: &Pool, tenant: &Tenant) -> Stage {
    let status = pool.status.as_ref();
    let accepted = status.is_some_and(|status| status.element.is_some());
    let joined = status.is_some_and(|status| condition::is_true(&status.conditions, JOINED));
    let formed = tenant
        .status
        .as_ref()
        .and_then(|status| status.topology.as_ref())
        .is_none_or(|topology| topology.formed);
    if joined || (accepted && formed) {
        Stage::Needed(None)
    } else {
        Stage::Leaving
    }
}

pub(super) fn controls_or_none(pool: &Pool, tenant: &Tenant) -> bool {
    meta::controller_uid(pool).is_none_or(|uid| uid == meta::uid(tenant))
}

fn terms(pool: &Pool, observed: &Observed) -> Result<Terms, Verdict> {
    let tenant = tenant(pool, observed)?;
    let (topology, member) = membership(pool, observed)?;
    let (tls_secret, obstacle) = match makeable(pool, observed, &tenant, &topology, &member) {
        Ok(secret) => (secret, None),
        Err(verdict) => (None, Some(verdict)),
    };
    let sets = erasure::sets(&tenant, pool.spec.servers, pool.spec.volumes_per_server);
    Ok(Terms {
        tenant,
        topology,
        member,
        sets: sets.ok().map(|sets| (sets.width, sets.parity)),
        tls_secret,
        obstacle,
    })
}

/// Whether servers can be made, and with which Secret of TLS.
fn makeable(
    pool: &Pool,
    observed: &Observed,
    tenant: &Tenant,
    topology: &Topology,
    member: &Member,
) -> Result<Option<String>, Verdict> {
    ours(pool, observed)?;
    inherited::fit(pool, observed)?;
    if topology.formed && member.phase == Phase::Joining {
        inherited::none(pool, observed)?;
    }
    claim(pool, observed)?;
    preflight::hold(pool, observed)?;
    if let Some((index, name)) = environment::owned_variable(tenant) {
        let message = format!(
            "Tenant {}: spec.env[{index}].name {name} is set by the operator itself: remove it",
            meta::name(tenant)
        );
        return Err(Verdict::stuck(WORKLOAD_READY, "InvalidEnvironment", message));
    }
    // Its servers keep what they run; one that comes back must not come with what the Tenant cannot be. Nobody watches a
    // rollout meanwhile. A StatefulSet that is away is made again if it can be.
    let fault = match observed.stateful_set {
        Some(_) => first_fault(tenant, Some(topology)),
        None => servers_fault(tenant, Some(topology)),
    };
    if let Some(fault) = fault {
        let message = format!("Tenant {}: {fault}", meta::name(tenant));
        return Err(Verdict::stuck(WORKLOAD_READY, "TenantInvalid", message));
    }
    credentials(tenant, topology, member)?;
    certificate(tenant, observed)
}

fn tenant(pool: &Pool, observed: &Observed) -> Result<Arc<Tenant>, Verdict> {
    let name = &pool.spec.tenant_ref.name;
    match &observed.tenant {
        Some(tenant) if may_go(tenant) => Err(Verdict::waiting(
            TENANT_FOUND,
            "TenantDeleting",
            format!("Tenant {name} is being deleted, and this Pool with it"),
        )),
        Some(tenant) => Ok(Arc::clone(tenant)),
        None => Err(Verdict::waiting(
            TENANT_FOUND,
            "TenantMissing",
            format!("there is no Tenant {name} in this namespace yet; the Pool goes on when it is created"),
        )),
    }
}

fn membership(pool: &Pool, observed: &Observed) -> Result<(Topology, Member), Verdict> {
    let tenant = &pool.spec.tenant_ref.name;
    let Some(topology) = observed.topology.topology() else {
        let message = format!("Tenant {tenant} has not written its topology yet");
        return Err(Verdict::waiting(ACCEPTED, "TopologyMissing", message));
    };
    let (name, uid) = (meta::name(pool), meta::uid(pool));
    if let Some(member) = topology.member(name, uid) {
        return Ok((topology.clone(), member.clone()));
    }
    match topology.refusal(name, uid) {
        Some(refusal) if refusal.waits => Err(Verdict::waiting(
            ACCEPTED,
            &refusal.reason,
            refusal.message.clone(),
        )),
        Some(refusal) => Err(Verdict::stuck(ACCEPTED, &refusal.reason, refusal.message.clone())),
        None => Err(Verdict::waiting(
            ACCEPTED,
            "NotYetAccepted",
            format!("Tenant {tenant} has not looked at this Pool yet"),
        )),
    }
}

fn ours(pool: &Pool, observed: &Observed) -> Result<(), Verdict> {
    match &observed.stateful_set {
        Some(set) if meta::controller_uid(set.as_ref()).is_some() && !meta::controls(pool, set.as_ref()) => {
            let message = format!(
                "StatefulSet {} exists and belongs to something else: rename this Pool, or delete that StatefulSet",
                meta::name(set.as_ref())
            );
            Err(Verdict::stuck(WORKLOAD_READY, NAME_TAKEN, message))
        }
        _ => Ok(()),
    }
}

/// What the API server would refuse is said before it is tried again and again.
fn claim(pool: &Pool, observed: &Observed) -> Result<(), Verdict> {
    let labels = keys("labels", &pool.spec.volume_claim.labels);
    if let Some(message) = labels.or_else(|| keys("annotations", &pool.spec.volume_claim.annotations)) {
        return Err(Verdict::stuck(STORAGE_READY, "InvalidVolumeClaim", message));
    }
    let made_otherwise = observed
        .stateful_set
        .as_ref()
        .is_some_and(|set| growth::concerns(pool, set));
    if made_otherwise && !observed.made.as_ref().is_some_and(|made| made.may_become(pool)) {
        return Err(Verdict::stuck(
            STORAGE_READY,
            "VolumesImmutable",
            "spec.volumeClaim: the volumes were made of another one, and nothing but their size can be changed: set it \
             back, or create another Pool with it",
        ));
    }
    Ok(())
}

fn keys(field: &str, map: &BTreeMap<String, String>) -> Option<String> {
    let key = map.keys().find(|key| claims::is_owned(key))?;
    Some(format!(
        "spec.volumeClaim.{field}[{key}]: this prefix belongs to the operator: choose another"
    ))
}

/// Servers go on with the pair that was taken, whatever is offered since.
fn credentials(tenant: &Tenant, topology: &Topology, member: &Member) -> Result<(), Verdict> {
    let mut conditions = tenant.status.iter().flat_map(|status| &status.conditions);
    let usable = conditions.any(|found| {
        found.type_ == CREDENTIALS_READY && (found.status == "True" || found.reason == PAIR_KEPT)
    });
    if usable && topology.credentials.of(member.revision) > 0 {
        return Ok(());
    }
    let message = format!(
        "Tenant {} has no usable credentials yet; its status says why",
        meta::name(tenant)
    );
    Err(Verdict::waiting(WORKLOAD_READY, "CredentialsNotReady", message))
}

/// The Secret to mount; none while TLS is off.
fn certificate(tenant: &Tenant, observed: &Observed) -> Result<Option<String>, Verdict> {
    if !environment::tls(tenant) {
        return Ok(None);
    }
    let status = observed
        .certificate
        .as_ref()
        .and_then(|certificate| certificate.status.as_ref());
    let issued = status.filter(|status| condition::is_true(&status.conditions, ISSUED));
    match issued.and_then(|status| status.secret_name.clone()) {
        Some(secret) => Ok(Some(secret)),
        // Servers that run keep running while a certificate is replaced.
        None if observed.stateful_set.is_some()
            && status.is_some_and(|status| status.secret_name.is_some()) =>
        {
            Ok(status.and_then(|status| status.secret_name.clone()))
        }
        None => {
            let message = format!(
                "Tenant {} speaks TLS and its TenantCertificate is not issued yet; create or mend the TenantCertificate, or \
                 name another one in its spec.tls.certificateRef",
                meta::name(tenant)
            );
            Err(Verdict::waiting(WORKLOAD_READY, "CertificateNotReady", message))
        }
    }
}
