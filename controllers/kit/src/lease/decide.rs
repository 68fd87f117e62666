//! Whether a lease may be taken: pure.

use std::time::Duration;

use tokio::time::Instant;

/// What a Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Changes with every renewal.
    pub(super) version: String,
    /// `None` if it was given back.
    pub(super) holder: Option<String>,
    pub(super) duration: Duration,
    pub(super) transitions: i32,
}

/// When this process first saw the lease as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    version: Option<String>,
    since: Option<Instant>,
}

impl Seen {
    pub(super) fn saw(&mut self, record: &Record, now: Instant) {
        if self.version.as_ref() != Some(&record.version) {
            self.version = Some(record.version.clone());
            self.since = Some(now);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// There is none, or it has expired, or it was given back.
    Take,
    /// It is ours.
    Renew,
    /// It is another's.
    Wait,
}

/// Decides on the lease as it is stored now.
pub(super) fn decide(record: Option<&Record>, seen: &mut Seen, identity: &str, now: Instant) -> Decision {
    let Some(record) = record else {
        return Decision::Take;
    };
    seen.saw(record, now);
    match &record.holder {
        None => Decision::Take,
        Some(holder) if holder == identity => Decision::Renew,
        Some(_) if seen.since.is_some_and(|since| now - since >= record.duration) => Decision::Take,
        Some(_) => Decision::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: &str, holder: Option<&str>) -> Record {
        Record {
            version: version.to_owned(),
            holder: holder.map(str::to_owned),
            duration: Duration::from_secs(15),
            transitions: 0,
        }
    }

    #[test]
    fn a_lease_that_nobody_holds_is_taken() {
        let now = Instant::now();
        assert_eq!(decide(None, &mut Seen::default(), "a", now), Decision::Take);
        let free = record("1", None);
        assert_eq!(
            decide(Some(&free), &mut Seen::default(), "a", now),
            Decision::Take
        );
    }

    #[test]
    fn our_own_lease_is_renewed_even_after_a_restart() {
        let ours = record("1", Some("a"));
        assert_eq!(
            decide(Some(&ours), &mut Seen::default(), "a", Instant::now()),
            Decision::Renew
        );
    }

    #[test]
    fn anothers_lease_is_taken_only_after_it_was_seen_unchanged_for_its_duration() {
        let start = Instant::now();
        let mut seen = Seen::default();
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = record("1", Some("b"));
        assert_eq!(decide(Some(&first), &mut seen, "a", at(0)), Decision::Wait);
        assert_eq!(decide(Some(&first), &mut seen, "a", at(14)), Decision::Wait);
        let renewed = record("2", Some("b"));
        assert_eq!(decide(Some(&renewed), &mut seen, "a", at(15)), Decision::Wait);
        assert_eq!(decide(Some(&renewed), &mut seen, "a", at(29)), Decision::Wait);
        assert_eq!(decide(Some(&renewed), &mut seen, "a", at(30)), Decision::Take);
    }
}
