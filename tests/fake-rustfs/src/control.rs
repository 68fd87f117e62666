//! The control port: tests ask here for faults.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;

use crate::cuts::Cut;
use crate::world::{Mode, World};

#[derive(Deserialize)]
struct Fault {
    /// `namespace/name`.
    pod: String,
    mode: Mode,
}

#[derive(Deserialize)]
struct Draining {
    /// `namespace/name`.
    tenant: String,
    /// `go`, `hold`, `fail` or `die`.
    mode: String,
}

/// Answers `GET /drains` with how often each element was told to go, `POST /drains` with the body
/// `{"tenant":"ns/name","mode":"go|hold|fail|die"}`,
/// `GET /cuts?ns/name` with the writes of a Tenant and the held ones among them, `POST /cuts` with the body
/// `{"tenant":"ns/name","site":"decommission store-p1 #1","carried_out":true}`, `DELETE /cuts?ns/name`, and `POST /fault`
/// with the body `{"pod":"ns/name","mode":"down|unready|none|http500"}`.
pub async fn answer(world: Arc<World>, request: Request<Bytes>) -> Response<Bytes> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/drains") => {
            return plain(StatusCode::OK, world.drains(|drains| drains.starts()).to_string());
        }
        (&Method::POST, "/drains") => {
            return match serde_json::from_slice::<Draining>(request.body()) {
                Ok(wanted) => {
                    world.drains(|drains| drains.set(&wanted.tenant, &wanted.mode));
                    plain(StatusCode::NO_CONTENT, String::new())
                }
                Err(error) => plain(StatusCode::BAD_REQUEST, error.to_string()),
            };
        }
        (&Method::POST, "/cuts") => {
            return match serde_json::from_slice::<Cut>(request.body()) {
                Ok(cut) => {
                    world.cuts(|cuts| cuts.plan(cut));
                    plain(StatusCode::NO_CONTENT, String::new())
                }
                Err(error) => plain(StatusCode::BAD_REQUEST, error.to_string()),
            };
        }
        (&Method::GET, "/cuts") => {
            let tenant = request.uri().query().unwrap_or_default();
            return plain(StatusCode::OK, world.cuts(|cuts| cuts.of(tenant)).to_string());
        }
        (&Method::DELETE, "/cuts") => {
            world.cuts(|cuts| cuts.forget(request.uri().query().unwrap_or_default()));
            return plain(StatusCode::NO_CONTENT, String::new());
        }
        (&Method::POST, "/fault") => {}
        _ => {
            return plain(
                StatusCode::NOT_FOUND,
                "only /fault, /drains and /cuts are known".to_owned(),
            );
        }
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
