//! All names servers and Services answer to.

use crds::Tenant;
use crds::names;

use crate::meta;
use crate::settings::Settings;

/// DNS names a certificate of the Tenant must hold: every server by a wildcard, every Service in each of the forms
/// a client in the cluster may use, and `localhost` for probes and port-forwarding.
#[must_use]
pub fn server_names(tenant: &Tenant, settings: &Settings) -> Vec<String> {
    let (name, namespace, domain) = (
        meta::name(tenant),
        meta::namespace(tenant),
        &settings.cluster_domain,
    );
    let headless = names::headless_service(name);
    let mut all = vec![format!("*.{headless}.{namespace}.svc.{domain}")];
    for service in [names::api_service(name), names::console_service(name), headless] {
        all.extend([
            format!("{service}.{namespace}.svc.{domain}"),
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}"),
            service,
        ]);
    }
    all.push("localhost".to_owned());
    all
}
