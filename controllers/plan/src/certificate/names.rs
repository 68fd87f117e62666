//! The names a certificate is for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crds::{Tenant, TenantCertificate};

/// DNS names in lower case, and addresses. Order and repetition mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// DNS names; the first label may be `*`.
    pub dns: BTreeSet<String>,
    /// IP addresses.
    pub addresses: BTreeSet<IpAddr>,
}

impl Names {
    /// Adds a DNS name.
    pub fn add_dns(&mut self, name: &str) {
        self.dns.insert(name.trim_end_matches('.').to_ascii_lowercase());
    }

    /// Adds a name or an address.
    fn add(&mut self, name: &str) {
        match name.parse() {
            Ok(address) => {
                self.addresses.insert(address);
            }
            Err(_) => self.add_dns(name),
        }
    }

    /// Whether there is no name at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.addresses.is_empty()
    }

    /// The names of `needed` that a certificate for `self` is not valid for.
    #[must_use]
    pub fn missing(&self, needed: &Self) -> Vec<String> {
        let dns = needed.dns.iter().filter(|name| !self.covers(name)).cloned();
        let addresses = needed
            .addresses
            .difference(&self.addresses)
            .map(ToString::to_string);
        dns.chain(addresses).collect()
    }

    /// Whether a client that calls `name` accepts a certificate for `self`. A wildcard stands for exactly one
    /// whole label, the first (RFC 6125 §6.4.3).
    fn covers(&self, name: &str) -> bool {
        self.dns.contains(name)
            || name
                .split_once('.')
                .is_some_and(|(first, rest)| first != "*" && self.dns.contains(&format!("*.{rest}")))
    }

    /// All names, DNS names first.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let addresses = self.addresses.iter().map(ToString::to_string);
        self.dns.iter().cloned().chain(addresses).collect()
    }
}

/// What the certificate must be valid for: the Tenant's names and the additional ones. `None` until the Tenant has
/// told its names.
#[must_use]
pub fn needed(certificate: &TenantCertificate, tenant: &Tenant) -> Option<Names> {
    let told = tenant.status.as_ref().map(|status| &status.server_names)?;
    if told.is_empty() {
        return None;
    }
    let mut names = Names::default();
    let spec = &certificate.spec;
    for name in told
        .iter()
        .chain(&spec.additional_dns_names)
        .chain(&spec.additional_ip_addresses)
    {
        names.add(name);
    }
    Some(names)
}
