//! Uploads in parts. The servers move none: one that is on the pool that leaves keeps it from ever being empty, and the drain
//! fails once all objects have left. While a drain runs they can still be completed or aborted, and none begins on the pool.

use crds::Pool;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Observed, own, retry, stored};
use crate::meta;
use crate::topology::Phase;
use crate::word::Word;

/// How many are named.
pub const NAMED: usize = 3;

/// Uploads that began before a drain, and are neither completed nor aborted. Which Pool they are on the servers do not
/// tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uploads {
    /// How many were seen.
    pub seen: usize,
    /// Bucket and key of the first [`NAMED`]: `bucket/key`.
    pub named: Vec<String>,
    /// Whether there may be others.
    pub more: bool,
}

impl Uploads {
    /// Counts one in.
    pub fn add(&mut self, path: impl FnOnce() -> String) {
        self.seen += 1;
        if self.named.len() < NAMED {
            self.named.push(path());
        }
    }

    fn may_be_open(&self) -> bool {
        self.seen > 0 || self.more
    }
}

/// Whether uploads can be why a drain failed, so that the servers are to be asked about them: once it has, and while it
/// is to be begun again.
#[must_use]
pub fn concerns(pool: &Pool, observed: &Observed) -> bool {
    let (Word::Said(reports), Some(drain)) = (&observed.word, stored(pool)) else {
        return false;
    };
    let topology = observed.topology.topology();
    let member = topology.and_then(|topology| topology.member(meta::name(pool), meta::uid(pool)));
    let own = member
        .filter(|member| member.phase == Phase::Draining)
        .and_then(|member| own(reports, member));
    let to_be_begun = if drain.state == retry::STATE {
        drain.retry_at.is_some()
    } else {
        own.is_some_and(|own| own.decommission == retry::STATE)
    };
    // Where something is named that holds it up, that is why.
    to_be_begun && own.is_some_and(|own| !own.unresolved && own.held_up.is_empty())
}

/// Whether an upload can be on the pool that leaves: one that began after the drain is on another. Unknown times count as
/// early.
#[must_use]
pub fn is_early(pool: &Pool, initiated: Option<Timestamp>) -> bool {
    let began = stored(pool).and_then(|drain| drain.started_at.as_ref());
    let later = initiated
        .zip(began)
        .is_some_and(|(initiated, Time(began))| initiated.as_second() > began.as_second());
    !later
}

/// Whether a drain that failed can have failed for them.
pub(super) fn may_be_open(word: &Word<Uploads>) -> bool {
    match word {
        Word::NotAsked => false,
        Word::Silent { .. } => true,
        Word::Said(uploads) => uploads.may_be_open(),
    }
}

/// Whether it was seen that none is open.
pub(super) fn are_gone(word: &Word<Uploads>) -> bool {
    matches!(word, Word::Said(uploads) if !uploads.may_be_open())
}

/// How many were seen open: as before where the servers said nothing new.
pub(super) fn count(word: &Word<Uploads>, before: Option<i32>) -> Option<i32> {
    match word {
        Word::Said(uploads) => i32::try_from(uploads.seen).ok().filter(|seen| *seen > 0),
        _ => before,
    }
}

/// What they have to do with a drain that failed; empty = nothing.
pub(super) fn remark(word: &Word<Uploads>) -> String {
    let Word::Said(uploads) = word else {
        return String::new();
    };
    let more = if uploads.more || uploads.seen > uploads.named.len() {
        " and others"
    } else {
        ""
    };
    match (uploads.seen, uploads.more) {
        (0, false) => String::new(),
        (0, true) => {
            ". Not every bucket could be searched in time for uploads in parts: one on this Pool keeps every \
                      drain from its end"
                .to_owned()
        }
        _ => format!(
            ". Uploads in parts that began before it are open, and one on this Pool keeps every drain from its end: \
             complete or abort {}{more}",
            uploads.named.join(", ")
        ),
    }
}
