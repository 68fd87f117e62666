//! What the CustomResourceDefinition's rules cannot see. Each fault names its field.

use std::collections::BTreeMap;

use crds::Tenant;
use crds::tenant::ServiceTemplate;
use k8s_openapi::api::core::v1::EnvVar;

use super::erasure::{self, Fault};
use super::refusal::dns_label;
use crate::meta;
use crate::topology::Topology;

/// The first thing that cannot be carried out, as `path: what is wrong`. `topology` is the one that is stored.
pub(crate) fn first_fault(tenant: &Tenant, topology: Option<&Topology>) -> Option<String> {
    servers_fault(tenant, topology).or_else(|| services_fault(tenant))
}

/// The first one with which no servers can be made.
pub(crate) fn servers_fault(tenant: &Tenant, topology: Option<&Topology>) -> Option<String> {
    name_fault(tenant)
        .or_else(|| tenant.spec.env.iter().find_map(env_fault))
        .or_else(|| service_account_fault(tenant))
        .or_else(|| pod_metadata_fault(tenant))
        .or_else(|| erasure_fault(tenant, topology?))
}

fn name_fault(tenant: &Tenant) -> Option<String> {
    let name = meta::name(tenant);
    let fits =
        dns_label(name) && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.len() <= 40;
    (!fits).then(|| {
        "metadata.name: it must start with a letter, hold only a-z, 0-9 and '-', and have at most 40 characters"
            .to_owned()
    })
}

fn env_fault(variable: &EnvVar) -> Option<String> {
    let name = &variable.name;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=') {
        return Some(format!(
            "spec.env[{name}].name: it must be printable ASCII without spaces and '='"
        ));
    }
    let both =
        variable.value.as_ref().is_some_and(|value| !value.is_empty()) && variable.value_from.is_some();
    both.then(|| format!("spec.env[{name}]: it has value and valueFrom: keep one"))
}

fn service_account_fault(tenant: &Tenant) -> Option<String> {
    let name = tenant.spec.service_account_name.as_deref()?;
    let fits = name.len() <= 253 && name.split('.').all(dns_label);
    (!fits).then(|| "spec.serviceAccountName: it must be a DNS subdomain in lower case".to_owned())
}

fn pod_metadata_fault(tenant: &Tenant) -> Option<String> {
    let metadata = tenant.spec.pod_metadata.as_ref()?;
    labels_fault("spec.podMetadata.labels", &metadata.labels)
        .or_else(|| keys_fault("spec.podMetadata.annotations", &metadata.annotations))
}

fn services_fault(tenant: &Tenant) -> Option<String> {
    let services = tenant.spec.services.as_ref()?;
    let fault = |path: &str, template: &Option<ServiceTemplate>| {
        let metadata = template.as_ref()?.metadata.as_ref()?;
        labels_fault(&format!("{path}.metadata.labels"), &metadata.labels)
            .or_else(|| keys_fault(&format!("{path}.metadata.annotations"), &metadata.annotations))
    };
    fault("spec.services.api", &services.api).or_else(|| fault("spec.services.console", &services.console))
}

/// A pool that is in cannot be refused any more, so a setting that does not fit it is the Tenant's fault.
fn erasure_fault(tenant: &Tenant, topology: &Topology) -> Option<String> {
    let mut pools = topology.pools.iter().filter(|_| topology.formed);
    pools.find_map(
        |member| match erasure::sets(tenant, member.servers, member.volumes_per_server) {
            Err(Fault::Variable(variable, why)) => {
                Some(format!("spec.env[{variable}]: Pool {}: {why}", member.name))
            }
            _ => None,
        },
    )
}

fn labels_fault(path: &str, labels: &BTreeMap<String, String>) -> Option<String> {
    let value_fits = |value: &str| value.is_empty() || word(value);
    let bad = labels.iter().find(|(_, value)| !value_fits(value));
    keys_fault(path, labels).or_else(|| {
        let (key, _) = bad?;
        Some(format!(
            "{path}[{key}]: a label's value has at most 63 letters, digits, '-', '_' and '.', and starts and ends \
             with a letter or digit"
        ))
    })
}

fn keys_fault(path: &str, entries: &BTreeMap<String, String>) -> Option<String> {
    let fits = |key: &str| match key.split_once('/') {
        Some((prefix, name)) => prefix.len() <= 253 && prefix.split('.').all(dns_label) && word(name),
        None => word(key),
    };
    let bad = entries.keys().find(|key| !fits(key))?;
    Some(format!(
        "{path}[{bad}]: a key is a name of at most 63 letters, digits, '-', '_' and '.', with or without a DNS prefix \
         and '/'"
    ))
}

fn word(text: &str) -> bool {
    let ends = |end: Option<char>| end.is_some_and(|end| end.is_ascii_alphanumeric());
    text.len() <= 63
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && ends(text.chars().next())
        && ends(text.chars().next_back())
}
