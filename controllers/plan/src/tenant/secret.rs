//! The Secrets with root credentials and the internode secret: what is wrong with one, and how one is made.

use std::collections::BTreeMap;
use std::fmt;

use crds::Tenant;
use crds::names::{self, KEY_ACCESS, KEY_RPC, KEY_SECRET};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use zeroize::Zeroizing;

use super::observed::Observed;
use super::pair::{Pair, may_be_put_back};
use super::verdict::Verdict;
use crate::meta;
use crate::step::{Child, Step};
use crate::topology::Topology;

/// A value that no log may show; its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Takes the value over.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    fn bytes(&self) -> ByteString {
        ByteString(self.0.as_bytes().to_vec())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// What reading a Secret has shown; never its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecretCheck {
    /// All keys are there and usable.
    Usable,
    /// There is no such Secret.
    #[default]
    Missing,
    /// It belongs to another owner, such as an earlier Tenant of this name.
    Foreign,
    /// A key cannot be used.
    Invalid {
        /// Which key of the Secret.
        key: &'static str,
        /// What is wrong with its value, and what to do.
        why: &'static str,
    },
}

/// Checks a Secret with root credentials, by the rules RustFS applies at its start.
#[must_use]
pub fn check_credentials(tenant: &Tenant, found: Option<&Secret>) -> SecretCheck {
    check(
        tenant,
        found,
        &[(KEY_ACCESS, access_fault), (KEY_SECRET, secret_fault)],
    )
}

/// Checks a Secret with the internode secret.
#[must_use]
pub fn check_rpc(tenant: &Tenant, found: Option<&Secret>) -> SecretCheck {
    check(tenant, found, &[(KEY_RPC, rpc_fault)])
}

type Fault = fn(&str) -> Option<&'static str>;

fn check(tenant: &Tenant, found: Option<&Secret>, keys: &[(&'static str, Fault)]) -> SecretCheck {
    let Some(found) = found else {
        return SecretCheck::Missing;
    };
    // A given Secret may be owned by whoever made it; only the names this Tenant generates must be its own.
    let generated = [
        names::credentials_secret(meta::name(tenant)),
        names::rpc_secret(meta::name(tenant)),
    ];
    let foreign = meta::controller_uid(found).is_some() && !meta::controls(tenant, found);
    if foreign && !given(tenant, meta::name(found)) && generated.iter().any(|name| name == meta::name(found))
    {
        return SecretCheck::Foreign;
    }
    for (key, fault) in keys {
        if let Some(why) = value_fault(found.data.as_ref(), key, *fault) {
            return SecretCheck::Invalid { key, why };
        }
    }
    SecretCheck::Usable
}

fn given(tenant: &Tenant, name: &str) -> bool {
    [&tenant.spec.credentials_secret_ref, &tenant.spec.rpc_secret_ref]
        .into_iter()
        .flatten()
        .any(|reference| reference.name == name)
}

fn value_fault(data: Option<&BTreeMap<String, ByteString>>, key: &str, fault: Fault) -> Option<&'static str> {
    let Some(value) = data.and_then(|data| data.get(key)) else {
        return Some("it is missing: add it");
    };
    let Ok(value) = std::str::from_utf8(&value.0) else {
        return Some("it is not UTF-8 text: use printable characters");
    };
    // RustFS trims what it reads, so a final newline does no harm.
    let value = value.trim();
    if value.chars().any(char::is_control) {
        return Some("it contains control characters: use printable characters");
    }
    fault(value)
}

fn access_fault(value: &str) -> Option<&'static str> {
    if value == "rustfsadmin" {
        return Some("it is the well-known default: choose another");
    }
    if value.contains(['=', ',']) {
        return Some("it contains '=' or ',', which RustFS refuses: leave them out");
    }
    outside(value, 3, 128).then_some("it must have 3 to 128 characters")
}

fn secret_fault(value: &str) -> Option<&'static str> {
    if value == "rustfsadmin" {
        return Some("it is the well-known default: choose another");
    }
    outside(value, 8, 40).then_some("it must have 8 to 40 characters")
}

fn rpc_fault(value: &str) -> Option<&'static str> {
    (value.chars().count() < 16).then_some("it must have at least 16 characters")
}

/// RustFS counts bytes; a person counts characters. Both limits must hold.
fn outside(value: &str, least: usize, most: usize) -> bool {
    value.chars().count() < least || value.len() > most
}

/// Makes the Secrets that are missing and may be made.
pub(crate) fn steps(
    tenant: &Tenant,
    observed: &Observed,
    verdict: &Verdict,
    topology: Option<&Topology>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let name = meta::name(tenant);
    if verdict.holds()
        && tenant.spec.credentials_secret_ref.is_none()
        && observed.credentials == SecretCheck::Missing
        && let Some(fresh) = put_back(tenant, observed).or(observed.fresh_credentials.as_ref())
    {
        steps.push(create(
            tenant,
            names::credentials_secret(name),
            "credentials",
            values(fresh),
        ));
    }
    let latest = topology.map_or(0, |topology| topology.credentials.latest);
    if latest == observed.offer.generation
        && let Some(fresh) = &observed.offer.fresh
    {
        let name = names::credentials_generation(name, latest);
        let mut secret = secret(tenant, name, "credentials-generation", values(fresh));
        secret.immutable = Some(true);
        steps.push(Step::Create(Box::new(Child::Secret(secret))));
    }
    if !verdict.holds() {
        return steps;
    }
    if tenant.spec.rpc_secret_ref.is_none()
        && observed.rpc == SecretCheck::Missing
        && let Some(fresh) = &observed.fresh_rpc
    {
        steps.push(create(
            tenant,
            names::rpc_secret(name),
            "rpc",
            [(KEY_RPC, fresh.bytes())].into(),
        ));
    }
    steps
}

/// The pair that servers run with, where the Secret it was generated into is gone.
pub(crate) fn put_back<'a>(tenant: &Tenant, observed: &'a Observed) -> Option<&'a Pair> {
    observed
        .kept_credentials
        .as_ref()
        .filter(|_| may_be_put_back(tenant, observed))
}

fn values(pair: &Pair) -> BTreeMap<&'static str, ByteString> {
    [
        (KEY_ACCESS, pair.access_key.bytes()),
        (KEY_SECRET, pair.secret_key.bytes()),
    ]
    .into()
}

fn create(tenant: &Tenant, name: String, component: &str, data: BTreeMap<&str, ByteString>) -> Step {
    Step::Create(Box::new(Child::Secret(secret(tenant, name, component, data))))
}

fn secret(tenant: &Tenant, name: String, component: &str, data: BTreeMap<&str, ByteString>) -> Secret {
    Secret {
        metadata: meta::child_meta(name, tenant, meta::labels(meta::name(tenant), component)),
        type_: Some("Opaque".into()),
        data: Some(
            data.into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        ),
        ..Secret::default()
    }
}
