//! The RustFS operator: arguments and wiring, no logic.

mod args;
mod crds_command;
mod explain_command;
mod run;

use clap::Parser;

fn main() -> std::process::ExitCode {
    // One provider for every TLS connection; a second one would make rustls panic at the first handshake.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        return fail("a TLS provider was installed before main");
    }
    match args::Args::parse().command {
        args::Command::Run(run) => run::run(run),
        args::Command::Explain(explain) => explain_command::explain(&explain),
        args::Command::Crds => crds_command::print(),
        args::Command::Version => write_out(&format!("rustfs-operator {}\n", env!("CARGO_PKG_VERSION"))),
    }
}

fn write_out(text: &str) -> std::process::ExitCode {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(_) => std::process::ExitCode::FAILURE,
    }
}

fn fail(message: &str) -> std::process::ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "rustfs-operator: {message}");
    std::process::ExitCode::FAILURE
}
