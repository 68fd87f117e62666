//! The certificate controller: keeps a key and a chain for a Tenant, and renews them in time.

mod carry_out;
mod issue;
mod material;
mod observe;
#[cfg(test)]
mod tests;
mod watches;

use std::time::Duration;

use crds::TenantCertificate;
use jiff::SignedDuration;
use kit::{Error, Kit, Next, Reconciler};

use crate::context::Context;

/// An own CA and its certificate change by themselves only when it is time; this is for clocks that were set.
const OWN_RESYNC: SignedDuration = SignedDuration::from_hours(6);
/// Given Secrets are not watched.
const GIVEN_RESYNC: SignedDuration = SignedDuration::from_mins(5);
/// A write that was not needed after all, by what the cache knows: the cache catches up by then.
const SETTLE: Duration = Duration::from_secs(2);

/// Reconciles TenantCertificates.
pub struct Controller {
    kit: Kit,
    context: Context,
}

impl Controller {
    /// The controller, with the effects and the watches of the process.
    #[must_use]
    pub fn new(kit: Kit, context: Context) -> Self {
        Self { kit, context }
    }
}

impl Reconciler for Controller {
    type Object = TenantCertificate;
    const NAME: &'static str = "certificate";

    async fn reconcile(&self, certificate: &TenantCertificate) -> Result<Next, Error> {
        if plan::meta::deleting(certificate) {
            return Ok(Next::Resync);
        }
        let done = carry_out::carry_out(self, certificate).await?;
        let now = self.kit.now();
        let status = plan::certificate::status(
            certificate,
            &done.seen.observed,
            &done.plan,
            done.failure.as_ref(),
            now,
        );
        self.kit
            .write_status(certificate, certificate.status.as_ref(), &status)
            .await?;
        Ok(match done.failure {
            Some(failure) if failure.transient => Next::Retry,
            _ if done.unsettled => Next::After(SETTLE),
            _ => Next::After(done.plan.requeue(now, resync(certificate))),
        })
    }
}

fn resync(certificate: &TenantCertificate) -> SignedDuration {
    if certificate.spec.issuer.self_signed.is_some() {
        OWN_RESYNC
    } else {
        GIVEN_RESYNC
    }
}
