//! Plain HTTP on loopback.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Status and body of `GET http://{authority}{path}`, or why there is none.
pub async fn get(authority: &str, path: &str) -> Result<(u16, String), String> {
    send("GET", authority, path, String::new()).await
}

/// Status and body of `POST http://{authority}{path}` with a body, or why there is none.
pub async fn post(authority: &str, path: &str, body: String) -> Result<(u16, String), String> {
    send("POST", authority, path, body).await
}

/// Status and body of `DELETE http://{authority}{path}`, or why there is none.
pub async fn delete(authority: &str, path: &str) -> Result<(u16, String), String> {
    send("DELETE", authority, path, String::new()).await
}

async fn send(method: &str, authority: &str, path: &str, body: String) -> Result<(u16, String), String> {
    let stream = TcpStream::connect(authority)
        .await
        .map_err(|error| format!("connect {authority}: {error}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| format!("handshake {authority}: {error}"))?;
    let driver = tokio::spawn(connection);
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header("host", authority)
        .header("content-length", body.len())
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| format!("{method} {path}: {error}"))?;
    let status = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|error| error.to_string())?
        .to_bytes();
    driver.abort();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// `127.0.0.1:1234` of `http://127.0.0.1:1234/path`.
pub fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(authority, _)| authority)
}
