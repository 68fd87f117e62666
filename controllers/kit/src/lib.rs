//! What all four controllers share. A controller says what it observes and which plan it makes; tracing, metrics,
//! deadlines, retries, back-off, finalizers and events are here.

mod adopt;
mod apply;
mod call;
mod child;
pub mod classify;
pub mod client;
mod digest;
mod enact;
pub mod env;
pub mod error;
pub mod events;
pub mod expect;
mod finalizer;
mod grow;
pub mod kit;
pub mod lease;
mod links;
pub mod metrics;
mod prune;
mod recent;
mod retry;
mod run;
pub mod runner;
pub mod serve;
pub mod shutdown;
mod status;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod trace;
pub mod watch;

pub use env::Env;
pub use error::Error;
pub use kit::Kit;
pub use runner::{Next, Reconciler};
pub use shutdown::Shutdown;
pub use watch::{Scope, Source, Wake, Watches};
