//! One request on the wire: its repetitions, its span, its signature.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry::propagation::Injector;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{Answer, Client};
use crate::{Error, connect, sign};

/// An answer larger than this is not read: the largest real ones are some hundred bytes per drive.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// The pause before the first repetition; the second waits twice as long.
const PAUSE: Duration = Duration::from_millis(150);

impl Client {
    /// Sends a request, again up to `retries` times after a failure that nothing was done about, within one deadline.
    pub(super) async fn call(
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
        if let Ok(result) = tokio::time::timeout(after, attempts).await {
            return result;
        }
        let path = without_query(path);
        let late = Err(Error::Deadline {
            addr: self.endpoint.addr,
            path: path.clone(),
            after,
        });
        self.tell_of(&path, &late);
        late
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
        self.tell_of(&plain, &result);
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

    fn tell_of(&self, path: &str, result: &Result<Answer, Error>) {
        let Some(witness) = &self.witness else {
            return;
        };
        let known = ["/rustfs/", "/minio/", "/health"];
        // What else there is are buckets, whose names belong into no metric.
        let path = if known.iter().any(|known| path.starts_with(known)) {
            path
        } else {
            "s3"
        };
        match result {
            Ok(answer) => witness(path, &answer.status.to_string()),
            Err(error) => witness(path, error.category()),
        }
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

pub(super) fn without_query(path: &str) -> String {
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
