//! Asking a Tenant's store by its servers' admin API: which servers, with what credentials and trust, and what a
//! failure means. Every controller that needs an answer of the store asks here.

mod access;
mod fault;
mod health;
mod servers;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Duration;

use admin::{Client, Deadlines, Endpoint};
use crds::Tenant;
use futures::stream::{self, StreamExt, TryStreamExt};
use kit::Kit;

use crate::context::Context;

pub(crate) use access::Access;
pub(crate) use fault::{Fault, word};
pub(crate) use servers::Server;

/// How long a server may take to carry out what it is told: it answers when it has begun, which was seen to take 48 s
/// on a loaded machine, and giving up earlier may end it half way.
const ORDER: Duration = Duration::from_secs(90);
/// Servers that are asked one question before it fails.
const SERVERS_TRIED: usize = 2;
/// Servers that are told something at the same time.
const AT_ONCE: usize = 8;

/// Which servers may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Any that is ready.
    Any,
    /// One that may read the list of pools, which not every server may do at any time.
    KnowsPools,
}

/// Asks the stores of all Tenants. Cheap to clone; clones take turns at the servers together.
#[derive(Clone)]
pub(crate) struct Stores {
    kit: Kit,
    context: Context,
    turn: Arc<AtomicUsize>,
}

impl Stores {
    pub(crate) fn new(kit: Kit, context: Context) -> Self {
        Self {
            kit,
            context,
            turn: Arc::default(),
        }
    }

    /// Asks one ready server, and another if the first is away. Only for what may be asked twice. `kept` holds what
    /// was read of Secrets from one call to the next; start with none.
    pub(crate) async fn ask<T, F>(
        &self,
        tenant: &Tenant,
        whom: Whom,
        kept: &mut Option<Access>,
        question: impl Fn(Client) -> F + Send,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, admin::Error>> + Send,
    {
        let servers = match whom {
            Whom::Any => servers::ready(&self.context, tenant),
            Whom::KnowsPools => servers::knowing_pools(&self.context, tenant),
        };
        if servers.is_empty() {
            return Err(Fault::no_server());
        }
        let access = kept.get_or_insert_default();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut failure = None;
        for server in servers
            .iter()
            .cycle()
            .skip(turn % servers.len())
            .take(SERVERS_TRIED)
        {
            let client = self.connect(tenant, server, access, Deadlines::default()).await?;
            match question(client).await {
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
        Err(failure.map_or_else(Fault::no_server, |error| Fault::from(&error)))
    }
}

impl Stores {
    /// Tells one server, by the name of its Pod, and no other: for what must not be said twice.
    pub(crate) async fn tell<F>(
        &self,
        tenant: &Tenant,
        pod: &str,
        order: impl FnOnce(Client) -> F + Send,
    ) -> Result<(), Fault>
    where
        F: Future<Output = Result<(), admin::Error>> + Send,
    {
        let servers = servers::ready(&self.context, tenant);
        let Some(server) = servers.iter().find(|server| server.pod() == pod) else {
            return Err(Fault::plain(
                "ServerNotReady",
                &format!(
                    "server {pod}, which has to be told, is not ready: its Pod's conditions and log say why"
                ),
            ));
        };
        let client = self
            .connect(tenant, server, &mut Access::default(), deadlines())
            .await?;
        let told = order(client).await;
        told.map_err(|error| Fault::from(&error))
    }

    /// Tells every server that is ready, some at a time; the first that refuses ends it. Only for what may be said
    /// twice.
    pub(crate) async fn tell_all<F>(
        &self,
        tenant: &Tenant,
        order: impl Fn(Client) -> F + Send,
    ) -> Result<(), Fault>
    where
        F: Future<Output = Result<(), admin::Error>> + Send,
    {
        let mut access = Access::default();
        let mut orders = Vec::new();
        for server in servers::ready(&self.context, tenant) {
            orders.push(order(
                self.connect(tenant, &server, &mut access, deadlines()).await?,
            ));
        }
        let told = stream::iter(orders).buffer_unordered(AT_ONCE);
        let told = told.try_collect::<()>().await;
        told.map_err(|error| Fault::from(&error))
    }

    /// A client of one server, with the pair this server knows. Opens no connection to it.
    async fn connect(
        &self,
        tenant: &Tenant,
        server: &Server,
        access: &mut Access,
        deadlines: Deadlines,
    ) -> Result<Client, Fault> {
        let identity = access::identity(&self.kit, &self.context.sources, tenant, server, access).await?;
        let endpoint = Endpoint {
            addr: server.addr,
            host: server.host.clone(),
            tls: identity.tls,
        };
        let env = self.kit.env().clone();
        let client = Client::new(endpoint, identity.credentials, deadlines);
        Ok(client.witnessed(Arc::new(move |path, code| {
            env.metrics().count_store_request(path, code);
        })))
    }
}

/// How long a server may take over an order.
fn deadlines() -> Deadlines {
    Deadlines {
        total: ORDER,
        ..Deadlines::default()
    }
}
