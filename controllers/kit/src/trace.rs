//! The few things of tracing that more than one module needs.

use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The identity of the current span, if it is recorded.
pub(crate) fn current() -> Option<SpanContext> {
    identity(&Span::current())
}

/// The identity of a span, if it is recorded.
pub(crate) fn identity(span: &Span) -> Option<SpanContext> {
    let context = span.context();
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

/// Marks a span as failed.
pub(crate) fn fail(span: &Span, message: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error", message);
}
