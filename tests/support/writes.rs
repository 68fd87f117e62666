//! What a request to the API server writes: verb, kind, name, and the UID it insists on.

use hyper::http::request::Parts;
use serde_json::Value;

use super::nature::parts_masked;

/// A write, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// `create`, `apply`, `patch`, `update` or `delete`.
    pub verb: &'static str,
    /// Plural name of the kind, with the subresource.
    pub resource: String,
    /// Name of the object, as far as it is the same in every run.
    pub name: String,
    /// The UID a deletion insists on, or nothing.
    pub uid: String,
}

/// A write that was carried out, or was refused by the API server.
#[derive(Clone, Debug)]
pub struct Write {
    /// What was asked.
    pub asked: Asked,
    /// Its site, with the number of times it had come by.
    pub site: String,
    /// The status the API server answered with.
    pub status: u16,
}

impl Asked {
    /// Where in a scenario it is written.
    pub fn site(&self) -> String {
        format!("{} {} {}", self.verb, self.resource, self.name)
    }
}

/// What a request writes; `None` of reads, and of what no decision rests on: events and leases.
pub fn asked(parts: &Parts, body: &[u8]) -> Option<Asked> {
    let path: Vec<&str> = parts
        .uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let after = path.iter().position(|part| *part == "namespaces")? + 2;
    let (resource, rest) = path.get(after..)?.split_first()?;
    if matches!(*resource, "events" | "leases") {
        return None;
    }
    let content: Value = serde_json::from_slice(body).unwrap_or_default();
    let kind = parts
        .headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    let verb = match parts.method.as_str() {
        "POST" => "create",
        "PUT" => "update",
        "DELETE" => "delete",
        "PATCH" if kind.is_some_and(|kind| kind.contains("apply-patch")) => "apply",
        "PATCH" => "patch",
        _ => return None,
    };
    let name = rest.first().copied().or(content["metadata"]["name"].as_str());
    let subresource = rest.get(1).map(|part| format!("/{part}")).unwrap_or_default();
    Some(Asked {
        verb,
        resource: format!("{resource}{subresource}"),
        name: parts_masked(name.unwrap_or_default()),
        uid: content["preconditions"]["uid"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    })
}

/// The plural name of the kind a path lists.
pub fn resource(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
