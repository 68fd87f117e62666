//! The servers' identity: without rights, and without a token that could be stolen.

use crds::Tenant;
use k8s_openapi::api::core::v1::ServiceAccount;

use crate::meta;
use crate::step::{Child, Step};

/// The ServiceAccount, unless the Tenant names one of its own.
pub(crate) fn step(tenant: &Tenant) -> Option<Step> {
    if tenant.spec.service_account_name.is_some() {
        return None;
    }
    let name = meta::name(tenant);
    Some(Step::Apply(Box::new(Child::ServiceAccount(ServiceAccount {
        metadata: meta::child_meta(name, tenant, meta::labels(name, "identity")),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }))))
}
