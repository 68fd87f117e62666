//! What Jaeger shows.

use std::sync::Arc;

use serde_json::Value;

use crate::World;
use crate::support::http;
use crate::support::objects;
use crate::support::operator::{How, Operator};
use crate::support::space::Space;
use crate::support::wait::{SOON, until};

pub async fn a_reconcile_is_one_trace_and_leads_back_to_the_write_that_woke_it(world: Arc<World>) {
    let mut shared = world.operator.write().await;
    shared.take();
    let environment = [
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            world.cluster.text("/jaeger/otlpGrpc"),
        ),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];
    let how = How {
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..How::plain(&world.kubeconfig, "traced")
    };
    let operator = Operator::start(&world.cluster, &how).await;
    operator.ready(SOON).await;
    let space = Space::serving(&world.cluster.admin, "traced", &objects::tenant(), "p0").await;
    let authority = http::authority(world.cluster.text("/jaeger/query")).to_owned();
    let traces = until("the reconciles of Tenant and Pool in Jaeger", SOON, || async {
        let (status, body) = http::get(
            &authority,
            "/api/traces?service=rustfs-operator&limit=1500&lookback=1h",
        )
        .await?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| format!("{status}: {error}"))?;
        let traces = answer["data"].as_array().cloned().unwrap_or_default();
        let linked = traces.iter().filter(|trace| leads_back(trace)).count();
        let kinds =
            ["reconcile Tenant", "reconcile Pool"].map(|name| traces.iter().any(|trace| has(trace, name)));
        if linked > 0 && kinds == [true, true] {
            Ok(traces)
        } else {
            Err(format!("{} traces, {linked} with links", traces.len()))
        }
    })
    .await;
    for trace in &traces {
        for root in roots(trace) {
            let name = root["operationName"].as_str().unwrap_or_default();
            assert!(name.starts_with("reconcile"), "a trace starts with {name}");
        }
    }
    let pool = traces
        .iter()
        .find(|trace| has(trace, "reconcile Pool") && writes(trace))
        .expect("a Pool's trace with a write");
    let names: Vec<_> = spans(pool)
        .iter()
        .map(|span| span["operationName"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(
        names.iter().any(|name| name.contains("status.write")),
        "{names:?}"
    );
    drop(operator);
    space.leave().await;
}

fn spans(trace: &Value) -> Vec<Value> {
    trace["spans"].as_array().cloned().unwrap_or_default()
}

fn has(trace: &Value, name: &str) -> bool {
    spans(trace).iter().any(|span| {
        span["operationName"]
            .as_str()
            .is_some_and(|found| found.starts_with(name))
    })
}

fn writes(trace: &Value) -> bool {
    has(trace, "status.write")
}

fn roots(trace: &Value) -> Vec<Value> {
    let child = |span: &Value| {
        span["references"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|reference| reference["refType"] == "CHILD_OF")
    };
    spans(trace).into_iter().filter(|span| !child(span)).collect()
}

/// A link to a span of another trace.
fn leads_back(trace: &Value) -> bool {
    spans(trace).iter().any(|span| {
        let own = &span["traceID"];
        span["references"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|reference| reference["refType"] == "FOLLOWS_FROM" && &reference["traceID"] != own)
    })
}
