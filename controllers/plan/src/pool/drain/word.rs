//! What the servers say of their pools, and what they can be told.

use jiff::Timestamp;

use super::{Scanner, Uploads};
use crate::topology::{Member, same_pool};

/// What the servers were heard to say of their pools, in the order of the volumes string.
pub type Word = crate::word::Word<Vec<Report>>;

/// What the servers were heard to say of their scanner's record; `None` if they keep none, as with the scanner off.
pub type ScannerWord = crate::word::Word<Option<Scanner>>;

/// What the servers were heard to say of uploads that began before a drain that failed.
pub type UploadsWord = crate::word::Word<Uploads>;

/// One pool in the servers' words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The element of the volumes string.
    pub element: String,
    /// The servers' number of it: its place when they met the element.
    pub number: u64,
    /// `none`, `queued`, `running`, `complete`, `failed` or `canceled`.
    pub decommission: String,
    /// When it began; the servers forget it when it fails.
    pub began: Option<Timestamp>,
    /// Whether data is being moved between pools for balance.
    pub rebalancing: bool,
    /// Free bytes.
    pub free: u64,
    /// Bytes in use.
    pub used: u64,
    /// Objects that have left.
    pub objects: u64,
    /// Bytes that have left.
    pub bytes: u64,
    /// Bytes that were in use when the drain began; 0 = not told.
    pub bytes_at_start: u64,
    /// Objects that could not leave.
    pub failed_objects: u64,
    /// What holds it up, in the server's words; empty = nothing.
    pub held_up: String,
    /// Whether it met an entry that it could not make out. Then it can be neither cleared nor started again.
    pub unresolved: bool,
}

/// What the servers are to be told about this Pool's element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Move its data to the other pools.
    Start,
    /// Call that off.
    Cancel,
    /// Forget one that was called off or failed; only then can another begin.
    Clear,
}

/// What the servers say of a member of the topology.
pub(super) fn own<'a>(reports: &'a [Report], member: &Member) -> Option<&'a Report> {
    reports
        .iter()
        .find(|report| same_pool(&report.element, &member.element))
}

/// What was there includes what is never moved, such as the servers' own files: all is said to have left only when the
/// servers say so.
pub(super) fn percent(own: &Report) -> i32 {
    if own.decommission == "complete" {
        return 100;
    }
    let share = (u128::from(own.bytes) * 100).checked_div(u128::from(own.bytes_at_start));
    i32::try_from(share.unwrap_or(0).min(99)).unwrap_or(99)
}
