//! The pool controller.

mod drain;
mod observe;
mod uploads;
mod watches;

use crds::Pool;
use kit::{Error, Kit, Next, Reconciler};
use plan::health::Health;
use plan::pool::{self as decide, Observed};

use crate::context::Context;
use crate::outcome;
use crate::store::Stores;

pub(crate) use drain::report;
pub use watches::wakes;

/// Reconciles Pools.
pub struct Controller {
    kit: Kit,
    context: Context,
    stores: Stores,
}

impl Controller {
    /// A controller with its effects and what it reads from.
    #[must_use]
    pub fn new(kit: Kit, context: Context) -> Self {
        let stores = Stores::new(kit.clone(), context.clone());
        Self { kit, context, stores }
    }
}

impl Reconciler for Controller {
    type Object = Pool;

    const NAME: &'static str = "pool";

    async fn reconcile(&self, pool: &Pool) -> Result<Next, Error> {
        let mut observed = observe::observe(&self.kit, &self.context, pool).await?;
        observed.word = drain::word(&self.stores, pool, &observed).await;
        observed.scanner = drain::scanner(&self.stores, pool, &observed).await;
        observed.uploads = uploads::ask(&self.stores, pool, &observed).await;
        if let Some(tenant) = &observed.tenant
            && decide::concerns_health(pool, &observed)
        {
            let health = self.stores.health(tenant).await;
            // The answers may take seconds, in which another Pool got the turn or a server went away. One that came
            // meanwhile was not asked: its change wakes this Pool again.
            let now = observe::observe(&self.kit, &self.context, pool).await?;
            let asked = decide::ready(&observed) == decide::ready(&now);
            let health = if asked { health } else { Health::NotAsked };
            observed = Observed {
                word: observed.word,
                scanner: observed.scanner,
                uploads: observed.uploads,
                health,
                ..now
            };
        }
        let plan = decide::plan(pool, &observed);
        let mut enacted = self.kit.enact(pool, plan.steps.clone()).await;
        drain::tell(&self.kit, &self.stores, pool, &observed, &plan, &mut enacted).await?;
        let status = decide::status(pool, &observed, &plan, &enacted, self.kit.now());
        if !outcome::released(&plan.steps, &enacted) {
            self.kit.write_status(pool, pool.status.as_ref(), &status).await?;
        }
        Ok(outcome::next(plan.requeue, &enacted))
    }
}
