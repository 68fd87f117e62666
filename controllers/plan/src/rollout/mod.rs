//! What the servers of a Tenant ran, run and are to run: the record that a rollback goes by. Only the Tenant controller
//! writes it.

mod recipe;
mod record;
pub mod version;

pub use recipe::{PoolPart, Recipe, TenantPart};
pub use record::{Clearance, Numbered, Rejection, Rollout, Stored};
