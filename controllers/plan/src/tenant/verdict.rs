//! One aspect's condition, and whether a person must act for it to change.

use crate::condition::{self, Finding, Overall, Truth, no, yes};

/// A condition and what it means for the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub(crate) finding: Finding,
    then: Then,
}

/// What becomes of an aspect that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It comes by itself or by what others do.
    Waits,
    /// A person must act.
    NeedsPerson,
    /// It is as a person asked, and in nobody's way.
    Stays,
}

impl Verdict {
    /// All is well.
    pub(crate) fn good(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self {
            finding: yes(type_, reason, message),
            then: Then::Waits,
        }
    }

    /// Not yet; it comes by itself or by what others do.
    pub(crate) fn waiting(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self {
            finding: no(type_, reason, message),
            then: Then::Waits,
        }
    }

    /// It cannot be told now; what keeps it from being told has a condition of its own.
    pub(crate) fn unknown(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self {
            finding: condition::unknown(type_, reason, message),
            then: Then::Waits,
        }
    }

    /// Nothing more happens until a person changes something.
    pub(crate) fn stuck(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self {
            finding: no(type_, reason, message),
            then: Then::NeedsPerson,
        }
    }

    /// It does not hold because a person asked for that; the object is as asked all the same.
    pub(crate) fn parked(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self {
            finding: no(type_, reason, message),
            then: Then::Stays,
        }
    }

    /// Whether nothing more happens until a person changes something.
    pub(crate) fn needs_person(&self) -> bool {
        !self.holds() && self.then == Then::NeedsPerson
    }

    /// Whether the condition is true.
    pub(crate) fn holds(&self) -> bool {
        self.finding.status == Truth::True
    }

    /// What the whole object is doing because of this aspect; none if it is in nobody's way.
    pub(crate) fn blocks(&self) -> Option<Overall> {
        if self.holds() {
            return None;
        }
        let (reason, message) = (self.finding.reason.clone(), self.finding.message.clone());
        match self.then {
            Then::NeedsPerson => Some(Overall::Stuck { reason, message }),
            Then::Waits => Some(Overall::Working { reason, message }),
            Then::Stays => None,
        }
    }
}
