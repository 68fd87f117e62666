//! The tenant controller.

mod contents;
mod credentials;
mod observe;
mod random;
mod rebalance;
mod secrets;
mod watches;

use crds::Tenant;
use kit::{Error, Kit, Next, Reconciler};
use plan::tenant as decide;

use crate::context::Context;
use crate::outcome;
use crate::store::Stores;
use contents::Asker;
use secrets::Secrets;

pub use watches::wakes;

/// Reconciles Tenants.
pub struct Controller {
    kit: Kit,
    context: Context,
    stores: Stores,
    secrets: Secrets,
    settled: rebalance::Settled,
    contents: Asker,
}

impl Controller {
    /// A controller with its effects and what it reads from.
    #[must_use]
    pub fn new(kit: Kit, context: Context) -> Self {
        let stores = Stores::new(kit.clone(), context.clone());
        Self {
            secrets: Secrets::default(),
            settled: rebalance::Settled::default(),
            contents: Asker::new(stores.clone()),
            kit,
            context,
            stores,
        }
    }
}

impl Reconciler for Controller {
    type Object = Tenant;

    const NAME: &'static str = "tenant";

    async fn reconcile(&self, tenant: &Tenant) -> Result<Next, Error> {
        let mut observed =
            observe::observe(&self.kit, &self.context, &self.secrets, &self.contents, tenant).await?;
        observe::ask_for_ends(&self.stores, tenant, &mut observed).await;
        if decide::about_to_form(tenant, &observed) {
            observed.health = self.stores.writes(tenant).await;
        }
        observed.rebalance = rebalance::word(&self.stores, tenant, &observed).await;
        observed.settled = self.settled.is(tenant, &observed.rebalance);
        let mut plan = decide::plan(tenant, &observed);
        let enacted = self.kit.enact(tenant, plan.steps.clone()).await;
        let (kit, stores, settled) = (&self.kit, &self.stores, &self.settled);
        let refused = rebalance::tell(kit, stores, settled, tenant, &observed, &mut plan, &enacted).await?;
        let status = decide::status(tenant, &observed, &plan, &enacted, self.kit.now());
        if !outcome::released(&plan.steps, &enacted) {
            self.kit
                .write_status(tenant, tenant.status.as_ref(), &status)
                .await?;
        }
        Ok(if refused {
            Next::Retry
        } else {
            outcome::next(plan.requeue, &enacted)
        })
    }
}
