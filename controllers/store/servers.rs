//! Which of a Tenant's servers can be asked, and where they answer.

use std::net::{IpAddr, SocketAddr};

use crds::Tenant;
use crds::names::{self, LABEL_POOL};
use k8s_openapi::api::core::v1::Pod;
use plan::meta;
use plan::tenant::{Stored, is_generation, started_with};
use plan::topology::Topology;

use crate::context::Context;

/// A server that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its address.
    pub(crate) addr: SocketAddr,
    /// Its name behind the headless Service.
    pub(crate) host: String,
    /// The Secret with the pair it was started with.
    pub(crate) credentials: String,
}

impl Server {
    /// The name of its Pod.
    pub(super) fn pod(&self) -> &str {
        self.host.split('.').next().unwrap_or(&self.host)
    }
}

/// The Tenant's servers that are ready and stay.
pub(crate) fn ready(context: &Context, tenant: &Tenant) -> Vec<Server> {
    which(context, tenant, |_| true)
}

/// Those of them that may be asked for the list of pools: see [`plan::topology::Topology::shrinking`].
pub(super) fn knowing_pools(context: &Context, tenant: &Tenant) -> Vec<Server> {
    let map = context
        .sources
        .config_maps
        .get(meta::namespace(tenant), &names::topology(meta::name(tenant)));
    let stored = Stored::read(tenant, map.as_deref());
    let leaving = stored.topology().map(Topology::shrinking).unwrap_or_default();
    which(context, tenant, |pod| {
        let pool = meta::label(pod, LABEL_POOL);
        leaving.is_empty() || leaving.iter().any(|former| pool == Some(former.name.as_str()))
    })
}

fn which(context: &Context, tenant: &Tenant, wanted: impl Fn(&Pod) -> bool) -> Vec<Server> {
    let (namespace, name) = (meta::namespace(tenant), meta::name(tenant));
    context
        .sources
        .pods
        .of_tenant(namespace, name)
        .iter()
        .filter(|pod| wanted(pod))
        .filter_map(|pod| server(pod, name, &context.settings.cluster_domain))
        .collect()
}

/// Where a Pod answers, if it is ready and stays.
pub(super) fn server(pod: &Pod, tenant: &str, cluster_domain: &str) -> Option<Server> {
    let status = pod.status.as_ref()?;
    let ready = status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    if !ready || meta::deleting(pod) {
        return None;
    }
    let port = pod
        .spec
        .as_ref()?
        .containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten())
        .find(|port| port.name.as_deref() == Some("api"))?
        .container_port;
    let ip: IpAddr = status.pod_ip.as_deref()?.parse().ok()?;
    let credentials = started_with(pod.spec.as_ref()?).filter(|secret| is_generation(tenant, secret))?;
    Some(Server {
        credentials: credentials.to_owned(),
        addr: SocketAddr::new(ip, u16::try_from(port).ok()?),
        host: format!(
            "{}.{}.{}.svc.{cluster_domain}",
            meta::name(pod),
            names::headless_service(tenant),
            meta::namespace(pod)
        ),
    })
}
