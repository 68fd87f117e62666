//! What a server answers.

mod admin_api;
mod health;
mod s3;

use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::cuts::Cuts;
use crate::environment::Identity;
use crate::verify;
use crate::world::{Mode, World};

const ADMIN: &str = "/rustfs/admin";

/// A failure in the form of S3: a status, a code, a sentence.
#[derive(Clone, Debug)]
pub struct Refusal {
    status: u16,
    /// The S3 error code.
    pub code: &'static str,
    message: String,
}

impl Refusal {
    /// A failure with these three.
    pub fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.to_owned(),
        }
    }

    /// The error document.
    pub fn into_response(self) -> Response<Bytes> {
        let body = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>{}</Message></Error>"#,
            self.code, self.message
        );
        response(self.status, "application/xml", body)
    }
}

/// Answers on the API port: health, admin API, S3.
pub fn api(world: &World, identity: &Identity, request: &Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path();
    if let Some(answer) = health::answer(world, identity, path) {
        return answer;
    }
    authorized(world, identity, request).unwrap_or_else(Refusal::into_response)
}

/// Answers on the API port, unless a test wants the answer to a write to be lost.
pub async fn api_or_nothing(world: &World, identity: &Identity, request: &Request<Bytes>) -> Response<Bytes> {
    let held = admin_api::written(request).and_then(|site| {
        let note = |cuts: &mut Cuts| cuts.note(&identity.tenant, &site);
        world.cuts(note)
    });
    if held.is_none() {
        return api(world, identity, request);
    }
    if held == Some(true) {
        let _unheard = api(world, identity, request);
    }
    std::future::pending().await
}

/// Answers on the console's port: its health only, there are no pages.
pub fn console(world: &World, identity: &Identity, request: &Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path();
    path.strip_prefix("/rustfs/console")
        .and_then(|path| health::answer(world, identity, path))
        .unwrap_or_else(|| response(404, "text/plain", "not found"))
}

fn authorized(
    world: &World,
    identity: &Identity,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refusal> {
    let path = request.uri().path();
    let admin_path = path.strip_prefix(ADMIN);
    let unsigned = if admin_path.is_some() {
        "Signature is required"
    } else {
        "Access Denied"
    };
    verify::check(request, &identity.keys, unsigned, SystemTime::now())?;
    if world.fault(&identity.pod) == Mode::Http500 {
        return Err(Refusal::new(
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        ));
    }
    match admin_path {
        Some(path) => admin_api::answer(
            world,
            identity,
            request.method(),
            path,
            request.uri().query().unwrap_or_default(),
        ),
        None => s3::answer(world, identity, request),
    }
}

fn json(status: u16, body: &serde_json::Value) -> Response<Bytes> {
    response(status, "application/json", body.to_string())
}

fn response(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(content_type),
    );
    response
}

#[cfg(test)]
mod tests;
