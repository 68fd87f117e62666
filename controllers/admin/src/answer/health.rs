//! `GET /health/ready`.

use serde::Deserialize;

/// Whether one server takes requests now, and what keeps it from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Health {
    /// `ok` or `degraded`.
    pub status: String,
    /// The server's version, such as `1.0.1`.
    pub version: String,
    /// Whether the server takes requests.
    pub ready: bool,
    /// The parts that readiness is made of.
    pub details: Parts,
    /// Why the server is degraded; empty when it is not.
    pub degraded_reasons: Vec<String>,
}

/// What readiness is made of. A part the server does not mention is not ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Parts {
    /// The drives: whether enough of them are there.
    pub storage: Part,
    /// Users and policies.
    pub iam: Part,
    /// The lock servers: whether a majority answers.
    pub lock: Part,
}

/// One part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Such as `connected`.
    pub status: String,
    /// Whether this part allows requests.
    pub ready: bool,
}
