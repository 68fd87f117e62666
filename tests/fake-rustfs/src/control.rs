//! The control port: tests ask here for faults.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;

use crate::world::{Mode, World};

#[derive(Deserialize)]
struct Fault {
    /// `namespace/name`.
    pod: String,
    mode: Mode,
}

/// Answers `POST /fault` with the body `{"pod":"ns/name","mode":"down|unready|none|http500"}`.
pub async fn answer(world: Arc<World>, request: Request<Bytes>) -> Response<Bytes> {
    if (request.method(), request.uri().path()) != (&Method::POST, "/fault") {
        return plain(StatusCode::NOT_FOUND, "only POST /fault is known".to_owned());
    }
    match serde_json::from_slice::<Fault>(request.body()) {
        Ok(fault) => {
            tracing::info!(pod = fault.pod, mode = ?fault.mode, "fault set");
            world.set_fault(fault.pod, fault.mode);
            plain(StatusCode::NO_CONTENT, String::new())
        }
        Err(error) => plain(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response
}
