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
struct Moving {
    /// `namespace/name`.
    tenant: String,
    /// Of drains `go`, `hold`, `fail`, `die` or `behind`; of rebalances `go`, `hold`, `fail` or `refuse`.
    mode: String,
}

/// Answers `GET /drains` with how often each element was told to go, `GET /rebalances` with how often each Tenant's
/// servers were told to begin, `POST` to either with the body `{"tenant":"ns/name","mode":"go"}`,
/// `GET /cuts?ns/name` with the writes of a Tenant and the held ones among them, `POST /cuts` with the body
/// `{"tenant":"ns/name","site":"decommission store-p1 #1","carried_out":true}`, `DELETE /cuts?ns/name`, and `POST /fault`
/// with the body `{"pod":"ns/name","mode":"down|unready|none|http500"}`.
pub async fn answer(world: Arc<World>, request: Request<Bytes>) -> Response<Bytes> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/drains") => {
            return plain(StatusCode::OK, world.drains(|drains| drains.starts()).to_string());
        }
        (&Method::GET, "/rebalances") => {
            let starts = world.rebalances(|rebalances| rebalances.starts());
            return plain(StatusCode::OK, starts.to_string());
        }
        (&Method::POST, path @ ("/drains" | "/rebalances")) => {
            return match serde_json::from_slice::<Moving>(request.body()) {
                Ok(Moving { tenant, mode }) => {
                    if path == "/drains" {
                        world.drains(|drains| drains.set(&tenant, &mode));
                    } else {
                        world.rebalances(|rebalances| rebalances.set(&tenant, &mode));
                    }
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
                "only /fault, /drains, /rebalances and /cuts are known".to_owned(),
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
