//! What all four controllers share. A controller says what it observes and which plan it makes; tracing, metrics,
//! deadlines, retries, back-off, finalizers and events are here.

pub mod error;
pub mod kit;
pub mod runner;
pub mod watch;

pub use error::Error;
pub use kit::Kit;
pub use runner::{Next, Reconciler};
pub use watch::{Source, Watches};
