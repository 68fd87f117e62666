//! Asking a Tenant's store by its servers' admin API: which servers, with what credentials and trust, and what a
//! failure means. Every controller that needs an answer of the store asks here.

mod access;
mod fault;
mod servers;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use admin::{Client, Deadlines, Endpoint};
use crds::Tenant;
use kit::Kit;

use crate::context::Context;

pub(crate) use access::Access;
pub(crate) use fault::Fault;
pub(crate) use servers::Server;

/// Servers that are asked one question before it fails.
const SERVERS_TRIED: usize = 2;

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
        kept: &mut Option<Access>,
        question: impl Fn(Client) -> F + Send,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, admin::Error>> + Send,
    {
        let servers = servers::ready(&self.context, tenant);
        if servers.is_empty() {
            return Err(Fault::no_server());
        }
        access::renew(&self.kit, &self.context.sources, tenant, kept).await?;
        let Some(access) = kept.as_ref() else {
            return Err(Fault::no_server());
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut failure = None;
        for server in servers
            .iter()
            .cycle()
            .skip(turn % servers.len())
            .take(SERVERS_TRIED)
        {
            match question(connect(server, access)).await {
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

/// A client of one server. Opens no connection.
pub(crate) fn connect(server: &Server, access: &Access) -> Client {
    let endpoint = Endpoint {
        addr: server.addr,
        host: server.host.clone(),
        tls: access.tls.clone(),
    };
    Client::new(endpoint, access.credentials.clone(), Deadlines::default())
}
