use super::*;

use crds::names::ANNOTATION_HOLD_DRAIN;
use crds::pool::{DrainStatus, PoolState};
use jiff::SignedDuration;

use crate::pool::drain::{Copied, Order, Report, Scanner, ScannerWord, Word, concerns_scanner};

const ELEMENT: &str = "http://shop-ssd-{0...3}.shop-hl";

pub(super) fn report(decommission: &str, unresolved: bool) -> Report {
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
pub(super) fn told(phase: Phase, report: Report) -> (Pool, Observed) {
    let mut observed = serving();
    let mut topology = topology(true);
    topology.pools[0].phase = phase;
    topology.turn = None;
    observed.topology = stored(topology);
    observed.word = Word::Said(vec![report]);
    observed.scanner = healthy();
    let mut pool = pool();
    pool.status.get_or_insert_default().drain = Some(DrainStatus {
        started_at: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(observed.now)),
        ..DrainStatus::default()
    });
    (pool, observed)
}

pub(super) fn order(pool: &Pool, observed: &Observed) -> Option<Order> {
    plan(pool, observed).order().map(|(order, _)| order)
}

#[test]
fn what_is_wrong_with_the_tenant_lets_a_drain_be_called_off_and_forgotten_and_none_begin() {
    let faulty = |(pool, observed): (Pool, Observed)| {
        let mut tenant = Tenant::clone(observed.tenant.as_ref().unwrap());
        tenant.spec.env = object(json!([{"name": "A B", "value": "x"}]));
        let observed = Observed {
            tenant: Some(Arc::new(tenant)),
            ..observed
        };
        (pool, observed)
    };
    for (phase, word, wanted) in [
        (Phase::Active, "running", Some(Order::Cancel)),
        (Phase::Active, "canceled", Some(Order::Clear)),
        (Phase::Draining, "none", None),
        (Phase::Draining, "running", None),
    ] {
        let next = Report {
            free: 1 << 20,
            ..report(word, false)
        };
        let (pool, observed) = faulty(told(phase, next));
        assert_eq!(order(&pool, &observed), wanted, "{phase:?} {word}");
        assert_eq!(plan(&pool, &observed).steps, Vec::new(), "{phase:?} {word}");
        let status = reported(&pool, &observed);
        assert_eq!(says(&status, "Stalled"), "True TenantInvalid", "{phase:?} {word}");
    }
    let (mut pool, mut observed) = faulty(super::uploads::failed());
    pool.status = Some(reported(&pool, &observed));
    assert_eq!(order(&pool, &observed), Some(Order::Clear));
    // Long after it was to begin again, the servers are asked no more often than at rest.
    observed.word = Word::Said(vec![report("none", false)]);
    observed.now += SignedDuration::from_hours(1);
    pool.status = Some(reported(&pool, &observed));
    let next = plan(&pool, &observed);
    assert_eq!((next.order(), next.requeue.unwrap().as_secs()), (None, 30));
}

#[test]
fn a_drain_that_waited_for_something_else_knows_when_it_began() {
    let free = Report {
        free: 1 << 20,
        ..report("none", false)
    };
    let (mut pool, observed) = told(Phase::Draining, free);
    let drain = pool.status.as_mut().unwrap().drain.as_mut().unwrap();
    drain.started_at = None;
    assert_eq!(order(&pool, &observed), None);
    let status = reported(&pool, &observed);
    assert!(status.drain.as_ref().unwrap().started_at.is_some());
    pool.status = Some(status);
    assert_eq!(order(&pool, &observed), Some(Order::Start));
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

#[test]
fn what_the_servers_refuse_about_a_drain_is_told() {
    let (mut pool, observed) = super::uploads::failed();
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
