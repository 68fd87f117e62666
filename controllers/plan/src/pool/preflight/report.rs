//! Findings, and the condition they become.

use crds::conditions::PREFLIGHT;

use crate::condition::{self, no, unknown, yes};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Servers can start; it is said and nothing else.
    Warns,
    /// Servers cannot start now, but nodes that would do are only away for a while.
    Waits,
    /// Servers cannot start until a person changes something.
    Blocks,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    /// The field and its value, what is wrong, and what to do.
    pub(crate) text: String,
}

impl Finding {
    pub(super) fn blocks(text: impl Into<String>) -> Self {
        Self {
            weight: Weight::Blocks,
            text: text.into(),
        }
    }

    pub(super) fn warns(text: impl Into<String>) -> Self {
        Self {
            weight: Weight::Warns,
            text: text.into(),
        }
    }

    /// The same, of something that passes.
    pub(super) fn passing(mut self) -> Self {
        self.weight = Weight::Waits;
        self.text
            .push_str(" (nodes that would do are cordoned or not ready: it goes on when they are back)");
        self
    }
}

/// All that was found for one Pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
    /// Kinds the operator may not see.
    pub(crate) unseen: Vec<&'static str>,
}

impl Report {
    /// That of the gravest finding.
    pub(crate) fn weight(&self) -> Option<Weight> {
        self.findings.iter().map(|finding| finding.weight).max()
    }

    /// The condition: all findings, the gravest first.
    pub(crate) fn finding(&self) -> condition::Finding {
        let message = self.message();
        match self.weight() {
            Some(Weight::Blocks | Weight::Waits) => no(PREFLIGHT, "NotPassed", message),
            _ if !self.unseen.is_empty() => unknown(PREFLIGHT, "NotPermitted", message),
            Some(Weight::Warns) => yes(PREFLIGHT, "PassedWithWarnings", message),
            None => yes(
                PREFLIGHT,
                "Passed",
                "the StorageClass is there and nodes have room for the servers",
            ),
        }
    }

    fn message(&self) -> String {
        let mut sorted: Vec<&Finding> = self.findings.iter().collect();
        sorted.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
        let mut texts: Vec<String> = sorted
            .into_iter()
            .map(|finding| match finding.weight {
                Weight::Warns => format!("warning: {}", finding.text),
                Weight::Waits | Weight::Blocks => finding.text.clone(),
            })
            .collect();
        if !self.unseen.is_empty() {
            texts.push(format!(
                "not checked: the operator has no right to list and watch {}",
                self.unseen.join(" and ")
            ));
        }
        texts.join("; ")
    }
}
