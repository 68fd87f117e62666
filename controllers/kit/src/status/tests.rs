use super::*;
use crate::testing::{Answer, Asked, refusal, server};
use crds::{Tenant, TenantStatus};
use kube::api::ObjectMeta;
use std::sync::atomic::{AtomicUsize, Ordering};

fn tenant(version: &str) -> Tenant {
    Tenant {
        metadata: ObjectMeta {
            name: Some("store".to_owned()),
            namespace: Some("ns".to_owned()),
            uid: Some("u1".to_owned()),
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        },
        ..Tenant::new("store", crds::TenantSpec::default())
    }
}

fn status(generation: i64, ready: &str, message: &str) -> TenantStatus {
    TenantStatus {
        observed_generation: Some(generation),
        conditions: vec![Condition {
            type_: "Ready".to_owned(),
            status: ready.to_owned(),
            reason: "Because".to_owned(),
            message: message.to_owned(),
            last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
                jiff::Timestamp::UNIX_EPOCH,
            ),
            observed_generation: Some(generation),
        }],
        ..TenantStatus::default()
    }
}

fn taken(_: &Asked) -> Answer {
    Answer::Json(
        200,
        json!({
            "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant",
            "metadata": { "name": "store", "namespace": "ns", "uid": "u1", "resourceVersion": "20" },
        }),
    )
}

fn status_lines(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.contains("/status")).count()
}

const STATUS: &str = "PATCH /apis/storage.rustfs.com/v1alpha1/namespaces/ns/tenants/store/status";

#[tokio::test(start_paused = true)]
async fn the_whole_opinion_is_one_forced_apply_bound_to_the_uid() {
    let (env, record) = server(taken);
    let kit = Kit::new(&env, "tenant");
    kit.write_status(&tenant("10"), None, &status(1, "False", "x"))
        .await
        .unwrap();
    let asked = record.all();
    assert_eq!(asked[0].line(), STATUS);
    assert!(
        asked[0].uri.contains("fieldManager=rustfs-operator%2Ftenant"),
        "{}",
        asked[0].uri
    );
    assert!(asked[0].uri.contains("force=true"));
    assert_eq!(
        asked[0].body["metadata"],
        json!({"name": "store", "namespace": "ns", "uid": "u1"})
    );
    assert_eq!(asked[0].body["kind"], "Tenant");
    assert_eq!(asked[0].body["apiVersion"], "storage.rustfs.com/v1alpha1");
    assert_eq!(asked[0].body["status"]["conditions"][0]["type"], "Ready");
    assert_eq!(status_lines(&record.lines()), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_is_not_written_again() {
    let (env, record) = server(taken);
    let kit = Kit::new(&env, "tenant");
    let same = status(1, "False", "x");
    kit.write_status(&tenant("10"), Some(&same), &same).await.unwrap();
    assert!(record.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_old_cache_neither_repeats_nor_hides_a_write() {
    let (env, record) = server(taken);
    let kit = Kit::new(&env, "tenant");
    let (first, second) = (status(1, "False", "x"), status(1, "True", "y"));
    kit.write_status(&tenant("10"), Some(&first), &second)
        .await
        .unwrap();
    kit.write_status(&tenant("10"), Some(&first), &second)
        .await
        .unwrap();
    assert_eq!(status_lines(&record.lines()), 1, "the same again");
    kit.write_status(&tenant("10"), Some(&first), &status(2, "False", "z"))
        .await
        .unwrap();
    assert_eq!(status_lines(&record.lines()), 2, "another one");
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_server_is_asked_again_with_growing_delays_and_given_up_in_time() {
    let (env, record) = server(|_| refusal(503, "ServiceUnavailable", "later"));
    let kit = Kit::new(&env, "tenant");
    let begun = Instant::now();
    let error = kit
        .write_status(&tenant("10"), None, &status(1, "False", "x"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "ApiUnavailable");
    assert!(begun.elapsed() <= TOTAL, "{:?}", begun.elapsed());
    let asked = record.all();
    assert!((6..=20).contains(&asked.len()), "{} attempts", asked.len());
    let first = asked[1].at - asked[0].at;
    assert!(
        first >= Duration::from_millis(50) && first <= Duration::from_millis(151),
        "{first:?}"
    );
    let last = asked[asked.len() - 1].at - asked[asked.len() - 2].at;
    assert!(
        last >= Duration::from_millis(800) && last <= Duration::from_millis(3001),
        "{last:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_one_attempts_deadline_each() {
    let (env, record) = server(|_| Answer::Silence);
    let kit = Kit::new(&env, "tenant");
    let begun = Instant::now();
    let error = kit
        .write_status(&tenant("10"), None, &status(1, "False", "x"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "DeadlineExceeded");
    assert!(
        begun.elapsed() <= TOTAL + Duration::from_millis(10),
        "{:?}",
        begun.elapsed()
    );
    let asked = record.all();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].at - asked[0].at >= ATTEMPT);
}

#[tokio::test(start_paused = true)]
async fn a_write_succeeds_once_the_server_is_back() {
    let count = AtomicUsize::new(0);
    let (env, record) = server(move |asked| match count.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => refusal(500, "InternalError", "no"),
        _ => taken(asked),
    });
    let kit = Kit::new(&env, "tenant");
    kit.write_status(&tenant("10"), None, &status(1, "False", "x"))
        .await
        .unwrap();
    assert_eq!(status_lines(&record.lines()), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_surfaced_at_once() {
    for (code, reason, expected) in [(403, "Forbidden", "ApiForbidden"), (422, "Invalid", "ApiInvalid")] {
        let (env, record) = server(move |_| refusal(code, reason, "no"));
        let kit = Kit::new(&env, "tenant");
        let error = kit
            .write_status(&tenant("10"), None, &status(1, "False", "x"))
            .await
            .unwrap_err();
        assert_eq!(error.reason(), expected);
        assert_eq!(record.all().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_or_another_one_now_needs_no_status() {
    for (code, reason, message) in [
        (404, "NotFound", "tenants \"store\" not found"),
        (
            409,
            "Conflict",
            "Precondition failed: UID in precondition: u1, UID in object meta: u2",
        ),
        (
            422,
            "Invalid",
            "metadata.uid: Invalid value: \"u1\": field is immutable",
        ),
    ] {
        let (env, record) = server(move |_| refusal(code, reason, message));
        let kit = Kit::new(&env, "tenant");
        let result = kit
            .write_status(&tenant("10"), None, &status(1, "False", "x"))
            .await;
        assert!(result.is_ok(), "{code}: {result:?}");
        assert_eq!(record.all().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_written_at_most_every_two_seconds_and_a_condition_at_once() {
    let (env, record) = server(taken);
    let kit = Kit::new(&env, "tenant");
    let (a, b, c) = (
        status(1, "False", "1 of 4"),
        status(1, "False", "2 of 4"),
        status(1, "True", "4 of 4"),
    );
    kit.write_status(&tenant("10"), None, &a).await.unwrap();
    let notes = std::sync::Arc::new(run::Run::default());
    run::within(notes.clone(), kit.write_status(&tenant("20"), Some(&a), &b))
        .await
        .unwrap();
    assert_eq!(status_lines(&record.lines()), 1);
    let wait = notes.notes().back_in.unwrap();
    assert!(
        wait <= PROGRESS_EVERY && wait > Duration::from_millis(1900),
        "{wait:?}"
    );
    tokio::time::sleep(wait).await;
    kit.write_status(&tenant("20"), Some(&a), &b).await.unwrap();
    assert_eq!(status_lines(&record.lines()), 2);
    kit.write_status(&tenant("20"), Some(&b), &c).await.unwrap();
    assert_eq!(status_lines(&record.lines()), 3);
}

#[tokio::test(start_paused = true)]
async fn that_an_object_cannot_be_read_takes_nothing_else_out_of_its_status() {
    let (env, record) = server(taken);
    let kit = Kit::new(&env, "tenant");
    let invalid = kube::core::error_boundary::InvalidObject {
        error: "invalid type".to_owned(),
        metadata: tenant("10").metadata,
    };
    write_unparsed::<Tenant>(&kit, &invalid).await.unwrap();
    let asked = record.all();
    // An apply removes what its manager owns and it does not name: this one owns nothing else.
    assert!(
        asked[0]
            .uri
            .contains("fieldManager=rustfs-operator%2Ftenant%2Funreadable"),
        "{}",
        asked[0].uri
    );
    assert!(asked[0].uri.contains("force=true"));
    // The usual status names all of it, and takes it back.
    let fields: Vec<&String> = asked[0].body["status"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["conditions", "observedGeneration"]);
}
