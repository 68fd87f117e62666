//! From the wish for larger volumes to volumes that are.

use super::*;
use crate::pool::growth::{Expansion, Made, classes, concerns};
use crate::step::{Failure, Outcome};

fn larger(size: &str) -> Pool {
    let mut pool = pool();
    pool.spec.volume_claim.size = object(json!(size));
    pool
}

/// Servers that run on volumes of 100Gi, with the StatefulSet read whole.
fn small() -> Observed {
    let mut observed = serving();
    observed.made = applied(&plan(&pool(), &observed)).and_then(Made::read);
    observed.classes = [("fast".to_owned(), Expansion::Allowed)].into();
    observed
}

fn change(observed: &mut Observed, ordinal: usize, change: impl Fn(&mut PersistentVolumeClaim)) {
    let mut claim = observed.claims[ordinal].as_ref().clone();
    change(&mut claim);
    observed.claims[ordinal] = Arc::new(claim);
}

fn ask(claim: &mut PersistentVolumeClaim, size: &str) {
    claim.spec = Some(object(
        json!({"storageClassName": "fast", "resources": {"requests": {"storage": size}}}),
    ));
}

fn get(claim: &mut PersistentVolumeClaim, size: &str, conditions: &Value) {
    claim.status = Some(object(
        json!({"phase": "Bound", "capacity": {"storage": size}, "conditions": conditions}),
    ));
}

/// All claims ask for this much, and have it or not.
pub(super) fn asking(size: &str, reached: bool) -> Observed {
    let mut observed = small();
    for ordinal in 0..8 {
        change(&mut observed, ordinal, |claim| {
            ask(claim, size);
            get(claim, if reached { size } else { "100Gi" }, &json!([]));
        });
    }
    observed
}

fn grown(plan: &Plan) -> Vec<String> {
    let targets = plan.steps.iter().filter_map(|step| match step {
        Step::Grow(target, size, _) => Some(format!("{} {}", target.name, size.0)),
        _ => None,
    });
    targets.collect()
}

fn set_size(plan: &Plan) -> Option<String> {
    let claims = applied(plan)?.spec.clone()?.volume_claim_templates?;
    let requests = claims[0].spec.clone()?.resources?.requests?;
    Some(requests["storage"].0.clone())
}

#[test]
fn every_claim_is_told_to_grow_as_it_was_seen_while_the_stateful_set_stays() {
    let plan = plan(&larger("200Gi"), &small());
    assert_eq!(grown(&plan).len(), 8);
    assert_eq!(grown(&plan)[0], "data-0-shop-ssd-0 200Gi");
    let Some(Step::Grow(target, ..)) = plan.steps.last() else {
        panic!("nothing grows");
    };
    assert_eq!(target.uid, "data-1-shop-ssd-3-uid");
    assert_eq!(target.resource_version.as_deref(), Some("6"));
    assert_eq!(set_size(&plan).as_deref(), Some("100Gi"));
    assert_eq!(deleted(&plan), Vec::<String>::new());
    let status = reported(&larger("200Gi"), &small());
    assert_eq!(says(&status, "StorageReady"), "False VolumesGrowing");
    assert_eq!(says(&status, "Reconciling"), "True VolumesGrowing");
}

#[test]
fn a_claim_that_a_person_made_larger_is_left_alone() {
    let mut observed = small();
    change(&mut observed, 3, |claim| ask(claim, "300Gi"));
    let grown = grown(&plan(&larger("200Gi"), &observed));
    assert_eq!(grown.len(), 7);
    assert!(
        !grown.iter().any(|name| name.starts_with("data-1-shop-ssd-1 ")),
        "{grown:?}"
    );
}

#[test]
fn claims_of_others_and_claims_that_are_not_bound_are_not_told() {
    let mut observed = small();
    change(&mut observed, 0, |claim| claim.metadata.labels = None);
    change(&mut observed, 1, |claim| {
        let labels = claim.metadata.labels.as_mut().unwrap();
        labels.insert("storage.rustfs.com/pool".to_owned(), "hdd".to_owned());
    });
    change(&mut observed, 2, |claim| {
        claim.status = Some(object(json!({"phase": "Pending"})))
    });
    assert_eq!(grown(&plan(&larger("200Gi"), &observed)).len(), 5);
}

#[test]
fn where_one_class_forbids_it_nothing_grows_and_servers_are_still_cared_for() {
    for (class, says_why) in [
        (Expansion::Forbidden, "StorageClass fast does not allow it"),
        (Expansion::Missing, "StorageClass fast does not exist"),
    ] {
        let mut observed = small();
        observed.classes = [("fast".to_owned(), class)].into();
        let plan = plan(&larger("200Gi"), &observed);
        assert_eq!(grown(&plan), Vec::<String>::new());
        assert_eq!(deleted(&plan), Vec::<String>::new());
        assert_eq!(set_size(&plan).as_deref(), Some("100Gi"));
        assert!(plan.requeue.is_some(), "no watch tells of a class");
        let status = reported(&larger("200Gi"), &observed);
        assert_eq!(says(&status, "StorageReady"), "False ExpansionNotSupported");
        assert_eq!(says(&status, "Stalled"), "True ExpansionNotSupported");
        assert_eq!(says(&status, "WorkloadReady"), "True ServersReady");
        let text = message(&status, "StorageReady");
        assert!(
            text.starts_with("spec.volumeClaim.size: ") && text.contains(says_why),
            "{text}"
        );
    }
}

#[test]
fn a_class_that_may_not_be_read_is_left_to_the_api_server() {
    let mut observed = small();
    observed.classes = [("fast".to_owned(), Expansion::Unreadable)].into();
    let plan = plan(&larger("200Gi"), &observed);
    assert_eq!(grown(&plan).len(), 8);
    let refused = Outcome {
        action: "grow PersistentVolumeClaim data-0-shop-ssd-0".to_owned(),
        result: Err(Failure {
            reason: "ApiForbidden",
            message: "only dynamically provisioned pvc can be resized".to_owned(),
            transient: false,
        }),
    };
    let done = Outcome {
        action: String::new(),
        result: Ok(false),
    };
    let first = plan
        .steps
        .iter()
        .position(|step| matches!(step, Step::Grow(..)))
        .unwrap();
    let mut outcomes = vec![done; first];
    outcomes.push(refused);
    let status = status(&larger("200Gi"), &observed, &plan, &Enacted { outcomes }, now());
    assert_eq!(says(&status, "StorageReady"), "False ApiForbidden");
    assert_eq!(says(&status, "WorkloadReady"), "True ServersReady");
    assert_eq!(says(&status, "Stalled"), "True ApiForbidden");
}

#[test]
fn the_stateful_set_goes_without_its_servers_once_all_claims_ask_for_enough() {
    let plan = plan(&larger("200Gi"), &asking("200Gi", false));
    let Some(Step::Orphan(target, _)) = plan.steps.last() else {
        panic!("{:?}", plan.steps);
    };
    assert_eq!(
        (target.name.as_str(), target.uid.as_str()),
        ("shop-ssd", "set-uid")
    );
    assert_eq!(target.resource_version.as_deref(), Some("4"));
    assert_eq!(deleted(&plan), ["StatefulSet shop-ssd"]);
    assert!(applied(&plan).is_none(), "it is made again when it is gone");
}

#[test]
fn a_stateful_set_stays_while_a_claim_of_its_pool_is_not_seen() {
    let mut observed = asking("200Gi", false);
    observed.claims.pop();
    let plan = plan(&larger("200Gi"), &observed);
    assert_eq!(deleted(&plan), Vec::<String>::new());
    assert_eq!(set_size(&plan).as_deref(), Some("100Gi"));
}

#[test]
fn while_the_stateful_set_goes_nothing_is_applied_and_no_server_is_replaced() {
    let mut observed = asking("200Gi", false);
    let mut tenant = tenant();
    tenant.spec.image = Some("rustfs/rustfs:1.0.2".to_owned());
    observed.tenant = Some(Arc::new(tenant));
    let set = applied(&plan(&larger("100Gi"), &observed)).cloned().unwrap();
    let mut going = metadata(set);
    going.metadata.deletion_timestamp = Some(object(json!("2026-01-01T00:00:00Z")));
    observed.stateful_set = Some(Arc::new(going));
    let plan = plan(&larger("200Gi"), &observed);
    assert!(applied(&plan).is_none());
    assert_eq!(deleted(&plan), Vec::<String>::new());
    let status = reported(&larger("200Gi"), &observed);
    assert_eq!(says(&status, "StorageReady"), "False VolumesGrowing");
    assert_eq!(status.servers, 4);
}

#[test]
fn a_server_that_is_being_replaced_keeps_its_stateful_set() {
    let mut observed = asking("200Gi", true);
    let mut tenant = tenant();
    tenant.spec.image = Some("rustfs/rustfs:1.0.2".to_owned());
    observed.tenant = Some(Arc::new(tenant));
    let set = applied(&plan(&larger("100Gi"), &observed)).cloned().unwrap();
    observed.stateful_set = Some(Arc::new(metadata(set)));
    assert_eq!(deleted(&plan(&larger("100Gi"), &observed)), ["Pod shop-ssd-3"]);
    let deleted = deleted(&plan(&larger("200Gi"), &observed));
    assert_eq!(deleted, ["Pod shop-ssd-3"]);
}

#[test]
fn the_stateful_set_comes_back_larger_with_the_same_servers() {
    let mut observed = asking("200Gi", true);
    let before = applied(&plan(&pool(), &observed)).cloned().unwrap();
    observed.stateful_set = None;
    observed.made = None;
    let plan = plan(&larger("200Gi"), &observed);
    assert_eq!(set_size(&plan).as_deref(), Some("200Gi"));
    assert_eq!(
        applied(&plan).cloned().unwrap().spec.unwrap().template,
        before.spec.unwrap().template,
        "no server is outdated by it"
    );
    assert_eq!(deleted(&plan), Vec::<String>::new());
}

#[test]
fn volumes_that_have_not_grown_yet_are_named_with_what_they_wait_for() {
    let mut observed = asking("200Gi", true);
    let none = Observed {
        stateful_set: None,
        ..observed.clone()
    };
    let set = applied(&plan(&larger("200Gi"), &none)).cloned().unwrap();
    observed.stateful_set = Some(Arc::new(metadata(set)));
    observed.made = None;
    let fine = reported(&larger("200Gi"), &observed);
    assert_eq!(says(&fine, "StorageReady"), "True Bound");
    assert_eq!(fine.volume_size.map(|size| size.0).as_deref(), Some("200Gi"));
    let conditions = json!([{"type": "FileSystemResizePending", "status": "True"}]);
    change(&mut observed, 3, |claim| get(claim, "100Gi", &conditions));
    let failed = json!([{"type": "ControllerResizeError", "status": "True", "message": "the disk is gone"}]);
    change(&mut observed, 4, |claim| get(claim, "100Gi", &failed));
    let status = reported(&larger("200Gi"), &observed);
    assert_eq!(says(&status, "StorageReady"), "False VolumesGrowing");
    let text = message(&status, "StorageReady");
    assert!(
        text.starts_with("2 volumes have not reached 200Gi yet: data-0-shop-ssd-2 has 100Gi"),
        "{text}"
    );
    assert!(
        text.contains("data-1-shop-ssd-1 has 100Gi (FileSystemResizePending"),
        "{text}"
    );
    assert!(text.contains("delete Pod shop-ssd-1 "), "{text}");
    assert!(text.contains("the disk is gone"), "{text}");
    assert_eq!(status.volume_size.map(|size| size.0).as_deref(), Some("100Gi"));
}

#[test]
fn nothing_grows_while_the_tenant_is_paused_or_the_pool_goes() {
    let mut observed = small();
    let mut paused = tenant();
    paused.spec.paused = true;
    observed.tenant = Some(Arc::new(paused));
    assert_eq!(plan(&larger("200Gi"), &observed).steps, Vec::new());
    let mut pool = larger("200Gi");
    pool.metadata.deletion_timestamp = Some(object(json!("2026-01-01T00:00:00Z")));
    for observed in [small(), asking("200Gi", true)] {
        let plan = plan(&pool, &observed);
        assert_eq!(grown(&plan), Vec::<String>::new());
        assert_eq!(deleted(&plan), Vec::<String>::new());
        assert_eq!(set_size(&plan).as_deref(), Some("100Gi"));
    }
}

#[test]
fn the_same_size_in_other_words_changes_nothing() {
    let pool = larger("102400Mi");
    let observed = small();
    assert!(concerns(&pool, observed.stateful_set.as_ref().unwrap()));
    let plan = plan(&pool, &observed);
    assert_eq!(grown(&plan), Vec::<String>::new());
    assert_eq!(deleted(&plan), Vec::<String>::new());
    assert_eq!(set_size(&plan).as_deref(), Some("102400Mi"));
    assert_eq!(says(&reported(&pool, &observed), "StorageReady"), "True Bound");
}

#[test]
fn what_else_has_changed_of_the_claims_is_refused_with_the_growth() {
    let mut pool = larger("200Gi");
    pool.spec
        .volume_claim
        .labels
        .insert("team".to_owned(), "b".to_owned());
    let status = reported(&pool, &small());
    assert_eq!(says(&status, "StorageReady"), "False VolumesImmutable");
    assert_eq!(
        says(&reported(&larger("50Gi"), &small()), "StorageReady"),
        "False VolumesImmutable"
    );
}

#[test]
fn only_classes_of_claims_that_must_grow_are_read() {
    assert!(classes(&pool(), &small()).is_empty());
    assert!(classes(&larger("200Gi"), &asking("200Gi", false)).is_empty());
    assert_eq!(
        classes(&larger("200Gi"), &small())
            .into_iter()
            .collect::<Vec<_>>(),
        ["fast"]
    );
}

#[test]
fn servers_left_without_a_stateful_set_go_with_their_pool() {
    let mut pool = larger("200Gi");
    pool.metadata.deletion_timestamp = Some(object(json!("2026-01-01T00:00:00Z")));
    pool.metadata.finalizers = Some(vec![crds::names::FINALIZER_POOL.to_owned()]);
    let mut observed = asking("200Gi", true);
    observed.tenant = None;
    observed.stateful_set = None;
    assert_eq!(
        plan(&pool, &observed).steps,
        Vec::new(),
        "those of a StatefulSet go with it"
    );
    for pod in &mut observed.pods {
        let mut orphan = pod.as_ref().clone();
        orphan.metadata.owner_references = None;
        *pod = Arc::new(orphan);
    }
    let plan = plan(&pool, &observed);
    assert_eq!(deleted(&plan).len(), 4);
    assert!(!plan.steps.iter().any(|step| matches!(step, Step::Release(_))));
}
