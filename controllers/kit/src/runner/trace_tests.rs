//! The shape of the traces: one for each reconcile, linked to the write that woke it.

use futures::stream;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::ObjectMeta;
use kube::runtime::reflector::ObjectRef;
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use plan::{Child, Step};
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::shutdown::Shutdown;
use crate::telemetry::{Roots, layer};
use crate::testing::{Answer, recording, server, until};

struct Writer {
    kit: Kit,
}

impl Reconciler for Writer {
    type Object = ConfigMap;
    const NAME: &'static str = "tenant";

    async fn reconcile(&self, object: &ConfigMap) -> Result<Next, Error> {
        self.kit.observe(async {}).await;
        let child = Service {
            metadata: ObjectMeta {
                name: Some("child".to_owned()),
                namespace: Some("ns".to_owned()),
                ..ObjectMeta::default()
            },
            ..Service::default()
        };
        self.kit
            .enact(object, vec![Step::Apply(Box::new(Child::Service(child)))])
            .await;
        self.kit
            .write_status(object, None, &json!({"observedGeneration": 1}))
            .await?;
        Ok(Next::Resync)
    }
}

fn primary() -> Source<ConfigMap> {
    let object = serde_json::from_value(json!({"metadata": {
        "name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "20",
    }}))
    .unwrap();
    Source::holding(vec![object])
}

async fn traced() -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Roots::from_vars(|_| None))))
        .with_simple_exporter(exporter.clone())
        .build();
    let _recording = recording();
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer(&provider)));
    let (env, _) = server(|asked| {
        let (uid, version) = if asked.uri.contains("services") {
            ("s", "9")
        } else {
            ("u", "20")
        };
        Answer::Json(
            200,
            json!({"apiVersion": "v1", "kind": "X", "metadata": {
                "name": "x", "namespace": "ns", "uid": uid, "resourceVersion": version,
                "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u", "controller": true}],
            }}),
        )
    });
    let kit = Kit::new(&env, "tenant");
    let woken_by_own_write = stream::once(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Wake {
            target: ObjectRef::new("a").within("ns"),
            cause: Some(("s".to_owned(), "9".to_owned())),
        }
    });
    let woken_by_user = stream::once(async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Wake {
            target: ObjectRef::new("a").within("ns"),
            cause: Some(("s".to_owned(), "10".to_owned())),
        }
    });
    let shutdown = Shutdown::new();
    let task = tokio::spawn(run(
        Writer { kit: kit.clone() },
        primary(),
        vec![woken_by_own_write.boxed(), woken_by_user.boxed()],
        kit,
        Config::default(),
        shutdown.begun(),
    ));
    let roots = || {
        let spans = exporter.get_finished_spans().unwrap();
        spans
            .iter()
            .filter(|span| span.name == "reconcile ConfigMap")
            .count()
    };
    until(|| roots() == 3).await;
    shutdown.begin();
    task.await.unwrap().unwrap();
    exporter.get_finished_spans().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_is_one_trace_and_links_to_the_write_that_woke_it() {
    let spans = traced().await;
    let roots: Vec<&SpanData> = spans
        .iter()
        .filter(|span| span.parent_span_id == opentelemetry::trace::SpanId::INVALID)
        .collect();
    assert!(
        roots.iter().all(|root| root.name == "reconcile ConfigMap"),
        "{roots:?}"
    );
    assert_eq!(roots.len(), 3);
    let of_trace = |root: &SpanData| -> Vec<String> {
        let mut names: Vec<String> = spans
            .iter()
            .filter(|span| span.span_context.trace_id() == root.span_context.trace_id())
            .map(|span| span.name.to_string())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        of_trace(roots[0]),
        [
            "apply Service",
            "enact",
            "get services",
            "observe",
            "patch configmaps/status",
            "patch services",
            "reconcile ConfigMap",
            "status.write",
        ]
    );
    let links = |root: &SpanData| root.links.iter().cloned().collect::<Vec<_>>();
    assert!(links(roots[0]).is_empty());
    assert_eq!(links(roots[1]).len(), 1, "woken by its own write");
    assert_eq!(
        links(roots[1])[0].span_context.trace_id(),
        roots[0].span_context.trace_id()
    );
    assert!(links(roots[2]).is_empty(), "woken by a user");
}
