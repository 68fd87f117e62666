//! The one error of effects.

/// Why an effect failed: what was tried, on which object, and why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused, or could not be reached.
    #[error("failed to {action}: {source}")]
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
}
