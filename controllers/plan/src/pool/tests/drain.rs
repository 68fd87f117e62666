use super::*;

use crds::names::ANNOTATION_HOLD_DRAIN;
use crds::pool::{DrainStatus, PoolState};
use jiff::SignedDuration;

use crate::pool::drain::{
    Copied, Order, Report, Scanner, ScannerWord, Uploads, UploadsWord, Word, concerns_scanner, uploads,
};

const ELEMENT: &str = "http://shop-ssd-{0...3}.shop-hl";

fn report(decommission: &str, unresolved: bool) -> Report {
    Report {
        element: ELEMENT.to_owned(),
        decommission: decommission.to_owned(),
        objects: 12,
        bytes: 4096,
        held_up: if unresolved {
            "photos/a is there in part"
        } else {
            ""
        }
        .to_owned(),
        unresolved,
        ..Report::default()
    }
}

/// The record in this Pool and in another one, of one erasure set each.
fn copies(own: &str, other: &str, error: &str) -> ScannerWord {
    let copies = [(0, own), (1, other)].map(|(pool, state)| Copied {
        pool,
        state: state.to_owned(),
    });
    ScannerWord::Said(Some(Scanner {
        healthy: false,
        error: error.to_owned(),
        copies: copies.to_vec(),
    }))
}

fn healthy() -> ScannerWord {
    ScannerWord::Said(Some(Scanner {
        healthy: true,
        ..Scanner::default()
    }))
}

/// A Pool that was told to go, in the phase the Tenant gave it, and what the servers say of it.
fn told(phase: Phase, report: Report) -> (Pool, Observed) {
    let mut observed = serving();
    let mut topology = topology(true);
    topology.pools[0].phase = phase;
    topology.turn = None;
    observed.topology = stored(topology);
    observed.word = Word::Said(vec![report]);
    observed.scanner = healthy();
    let mut pool = pool();
    pool.status.get_or_insert_default().drain = Some(DrainStatus::default());
    (pool, observed)
}

fn order(pool: &Pool, observed: &Observed) -> Option<Order> {
    plan(pool, observed).order().map(|(order, _)| order)
}

#[test]
fn no_drain_begins_while_a_number_is_not_a_place() {
    for (number, wanted) in [(0, Some(Order::Start)), (1, None)] {
        let next = Report {
            number,
            free: 1 << 20,
            ..report("none", false)
        };
        let (pool, observed) = told(Phase::Draining, next);
        assert_eq!(order(&pool, &observed), wanted);
        let status = reported(&pool, &observed);
        let reason = if wanted.is_some() {
            "Requested"
        } else {
            "Renumbered"
        };
        assert_eq!(says(&status, "Drained"), format!("False {reason}"));
    }
}

#[test]
fn a_drain_that_fails_is_begun_again_at_growing_distances_and_then_left_to_a_person() {
    let (mut pool, mut observed) = told(Phase::Draining, report("failed", false));
    let mut waited = Vec::new();
    for retry in 1..=4 {
        observed.word = Word::Said(vec![report("failed", false)]);
        assert_eq!(order(&pool, &observed), None, "the status tells first");
        let status = reported(&pool, &observed);
        assert_eq!(says(&status, "Drained"), "False DrainFailed");
        assert_eq!(says(&status, "Stalled"), "False DrainFailed");
        let due = status.drain.clone().unwrap().retry_at.unwrap().0;
        waited.push(due.duration_since(observed.now).as_secs());
        let said = message(&status, "Drained");
        assert!(
            said.contains(&format!("begun again at {due} ({retry} of 4 times)")),
            "{said}"
        );
        pool.status = Some(status);

        assert_eq!(
            order(&pool, &observed),
            Some(Order::Clear),
            "servers that remember make no bucket"
        );
        assert_eq!(
            reported(&pool, &observed).drain,
            pool.status.as_ref().unwrap().drain
        );
        observed.word = Word::Said(vec![report("none", false)]);
        pool.status = Some(reported(&pool, &observed));
        observed.now = due - SignedDuration::from_secs(1);
        assert_eq!(order(&pool, &observed), None);
        assert_eq!(
            Some(reported(&pool, &observed)),
            pool.status,
            "nothing has changed"
        );
        observed.now = due;
        assert_eq!(order(&pool, &observed), None, "the status tells first");
        pool.status = Some(reported(&pool, &observed));
        let drain = pool.status.clone().unwrap().drain.unwrap();
        assert_eq!(
            (drain.state.as_str(), drain.retries, drain.retry_at),
            ("Requested", retry, None)
        );
        assert_eq!(order(&pool, &observed), Some(Order::Start));
        observed.word = Word::Said(vec![report("running", false)]);
        pool.status = Some(reported(&pool, &observed));
        assert_eq!(pool.status.clone().unwrap().drain.unwrap().retries, retry);
    }
    assert_eq!(waited, [15, 60, 240, 960]);

    observed.word = Word::Said(vec![report("failed", false)]);
    assert_eq!(order(&pool, &observed), None);
    let status = reported(&pool, &observed);
    assert_eq!(says(&status, "Stalled"), "True DrainFailed");
    pool.status = Some(status.clone());
    assert_eq!(order(&pool, &observed), Some(Order::Clear));
    observed.word = Word::Said(vec![report("none", false)]);
    assert_eq!(order(&pool, &observed), None);
    pool.status = Some(reported(&pool, &observed));
    assert_eq!(
        Some(reported(&pool, &observed)),
        pool.status,
        "nothing has changed"
    );
    let message = message(&status, "Drained");
    assert!(
        message.contains("begun again 4 times and is not any more"),
        "{message}"
    );
    assert!(
        message.contains("call the drain off with spec.state Active"),
        "{message}"
    );
    assert!(message.contains(ANNOTATION_HOLD_DRAIN), "{message}");
}

#[test]
fn a_drain_that_met_what_it_could_not_make_out_is_not_begun_again() {
    let (pool, observed) = told(Phase::Draining, report("failed", true));
    assert_eq!(order(&pool, &observed), None);
    let status = reported(&pool, &observed);
    assert_eq!(says(&status, "Stalled"), "True DrainFailed");
    assert_eq!(status.drain.unwrap().retry_at, None);
}

fn second(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

fn open(paths: &[&str], more: bool) -> UploadsWord {
    let mut found = Uploads {
        more,
        ..Uploads::default()
    };
    for path in paths {
        found.add(|| (*path).to_owned());
    }
    UploadsWord::Said(found)
}

/// A Pool whose drain began at second 1000 and has just failed.
fn failed() -> (Pool, Observed) {
    let began = Report {
        began: Some(second(1000) + SignedDuration::from_millis(700)),
        ..report("running", false)
    };
    let (mut pool, mut observed) = told(Phase::Draining, began);
    pool.status = Some(reported(&pool, &observed));
    observed.word = Word::Said(vec![report("failed", false)]);
    (pool, observed)
}

#[test]
fn uploads_that_are_open_since_before_a_drain_are_named_once_it_has_failed() {
    let (pool, observed) = failed();
    for (begun, early) in [(999, true), (1000, true), (1001, false)] {
        assert_eq!(uploads::is_early(&pool, Some(second(begun))), early, "{begun}");
    }
    assert!(uploads::is_early(&pool, None));
    assert!(uploads::concerns(&pool, &observed));
    let said = |word: UploadsWord| {
        let observed = Observed {
            uploads: word,
            ..observed.clone()
        };
        let status = reported(&pool, &observed);
        let drain = status.drain.clone().unwrap();
        (message(&status, "Drained"), drain.open_uploads)
    };
    let (text, count) = said(open(&[], false));
    assert!(!text.contains("ploads") && count.is_none(), "{text}");
    let (text, count) = said(open(&[], true));
    assert!(text.contains("Not every bucket") && count.is_none(), "{text}");
    let (text, count) = said(open(&["films/a"], false));
    assert!(
        text.contains("complete or abort films/a. It is begun again at"),
        "{text}"
    );
    assert_eq!(count, Some(1));
    let (text, count) = said(open(&["a", "b", "c", "d"], false));
    assert!(text.contains("complete or abort a, b, c and others."), "{text}");
    assert_eq!(count, Some(4));
}

#[test]
fn servers_are_asked_about_uploads_only_where_they_matter() {
    let (mut pool, mut observed) = failed();
    for other in [
        report("failed", true),
        report("running", false),
        report("none", false),
    ] {
        observed.word = Word::Said(vec![other]);
        assert!(!uploads::concerns(&pool, &observed));
    }
    let drain = pool.status.as_mut().unwrap().drain.as_mut().unwrap();
    drain.state = "failed".to_owned();
    assert!(!uploads::concerns(&pool, &observed), "it was given up");
    let drain = pool.status.as_mut().unwrap().drain.as_mut().unwrap();
    drain.retry_at = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(second(1)));
    assert!(uploads::concerns(&pool, &observed));
    let (pool, observed) = told(Phase::Active, report("failed", false));
    assert!(!uploads::concerns(&pool, &observed));
}

#[test]
fn while_uploads_are_in_its_way_a_drain_rests_and_begins_again_once_they_are_gone() {
    let (mut pool, mut observed) = failed();
    observed.uploads = open(&["films/a"], false);
    pool.status = Some(reported(&pool, &observed));
    assert_eq!(order(&pool, &observed), Some(Order::Clear));
    observed.word = Word::Said(vec![report("none", false)]);
    pool.status = Some(reported(&pool, &observed));
    let rest = plan(&pool, &observed).requeue.unwrap().as_secs();
    assert!((10..=30).contains(&rest), "{rest}");

    assert_eq!(
        Some(reported(&pool, &observed)),
        pool.status,
        "nothing has changed"
    );
    observed.uploads = UploadsWord::Silent {
        reason: "StoreUnreachable",
        message: "no server answers".to_owned(),
    };
    assert_eq!(
        Some(reported(&pool, &observed)),
        pool.status,
        "nothing new is known"
    );
    observed.uploads = open(&[], true);
    assert_eq!(reported(&pool, &observed).drain.unwrap().state, "failed");
    observed.uploads = open(&[], false);
    let status = reported(&pool, &observed);
    let drain = status.drain.clone().unwrap();
    assert_eq!((drain.state.as_str(), drain.open_uploads), ("Requested", None));
    pool.status = Some(status);
    assert_eq!(order(&pool, &observed), Some(Order::Start));
}

#[test]
fn a_drain_that_uploads_keep_from_its_end_is_begun_again_for_longer_than_the_servers_keep_uploads() {
    let (mut pool, mut observed) = failed();
    let mut at = |retries, uploads: UploadsWord| {
        pool.status.as_mut().unwrap().drain.as_mut().unwrap().retries = retries;
        observed.uploads = uploads;
        let status = reported(&pool, &observed);
        let drain = status.drain.clone().unwrap();
        let wait = drain
            .retry_at
            .map(|due| due.0.duration_since(observed.now).as_secs());
        (says(&status, "Stalled"), drain.retries, wait)
    };
    let goes_on = ("False DrainFailed".to_owned(), 8, Some(960));
    assert_eq!(at(7, open(&["films/a"], false)), goes_on);
    assert_eq!(at(7, open(&[], true)), goes_on);
    let given_up = |retries| ("True DrainFailed".to_owned(), retries, None);
    assert_eq!(at(7, open(&[], false)), given_up(7));
    assert_eq!(at(116, open(&["films/a"], false)), given_up(116));
}

#[test]
fn what_the_servers_refuse_about_a_drain_is_told() {
    let (mut pool, observed) = failed();
    pool.status = Some(reported(&pool, &observed));
    let planned = plan(&pool, &observed);
    let enacted = Enacted {
        outcomes: vec![crate::Outcome {
            action: "let the servers forget the drain".to_owned(),
            result: Err(crate::Failure {
                reason: "DrainOrderRefused",
                message: "server store-ssd-0 is not ready".to_owned(),
                transient: true,
            }),
        }],
    };
    let status = status(&pool, &observed, &planned, &enacted, observed.now);
    assert_eq!(says(&status, "Ready"), "False DrainOrderRefused");
}

#[test]
fn a_drain_tells_how_much_of_what_was_there_has_left_and_what_holds_it_up() {
    let at = |bytes_at_start, word: &str, held_up: &str| {
        let report = Report {
            bytes_at_start,
            held_up: held_up.to_owned(),
            ..report(word, false)
        };
        let (pool, observed) = told(Phase::Draining, report);
        let drain = reported(&pool, &observed).drain.unwrap();
        (drain.percent, drain.blocked_reason)
    };
    assert_eq!(at(16_384, "running", ""), (25, None));
    assert_eq!(
        at(4096, "running", ""),
        (99, None),
        "all has left when the servers say so"
    );
    assert_eq!(at(100, "running", ""), (99, None));
    assert_eq!(
        at(0, "running", ""),
        (0, None),
        "servers that do not tell what was there"
    );
    assert_eq!(at(16_384, "complete", ""), (100, None));
    let blocked = at(16_384, "queued", "no space on the other pools");
    assert_eq!(blocked, (25, Some("no space on the other pools".to_owned())));
}

#[test]
fn a_failed_drain_that_was_called_off_is_cleared() {
    let (pool, observed) = told(Phase::Active, report("failed", false));
    assert_eq!(order(&pool, &observed), Some(Order::Clear));
}

#[test]
fn one_that_cannot_be_cleared_names_what_it_met_and_waits_for_another_spelling() {
    let (pool, observed) = told(Phase::Draining, report("failed", true));
    let said = message(&reported(&pool, &observed), "Drained");
    assert!(said.contains("(photos/a is there in part)"), "{said}");
    assert!(said.contains(ANNOTATION_HOLD_DRAIN), "{said}");

    let (pool, observed) = told(Phase::Active, report("failed", true));
    assert_eq!(order(&pool, &observed), None);
    let status = reported(&pool, &observed);
    assert_eq!(says(&status, "Drained"), "False Respelled");
    assert_eq!(says(&status, "Stalled"), "False Respelled");
}

#[test]
fn a_server_that_knows_the_other_spelling_is_understood() {
    let other = Report {
        element: format!("{ELEMENT}/"),
        ..report("running", false)
    };
    let (pool, observed) = told(Phase::Draining, other);
    assert_eq!(says(&reported(&pool, &observed), "Drained"), "False Draining");
}

#[test]
fn data_that_is_held_stays_and_the_pool_says_so() {
    for (value, reason) in [("true", "DrainHeld"), ("", "DrainHeld"), ("false", "NotAsked")] {
        let mut pool = pool();
        pool.spec.state = PoolState::Decommissioned;
        let annotations = [(ANNOTATION_HOLD_DRAIN.to_owned(), value.to_owned())];
        pool.metadata.annotations = Some(annotations.into());
        let status = reported(&pool, &serving());
        assert_eq!(says(&status, "Drained"), format!("False {reason}"), "{value:?}");
    }
}

#[test]
fn no_drain_begins_before_the_scanners_record_is_whole_in_every_pool() {
    let (mut pool, mut observed) = told(Phase::Draining, report("none", false));
    let mut status = |observed: &Observed| {
        let status = reported(&pool, observed);
        pool.status = Some(status.clone());
        status
    };
    observed.scanner = ScannerWord::NotAsked;
    assert_eq!(says(&status(&observed), "Drained"), "False ScannerNotAsked");

    observed.scanner = copies("valid", "missing", "");
    let waiting = status(&observed);
    assert_eq!(says(&waiting, "Drained"), "False ScannerBehind");
    assert_eq!(says(&waiting, "Stalled"), "False ScannerBehind");
    assert!(
        message(&waiting, "Drained").contains("in 0 of the 1 erasure sets of the other Pools"),
        "{}",
        message(&waiting, "Drained")
    );
    observed.scanner = copies("valid", "unavailable", "it cannot be read");
    assert_eq!(says(&status(&observed), "Drained"), "False ScannerBehind");

    let why = "conflicting maximum-membership commit proofs";
    observed.scanner = copies("valid", "valid", why);
    let stalled = status(&observed);
    assert_eq!(says(&stalled, "Stalled"), "True ScannerConflict");
    assert!(message(&stalled, "Drained").contains(why));
}

#[test]
fn a_drain_begins_where_the_scanners_record_can_be_taken_out_or_there_is_none() {
    let (pool, mut observed) = told(Phase::Draining, report("none", false));
    let fine = [
        healthy(),
        ScannerWord::Said(None),
        copies("valid", "valid", ""),
        copies("missing", "missing", ""),
        copies("missing", "valid", "what the others say is not taken out"),
    ];
    for word in fine {
        observed.scanner = word.clone();
        assert_eq!(order(&pool, &observed), Some(Order::Start), "{word:?}");
    }
}

#[test]
fn the_scanner_is_asked_about_only_when_a_drain_would_begin() {
    let (pool, mut observed) = told(Phase::Draining, report("none", false));
    observed.scanner = ScannerWord::NotAsked;
    let mut unasked = pool.clone();
    unasked.status.as_mut().unwrap().drain = None;
    assert!(
        !concerns_scanner(&unasked, &observed),
        "the status tells of it first"
    );
    assert!(concerns_scanner(&pool, &observed));
    for state in ["queued", "running", "complete", "failed", "canceled"] {
        observed.word = Word::Said(vec![report(state, false)]);
        assert!(!concerns_scanner(&pool, &observed), "{state}");
    }
}
