//! `rustfs-operator run`: wires telemetry, watches, controllers, lease and shutdown.

mod controllers;

use std::process::ExitCode;
use std::sync::Arc;

use ::controllers::context::{Context, Sources};
use kit::lease::{Election, Held};
use kit::serve::Served;
use kit::{Env, Scope, Shutdown, Watches};
use plan::Settings;
use tokio::task::{JoinError, JoinHandle};

use crate::args::{LogFormat, RunArgs};

/// Name of the Lease that one replica holds.
const LEASE: &str = "rustfs-operator";

/// Runs until SIGTERM, or until a part that must not end has ended.
pub(crate) fn run(args: RunArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return crate::fail(&format!("failed to start the runtime: {error}")),
    };
    match runtime.block_on(with_telemetry(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => crate::fail(&reason),
    }
}

async fn with_telemetry(args: RunArgs) -> Result<(), String> {
    let identity = args.identity.clone().unwrap_or_else(default_identity);
    let telemetry = kit::telemetry::init(&kit::telemetry::Options {
        format: match args.log_format {
            LogFormat::Json => kit::telemetry::LogFormat::Json,
            LogFormat::Human => kit::telemetry::LogFormat::Human,
        },
        filter: args.log.clone(),
        traces: !args.no_traces,
        instance: identity.clone(),
        namespace: args.operator_namespace.clone(),
    })
    .map_err(|error| error.to_string())?;
    let ended = operate(args, identity).await;
    // Last, so that the spans of the end are told too.
    telemetry.shutdown().await;
    ended
}

/// What runs beside the controllers from start to end.
struct Base {
    env: Env,
    shutdown: Shutdown,
    watching: JoinHandle<kit::Error>,
    serving: JoinHandle<Result<(), kit::Error>>,
}

async fn operate(args: RunArgs, identity: String) -> Result<(), String> {
    let shutdown =
        Shutdown::on_signals().map_err(|error| format!("failed to listen for signals: {error}"))?;
    let client = kit::client::connect().await.map_err(|error| error.to_string())?;
    let env = Env::new(client, identity);
    let scope = args.namespace.clone().map_or(Scope::All, Scope::Namespace);
    let mut watches = Watches::new(&env, scope);
    let context = Context {
        sources: Sources::open(&mut watches),
        settings: Arc::new(settings(&args)),
    };
    let parts = controllers::Parts::new(&env, &mut watches, context);
    let readiness = watches.readiness();
    let served = Served {
        env: env.clone(),
        readiness: readiness.clone(),
        tenants: parts.metrics(),
    };
    let mut base = Base {
        serving: tokio::spawn(kit::serve::serve(args.listen, served, shutdown.begun())),
        watching: tokio::spawn(watches.start()),
        env,
        shutdown,
    };
    tokio::select! {
        () = readiness.until_filled() => {}
        () = base.shutdown.begun() => return Ok(()),
        reason = base.broken() => return Err(reason),
    }
    let held = match base.lead(&args).await? {
        Leading::Yes(held) => held,
        Leading::ShutDown => return Ok(()),
    };
    let controllers = tokio::spawn(parts.run(args.concurrency, base.shutdown.clone()));
    base.supervise(controllers, held).await
}

enum Leading {
    Yes(Option<Held>),
    ShutDown,
}

impl Base {
    /// Waits for the Lease, if there is an election.
    async fn lead(&mut self, args: &RunArgs) -> Result<Leading, String> {
        if !args.leader_election {
            return Ok(Leading::Yes(None));
        }
        let election = Election::new(&self.env, &args.operator_namespace, LEASE);
        tokio::select! {
            held = election.acquire() => Ok(Leading::Yes(Some(held))),
            () = self.shutdown.begun() => Ok(Leading::ShutDown),
            reason = self.broken() => Err(reason),
        }
    }

    /// Waits until the controllers have drained after a shutdown; anything else that ends is a failure, and the
    /// process goes at once: work without lease or watches would be done blindly.
    async fn supervise(
        mut self,
        mut controllers: JoinHandle<Result<(), kit::Error>>,
        mut held: Option<Held>,
    ) -> Result<(), String> {
        let reason = tokio::select! {
            ended = &mut controllers => return self.finish(ended, held).await,
            () = lost(&mut held) => "the leader election's Lease was lost".to_owned(),
            reason = self.broken() => reason,
        };
        // Here, not at the end of the process: the last spans are sent before that.
        controllers.abort();
        let _ = controllers.await;
        Err(reason)
    }

    /// Gives the Lease back if the controllers have ended in good order.
    async fn finish(
        &self,
        ended: Result<Result<(), kit::Error>, JoinError>,
        held: Option<Held>,
    ) -> Result<(), String> {
        match ended {
            Ok(Ok(())) if self.shutdown.has_begun() => {}
            Ok(Ok(())) => return Err("a controller ended without being asked to".to_owned()),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(error) => return Err(format!("a controller ended: {error}")),
        }
        if let Some(held) = held {
            held.release().await;
        }
        Ok(())
    }

    /// Ends when a part that must run for ever has ended.
    async fn broken(&mut self) -> String {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            ended = &mut self.watching => match ended {
                Ok(error) => format!("a watch ended: {error}"),
                Err(error) => format!("the watches ended: {error}"),
            },
            ended = &mut self.serving, if !shutdown.has_begun() => match ended {
                Ok(Ok(())) if shutdown.has_begun() => std::future::pending().await,
                Ok(Ok(())) => "the server of metrics and health ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => format!("the server of metrics and health ended: {error}"),
            },
        }
    }
}

async fn lost(held: &mut Option<Held>) {
    match held {
        Some(held) => held.lost().await,
        None => std::future::pending().await,
    }
}

fn settings(args: &RunArgs) -> Settings {
    Settings {
        cluster_domain: args.cluster_domain.clone(),
        operator_namespace: args.operator_namespace.clone(),
        watch_namespace: args.namespace.clone(),
        ..Settings::default()
    }
}

/// Two processes must never share a name: one would renew the Lease of the other.
fn default_identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "rustfs-operator".to_owned());
    format!("{host}-{}", std::process::id())
}
