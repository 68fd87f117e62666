//! Command line and environment. Every option has an environment variable, so that overlays need no patches of
//! argument lists.

use std::net::SocketAddr;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Kubernetes operator for RustFS, a distributed S3 object store.
#[derive(Parser, Debug)]
#[command(name = "rustfs-operator", disable_version_flag = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the controllers until SIGTERM.
    Run(RunArgs),
    /// Explain what an object of a store waits for, since when, and the next step.
    ///
    /// Reads with your kubeconfig and rights. A binary or link of the name kubectl-rustfs makes it
    /// `kubectl rustfs explain`.
    Explain(ExplainArgs),
    /// Print the CustomResourceDefinitions as YAML.
    Crds,
    /// Print the version.
    Version,
}

#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct RunArgs {
    /// Watch only this namespace, with a Role instead of a ClusterRole. Default: all namespaces.
    #[arg(long, env = "RUSTFS_OPERATOR_NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// DNS domain of the cluster; part of every server's name, so it must not change later.
    #[arg(long, env = "RUSTFS_OPERATOR_CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub(crate) cluster_domain: String,
    /// The operator's own namespace: its Lease, and where Prometheus finds it.
    #[arg(long, env = "POD_NAMESPACE", default_value = "rustfs-system")]
    pub(crate) operator_namespace: String,
    /// The operator's own name among its replicas. Default: the host's name and the process id.
    #[arg(long, env = "POD_NAME")]
    pub(crate) identity: Option<String>,
    /// Where /livez, /readyz and /metrics listen.
    #[arg(long, env = "RUSTFS_OPERATOR_LISTEN", default_value = "0.0.0.0:8080")]
    pub(crate) listen: SocketAddr,
    /// Take a Lease before working, so that of several replicas one works.
    #[arg(long, env = "RUSTFS_OPERATOR_LEADER_ELECTION", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) leader_election: bool,
    /// Objects each controller works on at the same time.
    #[arg(long, env = "RUSTFS_OPERATOR_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
    /// Log lines for a person or for a machine.
    #[arg(long, env = "RUSTFS_OPERATOR_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub(crate) log_format: LogFormat,
    /// What is logged, in the syntax of the crate tracing-subscriber's EnvFilter.
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    pub(crate) log: String,
    /// Make no traces, whatever the OTEL_* variables say.
    #[arg(long, env = "RUSTFS_OPERATOR_NO_TRACES", default_value_t = false, action = clap::ArgAction::SetTrue)]
    pub(crate) no_traces: bool,
}

#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// What to explain, as `tenant/store`, `pool/a`, `rtc/store` or `rtm/store`.
    #[arg(required = true, num_args = 1..=2)]
    pub(crate) object: Vec<String>,
    /// Namespace of the object. Default: that of the kubeconfig's context.
    #[arg(long, short)]
    pub(crate) namespace: Option<String>,
    /// Context of the kubeconfig. Default: its current one.
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// For a person or for a program.
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Output {
    /// A tree.
    Text,
    /// The same as JSON.
    Json,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a terminal.
    Human,
}
