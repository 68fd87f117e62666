//! `/livez`, `/readyz`, `/metrics` and `/metrics/tenants/{namespace}/{name}`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::env::Env;
use crate::error::Error;
use crate::watch::Readiness;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of one Tenant, in the Prometheus text format.
pub trait TenantMetrics: Send + Sync {
    /// `None` if nothing is collected for this Tenant.
    fn text(&self, namespace: &str, name: &str) -> Option<String>;
}

/// What is served.
#[derive(Clone)]
pub struct Served {
    /// The operator's own metrics.
    pub env: Env,
    /// Whether the process could do its work; a replica that does not hold the lease counts as ready.
    pub readiness: Readiness,
    /// The metrics of Tenants, if they are collected here.
    pub tenants: Option<Arc<dyn TenantMetrics>>,
}

/// Serves until `shutdown` ends.
pub async fn serve(
    address: SocketAddr,
    served: Served,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let ended = |error: std::io::Error| Error::Ended(format!("failed to serve on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(ended)?;
    tracing::info!(%address, "serving /livez, /readyz and /metrics");
    axum::serve(listener, router(served))
        .with_graceful_shutdown(shutdown)
        .await
        .map_err(ended)
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/metrics/tenants/{namespace}/{name}", get(tenant))
        .with_state(served)
}

async fn ready(State(served): State<Served>) -> Response {
    let problems = served.readiness.problems();
    if problems.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, problems.join("\n") + "\n").into_response()
}

async fn metrics(State(served): State<Served>) -> Response {
    served.readiness.measure();
    (
        [(header::CONTENT_TYPE, OPEN_METRICS)],
        served.env.metrics().text(),
    )
        .into_response()
}

async fn tenant(State(served): State<Served>, Path((namespace, name)): Path<(String, String)>) -> Response {
    match served
        .tenants
        .as_ref()
        .and_then(|tenants| tenants.text(&namespace, &name))
    {
        Some(text) => ([(header::CONTENT_TYPE, PLAIN_METRICS)], text).into_response(),
        None => (
            StatusCode::NOT_FOUND,
            "no metrics are collected for this Tenant\n",
        )
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, server};
    use crate::watch::{Scope, Watches};
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    struct One;

    impl TenantMetrics for One {
        fn text(&self, namespace: &str, name: &str) -> Option<String> {
            (namespace == "ns" && name == "store").then(|| "up 1\n".to_owned())
        }
    }

    async fn body(response: Response) -> (StatusCode, String) {
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_lists_what_is_missing_until_every_store_is_filled() {
        let (env, _) = server(|asked| {
            if asked.uri.contains("watch=true") {
                return Answer::Silence;
            }
            Answer::Json(200, json!({"metadata": {"resourceVersion": "1"}, "items": []}))
        });
        let mut watches = Watches::new(&env, Scope::All);
        let _source = watches.metadata::<ConfigMap>(None);
        let served = Served {
            env,
            readiness: watches.readiness(),
            tenants: Some(Arc::new(One)),
        };
        let (status, text) = body(ready(State(served.clone())).await).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.contains("the store of ConfigMap is not filled"), "{text}");
        let watching = tokio::spawn(watches.start());
        served.readiness.until_filled().await;
        assert_eq!(body(ready(State(served.clone())).await).await.0, StatusCode::OK);
        let (_, text) = body(metrics(State(served)).await).await;
        assert!(
            text.contains("rustfs_operator_watch_stale_seconds{kind=\"ConfigMap\"} 0"),
            "{text}"
        );
        watching.abort();
    }

    #[tokio::test]
    async fn a_tenants_metrics_are_served_or_not_found() {
        let (env, _) = server(|_| Answer::Silence);
        let served = Served {
            readiness: Watches::new(&env, Scope::All).readiness(),
            env,
            tenants: Some(Arc::new(One)),
        };
        let ask = |name: &str| tenant(State(served.clone()), Path(("ns".to_owned(), name.to_owned())));
        assert_eq!(
            body(ask("store").await).await,
            (StatusCode::OK, "up 1\n".to_owned())
        );
        assert_eq!(body(ask("other").await).await.0, StatusCode::NOT_FOUND);
    }
}
