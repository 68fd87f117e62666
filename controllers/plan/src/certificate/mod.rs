//! Decides what becomes of a TenantCertificate: which Secret it keeps, when a certificate is issued, and by whom.
//!
//! No private key comes in here. The controller reads keys, hands in their public halves, makes what an order asks
//! for, and asks again until there is nothing left to do.

pub mod asked;
pub mod ca;
pub mod cert_manager;
pub mod checks;
pub mod held;
pub mod names;
pub mod parsed;
pub mod renewal;
pub mod secret;
pub mod status;
#[cfg(test)]
mod tests;
mod verdict;
mod work;

use crds::{Tenant, TenantCertificate};
use jiff::{SignedDuration, Timestamp};

pub use asked::Asked;
pub use ca::Issuing;
pub use cert_manager::Request;
pub use checks::Violation;
pub use held::{Held, Part, PublicKey};
pub use names::Names;
pub use parsed::{Cert, KeyKind};
pub use secret::Roots;
pub use status::status;

use crate::condition::{Finding, Overall};
use crate::meta;
use crate::step::Step;
use crate::tenant::may_go;

/// Servers have surely read a changed `ca.crt` after this long: the kubelet writes it within two minutes, RustFS
/// reads it again within half a minute. Until then nothing that needs the new root is shown.
pub const SPREAD: SignedDuration = SignedDuration::from_mins(5);

/// What was seen for one TenantCertificate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The Tenant it names.
    pub tenant: Option<Tenant>,
    /// The Secret that servers mount: `{name}-tls`, or the provided one.
    pub held: Option<Held>,
    /// The Secret of the CA: `{name}-ca`, or the given one; none for a provided certificate.
    pub ca: Option<Held>,
    /// The Secret that cert-manager writes, `{name}-issued`; none if another issuer is asked for.
    pub issued: Option<Held>,
    /// What is known of cert-manager's part.
    pub request: Request,
}

/// What is to be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Nothing.
    None,
    /// An own CA.
    MakeCa(CaOrder),
    /// The Secret of the own CA again, with the same CA and key: it has lost its owner or its labels.
    RewriteCa,
    /// A certificate.
    Issue(Box<Order>),
    /// The certificate and the key that cert-manager has issued, for servers.
    Copy(Copy),
    /// The Secret again, with the same certificate and key.
    Rewrite(Roots),
}

/// How an own CA is made.
#[derive(Clone, Debug, PartialEq)]
pub struct CaOrder {
    /// Its key.
    pub key: KeyKind,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Fingerprint of the root it takes over from, if that one is still good.
    pub replaces: Option<String>,
}

/// How a certificate is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Why, as reason of an event and for the log.
    pub why: Violation,
    /// Common name, at most 64 characters.
    pub common_name: String,
    /// Subject alternative names.
    pub names: Names,
    /// Its key.
    pub key: KeyKind,
    /// Whether the key in the Secret is used again.
    pub keep_key: bool,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Who signs; the key is in the CA's Secret.
    pub issuing: Issuing,
    /// What `ca.crt` will hold.
    pub roots: Roots,
}

/// How what cert-manager has issued is handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// Why, for the log.
    pub why: Violation,
    /// What `ca.crt` will hold.
    pub roots: Roots,
}

/// What is to be done, and what is true before it is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What is asked of cert-manager, or taken back.
    pub steps: Vec<Step>,
    /// What is to be made.
    pub work: Work,
    /// Condition `TenantFound`.
    pub tenant_found: Finding,
    /// Condition `Issued`.
    pub issued: Finding,
    /// What the object as a whole is doing.
    pub overall: Overall,
    /// The next instant at which something becomes true by itself.
    pub wake_at: Option<Timestamp>,
    /// When it is renewed; none for one that was brought.
    pub renewal: Option<Timestamp>,
}

impl Plan {
    /// How long until the next visit, at most `cap`, and never in less than a second.
    #[must_use]
    pub fn requeue(&self, now: Timestamp, cap: SignedDuration) -> std::time::Duration {
        // A second later than the instant: timers may be early.
        let until = self.wake_at.map_or(cap, |instant| {
            instant.duration_since(now).min(cap) + SignedDuration::from_secs(1)
        });
        until.max(SignedDuration::from_secs(1)).unsigned_abs()
    }
}

/// Decides. Pure and total.
#[must_use]
pub fn plan(certificate: &TenantCertificate, observed: &Observed, now: Timestamp) -> Plan {
    let tenant_name = &certificate.spec.tenant_ref.name;
    let Some(tenant) = &observed.tenant else {
        return verdict::no_tenant(tenant_name);
    };
    let found = verdict::tenant_found(tenant_name);
    let Some(needed) = names::needed(certificate, tenant) else {
        return verdict::no_names(found, tenant_name);
    };
    let asked = match asked::asked(certificate) {
        Ok(asked) => asked,
        Err(message) => return verdict::invalid(found, message),
    };
    let issuer = &certificate.spec.issuer;
    let mut plan = match &issuer.provided {
        Some(provided) => verdict::provided(found, &provided.secret_ref.name, observed, &needed, now),
        None if observed.held.as_ref().is_some_and(|held| !held.ours) => {
            verdict::name_taken(found, &crds::names::certificate_secret(meta::name(certificate)))
        }
        None if issuer.cert_manager.is_some() => {
            cert_manager::managed(found, certificate, observed, &needed, &asked, now)
        }
        None => work::managed(found, certificate, observed, &needed, &asked, now),
    };
    if issuer.cert_manager.is_none() {
        plan.steps = cert_manager::withdrawn(&observed.request);
    }
    let paused = tenant.spec.paused || may_go(tenant) || meta::deleting(certificate);
    if paused && (plan.work != Work::None || !plan.steps.is_empty()) {
        plan.steps.clear();
        plan.work = Work::None;
        plan.overall = verdict::held_back(certificate, tenant);
    }
    plan
}
