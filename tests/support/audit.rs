//! What the API server says it was asked.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;
use super::operator::NAMESPACE;
use super::wait::{SOON, until};

/// The API server's audit log from some moment on.
pub struct Audit {
    path: PathBuf,
    from: u64,
}

/// One request of the operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Verb, as RBAC names it.
    pub verb: String,
    /// API group.
    pub group: String,
    /// Plural name of the kind.
    pub resource: String,
    /// Subresource, or nothing.
    pub subresource: String,
    /// Namespace, or nothing.
    pub namespace: String,
    /// Name of the object, or nothing.
    pub name: String,
    /// Body of a deletion, or null.
    pub options: Option<String>,
}

impl Audit {
    /// From the first request on.
    pub fn from_start(cluster: &Cluster) -> Self {
        Self {
            path: PathBuf::from(cluster.text("/auditLog")),
            from: 0,
        }
    }

    /// From now on.
    pub fn from_now(cluster: &Cluster) -> Self {
        let path = PathBuf::from(cluster.text("/auditLog"));
        let from = std::fs::metadata(&path).map_or(0, |file| file.len());
        Self { path, from }
    }

    /// From when nothing was on its way any more: the progress of a status may be held back for 2 s, and a request is
    /// in the log only after its answer.
    pub async fn at_rest(cluster: &Cluster, namespace: &str) -> Self {
        until("nothing to be written for a while", SOON, || async {
            let audit = Self::from_now(cluster);
            tokio::time::sleep(Duration::from_secs(4)).await;
            match audit.writes_in(namespace).len() {
                0 => Ok(Self::from_now(cluster)),
                some => Err(format!("{some} writes")),
            }
        })
        .await
    }

    /// All requests of the operator's ServiceAccount.
    pub fn requests(&self) -> Vec<Request> {
        let text = std::fs::read(&self.path).expect("the audit log can be read");
        let start = usize::try_from(self.from).unwrap_or(usize::MAX).min(text.len());
        String::from_utf8_lossy(&text[start..])
            .lines()
            .filter_map(parse)
            .collect()
    }

    /// The operator's writes in a namespace, events left out.
    pub fn writes_in(&self, namespace: &str) -> Vec<Request> {
        let write = |request: &Request| !matches!(request.verb.as_str(), "get" | "list" | "watch");
        self.requests()
            .into_iter()
            .filter(|request| {
                write(request) && request.namespace == namespace && request.resource != "events"
            })
            .collect()
    }
}

fn parse(line: &str) -> Option<Request> {
    let event: Value = serde_json::from_str(line).ok()?;
    if event["user"]["username"] != format!("system:serviceaccount:{NAMESPACE}:rustfs-operator").as_str() {
        return None;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    if !object.is_object() {
        return None;
    }
    Some(Request {
        verb: text(&event["verb"]),
        group: text(&object["apiGroup"]),
        resource: text(&object["resource"]),
        subresource: text(&object["subresource"]),
        namespace: text(&object["namespace"]),
        name: text(&object["name"]),
        options: event.get("requestObject").map(Value::to_string),
    })
}
