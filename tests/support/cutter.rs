//! A proxy before the API server that knows what a request is, and can cut off any write of the operator.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::sight::{self, Sight};
use super::writes::{self, Asked, Write};

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The operator is cut off before the request arrives.
    Before,
    /// The operator is cut off when the request was carried out, before it hears of it.
    After,
    /// The request arrives nowhere, and the operator lives on.
    Lost,
    /// The request is carried out, its answer is lost, and the operator lives on.
    Unheard,
    /// The API server answers with this status and carries nothing out.
    Refused(u16),
}

impl Fault {
    /// Whether the operator must be started anew.
    pub fn kills(self) -> bool {
        matches!(self, Self::Before | Self::After)
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, kube::Error>>;

/// A proxy in plain HTTP that speaks to the API server as the operator.
pub struct Cutter {
    /// Port on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    client: Client,
    cut: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Nothing passes after a cut, until the operator is started anew.
    closed: bool,
    connections: Vec<AbortHandle>,
    occurrences: BTreeMap<String, usize>,
    planned: BTreeMap<String, Fault>,
    done: Vec<(String, Fault)>,
    writes: Vec<Write>,
    last: Option<Instant>,
    sight: Option<Sight>,
}

impl Cutter {
    /// Starts it; requests go on as `client`.
    pub async fn start(client: Client) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared {
            client,
            cut: Notify::new(),
            state: Mutex::default(),
        });
        let accepted = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&accepted);
                let served = tokio::spawn(async move {
                    let service = service_fn(|request| Arc::clone(&shared).answer(request));
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
                accepted.state().connections.push(served.abort_handle());
            }
        });
        Self {
            port,
            shared,
            accepting: accepting.abort_handle(),
        }
    }

    /// Begins a new count of writes, of which these are to fail.
    pub fn plan(&self, faults: impl IntoIterator<Item = (String, Fault)>) {
        let mut state = self.shared.state();
        state.occurrences.clear();
        state.writes.clear();
        state.done.clear();
        state.planned = faults.into_iter().collect();
        state.last = Some(Instant::now());
    }

    /// How well watches that are opened from now on see.
    pub fn see(&self, sight: Sight) {
        self.shared.state().sight = Some(sight);
    }

    /// Waits until the operator was cut off.
    pub async fn cut(&self) {
        self.shared.cut.notified().await;
    }

    /// Lets nothing pass any more.
    pub fn close(&self) {
        self.shared.state().close();
    }

    /// Lets requests pass again: the operator is a new one.
    pub fn open(&self) {
        self.shared.state().closed = false;
    }

    /// What was written since the count began, in order.
    pub fn writes(&self) -> Vec<Write> {
        self.shared.state().writes.clone()
    }

    /// Which faults came about.
    pub fn done(&self) -> Vec<(String, Fault)> {
        self.shared.state().done.clone()
    }

    /// How long nothing was written.
    pub fn quiet(&self) -> Duration {
        let last = self.shared.state().last;
        last.map_or(Duration::MAX, |last| last.elapsed())
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.accepting.abort();
        self.close();
    }
}

impl State {
    fn close(&mut self) {
        self.closed = true;
        for connection in self.connections.drain(..) {
            connection.abort();
        }
    }

    /// Counts a write, and says what is to happen to it.
    fn next(&mut self, site: &str) -> (String, Option<Fault>) {
        self.last = Some(Instant::now());
        let count = self.occurrences.entry(site.to_owned()).or_default();
        *count += 1;
        let name = format!("{site} #{count}");
        let Some(fault) = self.planned.remove(&name) else {
            return (name, None);
        };
        // What never arrived is tried again under the same number.
        if matches!(fault, Fault::Before | Fault::Lost | Fault::Refused(_)) {
            *count -= 1;
        }
        self.done.push((name.clone(), fault));
        (name, Some(fault))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// An error closes the connection without an answer.
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, kube::Error> {
        if self.state().closed {
            return Err(cut_off());
        }
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await.map_err(kube::Error::HyperError)?.to_bytes();
        let Some(asked) = writes::asked(&parts, &bytes) else {
            return self.read(parts, bytes).await;
        };
        let (site, fault) = {
            let mut state = self.state();
            if state.closed {
                return Err(cut_off());
            }
            let next = state.next(&asked.site());
            if next.1 == Some(Fault::Before) {
                state.close();
            }
            next
        };
        match fault {
            Some(Fault::Before) => {
                self.cut.notify_one();
                return Err(cut_off());
            }
            Some(Fault::Lost) => return Err(cut_off()),
            Some(Fault::Refused(status)) => return Ok(refusal(status)),
            _ => {}
        }
        let shared = Arc::clone(&self);
        // In a task of its own: what has left the operator arrives, whatever becomes of the connection.
        let carried = tokio::spawn(shared.write(parts, bytes, asked, site, fault));
        carried.await.unwrap_or_else(|_| Err(cut_off()))
    }

    async fn write(
        self: Arc<Self>,
        parts: hyper::http::request::Parts,
        bytes: Bytes,
        asked: Asked,
        site: String,
        fault: Option<Fault>,
    ) -> Result<Answer, kube::Error> {
        let response = self.client.send(forwarded(parts, bytes)).await?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let mut state = self.state();
        state.last = Some(Instant::now());
        state.writes.push(Write {
            asked,
            site,
            status: parts.status.as_u16(),
        });
        match fault {
            Some(Fault::After) => {
                state.close();
                self.cut.notify_one();
                Err(cut_off())
            }
            Some(Fault::Unheard) => Err(cut_off()),
            _ => Ok(Response::from_parts(parts, whole(bytes))),
        }
    }

    async fn read(&self, parts: hyper::http::request::Parts, bytes: Bytes) -> Result<Answer, kube::Error> {
        let sight = self.state().sight;
        let watches = parts
            .uri
            .query()
            .is_some_and(|query| query.contains("watch=true"));
        let resource = writes::resource(parts.uri.path()).to_owned();
        let response = self.client.send(forwarded(parts, bytes)).await?;
        let (parts, body) = response.into_parts();
        let body = match sight {
            Some(sight) if watches => sight::through(sight, &resource, body),
            _ => body.boxed_unsync(),
        };
        Ok(Response::from_parts(parts, body))
    }
}

fn forwarded(mut parts: hyper::http::request::Parts, bytes: Bytes) -> Request<Body> {
    parts.headers.remove(hyper::header::HOST);
    parts.headers.remove(hyper::header::CONNECTION);
    Request::from_parts(parts, Body::from(bytes))
}

fn whole(bytes: Bytes) -> UnsyncBoxBody<Bytes, kube::Error> {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

fn cut_off() -> kube::Error {
    kube::Error::Service("cut off by the test".into())
}

fn refusal(status: u16) -> Answer {
    let reason = match status {
        403 => "Forbidden",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "refused by the test", "reason": reason, "code": status,
    });
    let mut answer = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    if status == 429 {
        answer = answer.header("retry-after", "1");
    }
    answer
        .body(whole(Bytes::from(body.to_string())))
        .expect("a response can be made")
}
