//! What the plans of a Tenant promise.

mod credentials;
mod deletion;
mod examples;
mod formation;
mod hooks;
mod joining;
mod laws;
mod loss;
mod network;
mod preflight;
mod rebalancing;
mod replacing;
mod rollback;
mod rotation;
mod status;
mod teardown;
mod world;
