//! The tenant controller.

mod observe;
mod random;
mod watches;

use crds::Tenant;
use kit::{Error, Kit, Next, Reconciler};
use plan::{Enacted, tenant as decide};

use crate::context::Context;

pub use watches::wakes;

/// Reconciles Tenants.
pub struct Controller {
    kit: Kit,
    context: Context,
}

impl Controller {
    /// A controller with its effects and what it reads from.
    #[must_use]
    pub fn new(kit: Kit, context: Context) -> Self {
        Self { kit, context }
    }
}

impl Reconciler for Controller {
    type Object = Tenant;

    const NAME: &'static str = "tenant";

    async fn reconcile(&self, tenant: &Tenant) -> Result<Next, Error> {
        let observed = observe::observe(&self.kit, &self.context, tenant).await?;
        let plan = decide::plan(tenant, &observed);
        let enacted = self.kit.enact(tenant, plan.steps.clone()).await;
        let status = decide::status(tenant, &observed, &plan, &enacted, self.kit.now());
        if !released(&plan, &enacted) {
            self.kit
                .write_status(tenant, tenant.status.as_ref(), &status)
                .await?;
        }
        Ok(next(&plan, &enacted))
    }
}

/// With its last finalizer gone the object may be too: there is nothing left to write a status to.
fn released(plan: &decide::Plan, enacted: &Enacted) -> bool {
    enacted.failure().is_none()
        && plan
            .steps
            .iter()
            .any(|step| matches!(step, plan::Step::Release(_)))
}

fn next(plan: &decide::Plan, enacted: &Enacted) -> Next {
    match (enacted.failure(), plan.requeue) {
        (Some(failure), _) if failure.transient => Next::Retry,
        (_, Some(after)) => Next::After(after),
        _ => Next::Resync,
    }
}
