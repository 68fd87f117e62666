//! The record that the servers' scanner keeps in every pool, which a drain takes out of the pool that leaves. A drain that
//! begins before the record has come to a pool that joined a moment ago can make two records that nothing reconciles, and
//! then fails each time it is begun (docs/decisions/0010).

use crds::Pool;

use super::{Drain, Observed, stuck, waits};
use crate::word::Word;

/// Reason of `Drained` while the servers have not been asked about it.
pub(super) const NOT_ASKED: &str = "ScannerNotAsked";
/// Reason of `Drained` while the record is not whole in every pool.
const BEHIND: &str = "ScannerBehind";
/// Reason of `Drained` while the records contradict each other.
const CONFLICT: &str = "ScannerConflict";

/// What a server says of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanner {
    /// `healthy` once all copies are whole and the same; otherwise what is missing of that, in the server's words.
    pub state: String,
    /// Erasure sets that should have a copy.
    pub copies: u64,
    /// Those whose copy is missing or is not what the others are.
    pub behind: u64,
    /// Why no copy can be believed; empty = one can.
    pub error: String,
}

/// Why no drain may begin for the record's sake; none if it may.
pub(super) fn obstacle(pool: &Pool, observed: &Observed) -> Option<Drain> {
    let scanner = match &observed.scanner {
        Word::NotAsked => return Some(waits(pool, NOT_ASKED, "the servers are about to be asked")),
        Word::Silent { reason, message } => return Some(waits(pool, reason, message)),
        Word::Said(None) => return None,
        Word::Said(Some(scanner)) => scanner,
    };
    if scanner.state == "healthy" && scanner.behind == 0 {
        return None;
    }
    if scanner.state == "unavailable" && !scanner.error.is_empty() {
        let message = format!(
            "the copies of the scanner's record contradict each other, with which every drain fails: {}. The store serves. \
             docs/pools.md says which copy to remove; set spec.state to Active (a deleted Pool: annotate it with \
             storage.rustfs.com/hold-drain) to keep the Pool instead",
            scanner.error
        );
        return Some(stuck(pool, CONFLICT, message));
    }
    let message = format!(
        "the scanner's record is whole in {} of {} erasure sets ({}): a drain that began before it is in all of them could \
         fail for good. The servers write it within some minutes after they have started",
        scanner.copies.saturating_sub(scanner.behind),
        scanner.copies,
        scanner.state
    );
    Some(waits(pool, BEHIND, &message))
}
