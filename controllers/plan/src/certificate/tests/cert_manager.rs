use crds::TenantCertificate;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::made::*;
use crate::certificate::cert_manager::Certificate;
use crate::certificate::held::{Held, Part};
use crate::certificate::{Copy, Observed, Plan, Request, Work, plan, status};
use crate::condition::Overall;
use crate::meta;
use crate::step::{Child, Step};

fn asking() -> TenantCertificate {
    certificate(json!({"issuer": {"certManager": {"issuerRef": {"name": "corp"}}}}))
}

/// What cert-manager says: the conditions of the Certificate it was asked for.
fn said(conditions: Value) -> Certificate {
    let plan = plan(&asking(), &unasked(), now());
    let mut asked = serde_json::to_value(requested(&plan)).unwrap();
    asked["metadata"]["uid"] = "c-1".into();
    asked["metadata"]["generation"] = 2.into();
    asked["spec"]["unknown"] = json!({"to": "us"});
    asked["status"] =
        json!({"conditions": conditions, "renewalTime": (now() + days(30)).to_string(), "revision": 2});
    serde_json::from_value(asked).unwrap()
}

fn condition(type_: &str, status: &str, reason: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": "its words", "observedGeneration": 2})
}

fn ready() -> Certificate {
    said(json!([condition("Ready", "True", "Ready")]))
}

fn requested(plan: &Plan) -> &kube::core::DynamicObject {
    match plan.steps.as_slice() {
        [Step::Apply(child)] => match &**child {
            Child::Dynamic(request) => request,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// A cluster with cert-manager that nobody has asked for anything.
fn unasked() -> Observed {
    Observed {
        request: Request {
            served: true,
            ..Request::default()
        },
        ..observed(None, None)
    }
}

/// One in which it has written this.
fn with(held: Option<Held>, issued: Option<Held>) -> Observed {
    let mut observed = unasked();
    observed.held = held;
    observed.issued = issued.map(|issued| Held {
        name: "site-issued".into(),
        ..issued
    });
    observed.request.seen = Some(ready());
    observed
}

fn at(observed: &Observed, now: Timestamp) -> Plan {
    plan(&asking(), observed, now)
}

fn copy(plan: &Plan) -> &Copy {
    match &plan.work {
        Work::Copy(copy) => copy,
        other => panic!("{other:?}"),
    }
}

fn told(plan: &Plan) -> (&str, &str, &str) {
    match &plan.overall {
        Overall::Ready { message } => ("Ready", "", message),
        Overall::Working { reason, message } => ("Working", reason, message),
        Overall::Stuck { reason, message } => ("Stuck", reason, message),
    }
}

#[test]
fn cert_manager_is_asked_for_what_the_spec_says() {
    let certificate = certificate(json!({
        "issuer": {"certManager": {"issuerRef": {"name": "corp", "kind": "ClusterIssuer"}}},
        "duration": "720h", "renewBefore": "1m", "privateKey": {"algorithm": "RSA", "size": 4096},
        "additionalDnsNames": ["s3.example.com"], "additionalIpAddresses": ["192.0.2.7"],
    }));
    let plan = plan(&certificate, &with(None, None), now());
    insta::assert_yaml_snapshot!(requested(&plan));
}

#[test]
fn without_cert_manager_it_says_so_and_asks_for_nothing() {
    let mut observed = with(None, None);
    observed.request = Request::default();
    let plan = at(&observed, now());
    let (state, reason, message) = told(&plan);
    assert_eq!((state, reason), ("Working", "CertManagerMissing"));
    assert!(message.starts_with("spec.issuer.certManager: "), "{message}");
    assert_eq!((&plan.work, plan.steps.len()), (&Work::None, 0));
}

#[test]
fn until_cert_manager_has_issued_its_own_words_are_told() {
    let mut observed = with(None, None);
    observed.request.seen = Some(said(json!([
        condition("Ready", "False", "DoesNotExist"),
        condition("Issuing", "False", "Failed"),
    ])));
    let plan = at(&observed, now());
    let (state, reason, message) = told(&plan);
    assert_eq!((state, reason), ("Working", "CertManagerPending"));
    assert!(message.contains("it says Failed: its words"), "{message}");
    assert_eq!(plan.work, Work::None);
    let unasked = at(&unasked(), now());
    assert_eq!(
        (told(&unasked).0, told(&unasked).1),
        ("Working", "CertManagerPending")
    );
}

#[test]
fn what_it_has_issued_is_handed_over_and_then_there_is_nothing_to_do() {
    let corp = root("corp");
    let issued = held(&leaf(&corp), &[], &[&corp]);
    let first = at(&with(None, Some(issued.clone())), now());
    assert_eq!(copy(&first).roots.certs, [corp.cert]);
    let last = at(&with(Some(issued.clone()), Some(issued)), now());
    assert_eq!((told(&last).0, &last.work), ("Ready", &Work::None));
    assert_eq!((last.renewal, last.steps.len()), (Some(now() + days(30)), 0));
}

#[test]
fn a_renewal_that_does_not_come_is_told_in_time() {
    let corp = root("corp");
    let same = held(&leaf(&corp), &[], &[&corp]);
    let mut observed = with(Some(same.clone()), Some(same));
    let failed = said(json!([
        condition("Ready", "True", "Ready"),
        condition("Issuing", "False", "Failed")
    ]));
    for seen in [ready(), failed] {
        observed.request.seen = Some(seen);
        let late = at(&observed, now() + days(30) + SignedDuration::from_hours(2));
        assert_eq!((told(&late).0, &late.work), ("Ready", &Work::None));
        assert!(
            told(&late).2.contains("could not be renewed"),
            "{}",
            told(&late).2
        );
        let later = at(&observed, now() + days(60));
        assert_eq!(
            (told(&later).0, told(&later).1),
            ("Working", "CertManagerPending")
        );
        assert_eq!(later.issued.status.as_str(), "True");
    }
    let begun = said(json!([
        condition("Ready", "True", "Ready"),
        condition("Issuing", "True", "Renewing")
    ]));
    observed.request.seen = Some(begun);
    let soon = at(&observed, now() + days(30));
    assert!(!told(&soon).2.contains("renewed"), "{}", told(&soon).2);
}

#[test]
fn what_is_asked_for_anew_is_waited_for_and_what_there_is_serves_on() {
    let corp = root("corp");
    let same = held(&leaf(&corp), &[], &[&corp]);
    let mut observed = with(Some(same.clone()), Some(same));
    let mut old = condition("Ready", "True", "Ready");
    old["observedGeneration"] = 1.into();
    let lagging = said(json!([old]));
    let unfit = said(json!([condition("Ready", "False", "SecretMismatch")]));
    let mut other = ready();
    other.spec.issuer_ref.name = "before".into();
    for seen in [lagging, unfit, other] {
        observed.request.seen = Some(seen);
        let plan = at(&observed, now());
        assert_eq!((told(&plan).0, told(&plan).1), ("Working", "CertManagerPending"));
        assert_eq!((plan.issued.status.as_str(), &plan.work), ("True", &Work::None));
    }
    let named = certificate(json!({
        "issuer": {"certManager": {"issuerRef": {"name": "corp"}}}, "additionalDnsNames": ["s3.example.com"],
    }));
    observed.request.seen = Some(ready());
    let plan = plan(&named, &observed, now());
    assert_eq!((told(&plan).0, told(&plan).1), ("Working", "CertManagerPending"));
}

#[test]
fn a_key_is_kept_only_while_it_is_of_the_kind_that_is_asked_for() {
    let corp = root("corp");
    let issued = held(&leaf(&corp), &[], &[&corp]);
    let policy = |key: Value| {
        let issuer = json!({"certManager": {"issuerRef": {"name": "other"}}});
        let asked = certificate(json!({"issuer": issuer, "privateKey": key}));
        let plan = plan(&asked, &with(None, Some(issued.clone())), now());
        requested(&plan).data["spec"]["privateKey"]["rotationPolicy"].clone()
    };
    assert_eq!(policy(json!({"rotationPolicy": "Never"})), "Never");
    assert_eq!(policy(json!({"rotationPolicy": "Never", "size": 384})), "Always");
}

#[test]
fn a_renewal_from_the_same_root_is_handed_over_at_once() {
    let corp = root("corp");
    let old = held(&leaf(&corp), &[], &[&corp]);
    let new = held(&leaf(&corp), &[], &[&corp]);
    let plan = at(&with(Some(old), Some(new)), now());
    let copy = copy(&plan);
    assert_eq!((copy.roots.certs.len(), copy.roots.old_until), (1, None));
}

#[test]
fn a_new_root_reaches_every_server_before_the_certificate_that_needs_it() {
    let (old, new) = (root("corp"), root("corp-2"));
    let has = held(&leaf(&old), &[], &[&old]);
    let mut observed = with(Some(has.clone()), Some(held(&leaf(&new), &[], &[&new])));
    let announce = at(&observed, now());
    let Work::Rewrite(roots) = &announce.work else {
        panic!("{:?}", announce.work)
    };
    assert_eq!(roots.certs, [new.cert.clone(), old.cert.clone()]);
    assert_eq!(told(&announce).0, "Ready");

    observed.held = Some(announced(&has, roots));
    let early = at(&observed, now() + SignedDuration::from_mins(4));
    assert_eq!(
        (&early.work, early.wake_at),
        (&Work::None, Some(now() + SignedDuration::from_mins(5)))
    );
    let then = at(&observed, now() + SignedDuration::from_mins(5));
    assert_eq!(copy(&then).roots.old_until, Some(has.leaf().unwrap().not_after));
}

#[test]
fn what_servers_cannot_use_is_not_handed_over() {
    let corp = root("corp");
    let good = held(&leaf(&corp), &[], &[&corp]);
    let rootless = Held {
        roots: Part::Missing,
        ..good.clone()
    };
    let plan = at(&with(None, Some(rootless.clone())), now());
    assert_eq!(
        (told(&plan).0, told(&plan).1, &plan.work),
        ("Stuck", "RootsMissing", &Work::None)
    );
    let plan = at(&with(Some(good.clone()), Some(rootless.clone())), now());
    assert_eq!((told(&plan).0, &plan.work), ("Ready", &Work::None));
    assert!(
        told(&plan).2.contains("could not be renewed"),
        "{}",
        told(&plan).2
    );
    let late = at(&with(Some(good), Some(rootless)), now() + days(60));
    assert_eq!((told(&late).0, told(&late).1), ("Stuck", "RootsMissing"));
}

#[test]
fn a_secret_of_someone_else_is_not_given_to_cert_manager() {
    let corp = root("corp");
    let foreign = Held {
        ours: false,
        ..held(&leaf(&corp), &[], &[&corp])
    };
    let plan = at(&with(None, Some(foreign)), now());
    assert_eq!(
        (told(&plan).1, plan.steps.len(), &plan.work),
        ("NameTaken", 0, &Work::None)
    );
    assert!(told(&plan).2.contains("site-issued"), "{}", told(&plan).2);

    let good = held(&leaf(&corp), &[], &[&corp]);
    let mut observed = with(Some(good), None);
    let request = observed.request.seen.as_mut().unwrap();
    request.metadata.owner_references.as_mut().unwrap()[0].uid = "another".into();
    let plan = at(&observed, now());
    assert_eq!((told(&plan).0, plan.steps.len()), ("Ready", 0));
    assert!(
        told(&plan).2.contains("Certificate 'site' exists"),
        "{}",
        told(&plan).2
    );
}

#[test]
fn the_secret_of_cert_manager_is_made_to_go_with_the_object_that_asked() {
    let corp = root("corp");
    let mut observed = with(None, Some(held(&leaf(&corp), &[], &[&corp])));
    let orphan = meta::target(&tenant());
    observed.request.orphan = Some(orphan.clone());
    let plan = at(&observed, now());
    assert_eq!(plan.steps.last(), Some(&Step::Adopt(orphan)));
}

#[test]
fn another_issuer_takes_over_and_nothing_is_asked_of_cert_manager_any_more() {
    let (corp, ca) = (root("corp"), root("own"));
    let mut observed = observed(Some(held(&leaf(&corp), &[], &[&corp])), Some(held_ca(&ca)));
    let left = meta::target(&tenant());
    observed.request.leftovers = vec![left.clone()];
    let plan = plan(&own(), &observed, now());
    assert!(
        matches!(plan.steps.as_slice(), [Step::Delete(target, _)] if *target == left),
        "{:?}",
        plan.steps
    );
    assert!(matches!(plan.work, Work::Rewrite(_)), "{:?}", plan.work);
}

#[test]
fn a_paused_tenant_asks_for_nothing() {
    let mut observed = unasked();
    observed.tenant.as_mut().unwrap().spec.paused = true;
    let plan = at(&observed, now());
    assert_eq!((told(&plan).1, plan.steps.len()), ("Paused", 0));
}

#[test]
fn a_failed_request_is_told_in_the_status() {
    let corp = root("corp");
    let observed = with(None, Some(held(&leaf(&corp), &[], &[&corp])));
    let plan = at(&observed, now());
    let failure = crate::step::Failure {
        reason: "NameTaken",
        message: "Certificate site belongs to someone else".into(),
        transient: false,
    };
    let status = status(&asking(), &observed, &plan, Some(&failure), now());
    assert_eq!(stalled(&status), ("True", "NameTaken"));
}
