//! The controllers with all they need, from their making to their end.

use std::sync::Arc;
use std::time::Duration;

use controllers::context::Context;
use controllers::{certificate, monitor, pool, tenant};
use kit::runner::{self, Config};
use kit::serve::TenantMetrics;
use kit::{Env, Kit, Shutdown, Watches};

/// All controllers, not yet running.
pub(super) struct Parts {
    context: Context,
    tenant: Kit,
    pool: Kit,
    certificate: Kit,
    monitor: Kit,
    monitors: monitor::Controller,
}

impl Parts {
    /// Makes them; every watch must be asked for here, before the watches start.
    pub(super) fn new(env: &Env, _watches: &mut Watches, context: Context) -> Self {
        let monitor = Kit::new(env, "monitor");
        Self {
            monitors: monitor::Controller::new(monitor.clone(), context.clone()),
            monitor,
            context,
            tenant: Kit::new(env, "tenant"),
            pool: Kit::new(env, "pool"),
            certificate: Kit::new(env, "certificate"),
        }
    }

    /// The figures of Tenants, for Prometheus.
    pub(super) fn metrics(&self) -> Option<Arc<dyn TenantMetrics>> {
        Some(Arc::new(self.monitors.exporter()))
    }

    /// Runs all until shutdown, and until what runs then is finished. The first that ends early ends all.
    pub(super) async fn run(self, concurrency: u16, shutdown: Shutdown) -> Result<(), kit::Error> {
        let config = Config {
            concurrency,
            ..Config::default()
        };
        // These also wait for servers to begin what they are told.
        let patient = Config {
            deadline: Duration::from_secs(120),
            ..config
        };
        let Self {
            context,
            tenant,
            pool,
            certificate,
            monitor,
            monitors,
        } = self;
        let monitor_wakes = monitors.wakes();
        let sources = context.sources.clone();
        tokio::try_join!(
            runner::run(
                tenant::Controller::new(tenant.clone(), context.clone()),
                sources.tenants.clone(),
                tenant::wakes(&sources),
                tenant,
                patient,
                shutdown.begun(),
            ),
            runner::run(
                pool::Controller::new(pool.clone(), context.clone()),
                sources.pools.clone(),
                pool::wakes(&sources),
                pool,
                patient,
                shutdown.begun(),
            ),
            runner::run(
                certificate::Controller::new(certificate.clone(), context.clone()),
                sources.certificates.clone(),
                certificate::Controller::wakes(&sources),
                certificate,
                config,
                shutdown.begun(),
            ),
            runner::run(
                monitors,
                sources.monitors.clone(),
                monitor_wakes,
                monitor,
                config,
                shutdown.begun(),
            ),
        )?;
        Ok(())
    }
}
