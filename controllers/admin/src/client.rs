//! The client: one signed request, one connection, one span per attempt.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry::propagation::Injector;
use serde::de::DeserializeOwned;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{Buckets, Credentials, Error, Health, Info, PoolEntry, StorageInfo, Versions, connect, sign};

/// An answer larger than this is not read: the largest real ones are some hundred bytes per drive.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// How often a GET that met a dead connection or a 503 is tried again.
const RETRIES: u32 = 2;
/// What a bucket's name as part of a path does not show as it is. Names that need it are not allowed any more; older ones
/// may be there.
const PATH: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The pause before the first repetition; the second waits twice as long.
const PAUSE: Duration = Duration::from_millis(150);

/// Where a server is and what it calls itself.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address the connection is made to: a Pod's address and its API port.
    pub addr: SocketAddr,
    /// The name of the service: goes into the `Host` header and the TLS server name.
    pub host: String,
    /// The trust for HTTPS (see [`crate::trust`]); absent means plain HTTP.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For the TCP and TLS handshake together, per attempt.
    pub connect: Duration,
    /// For the whole call with its repetitions.
    pub total: Duration,
}

impl Default for Deadlines {
    /// 3 s to connect, 10 s in all.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
        }
    }
}

/// A complete answer of any status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, whole.
    pub body: Bytes,
}

/// A client of one server's admin API.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: Endpoint,
    credentials: Credentials,
    deadlines: Deadlines,
}

impl Client {
    /// A client of the server at `endpoint`. Opens no connection.
    #[must_use]
    pub fn new(endpoint: Endpoint, credentials: Credentials, deadlines: Deadlines) -> Self {
        Self {
            endpoint,
            credentials,
            deadlines,
        }
    }

    /// `GET /health/ready`, unsigned. Both 200 and 503 are answers: see [`Health::ready`].
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Status`] for a status other than 200 and 503.
    pub async fn ready(&self) -> Result<Health, Error> {
        let path = "/health/ready";
        let answer = self.call(Method::GET, path, Bytes::new(), false, 0).await?;
        match answer.status {
            200 | 503 => decode(path, &answer.body),
            status => Err(Error::from_answer(path, status, &answer.body)),
        }
    }

    /// `GET /v3/info`: the servers and drives as this server sees them, and how much is stored.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn info(&self) -> Result<Info, Error> {
        self.read("/rustfs/admin/v3/info").await
    }

    /// `GET /v3/storageinfo`: every drive with its state and space.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn storage_info(&self) -> Result<StorageInfo, Error> {
        self.read("/rustfs/admin/v3/storageinfo").await
    }

    /// `GET /v3/pools/list`: the pools in the order of the volumes string.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn pools(&self) -> Result<Vec<PoolEntry>, Error> {
        self.read("/rustfs/admin/v3/pools/list").await
    }

    /// `POST /v3/pools/decommission`: has all data moved from the pool with this exact element to the others. Sent once:
    /// whether a call without an answer was heard is seen in [`Self::pools`].
    ///
    /// # Errors
    /// Any [`Error`]. Only the pool's own first server gives the reason of a refusal; others answer 500.
    pub async fn decommission(&self, element: &str) -> Result<(), Error> {
        self.tell("decommission", element).await
    }

    /// `POST /v3/pools/cancel`: calls a decommission off. What has moved stays where it is now.
    ///
    /// # Errors
    /// As [`Self::decommission`].
    pub async fn cancel_decommission(&self, element: &str) -> Result<(), Error> {
        self.tell("cancel", element).await
    }

    /// `POST /v3/pools/clear`: forgets a decommission that was called off or has failed; only then can one start again.
    ///
    /// # Errors
    /// As [`Self::decommission`].
    pub async fn clear_decommission(&self, element: &str) -> Result<(), Error> {
        self.tell("clear", element).await
    }

    async fn tell(&self, verb: &str, element: &str) -> Result<(), Error> {
        let element = percent_encoding::utf8_percent_encode(element, percent_encoding::NON_ALPHANUMERIC);
        let path = format!("/rustfs/admin/v3/pools/{verb}?pool={element}");
        let answer = self.call(Method::POST, &path, Bytes::new(), true, 0).await?;
        match answer.status {
            200..=299 => Ok(()),
            status => Err(Error::from_answer(&without_query(&path), status, &answer.body)),
        }
    }

    /// `GET /`: the buckets of the store.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn buckets(&self) -> Result<Buckets, Error> {
        let path = "/";
        let body = self.fetch(path).await?;
        Buckets::parse(&body).map_err(|why| not_understood(path, why))
    }

    /// `GET /{bucket}?versions`: up to `most` versions of objects in a bucket, at most 1000. Unlike a listing of objects
    /// it shows what a bucket with versioning still keeps of deleted ones.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Status`] with the code `NoSuchBucket` when there is none.
    pub async fn versions(&self, bucket: &str, most: u16) -> Result<Versions, Error> {
        let name = percent_encoding::utf8_percent_encode(bucket, PATH);
        let path = format!("/{name}?max-keys={most}&versions=");
        let body = self.fetch(&path).await?;
        Versions::parse(bucket, &body).map_err(|why| not_understood(&path, why))
    }

    /// Sends any signed request once and gives the answer whatever its status: for S3 calls in tests, and for
    /// recording. `path` may carry a query.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::Status`] and [`Error::Decode`].
    pub async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, Error> {
        self.call(method, path, body, true, 0).await
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        decode(path, &self.fetch(path).await?)
    }

    async fn fetch(&self, path: &str) -> Result<Bytes, Error> {
        let answer = self.call(Method::GET, path, Bytes::new(), true, RETRIES).await?;
        if answer.status != 200 {
            return Err(Error::from_answer(
                &without_query(path),
                answer.status,
                &answer.body,
            ));
        }
        Ok(answer.body)
    }

    /// Sends a request, again up to `retries` times after a failure that nothing was done about, within one deadline.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        signed: bool,
        retries: u32,
    ) -> Result<Answer, Error> {
        let attempts = async {
            let mut attempt = 0;
            loop {
                let result = self
                    .attempt(method.clone(), path, body.clone(), signed, attempt)
                    .await;
                let again = match &result {
                    Ok(answer) => answer.status == 503,
                    Err(error) => error.is_transient(),
                };
                if !again || attempt == retries {
                    return result;
                }
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
                attempt += 1;
            }
        };
        let after = self.deadlines.total;
        tokio::time::timeout(after, attempts).await.unwrap_or_else(|_| {
            Err(Error::Deadline {
                addr: self.endpoint.addr,
                path: without_query(path),
                after,
            })
        })
    }

    async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        signed: bool,
        resend: u32,
    ) -> Result<Answer, Error> {
        let plain = without_query(path);
        let span = tracing::info_span!(
            "rustfs request",
            otel.name = format!("{method} {plain}"),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            http.request.method = method.as_str(),
            http.request.resend_count = (resend > 0).then_some(resend),
            http.response.status_code = tracing::field::Empty,
            url.path = plain,
            server.address = self.endpoint.host,
            server.port = self.endpoint.addr.port(),
            network.peer.address = %self.endpoint.addr.ip(),
            error.type = tracing::field::Empty,
        );
        let result = self
            .exchange(method, path, body, signed)
            .instrument(span.clone())
            .await;
        match &result {
            Ok(answer) => {
                span.record("http.response.status_code", answer.status);
                if answer.status >= 400 {
                    span.record("otel.status_code", "ERROR");
                    span.record("error.type", answer.status);
                }
            }
            Err(error) => {
                span.record("otel.status_code", "ERROR");
                span.record("error.type", error.category());
            }
        }
        result
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes, signed: bool) -> Result<Answer, Error> {
        let request = self.request(method, path, body, signed)?;
        let stream = connect::connect(&self.endpoint, self.deadlines.connect).await?;
        let broken = |why: String| Error::Unreachable {
            addr: self.endpoint.addr,
            why,
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(error.to_string()))?;
        let answer = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(|error| broken(error.to_string()))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LARGEST_ANSWER);
            let body = body.collect().await.map_err(|error| broken(error.to_string()))?;
            Ok(Answer {
                status,
                body: body.to_bytes(),
            })
        };
        // The connection is driven here and not in a task of its own, so that giving up also closes it.
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            ended = &mut connection => match ended {
                Ok(()) => answer.await,
                Err(error) => Err(broken(error.to_string())),
            },
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        signed: bool,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let fault = |why: String| Error::Request {
            path: without_query(path),
            why,
        };
        let authority = format!("{}:{}", self.endpoint.host, self.endpoint.addr.port());
        let length = body.len();
        // Signing wants an absolute address; what goes over the wire is the path with the Host header.
        let scheme = if self.endpoint.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{scheme}://{authority}{path}"))
            .header(http::header::HOST, &authority)
            .body(body)
            .map_err(|error| fault(error.to_string()))?;
        if signed {
            sign::sign(&mut request, &self.credentials, sign::REGION, SystemTime::now()).map_err(fault)?;
        }
        *request.uri_mut() = path
            .parse()
            .map_err(|_| fault("the path is not valid".to_owned()))?;
        if length > 0 {
            request
                .headers_mut()
                .insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        propagate(request.headers_mut());
        Ok(request.map(Full::new))
    }
}

fn decode<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| not_understood(path, error.to_string()))
}

fn not_understood(path: &str, why: String) -> Error {
    Error::Decode {
        path: without_query(path),
        why,
    }
}

fn without_query(path: &str) -> String {
    path.split('?').next().unwrap_or(path).to_owned()
}

/// Writes the current span into the headers, so that the server's own spans join the trace.
fn propagate(headers: &mut HeaderMap) {
    let context = tracing::Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut Headers(headers));
    });
}

struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
