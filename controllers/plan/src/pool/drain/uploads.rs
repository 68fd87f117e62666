//! Uploads in parts. The servers move none: one that is on the pool that leaves keeps it from ever being empty, and the drain
//! fails once all objects have left. While a drain runs they can still be completed or aborted.

use crds::Pool;
use jiff::Timestamp;

use super::{Observed, Report, own, stored};
use crate::meta;
use crate::topology::Phase;
use crate::word::Word;

/// How many are named.
const NAMED: usize = 3;

/// Uploads that are neither completed nor aborted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uploads {
    /// Those that were seen. Which Pool they are on the servers do not tell.
    pub open: Vec<Upload>,
    /// Whether there may be others.
    pub more: bool,
}

/// One upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Bucket and key: `bucket/key`.
    pub path: String,
    /// When it was begun, if that was understood.
    pub begun: Option<Timestamp>,
}

/// Whether uploads can be why a drain failed, so that the servers are to be asked about them.
#[must_use]
pub fn concerns(pool: &Pool, observed: &Observed) -> bool {
    let Word::Said(reports) = &observed.word else {
        return false;
    };
    let topology = observed.topology.topology();
    let member = topology.and_then(|topology| topology.member(meta::name(pool), meta::uid(pool)));
    let own = member
        .filter(|member| member.phase == Phase::Draining)
        .and_then(|member| own(reports, member));
    let failed = |own: &Report| {
        own.decommission == "failed" || stored(pool).is_some_and(|drain| drain.state == "failed")
    };
    // Otherwise they have said what is in the way.
    own.is_some_and(|own| failed(own) && own.held_up.is_empty())
}

/// Those that can be on the pool that leaves: none begins on it while it is being emptied.
fn in_the_way<'a>(uploads: &'a Uploads, own: &Report) -> Vec<&'a Upload> {
    let after = |upload: &Upload| {
        upload
            .begun
            .zip(own.began)
            .is_some_and(|(upload, drain)| upload > drain)
    };
    uploads.open.iter().filter(|upload| !after(upload)).collect()
}

/// Whether a drain that failed can have failed for them.
pub(super) fn may_be_open(word: &Word<Uploads>, own: &Report) -> bool {
    match word {
        Word::NotAsked => false,
        Word::Silent { .. } => true,
        Word::Said(uploads) => !in_the_way(uploads, own).is_empty(),
    }
}

/// What they have to do with a drain that failed; empty = nothing.
pub(super) fn remark(word: &Word<Uploads>, own: &Report) -> String {
    let Word::Said(uploads) = word else {
        return String::new();
    };
    let open = in_the_way(uploads, own);
    if open.is_empty() {
        return String::new();
    }
    let named: Vec<&str> = open
        .iter()
        .take(NAMED)
        .map(|upload| upload.path.as_str())
        .collect();
    let more = if uploads.more || open.len() > NAMED {
        " and others"
    } else {
        ""
    };
    format!(
        ". Uploads in parts are open, and one on this Pool keeps every drain from its end: complete or abort {}{more}",
        named.join(", ")
    )
}
