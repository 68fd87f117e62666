//! The record that the servers' scanner keeps in every erasure set, which a drain takes out of the pool that leaves. A drain
//! that begins before the record has come to a pool that joined a moment ago can make two records that nothing reconciles,
//! and then fails each time it is begun (docs/decisions/0011).

use crds::Pool;

use super::{Drain, Observed, stuck, waits};
use crate::word::Word;

/// Reason of `Drained` while the servers have not been asked about it.
pub(super) const NOT_ASKED: &str = "ScannerNotAsked";
/// Reason of `Drained` while the record is not in every pool that stays.
const BEHIND: &str = "ScannerBehind";
/// Reason of `Drained` while the records contradict each other.
const CONFLICT: &str = "ScannerConflict";

/// What a server says of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanner {
    /// Whether all copies are whole and the same.
    pub healthy: bool,
    /// Why no copy can be believed; empty = one can.
    pub error: String,
    /// The copies, one for each erasure set; none where all are healthy.
    pub copies: Vec<Copied>,
}

/// One copy of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Place of its pool in the volumes string, from 0.
    pub pool: u64,
    /// `valid`, `missing`, `invalid`, `future_schema` or `unavailable`.
    pub state: String,
}

impl Copied {
    fn is(&self, state: &str) -> bool {
        self.state == state
    }
}

/// Why the pool at this place may not begin to leave for the record's sake; none if it may.
pub(super) fn obstacle(pool: &Pool, observed: &Observed, place: u64) -> Option<Drain> {
    let scanner = match &observed.scanner {
        Word::NotAsked => return Some(waits(pool, NOT_ASKED, "the servers are about to be asked")),
        Word::Silent { reason, message } => return Some(waits(pool, reason, message)),
        Word::Said(None) => return None,
        Word::Said(Some(scanner)) => scanner,
    };
    let (own, others): (Vec<_>, Vec<_>) = scanner.copies.iter().partition(|copy| copy.pool == place);
    // Where there is none, none has to be taken out.
    if scanner.healthy || own.iter().all(|copy| copy.is("missing")) {
        return None;
    }
    let read = !scanner.copies.iter().any(|copy| copy.is("unavailable"));
    if read && !scanner.error.is_empty() {
        let message = format!(
            "the copies of the scanner's record contradict each other, with which every drain fails: {}. The store serves. \
             docs/pools.md says which copy to remove; set spec.state to Active (a deleted Pool: annotate it with \
             storage.rustfs.com/hold-drain) to keep the Pool instead",
            scanner.error
        );
        return Some(stuck(pool, CONFLICT, message));
    }
    let there = others.iter().filter(|copy| copy.is("valid")).count();
    (there < others.len()).then(|| {
        let message = format!(
            "the scanner's record is in {there} of the {} erasure sets of the other Pools: a drain that began before it is in \
             all of them could fail for good. The servers write it within some minutes after they have started",
            others.len()
        );
        waits(pool, BEHIND, &message)
    })
}
