//! One reading of a Tenant's admin API: the documents that figures are made from.

use crds::Tenant;
use futures::FutureExt;
use futures::future::BoxFuture;
use plan::monitor::figures::Answer;

use super::convert;
use super::exporter::Read;
use crate::store::{Access, Fault, Stores, Whom};

/// Reads through the admin client, from one ready server after the other.
pub(super) struct AdminReader(pub(super) Stores);

impl Read for AdminReader {
    fn read<'a>(
        &'a self,
        tenant: &'a Tenant,
        access: &'a mut Option<Access>,
    ) -> BoxFuture<'a, Result<Answer, Fault>> {
        self.0.ask(tenant, Whom::KnowsPools, access, documents).boxed()
    }
}

async fn documents(client: admin::Client) -> Result<Answer, admin::Error> {
    let (storage, info, pools) = tokio::try_join!(client.storage_info(), client.info(), client.pools())?;
    Ok(convert::answer(&storage, &info, &pools))
}
