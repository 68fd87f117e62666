//! The one client of the process. Waiting and retrying are decided in this crate, so the client's own retries
//! (fifteen, up to minutes in all) are off.

use std::time::Duration;

use kube::{Client, Config};

use crate::Error;

/// Connects as kubectl would, or with the Pod's service account.
pub async fn connect() -> Result<Client, Error> {
    let config = Config::infer().await.map_err(|error| Error::Api {
        action: "find a kubeconfig or a service account".to_owned(),
        source: Box::new(kube::Error::InferConfig(error)),
    })?;
    connect_with(config)
}

/// Connects with a given configuration.
pub fn connect_with(mut config: Config) -> Result<Client, Error> {
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    Client::try_from(config).map_err(|source| Error::Api {
        action: "set up the API client".to_owned(),
        source: Box::new(source),
    })
}
