//! The four kinds of the RustFS operator and the words all parts share: conditions, reasons, names.
//!
//! No client and no runtime here: this crate can be used by anyone who writes or reads these objects.
//! Every field says what it does, its default, and what changing it causes.

pub mod certificate;
pub mod common;
pub mod conditions;
pub mod hook;
pub mod monitor;
pub mod names;
pub mod network;
pub mod pool;
pub mod rebalance;
pub mod rollout;
mod schema;
pub mod tenant;

pub use certificate::{TenantCertificate, TenantCertificateSpec, TenantCertificateStatus};
pub use monitor::{TenantMonitor, TenantMonitorSpec, TenantMonitorStatus};
pub use pool::{Pool, PoolSpec, PoolStatus};
pub use tenant::{Tenant, TenantSpec, TenantStatus};

/// The API group of all kinds.
pub const GROUP: &str = "storage.rustfs.com";
/// The one served and stored version.
pub const VERSION: &str = "v1alpha1";

/// The CustomResourceDefinitions of all kinds, in the order they are printed.
#[must_use]
pub fn all()
-> Vec<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> {
    vec![
        schema::of::<Tenant>(),
        schema::of::<Pool>(),
        schema::of::<TenantCertificate>(),
        schema::of::<TenantMonitor>(),
    ]
}
