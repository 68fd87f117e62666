//! The monitor controller: the objects for Prometheus, and the reading of the Tenants' admin APIs.

mod collect;
mod convert;
mod exporter;
mod observe;
#[cfg(test)]
mod tests;
mod watches;

use crds::TenantMonitor;
use futures::stream::BoxStream;
use kit::{Error, Kit, Next, Reconciler, Wake};
use plan::{meta, monitor as decide};

use crate::context::Context;
use crate::outcome;
use crate::store::Stores;

pub use exporter::Exporter;

use exporter::{Job, Key};

/// Reconciles TenantMonitors.
pub struct Controller {
    kit: Kit,
    context: Context,
    exporter: Exporter,
}

impl Controller {
    /// A controller with its effects and what it reads from. The exporter's pages are to be served.
    #[must_use]
    pub fn new(kit: Kit, context: Context) -> Self {
        let reader = collect::AdminReader(Stores::new(kit.clone(), context.clone()));
        let exporter = Exporter::new(
            context.sources.monitors.clone(),
            context.sources.tenants.clone(),
            reader,
        );
        Self {
            kit,
            context,
            exporter,
        }
    }

    /// The figures, by path.
    #[must_use]
    pub fn exporter(&self) -> Exporter {
        self.exporter.clone()
    }

    /// What wakes a TenantMonitor.
    #[must_use]
    pub fn wakes(&self) -> Vec<BoxStream<'static, Wake<TenantMonitor>>> {
        let mut wakes = watches::wakes(&self.context.sources);
        wakes.push(self.exporter.wakes());
        wakes
    }
}

impl Reconciler for Controller {
    type Object = TenantMonitor;

    const NAME: &'static str = "monitor";

    async fn reconcile(&self, monitor: &TenantMonitor) -> Result<Next, Error> {
        let observed = observe::observe(&self.context, &self.exporter, monitor);
        let plan = decide::plan(monitor, &observed, self.kit.now());
        self.exporter.keep(Key::of(monitor), job(monitor, &plan));
        let enacted = self.kit.enact(monitor, plan.steps.clone()).await;
        let status = decide::status(monitor, &observed, &plan, &enacted, self.kit.now());
        if !meta::deleting(monitor) {
            self.kit
                .write_status(monitor, monitor.status.as_ref(), &status)
                .await?;
        }
        Ok(outcome::next(plan.requeue, &enacted))
    }
}

fn job(monitor: &TenantMonitor, plan: &decide::Plan) -> Option<Job> {
    Some(Job {
        uid: meta::uid(monitor).to_owned(),
        tenant: monitor.spec.tenant_ref.name.clone(),
        every: plan.collect?,
    })
}
