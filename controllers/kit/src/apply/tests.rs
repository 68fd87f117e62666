use super::*;
use crate::testing::{Answer, Asked, Record, refusal, server};
use crds::Tenant;
use crds::names::{LABEL_MANAGED_BY, LABEL_TENANT, MANAGED_BY};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::PartialObjectMeta;
use plan::step::Why;
use plan::{Child, Enacted, Step, Target};
use serde_json::{Value, json};

fn tenant() -> Tenant {
    Tenant {
        metadata: ObjectMeta {
            name: Some("store".to_owned()),
            namespace: Some("ns".to_owned()),
            uid: Some("t1".to_owned()),
            resource_version: Some("5".to_owned()),
            ..ObjectMeta::default()
        },
        ..Tenant::new("store", crds::TenantSpec::default())
    }
}

fn service() -> Step {
    Step::Apply(Box::new(Child::Service(Service {
        metadata: ObjectMeta {
            name: Some("store-api".to_owned()),
            namespace: Some("ns".to_owned()),
            ..ObjectMeta::default()
        },
        ..Service::default()
    })))
}

fn stored(version: &str, owner: Option<&str>, labels: Value) -> Value {
    let owners: Vec<Value> = owner
        .iter()
        .map(|uid| json!({"apiVersion": "v1", "kind": "Thing", "name": "other", "uid": uid, "controller": true}))
        .collect();
    json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": { "name": "store-api", "namespace": "ns", "uid": "s1", "resourceVersion": version,
                      "ownerReferences": owners, "labels": labels },
    })
}

const PATH: &str = "/api/v1/namespaces/ns/services/store-api";

async fn enact_against(existing: Answer) -> (Enacted, Record) {
    let existing = std::sync::Mutex::new(Some(existing));
    let (env, record) = server(move |asked: &Asked| match asked.method.as_str() {
        "GET" => existing.lock().unwrap().take().unwrap(),
        _ => Answer::Json(200, stored("9", Some("t1"), json!({}))),
    });
    let kit = Kit::new(&env, "tenant");
    (kit.enact(&tenant(), vec![service()]).await, record)
}

#[tokio::test]
async fn what_is_made_once_is_left_alone_where_it_exists_and_nothing_is_concluded_from_another_conflict() {
    let Step::Apply(child) = service() else {
        unreachable!()
    };
    let create = || vec![Step::Create(child.clone())];
    for (reason, exists) in [("AlreadyExists", true), ("Conflict", false)] {
        let (env, _) = server(move |_: &Asked| refusal(409, reason, "refused"));
        let enacted = Kit::new(&env, "tenant").enact(&tenant(), create()).await;
        assert_eq!(enacted.failure().is_none(), exists, "{reason}");
        assert!(enacted.failure().is_none_or(|failure| failure.transient));
    }
}

#[tokio::test]
async fn what_never_changes_and_exists_with_other_contents_is_not_taken_for_made() {
    let map = |volumes: &str| {
        let object = json!({
            "metadata": {"name": "store-topology-r5", "namespace": "ns"}, "immutable": true,
            "data": {"RUSTFS_VOLUMES": volumes},
        });
        serde_json::from_value::<ConfigMap>(object).unwrap()
    };
    for (there, made) in [("a b", true), ("a", false)] {
        let there = serde_json::to_value(map(there)).unwrap();
        let (env, _) = server(move |asked: &Asked| match asked.method.as_str() {
            "GET" => Answer::Json(200, there.clone()),
            _ => refusal(409, "AlreadyExists", "refused"),
        });
        let step = Step::Create(Box::new(Child::ConfigMap(map("a b"))));
        let enacted = Kit::new(&env, "tenant").enact(&tenant(), vec![step]).await;
        assert_eq!(enacted.failure().is_none(), made);
        assert!(enacted.failure().is_none_or(|failure| failure.transient));
    }
}

#[tokio::test]
async fn a_child_that_does_not_exist_is_made() {
    let (enacted, record) = enact_against(refusal(404, "NotFound", "not found")).await;
    assert_eq!(record.lines(), [format!("GET {PATH}"), format!("PATCH {PATH}")]);
    assert!(record.all()[1].uri.contains("force=true"));
    assert!(enacted.changed());
}

#[tokio::test]
async fn a_child_of_someone_else_is_never_overwritten() {
    let (enacted, record) = enact_against(Answer::Json(200, stored("3", Some("x"), json!({})))).await;
    assert_eq!(record.lines(), [format!("GET {PATH}")]);
    let failure = enacted.failure().unwrap();
    assert_eq!(failure.reason, NAME_TAKEN);
    assert!(!failure.transient);
    assert!(
        failure.message.contains("Service ns/store-api"),
        "{}",
        failure.message
    );
    assert!(failure.message.contains("Thing other"), "{}", failure.message);
}

#[tokio::test]
async fn a_child_that_nobody_owns_is_taken_back_only_if_it_carries_our_labels() {
    let another_operators = json!({ LABEL_MANAGED_BY: MANAGED_BY });
    let ours = json!({ LABEL_MANAGED_BY: MANAGED_BY, LABEL_TENANT: "store" });
    let (enacted, _) = enact_against(Answer::Json(200, stored("3", None, ours))).await;
    assert!(enacted.changed());
    for labels in [json!({}), another_operators] {
        let (enacted, _) = enact_against(Answer::Json(200, stored("3", None, labels))).await;
        assert_eq!(enacted.failure().unwrap().reason, NAME_TAKEN);
    }
}

#[tokio::test]
async fn an_apply_that_changes_nothing_says_so() {
    let (enacted, _) = enact_against(Answer::Json(200, stored("9", Some("t1"), json!({})))).await;
    assert!(!enacted.changed());
    assert!(enacted.failure().is_none());
}

#[tokio::test]
async fn a_failed_step_ends_the_list_and_names_the_next_step() {
    let (env, record) = server(|asked: &Asked| match asked.method.as_str() {
        "GET" => refusal(404, "NotFound", "not found"),
        _ => refusal(403, "Forbidden", "services is forbidden"),
    });
    let kit = Kit::new(&env, "tenant");
    let enacted = kit.enact(&tenant(), vec![service(), service()]).await;
    assert_eq!(enacted.outcomes.len(), 1);
    assert_eq!(record.lines().len(), 2);
    let failure = enacted.failure().unwrap();
    assert_eq!(failure.reason, "ApiForbidden");
    assert!(!failure.transient);
    assert!(
        failure.message.contains("grant the operator"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_policy_that_is_refused_is_told_and_what_follows_is_done() {
    let (env, record) = server(|asked: &Asked| match asked.method.as_str() {
        "GET" => refusal(404, "NotFound", "not found"),
        _ if asked.uri.contains("networkpolicies") => refusal(422, "Invalid", "no label"),
        _ => Answer::Json(200, stored("9", Some("t1"), json!({}))),
    });
    let policy = Step::Apply(Box::new(Child::NetworkPolicy(NetworkPolicy {
        metadata: ObjectMeta {
            name: Some("store".to_owned()),
            namespace: Some("ns".to_owned()),
            ..ObjectMeta::default()
        },
        ..NetworkPolicy::default()
    })));
    let enacted = Kit::new(&env, "tenant")
        .enact(&tenant(), vec![policy, service()])
        .await;
    assert_eq!(enacted.failure().unwrap().reason, "ApiInvalid");
    assert_eq!(enacted.outcomes.len(), 2);
    let applied = record
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("PATCH"));
    assert_eq!(applied.count(), 2);
}

/// What the caches show decides whether a second apply of the same is sent.
#[tokio::test]
async fn an_untouched_child_is_not_applied_again_and_a_touched_one_is() {
    let last = |fingerprint| Written::of("s1", "9", 1, fingerprint);
    let meta = |version: &str| {
        let object: PartialObjectMeta<Service> =
            serde_json::from_value(stored(version, Some("t1"), json!({}))).unwrap();
        object.metadata
    };
    let left = fingerprint(&meta("9"));
    let known = |version: &str| Look::Known(Box::new(meta(version)));
    assert!(is_untouched(&known("9"), Some(&last(left)), 1));
    assert!(is_untouched(&known("8"), Some(&last(left)), 1), "not seen yet");
    assert!(
        is_untouched(&Look::Absent(8), Some(&last(left)), 1),
        "not seen yet"
    );
    assert!(
        !is_untouched(&known("10"), Some(&last(left)), 1),
        "edited by hand"
    );
    assert!(!is_untouched(&Look::Absent(12), Some(&last(left)), 1), "deleted");
    assert!(!is_untouched(&known("9"), Some(&last(left)), 2), "other desire");
    assert!(!is_untouched(&known("9"), None, 1), "after a restart");
}

fn target() -> Target {
    Target {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        plural: "pods".to_owned(),
        namespace: "ns".to_owned(),
        name: "store-p0-0".to_owned(),
        uid: "p1".to_owned(),
        resource_version: Some("7".to_owned()),
    }
}

fn delete() -> Step {
    Step::Delete(
        target(),
        Why {
            reason: "Replaced",
            message: "outdated".to_owned(),
        },
    )
}

#[tokio::test]
async fn a_deletion_names_the_very_object_and_version() {
    let (env, record) = server(|_| {
        Answer::Json(
            200,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}),
        )
    });
    let kit = Kit::new(&env, "pool");
    let enacted = kit.enact(&tenant(), vec![delete()]).await;
    assert!(enacted.changed(), "{enacted:?}");
    let asked = &record.all()[0];
    assert_eq!(asked.line(), "DELETE /api/v1/namespaces/ns/pods/store-p0-0");
    assert_eq!(
        asked.body["preconditions"],
        json!({"uid": "p1", "resourceVersion": "7"})
    );
    assert_eq!(asked.body["propagationPolicy"], "Background");
}

#[tokio::test]
async fn what_is_gone_needs_no_deletion_and_what_changed_is_decided_again() {
    let (env, _) = server(|_| refusal(404, "NotFound", "gone"));
    let enacted = Kit::new(&env, "pool").enact(&tenant(), vec![delete()]).await;
    assert_eq!(enacted.outcomes[0].result, Ok(false));
    let (env, _) = server(|_| refusal(409, "Conflict", "the UID in the precondition does not match"));
    let enacted = Kit::new(&env, "pool").enact(&tenant(), vec![delete()]).await;
    let failure = enacted.failure().unwrap();
    assert_eq!((failure.reason, failure.transient), ("ApiConflict", true));
}

#[tokio::test]
async fn a_finalizer_is_put_on_at_the_version_that_was_read_and_only_once() {
    let (env, record) = server(|_| Answer::Json(200, stored("6", None, json!({}))));
    let kit = Kit::new(&env, "tenant");
    let mut object = tenant();
    kit.enact(&object, vec![Step::Hold("a/b")]).await;
    let asked = &record.all()[0];
    assert_eq!(
        asked.body["metadata"],
        json!({"uid": "t1", "resourceVersion": "5", "finalizers": ["a/b"]})
    );
    object.metadata.finalizers = Some(vec!["other".to_owned(), "a/b".to_owned()]);
    let held = kit.enact(&object, vec![Step::Hold("a/b")]).await;
    assert_eq!(held.outcomes[0].result, Ok(false));
    kit.enact(&object, vec![Step::Release("a/b")]).await;
    assert_eq!(record.all()[1].body["metadata"]["finalizers"], json!(["other"]));
}

#[tokio::test]
async fn an_object_of_another_controller_is_not_adopted() {
    let pod = |owner: Option<&str>| {
        let mut object = stored("7", owner, json!({}));
        object["metadata"]["uid"] = json!("p1");
        object
    };
    let other = pod(Some("x"));
    let (env, _) = server(move |_| Answer::Json(200, other.clone()));
    let enacted = Kit::new(&env, "tenant")
        .enact(&tenant(), vec![Step::Adopt(target())])
        .await;
    assert_eq!(enacted.failure().unwrap().reason, "AdoptionConflict");
    let free = pod(None);
    let (env, record) = server(move |_| Answer::Json(200, free.clone()));
    let enacted = Kit::new(&env, "tenant")
        .enact(&tenant(), vec![Step::Adopt(target())])
        .await;
    assert!(enacted.changed());
    let metadata = record.all()[1].body["metadata"].clone();
    assert_eq!(metadata["uid"], "p1");
    assert_eq!(metadata["resourceVersion"], "7");
    assert_eq!(metadata["ownerReferences"][0]["uid"], "t1");
    assert_eq!(metadata["labels"][crds::names::LABEL_TENANT], "store");
}
