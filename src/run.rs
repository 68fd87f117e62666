//! `rustfs-operator run`: wires telemetry, watches, controllers, lease and shutdown.

use std::process::ExitCode;
use std::sync::Arc;

use controllers::context::{Context, Sources};
use controllers::{certificate, pool, tenant};
use kit::runner::{self, Config};
use kit::{Env, Kit, Scope, Watches};
use plan::Settings;

use crate::args::RunArgs;

/// Runs until SIGTERM, or until a part that must not end has ended.
pub(crate) fn run(args: RunArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return crate::fail(&format!("failed to start the runtime: {error}")),
    };
    match runtime.block_on(operate(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::fail(&error.to_string()),
    }
}

async fn operate(args: RunArgs) -> Result<(), kit::Error> {
    let client = kit::client::connect().await?;
    let env = Env::new(client, args.identity.clone().unwrap_or_default());
    let scope = args.namespace.clone().map_or(Scope::All, Scope::Namespace);
    let mut watches = Watches::new(&env, scope);
    let context = Context {
        sources: Sources::open(&mut watches),
        settings: Arc::new(settings(&args)),
    };
    let readiness = watches.readiness();
    let watching = tokio::spawn(watches.start());
    readiness.until_filled().await;

    let config = Config {
        concurrency: args.concurrency,
        ..Config::default()
    };
    let sources = &context.sources;
    let tenant_kit = Kit::new(&env, "tenant");
    let pool_kit = Kit::new(&env, "pool");
    let certificate_kit = Kit::new(&env, "certificate");
    let (tenants, pools, certificates) = tokio::join!(
        runner::run(
            tenant::Controller::new(tenant_kit.clone(), context.clone()),
            sources.tenants.clone(),
            tenant::wakes(sources),
            tenant_kit,
            config.clone(),
            std::future::pending(),
        ),
        runner::run(
            pool::Controller::new(pool_kit.clone(), context.clone()),
            sources.pools.clone(),
            pool::wakes(sources),
            pool_kit,
            config.clone(),
            std::future::pending(),
        ),
        runner::run(
            certificate::Controller::new(certificate_kit.clone(), context.clone()),
            sources.certificates.clone(),
            certificate::Controller::wakes(sources),
            certificate_kit,
            config.clone(),
            std::future::pending(),
        ),
    );
    watching.abort();
    tenants.and(pools).and(certificates)
}

fn settings(args: &RunArgs) -> Settings {
    Settings {
        cluster_domain: args.cluster_domain.clone(),
        operator_namespace: args.operator_namespace.clone(),
        watch_namespace: args.namespace.clone(),
        ..Settings::default()
    }
}
