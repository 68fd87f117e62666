//! Sends spans to a collector, by gRPC or HTTP, and stays quiet about a collector that is away.

use std::fmt::{Debug, Formatter};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as Export};
use tokio::runtime::Handle;

use crate::error::Error;
use crate::run::locked;

const COMPLAIN_EVERY: Duration = Duration::from_secs(60);
/// The exporter has a shorter deadline of its own; this one only ends what it has given up.
const WITHIN: Duration = Duration::from_secs(30);

/// The exporter the environment asks for.
pub(super) fn exporter() -> Result<Quiet<SpanExporter>, Error> {
    let protocol = std::env::var("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        .or_else(|_| std::env::var("OTEL_EXPORTER_OTLP_PROTOCOL"))
        .unwrap_or_else(|_| "grpc".to_owned());
    let built = match protocol.as_str() {
        "grpc" => SpanExporter::builder().with_tonic().build(),
        "http/protobuf" => SpanExporter::builder()
            .with_http()
            .with_http_client(client()?)
            .build(),
        other => {
            return Err(Error::Ended(format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL is '{other}': use grpc or http/protobuf"
            )));
        }
    };
    let inner =
        built.map_err(|error| Error::Ended(format!("failed to set up the OTLP exporter: {error}")))?;
    Ok(Quiet {
        inner,
        complained: Mutex::new(None),
    })
}

fn client() -> Result<OnRuntime, Error> {
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| Error::Ended(format!("failed to read the system's CA certificates: {error}")))?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(OnRuntime {
        handle: Handle::current(),
        inner: HyperClient::new(connector, WITHIN, None),
    })
}

/// The exporter's thread is not part of the runtime, but the client needs one.
#[derive(Clone)]
struct OnRuntime {
    handle: Handle,
    inner: HyperClient<HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>>,
}

impl Debug for OnRuntime {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnRuntime")
    }
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let inner = self.inner.clone();
        self.handle
            .spawn(async move { inner.send_bytes(request).await })
            .await?
    }
}

/// An exporter whose failures cost one log line a minute.
#[derive(Debug)]
pub(super) struct Quiet<E> {
    inner: E,
    complained: Mutex<Option<Instant>>,
}

impl<E: Export> Export for Quiet<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        if let Err(error) = self.inner.export(batch).await {
            let mut complained = locked(&self.complained);
            if complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
                *complained = Some(Instant::now());
                tracing::warn!(%error, count, "spans are lost: the collector does not take them");
            }
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
        self.inner.set_resource(resource);
    }
}
