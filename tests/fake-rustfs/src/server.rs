//! One server: reads its Pod, listens, serves until it is stopped or told to be down.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use tokio::net::TcpListener;

use crate::environment::Identity;
use crate::world::World;
use crate::{Fault, answers, environment, listen, tls};

const PORT_API: u16 = 9000;
const PORT_CONSOLE: u16 = 9001;
/// The pause before a start that failed is tried again, as the kubelet would.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs the Pod's server for ever; aborting the task stops it.
pub async fn run(client: Client, world: Arc<World>, pod: Pod) {
    let identity = loop {
        match environment::read(&client, &pod).await {
            Ok(identity) => break Arc::new(identity),
            Err(error) => tracing::warn!(%error, pod = ?pod.metadata.name, "the server cannot start yet"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    loop {
        world.until_down(&identity.pod, false).await;
        tokio::select! {
            result = serve(&client, &world, &identity) => {
                if let Err(error) = result {
                    tracing::warn!(%error, pod = identity.pod, "the server cannot listen yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            () = world.until_down(&identity.pod, true) => tracing::info!(pod = identity.pod, "down"),
        }
    }
}

async fn serve(client: &Client, world: &Arc<World>, identity: &Arc<Identity>) -> Result<(), Fault> {
    let (current, config) = match &identity.tls {
        None => (None, None),
        Some(source) => {
            let (current, config) = tls::load(client, source).await?;
            (Some((source, current)), Some(config))
        }
    };
    let api = TcpListener::bind((identity.address, PORT_API)).await?;
    let console = TcpListener::bind((identity.address, PORT_CONSOLE)).await?;
    let _presence = world.enter(&identity.host);
    tracing::info!(pod = identity.pod, address = %identity.address, tls = config.is_some(), "listening");
    let (for_api, for_console) = (
        (world.clone(), identity.clone()),
        (world.clone(), identity.clone()),
    );
    let reload = async {
        match &current {
            Some((source, current)) => tls::follow(client, source, current).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = listen::serve(api, config.clone(), move |request| {
            let (world, identity) = for_api.clone();
            async move { answers::api_or_nothing(&world, &identity, &request).await }
        }) => {}
        () = listen::serve(console, config.clone(), move |request| {
            let (world, identity) = for_console.clone();
            async move { answers::console(&world, &identity, &request) }
        }) => {}
        () = reload => {}
    }
    Ok(())
}
