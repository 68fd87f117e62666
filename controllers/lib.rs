//! The four controllers: each observes, plans, enacts, and writes its status. None calls another.

pub mod certificate;
pub mod context;
mod kept;
pub mod monitor;
mod outcome;
pub mod pool;
mod store;
pub mod tenant;
