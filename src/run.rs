//! `rustfs-operator run`: wires telemetry, watches, controllers, lease and shutdown.

use std::process::ExitCode;

use crate::args::RunArgs;

/// Runs until SIGTERM, or until a part that must not end has ended.
pub(crate) fn run(args: RunArgs) -> ExitCode {
    let _ = args;
    crate::fail("not wired yet")
}
