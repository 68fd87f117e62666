//! What the tests against a real API server share: a cluster, the operator as a process, namespaces, waiting.

pub mod audit;
pub mod cert_manager;
pub mod cluster;
pub mod cutter;
pub mod dashboards;
pub mod failure;
pub mod guide;
pub mod http;
pub mod kstatus;
pub mod nature;
pub mod objects;
pub mod operator;
pub mod pods;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod servers;
pub mod sight;
pub mod space;
pub mod state;
pub mod wait;
pub mod writes;
