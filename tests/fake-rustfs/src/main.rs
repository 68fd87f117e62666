//! A small test server that stands behind fake Pods and answers as a RustFS server was recorded to.
//!
//! Fake nodes give every Pod an address in 127.0.0.0/8 and run nothing. This program watches the servers' Pods,
//! listens on their addresses, and reads from each Pod what the real server would read: environment, volumes
//! string, credentials, TLS Secret. It keeps objects in memory. It proves nothing about RustFS; it lets
//! everything around RustFS be tried without a container engine.

mod answers;
mod control;
mod cuts;
mod drains;
mod environment;
mod listen;
mod pods;
mod rebalances;
mod server;
mod tls;
mod verify;
mod volumes;
mod world;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::net::TcpListener;

/// What went wrong, for a person.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Stands behind the fake Pods of a cluster's RustFS servers.
#[derive(Parser)]
struct Args {
    /// The cluster, with the right to read Pods, Secrets and ConfigMaps.
    #[arg(long, env = "KUBECONFIG")]
    kubeconfig: PathBuf,
    /// Only Pods of this namespace; all when absent.
    #[arg(long)]
    namespace: Option<String>,
    /// Port on 127.0.0.1 that takes `POST /fault`; 0 = any free one.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(&args.kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = kube::Client::try_from(config)?;
    let world = Arc::new(world::World::default());
    let control = TcpListener::bind(("127.0.0.1", args.control_port)).await?;
    let port = control.local_addr()?.port();
    writeln!(std::io::stdout(), r#"{{"controlPort":{port}}}"#)?;
    let faults = world.clone();
    tokio::select! {
        () = pods::follow(client, args.namespace.as_deref(), world) => {}
        () = listen::serve(control, None, move |request| control::answer(faults.clone(), request)) => {}
        () = stopped() => {}
    }
    Ok(())
}

/// Ends with the first Ctrl-C or SIGTERM.
async fn stopped() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => return tracing::error!(%error, "SIGTERM cannot be heard"),
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
