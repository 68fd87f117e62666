//! One reading of a Tenant's admin API: from which server, with what, and what its failures mean.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use admin::{Client, Deadlines, Endpoint};
use crds::Tenant;
use crds::names::{self, LABEL_TENANT};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kit::Kit;
use plan::meta;
use plan::monitor::figures::Answer;

use super::access::{self, Access};
use super::convert;
use super::exporter::{Fault, Read};
use crate::context::Context;

/// What a person reads when no server answers.
pub(super) const UNREACHABLE: &str = "servers are ready, but the operator gets no answer from them on their API port: look at NetworkPolicies and the servers' load";

/// Servers that are asked in one reading before it fails.
const SERVERS_TRIED: usize = 2;

/// Reads through the admin client, from one ready server after the other.
pub(super) struct AdminReader {
    kit: Kit,
    context: Context,
    turn: AtomicUsize,
}

impl AdminReader {
    pub(super) fn new(kit: Kit, context: Context) -> Self {
        Self {
            kit,
            context,
            turn: AtomicUsize::new(0),
        }
    }

    async fn read_once(&self, tenant: &Tenant, kept: &mut Option<Access>) -> Result<Answer, Fault> {
        let servers = self.servers(tenant);
        if servers.is_empty() {
            return Err(no_server());
        }
        access::renew(&self.kit, &self.context.sources, tenant, kept).await?;
        let Some(access) = kept.as_ref() else {
            return Err(no_server());
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut failure = None;
        for server in servers
            .iter()
            .cycle()
            .skip(turn % servers.len())
            .take(SERVERS_TRIED)
        {
            match ask(server, access).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_transient() => failure = Some(error),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        if failure
            .as_ref()
            .is_some_and(|error| error.is_denied() || matches!(error, admin::Error::Tls { .. }))
        {
            // The Secrets may have changed since they were read.
            *kept = None;
        }
        Err(failure.map_or_else(no_server, |error| fault(&error)))
    }

    fn servers(&self, tenant: &Tenant) -> Vec<Server> {
        let (namespace, name) = (meta::namespace(tenant), meta::name(tenant));
        self.context
            .sources
            .pods
            .select(namespace, |pod| meta::label(pod, LABEL_TENANT) == Some(name))
            .iter()
            .filter_map(|pod| server(pod, name, &self.context.settings.cluster_domain))
            .collect()
    }
}

impl Read for AdminReader {
    fn read<'a>(
        &'a self,
        tenant: &'a Tenant,
        access: &'a mut Option<Access>,
    ) -> BoxFuture<'a, Result<Answer, Fault>> {
        self.read_once(tenant, access).boxed()
    }
}

/// A server that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Its address.
    pub(super) addr: SocketAddr,
    /// Its name behind the headless Service.
    pub(super) host: String,
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
    Some(Server {
        addr: SocketAddr::new(ip, u16::try_from(port).ok()?),
        host: format!(
            "{}.{}.{}.svc.{cluster_domain}",
            meta::name(pod),
            names::headless_service(tenant),
            meta::namespace(pod)
        ),
    })
}

async fn ask(server: &Server, access: &Access) -> Result<Answer, admin::Error> {
    let endpoint = Endpoint {
        addr: server.addr,
        host: server.host.clone(),
        tls: access.tls.clone(),
    };
    let client = Client::new(endpoint, access.credentials.clone(), Deadlines::default());
    let (storage, info, pools) = tokio::try_join!(client.storage_info(), client.info(), client.pools())?;
    Ok(convert::answer(&storage, &info, &pools))
}

fn no_server() -> Fault {
    let message = "no server of the Tenant is ready: the Pods' conditions and logs say why";
    Fault {
        reason: "NoServerReady",
        message: message.to_owned(),
        detail: message.to_owned(),
    }
}

/// Addresses and times are left out of the message: the next server would give another.
pub(super) fn fault(error: &admin::Error) -> Fault {
    let (reason, message) = match error {
        _ if error.is_denied() => (
            "CredentialsRefused",
            "the servers refuse the credentials in the Tenant's Secret: it must hold what they were started with"
                .to_owned(),
        ),
        admin::Error::Unreachable { .. } | admin::Error::Deadline { .. } => {
            ("Unreachable", UNREACHABLE.to_owned())
        }
        admin::Error::Tls { .. } => (
            "TlsFailed",
            "TLS with the servers failed: their certificate must come from the CA in ca.crt and hold all of the Tenant's status.serverNames"
                .to_owned(),
        ),
        admin::Error::Status { path, status, code, .. } => (
            "AnswerRefused",
            format!("the admin API answers {path} with {status} {code}").trim_end().to_owned(),
        ),
        admin::Error::Decode { path, .. } => (
            "AnswerNotUnderstood",
            format!("the answer to {path} is not one this operator knows: is the image RustFS 1.0 or later?"),
        ),
        admin::Error::Request { .. } => (
            "RequestInvalid",
            "the request to the admin API cannot be formed: look at the credentials for characters that are not allowed"
                .to_owned(),
        ),
    };
    Fault {
        reason,
        message,
        detail: error.to_string(),
    }
}
