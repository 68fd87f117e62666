//! The answers of the admin API and of S3: only what the operator uses; everything else in them is ignored.
//!
//! Source of every shape: `fixtures/`, recorded from RustFS 1.0.1.

pub mod health;
pub mod info;
pub mod pools;
pub mod rebalance;
pub mod s3;
pub mod scanner;
pub mod storage;

#[cfg(test)]
mod tests;
