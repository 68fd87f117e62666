//! Logs and traces.
//!
//! Traces go to an OpenTelemetry collector when `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`) is set. The
//! variables of the OpenTelemetry specification are honoured: `OTEL_EXPORTER_OTLP_{,TRACES_}{ENDPOINT,PROTOCOL,
//! HEADERS,TIMEOUT}` (protocol `grpc` or `http/protobuf`), `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`,
//! `OTEL_SDK_DISABLED`, `OTEL_TRACES_EXPORTER=none`, `OTEL_TRACES_SAMPLER` and its argument, `OTEL_BSP_*`.
//! Whatever the log filter says, the trace of a reconcile holds each request. A collector that is away costs the
//! spans and one log line a minute.

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, FilterFn, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::error::Error;

mod export;
mod sample;

pub(crate) use sample::Roots;

const SERVICE: &str = "rustfs-operator";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a terminal.
    Human,
}

/// What to log and trace.
#[derive(Clone, Debug)]
pub struct Options {
    /// How log lines look.
    pub format: LogFormat,
    /// What is logged, in the syntax of EnvFilter. It does not touch traces.
    pub filter: String,
    /// Whether traces may be made at all.
    pub traces: bool,
    /// This process among its replicas.
    pub instance: String,
    /// The namespace it runs in.
    pub namespace: String,
}

/// Logs and traces of the process, for as long as it lives.
#[must_use]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Begins to log and trace. Once per process, inside the tokio runtime.
pub fn init(options: &Options) -> Result<Telemetry, Error> {
    let filter = EnvFilter::try_new(&options.filter)
        .map_err(|error| Error::Ended(format!("the log filter '{}' is invalid: {error}", options.filter)))?;
    let provider = if options.traces && is_wanted(|name| std::env::var(name).ok()) {
        Some(provider(options)?)
    } else {
        None
    };
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let spans = provider.as_ref().map(layer);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(true);
    let lines = match options.format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Human => lines.boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter.and(bodiless())))
        .with(spans)
        .try_init()
        .map_err(|error| Error::Ended(format!("failed to begin to log: {error}")))?;
    Ok(Telemetry { provider })
}

impl Telemetry {
    /// Sends what is left. The last thing to do.
    pub async fn shutdown(self) {
        let Some(provider) = self.provider else { return };
        // It blocks its thread.
        let flushed = tokio::task::spawn_blocking(move || {
            provider.shutdown_with_timeout(std::time::Duration::from_secs(5))
        });
        if let Ok(Err(error)) = flushed.await {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

fn is_wanted(var: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, value: &str| var(name).is_some_and(|set| set.eq_ignore_ascii_case(value));
    let has = |name: &str| var(name).is_some_and(|set| !set.is_empty());
    !is("OTEL_SDK_DISABLED", "true")
        && !is("OTEL_TRACES_EXPORTER", "none")
        && (has("OTEL_EXPORTER_OTLP_ENDPOINT") || has("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
}

fn provider(options: &Options) -> Result<SdkTracerProvider, Error> {
    let exporter = export::exporter()?;
    let sampler = Roots::from_vars(|name| std::env::var(name).ok());
    Ok(SdkTracerProvider::builder()
        .with_resource(resource(options))
        .with_sampler(Sampler::ParentBased(Box::new(sampler)))
        .with_batch_exporter(exporter)
        .build())
}

fn resource(options: &Options) -> Resource {
    let mut attributes = vec![
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", options.instance.clone()),
        KeyValue::new("k8s.namespace.name", options.namespace.clone()),
    ];
    for (variable, attribute) in [
        ("POD_NAME", "k8s.pod.name"),
        ("POD_UID", "k8s.pod.uid"),
        ("NODE_NAME", "k8s.node.name"),
    ] {
        if let Ok(value) = std::env::var(variable) {
            attributes.push(KeyValue::new(attribute, value));
        }
    }
    let builder = Resource::builder().with_attributes(attributes);
    // The detectors know OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; what is set there wins.
    let is_named = std::env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|set| set.contains("service.name="));
    if is_named {
        builder.build()
    } else {
        builder.with_service_name(SERVICE).build()
    }
}

/// Whatever a filter lets through, the body of an answer is neither logged nor sent: kube warns of one that it cannot
/// read with the whole of it, which may be a Secret. What else that module of kube tells shows in errors and in watches
/// that are cut.
fn bodiless() -> FilterFn {
    let is_bodiless = |told: &Metadata<'_>| !told.is_event() || told.target() != "kube_client::client";
    filter_fn(is_bodiless)
}

/// The spans of a reconcile and its requests. What the libraries below log is not part of a trace, and the root
/// span the runtime makes around each reconcile would only hide ours.
pub(crate) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let mut seen = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("kube_client", LevelFilter::DEBUG);
    for quiet in [
        "kube_runtime",
        "hyper",
        "h2",
        "tower",
        "tonic",
        "rustls",
        "opentelemetry",
    ] {
        seen = seen.with_target(quiet, LevelFilter::OFF);
    }
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(SERVICE))
        .with_location(false)
        .with_threads(false)
        .with_filter(seen.and(bodiless()))
}

#[cfg(test)]
mod tests;
