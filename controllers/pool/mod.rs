//! The pool controller.

mod observe;
mod watches;

use crds::Pool;
use kit::{Error, Kit, Next, Reconciler};
use plan::pool as decide;

use crate::context::Context;
use crate::outcome;

pub use watches::wakes;

/// Reconciles Pools.
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
    type Object = Pool;

    const NAME: &'static str = "pool";

    async fn reconcile(&self, pool: &Pool) -> Result<Next, Error> {
        let observed = observe::observe(&self.kit, &self.context, pool).await?;
        let plan = decide::plan(pool, &observed);
        let enacted = self.kit.enact(pool, plan.steps.clone()).await;
        let status = decide::status(pool, &observed, &plan, &enacted, self.kit.now());
        if !outcome::released(&plan.steps, &enacted) {
            self.kit.write_status(pool, pool.status.as_ref(), &status).await?;
        }
        Ok(outcome::next(plan.requeue, &enacted))
    }
}
