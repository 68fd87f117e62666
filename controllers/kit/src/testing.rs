//! An API server of a few lines: a function from request to answer, and a record of what was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_test::mock::{self, SendResponse};

use crate::env::Env;
use crate::run::locked;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) uri: String,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

impl Asked {
    pub(crate) fn line(&self) -> String {
        let path = self.uri.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

/// What the server does.
pub(crate) enum Answer {
    Json(u16, Value),
    /// Never answers.
    Silence,
}

#[derive(Clone, Default)]
pub(crate) struct Record {
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Record {
    pub(crate) fn all(&self) -> Vec<Asked> {
        locked(&self.asked).clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.all().iter().map(Asked::line).collect()
    }
}

/// An environment whose requests this function answers.
pub(crate) fn server(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Env, Record) {
    let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    let record = Record::default();
    let asked = record.clone();
    tokio::spawn(async move {
        let mut kept: Vec<SendResponse<Response<Body>>> = Vec::new();
        while let Some((request, send)) = handle.next_request().await {
            let (parts, body) = request.into_parts();
            let bytes = body.collect_bytes().await.unwrap_or_default();
            let one = Asked {
                method: parts.method.to_string(),
                uri: parts.uri.to_string(),
                body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
                at: Instant::now(),
            };
            let reply = answer(&one);
            locked(&asked.asked).push(one);
            match reply {
                Answer::Json(code, value) => send.send_response(
                    Response::builder()
                        .status(code)
                        .body(Body::from(value.to_string().into_bytes()))
                        .unwrap(),
                ),
                Answer::Silence => kept.push(send),
            }
        }
    });
    (Env::new(Client::new(service, "default"), "test"), record)
}

/// A failure as the API server words it.
pub(crate) fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    Answer::Json(
        code,
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message }),
    )
}

/// Hold it while spans or events are recorded. Of one subscriber alone, tracing takes what the first thread to come by
/// has set as everybody's: a test beside it, which has none, would turn a span off for all.
pub(crate) fn recording() -> tracing::Dispatch {
    tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default())
}

/// Waits until something holds, for at most a few (paused) seconds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "it never came to hold");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
