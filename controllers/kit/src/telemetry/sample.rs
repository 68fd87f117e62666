//! Which traces are made: those of reconciles. A request that belongs to none (a list, a watch, an event, the lease)
//! would be a trace of its own.

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// Decides on root spans: only a reconcile is a consumer. Children follow their parents.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    inner: Sampler,
}

impl Roots {
    /// As `OTEL_TRACES_SAMPLER` and its argument say; all, by default.
    pub(crate) fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let ratio = var("OTEL_TRACES_SAMPLER_ARG")
            .and_then(|ratio| ratio.parse().ok())
            .unwrap_or(1.0);
        let inner = match var("OTEL_TRACES_SAMPLER").as_deref() {
            Some("always_off" | "parentbased_always_off") => Sampler::AlwaysOff,
            Some("always_on" | "parentbased_always_on") => Sampler::AlwaysOn,
            _ if ratio < 1.0 => Sampler::TraceIdRatioBased(ratio),
            _ => Sampler::AlwaysOn,
        };
        Self { inner }
    }
}

impl ShouldSample for Roots {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        if *kind != SpanKind::Consumer {
            return SamplingResult {
                decision: SamplingDecision::Drop,
                attributes: Vec::new(),
                trace_state: opentelemetry::trace::TraceState::default(),
            };
        }
        self.inner
            .should_sample(parent, trace, name, kind, attributes, links)
    }
}
