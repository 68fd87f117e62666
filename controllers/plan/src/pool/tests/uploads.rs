use super::*;

use jiff::SignedDuration;

use super::drain::{order, report, told};
use crate::pool::drain::{Order, Report, Uploads, UploadsWord, Word, uploads};

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
pub(super) fn failed() -> (Pool, Observed) {
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
fn uploads_that_end_before_the_servers_have_forgotten_a_drain_let_it_begin_again_at_once() {
    let (mut pool, mut observed) = failed();
    observed.uploads = open(&["films/a"], false);
    pool.status = Some(reported(&pool, &observed));
    observed.uploads = open(&[], false);
    assert_eq!(order(&pool, &observed), Some(Order::Clear));
    pool.status = Some(reported(&pool, &observed));
    let drain = pool.status.clone().unwrap().drain.unwrap();
    assert_eq!((drain.state.as_str(), drain.open_uploads), ("failed", None));

    observed.word = Word::Said(vec![report("none", false)]);
    let drain = reported(&pool, &observed).drain.unwrap();
    assert_eq!((drain.state.as_str(), drain.retries), ("Requested", 1));
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
    assert_eq!(at(116, open(&["films/a"], false)), given_up(116));
    // Once they are out of the way it counts from the start.
    assert_eq!(
        at(7, open(&[], false)),
        ("False DrainFailed".to_owned(), 1, Some(15))
    );
    assert_eq!(at(4, open(&[], false)), given_up(4));
}
