//! The one error of effects.

use crate::classify::{self, Verdict};

/// Why an effect failed: what was tried, on which object, and why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused, or could not be reached.
    #[error("failed to {action}: {}", classify::explain(source))]
    Api {
        /// What was tried, as `get Secret default/store-rpc`.
        action: String,
        /// The answer.
        #[source]
        source: Box<kube::Error>,
    },
    /// The call took longer than it may.
    #[error("failed to {action}: no answer within {seconds} s")]
    Deadline {
        /// What was tried.
        action: String,
        /// The limit in seconds.
        seconds: u64,
    },
    /// A reconciler panicked. The object is tried again; the controller goes on.
    #[error("the reconciler panicked: {0}")]
    Panicked(String),
    /// A part that must not end has ended.
    #[error("{0}")]
    Ended(String),
}

impl Error {
    /// What kind of failure it is, and its reason in PascalCase for conditions, events and metrics alike.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Api { source, .. } => classify::classify(source),
            Self::Deadline { .. } => classify::DEADLINE,
            Self::Panicked(_) => classify::PANICKED,
            Self::Ended(_) => classify::ENDED,
        }
    }

    /// Reason in PascalCase, one of a fixed set.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.verdict().reason
    }
}
