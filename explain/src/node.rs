//! One line of the tree with what hangs under it.

use jiff::Timestamp;
use serde::Serialize;

/// How an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum State {
    /// As asked.
    Ready,
    /// It goes on by itself.
    Waiting,
    /// A person must change something.
    Stuck,
    /// It is being deleted.
    Deleting,
    /// It should be there and is not.
    Missing,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Kind in lower case, as kubectl takes it.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Reason in PascalCase; empty while it is ready.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// Since when it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The object, or what else, it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// The next step of a person, if one can take one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What belongs to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
}

impl Node {
    /// A node that is ready.
    pub(crate) fn ready(kind: &'static str, name: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            state: State::Ready,
            reason: String::new(),
            message: message.into(),
            since: None,
            waits_for: None,
            next: None,
            children: Vec::new(),
        }
    }

    /// A node that is not.
    pub(crate) fn open(
        kind: &'static str,
        name: &str,
        state: State,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            state,
            reason: reason.to_owned(),
            ..Self::ready(kind, name, message)
        }
    }

    /// As kubectl takes it.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// Whether it and all that belongs to it is ready.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.state == State::Ready && self.children.iter().all(Self::is_fine)
    }

    /// What is fine is one line.
    pub(crate) fn without_what_is_fine(mut self) -> Self {
        if self.is_fine() {
            self.children.clear();
        }
        self.children = self
            .children
            .into_iter()
            .map(Self::without_what_is_fine)
            .collect();
        self
    }
}
