//! Conditions as values: built whole each time, merged with what is stored so that times only move when the
//! status does.

use crds::conditions::{READY, RECONCILING, STALLED};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::step::Failure;

/// One condition before it is merged with the stored ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Condition type.
    pub type_: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: Truth,
    /// Reason in PascalCase.
    pub reason: String,
    /// A sentence for a person: what, which object, and what to do.
    pub message: String,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known.
    Unknown,
}

impl Truth {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition that holds.
pub fn yes(type_: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Finding {
    Finding {
        type_,
        status: Truth::True,
        reason: reason.into(),
        message: message.into(),
    }
}

/// A condition that does not hold.
pub fn no(type_: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Finding {
    Finding {
        type_,
        status: Truth::False,
        reason: reason.into(),
        message: message.into(),
    }
}

/// A condition of which nothing is known yet.
pub fn unknown(type_: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Finding {
    Finding {
        type_,
        status: Truth::Unknown,
        reason: reason.into(),
        message: message.into(),
    }
}

/// What an object as a whole is doing; becomes `Ready`, `Reconciling` and `Stalled`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overall {
    /// All is as asked.
    Ready {
        /// A sentence for a person.
        message: String,
    },
    /// The operator works or waits; it goes on by itself.
    Working {
        /// Reason in PascalCase.
        reason: String,
        /// What it waits for.
        message: String,
    },
    /// A person must change something.
    Stuck {
        /// Reason in PascalCase.
        reason: String,
        /// What must be changed, with the field's path.
        message: String,
    },
}

impl Overall {
    /// The three conditions kstatus reads.
    #[must_use]
    pub fn findings(&self) -> [Finding; 3] {
        match self {
            Self::Ready { message } => [
                yes(READY, "Ready", message),
                no(RECONCILING, "Ready", "nothing to do"),
                no(STALLED, "Ready", "nothing is in the way"),
            ],
            Self::Working { reason, message } => [
                no(READY, reason, message),
                yes(RECONCILING, reason, message),
                no(STALLED, reason, "the operator goes on by itself"),
            ],
            Self::Stuck { reason, message } => [
                no(READY, reason, message),
                no(RECONCILING, reason, "waiting for a change by a person"),
                yes(STALLED, reason, message),
            ],
        }
    }
}

impl From<&Failure> for Overall {
    fn from(failure: &Failure) -> Self {
        let (reason, message) = (failure.reason.to_owned(), failure.message.clone());
        if failure.transient {
            Self::Working { reason, message }
        } else {
            Self::Stuck { reason, message }
        }
    }
}

/// Merges findings with the stored conditions: `lastTransitionTime` moves only when the status changes, and is cut
/// to seconds as the API stores it. Conditions that are not found again are dropped.
#[must_use]
pub fn merge(
    stored: &[Condition],
    findings: impl IntoIterator<Item = Finding>,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    findings
        .into_iter()
        .map(|finding| {
            let status = finding.status.as_str();
            let since = stored
                .iter()
                .find(|condition| condition.type_ == finding.type_ && condition.status == status)
                .map_or_else(
                    || Time(whole_seconds(now)),
                    |condition| condition.last_transition_time.clone(),
                );
            Condition {
                type_: finding.type_.to_owned(),
                status: status.to_owned(),
                reason: finding.reason,
                message: finding.message,
                last_transition_time: since,
                observed_generation: generation,
            }
        })
        .collect()
}

/// Whether a stored condition is true.
#[must_use]
pub fn is_true(stored: &[Condition], type_: &str) -> bool {
    stored
        .iter()
        .any(|condition| condition.type_ == type_ && condition.status == "True")
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
