//! Serving HTTP on a listener, with or without TLS.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Answers every request on the listener. Dropping the future closes the listener and every connection.
pub async fn serve<H, F>(listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>, handle: H)
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Bytes>> + Send,
{
    let tls = tls.map(TlsAcceptor::from);
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        let (tls, handle) = (tls.clone(), handle.clone());
        connections.spawn(async move {
            match tls {
                None => connection(stream, handle).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => connection(stream, handle).await,
                    Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
                },
            }
        });
    }
}

async fn connection<H, F>(stream: impl AsyncRead + AsyncWrite + Unpin, handle: H)
where
    H: Fn(Request<Bytes>) -> F,
    F: Future<Output = Response<Bytes>>,
{
    let service = service_fn(|request: Request<Incoming>| async {
        let (parts, body) = request.into_parts();
        let response = match body.collect().await {
            Ok(body) => handle(Request::from_parts(parts, body.to_bytes())).await,
            Err(_) => Response::new(Bytes::new()),
        };
        Ok::<_, Infallible>(response.map(Full::new))
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
