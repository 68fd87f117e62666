use super::*;
use crate::testing::recording;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use tracing::subscriber::with_default;

fn recorded(work: impl FnOnce()) -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Roots::from_vars(|_| None))))
        .with_simple_exporter(exporter.clone())
        .build();
    let _recording = recording();
    with_default(tracing_subscriber::registry().with(layer(&provider)), work);
    exporter.get_finished_spans().unwrap()
}

#[test]
fn a_request_outside_of_a_reconcile_makes_no_trace() {
    let spans = recorded(|| {
        let _lease = tracing::info_span!("api").entered();
        let _watch = tracing::debug_span!(target: "kube_client", "HTTP", otel.kind = "client").entered();
    });
    assert!(spans.is_empty(), "{spans:?}");
}

#[test]
fn a_reconcile_is_one_trace_that_holds_its_requests() {
    let spans = recorded(|| {
        let _outer = tracing::info_span!(target: "kube_runtime::controller", "reconciling object").entered();
        let _root = tracing::info_span!(parent: None, "reconcile", otel.kind = "consumer").entered();
        let _http = tracing::debug_span!(target: "kube_client", "HTTP", otel.kind = "client").entered();
    });
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["HTTP", "reconcile"]);
    assert_eq!(spans[1].span_kind, SpanKind::Consumer);
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
    assert_eq!(spans[0].span_context.trace_id(), spans[1].span_context.trace_id());
}

#[test]
fn traces_are_made_only_when_a_collector_is_named_and_nothing_forbids_them() {
    let wanted = |set: &[(&str, &str)]| {
        is_wanted(|name| {
            set.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");
    assert!(!wanted(&[]));
    assert!(wanted(&[endpoint]));
    assert!(!wanted(&[endpoint, ("OTEL_SDK_DISABLED", "true")]));
    assert!(!wanted(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]));
}

/// Tells what kube tells, as in its modules `client` and `client::builder`.
fn request() {
    let _root = tracing::info_span!(parent: None, "reconcile", otel.kind = "consumer").entered();
    let _http = tracing::debug_span!(target: "kube_client::client::builder", "HTTP").entered();
    tracing::error!(target: "kube_client::client::builder", "failed with status 500");
    tracing::warn!(target: "kube_client::client", "{{\"data\":\"hunter2\"}}, expected a map");
}

#[test]
fn the_body_of_an_answer_is_in_no_trace() {
    let spans = recorded(request);
    let events: Vec<_> = spans
        .iter()
        .flat_map(|span| span.events.iter().map(|event| event.name.to_string()))
        .collect();
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert_eq!(events, ["failed with status 500"]);
}

#[test]
fn the_body_of_an_answer_is_in_no_log_line() {
    let _recording = recording();
    for filter in ["info", "trace", "kube_client=debug", "kube_client::client=trace"] {
        let (reader, writer) = std::io::pipe().unwrap();
        let lines = tracing_subscriber::fmt::layer().with_writer(std::sync::Mutex::new(writer));
        let lines = lines.with_filter(EnvFilter::new(filter).and(bodiless()));
        with_default(tracing_subscriber::registry().with(lines), request);
        let text = std::io::read_to_string(reader).unwrap();
        assert!(text.contains("failed with status 500"), "{filter}: {text}");
        assert!(!text.contains("hunter2"), "{filter}: {text}");
    }
}
