use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::{Client, Credentials, Deadlines, Endpoint, Error};

type Seen = Arc<Mutex<Vec<String>>>;

/// Answers the n-th connection with the n-th answer, the last one for ever; keeps what was asked.
async fn server(answers: Vec<String>, tls: Option<tokio_rustls::TlsAcceptor>) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let seen = Seen::default();
    let kept = seen.clone();
    tokio::spawn(async move {
        let mut served = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let answer = &answers[served.min(answers.len() - 1)];
            served += 1;
            match &tls {
                None => serve(stream, answer, &kept).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, answer, &kept).await;
                    }
                }
            }
        }
    });
    (addr, seen)
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, kept: &Seen) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        request.push(byte[0]);
    }
    kept.lock().unwrap().push(String::from_utf8(request).unwrap());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn client(addr: SocketAddr) -> Client {
    let endpoint = Endpoint {
        addr,
        host: "store-api.team.svc".to_owned(),
        tls: None,
    };
    Client::new(
        endpoint,
        Credentials::new("someone", "some-secret"),
        Deadlines::default(),
    )
}

#[tokio::test]
async fn a_request_names_the_service_and_is_signed_for_it() {
    let (addr, seen) = server(vec![answer("200 OK", "[]")], None).await;
    assert_eq!(client(addr).pools().await.unwrap(), []);
    let seen = seen.lock().unwrap();
    assert!(
        seen[0].starts_with("GET /rustfs/admin/v3/pools/list HTTP/1.1\r\n"),
        "{}",
        seen[0]
    );
    assert!(seen[0].contains(&format!("host: store-api.team.svc:{}\r\n", addr.port())));
    assert!(seen[0].contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date,"));
    assert!(!seen[0].contains("some-secret"));
}

#[tokio::test]
async fn readiness_is_asked_unsigned_and_a_503_is_an_answer() {
    let (addr, seen) = server(
        vec![answer("503 Busy", r#"{"status":"degraded","ready":false}"#)],
        None,
    )
    .await;
    let health = client(addr).ready().await.unwrap();
    assert!(!health.ready);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert!(!seen[0].contains("authorization"));
}

#[tokio::test]
async fn a_read_is_repeated_after_503_and_not_after_403() {
    let (addr, seen) = server(vec![answer("503 Busy", ""), answer("200 OK", "[]")], None).await;
    client(addr).pools().await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);

    let denied = answer("403 No", include_str!("../../fixtures/bad-signature.xml"));
    let (addr, seen) = server(vec![denied], None).await;
    assert!(client(addr).info().await.unwrap_err().is_denied());
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let addr = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = client(addr).info().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with(&format!("server {addr} cannot be reached: "))
    );
}

#[tokio::test]
async fn a_silent_server_ends_the_call_at_its_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = client(silent.local_addr().unwrap());
    client.deadlines.total = Duration::from_millis(50);
    let error = client.info().await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("did not answer /rustfs/admin/v3/info within 0.05 s"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_json_says_which_path_gave_it() {
    let (addr, _) = server(vec![answer("200 OK", "<html>")], None).await;
    let error = client(addr).info().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the answer to /rustfs/admin/v3/info is not understood: "),
        "{error}"
    );
}

#[tokio::test]
async fn the_trace_context_of_the_caller_goes_with_the_request() {
    opentelemetry::global::set_text_map_propagator(
        opentelemetry_sdk::propagation::TraceContextPropagator::new(),
    );
    let tracer = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .build()
        .tracer("test");
    let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
    let _guard = tracing::subscriber::set_default(subscriber);
    let (addr, seen) = server(vec![answer("200 OK", "[]")], None).await;
    client(addr)
        .pools()
        .instrument(tracing::info_span!("reconcile"))
        .await
        .unwrap();
    assert!(seen.lock().unwrap()[0].contains("traceparent: 00-"));
}

#[tokio::test]
async fn a_certificate_must_be_for_the_service_and_from_the_given_ca() {
    let (ca, acceptor) = authority("store-api.team.svc");
    let (addr, _) = server(vec![answer("200 OK", "[]")], Some(acceptor)).await;
    let mut client = client(addr);
    client.endpoint.tls = Some(crate::trust(ca.as_bytes()).unwrap());
    client.pools().await.unwrap();

    client.endpoint.host = "another.team.svc".to_owned();
    assert!(matches!(client.pools().await.unwrap_err(), Error::Tls { .. }));

    client.endpoint.host = "store-api.team.svc".to_owned();
    client.endpoint.tls = Some(crate::trust(authority("store-api.team.svc").0.as_bytes()).unwrap());
    let error = client.pools().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("TLS with store-api.team.svc failed: "),
        "{error}"
    );
}

/// A new CA and a server side with a certificate of it for `name`.
fn authority(name: &str) -> (String, tokio_rustls::TlsAcceptor) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::default();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let certificate = rcgen::CertificateParams::new([name.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    (
        ca_certificate.pem(),
        tokio_rustls::TlsAcceptor::from(Arc::new(config)),
    )
}

#[tokio::test]
async fn every_attempt_is_told_of_without_the_name_of_a_bucket() {
    let versions = include_str!("../../fixtures/versions-none.xml");
    let (addr, _) = server(
        vec![
            answer("503 Busy", ""),
            answer("200 OK", "[]"),
            answer("200 OK", versions),
        ],
        None,
    )
    .await;
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let client = client(addr).witnessed(Arc::new(move |path, code| {
        heard.lock().unwrap().push(format!("{code} {path}"));
    }));
    client.pools().await.unwrap();
    let _ = client.versions("secret-name", 1).await;
    let list = "/rustfs/admin/v3/pools/list";
    assert_eq!(
        *told.lock().unwrap(),
        [format!("503 {list}"), format!("200 {list}"), "200 s3".to_owned()]
    );
}
