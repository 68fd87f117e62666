//! Every decision of the operator as pure functions: no client, no clock, no randomness.
//!
//! Time, random values and all that was seen come in as arguments; out come values. Bad input becomes a
//! condition, never a panic and never an error.

pub mod certificate;
pub mod condition;
pub mod health;
pub mod layout;
pub mod meta;
pub mod monitor;
pub mod pool;
pub mod quantity;
pub mod rollout;
pub mod settings;
pub mod step;
pub mod tenant;
pub mod topology;
pub mod word;

pub use settings::Settings;
pub use step::{Child, Enacted, Failure, Outcome, Step, Target};

#[cfg(test)]
mod interleavings;
