//! A typed client for the admin API of RustFS.
//!
//! A server is reached by its address, while the `Host` header and the TLS server name carry the name of its
//! service: so the same client works inside the cluster, from a developer's host and against test servers on
//! loopback. Requests are signed with AWS Signature Version 4 for the service `s3`. One connection per call.

mod answer;
mod client;
mod connect;
mod credentials;
mod error;
pub mod sign;

pub use answer::health::{Health, Part, Parts};
pub use answer::info::{Backend, Counter, Drive, Info, Server, Services, SetUsage, Size};
pub use answer::pools::{Decommission, PoolEntry};
pub use answer::rebalance::{Rebalance, RebalancePool, RebalanceProgress};
pub use answer::s3::{Buckets, Upload, Uploads, Versions};
pub use answer::scanner::{PauseBacklog, Replica, Scanner};
pub use answer::storage::{StorageBackend, StorageInfo};
pub use client::{Answer, Client, Deadlines, Endpoint, Witness};
pub use connect::trust;
pub use credentials::Credentials;
pub use error::Error;
/// The trust for HTTPS, as `trust` makes it.
pub use rustls::ClientConfig as Tls;
