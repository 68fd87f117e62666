use crds::TenantCertificate;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::made::*;
use crate::certificate::held::{Held, Part};
use crate::certificate::{Observed, Order, Plan, Work, plan, status};
use crate::condition::Overall;

fn decide(certificate: &TenantCertificate, observed: &Observed) -> Plan {
    plan(certificate, observed, now())
}

fn order(plan: Plan) -> Order {
    match plan.work {
        Work::Issue(order) => *order,
        other => panic!("{other:?}"),
    }
}

fn good() -> (Party, Held) {
    let root = root("own");
    let held = held(&leaf(&root), &[], &[&root]);
    (root, held)
}

fn reason(plan: &Plan) -> (&'static str, &str) {
    match &plan.overall {
        Overall::Ready { .. } => ("Ready", ""),
        Overall::Working { reason, .. } => ("Working", reason),
        Overall::Stuck { reason, .. } => ("Stuck", reason),
    }
}

#[test]
fn it_waits_for_its_tenant_and_for_the_names() {
    let nothing = decide(&own(), &Observed::default());
    assert_eq!(
        (reason(&nothing), &nothing.work),
        (("Working", "TenantMissing"), &Work::None)
    );
    let mut observed = observed(None, None);
    observed.tenant.as_mut().unwrap().status = None;
    let nameless = decide(&own(), &observed);
    assert_eq!(
        (reason(&nameless), &nameless.work),
        (("Working", "NamesUnknown"), &Work::None)
    );
}

#[test]
fn first_a_ca_is_made_then_a_certificate_then_nothing() {
    let first = decide(&own(), &observed(None, None));
    assert!(matches!(first.work, Work::MakeCa(_)));
    let ca = root("own");
    let order = order(decide(&own(), &observed(None, Some(held_ca(&ca)))));
    assert_eq!(order.why.reason, "SecretMissing");
    assert_eq!(order.not_after.duration_since(now()), days(90));
    assert_eq!(
        now().duration_since(order.not_before),
        SignedDuration::from_mins(10)
    );
    assert_eq!(order.roots.certs, [ca.cert]);
    let (root, held) = good();
    let last = decide(&own(), &observed(Some(held), Some(held_ca(&root))));
    assert_eq!((reason(&last), &last.work), (("Ready", ""), &Work::None));
    assert_eq!(last.wake_at, last.renewal);
}

#[test]
fn what_was_edited_by_hand_is_put_right() {
    let (root, good) = good();
    type Edit = fn(&mut Held);
    let edits: [(&str, Edit); 6] = [
        ("a copy", |held| held.copies_agree = false),
        ("a label", |held| held.labels.clear()),
        ("the annotations", |held| held.annotations.clear()),
        ("the owner", |held| held.orphan = true),
        ("one more root", |held| {
            let Part::Read(roots) = &mut held.roots else {
                panic!()
            };
            roots.push(super::made::root("smuggled").cert);
        }),
        ("an instant", |held| {
            held.annotations.insert(
                "storage.rustfs.com/old-roots-until".into(),
                "9999-01-01T00:00:00Z".into(),
            );
        }),
    ];
    for (what, edit) in edits {
        let mut held = good.clone();
        edit(&mut held);
        let work = decide(&own(), &observed(Some(held), Some(held_ca(&root)))).work;
        let Work::Rewrite(roots) = work else {
            panic!("{what}: {work:?}")
        };
        assert_eq!(roots.certs.len(), 1, "{what}");
        assert_eq!(roots.certs[0], root.cert, "{what}");
    }
    let mut held = good.clone();
    held.key = Part::Missing;
    assert_eq!(
        order(decide(&own(), &observed(Some(held), Some(held_ca(&root)))))
            .why
            .reason,
        "KeyMissing"
    );
}

#[test]
fn an_own_ca_gets_its_owner_and_labels_back_and_stays_the_same() {
    let (root, held) = good();
    let edits: [fn(&mut Held); 2] = [|ca| ca.orphan = true, |ca| ca.labels.clear()];
    for edit in edits {
        let mut ca = held_ca(&root);
        edit(&mut ca);
        let plan = decide(&own(), &observed(Some(held.clone()), Some(ca)));
        assert_eq!((reason(&plan), &plan.work), (("Ready", ""), &Work::RewriteCa));
    }
}

#[test]
fn secrets_of_others_are_left_alone() {
    let (root, held) = good();
    let foreign = Held {
        ours: false,
        ..held.clone()
    };
    let plan = decide(&own(), &observed(Some(foreign), Some(held_ca(&root))));
    assert_eq!((reason(&plan), &plan.work), (("Stuck", "NameTaken"), &Work::None));
    let foreign_ca = Held {
        ours: false,
        ..held_ca(&root)
    };
    let plan = decide(&own(), &observed(Some(held), Some(foreign_ca)));
    assert_eq!((reason(&plan), &plan.work), (("Stuck", "NameTaken"), &Work::None));
}

#[test]
fn a_paused_tenant_gets_nothing_written() {
    let mut observed = observed(None, None);
    observed.tenant.as_mut().unwrap().spec.paused = true;
    let plan = decide(&own(), &observed);
    assert_eq!((reason(&plan), &plan.work), (("Working", "Paused"), &Work::None));
}

#[test]
fn a_key_is_kept_if_asked_and_as_long_as_it_fits() {
    let (root, _) = good();
    let old = super::made::held(&leaf_at(&root, now() - days(80), |_| {}), &[], &[&root]);
    let keeps = |key: serde_json::Value| {
        let certificate = certificate(json!({"issuer": {"selfSigned": {}}, "privateKey": key}));
        order(decide(
            &certificate,
            &observed(Some(old.clone()), Some(held_ca(&root))),
        ))
        .keep_key
    };
    assert!(keeps(json!({"rotationPolicy": "Never"})));
    assert!(!keeps(json!({"rotationPolicy": "Always"})));
    assert!(!keeps(json!({"rotationPolicy": "Never", "size": 384})));
}

#[test]
fn a_new_root_is_trusted_everywhere_before_anything_needs_it() {
    let (old, held) = good();
    let new = root("own-2");
    let changed =
        |held: &Held, now: Timestamp| plan(&own(), &observed(Some(held.clone()), Some(held_ca(&new))), now);
    let announce = changed(&held, now());
    let Work::Rewrite(roots) = &announce.work else {
        panic!("{:?}", announce.work)
    };
    assert_eq!(roots.certs, [new.cert.clone(), old.cert.clone()]);
    assert_eq!(reason(&announce), ("Ready", ""));

    let announced = announced(&held, roots);
    let waiting = changed(&announced, now() + SignedDuration::from_mins(4));
    assert_eq!(
        (&waiting.work, waiting.wake_at),
        (&Work::None, Some(now() + SignedDuration::from_mins(5)))
    );

    let order = order(changed(&announced, now() + SignedDuration::from_mins(5)));
    assert_eq!(order.why.reason, "IssuerChanged");
    assert_eq!(order.roots.certs, [new.cert.clone(), old.cert]);
    assert_eq!(order.roots.old_until, Some(held.leaf().unwrap().not_after));
}

#[test]
fn a_new_root_comes_first_whatever_else_is_asked_for_at_the_same_time() {
    let (old, held) = good();
    let new = root("own-2");
    for change in [
        json!({"duration": "720h"}),
        json!({"privateKey": {"algorithm": "RSA"}}),
        json!({"additionalDnsNames": ["s3.example.com"]}),
    ] {
        let mut spec = change.clone();
        spec["issuer"] = json!({"selfSigned": {}});
        let asked = certificate(spec);
        let at_once = decide(&asked, &observed(Some(held.clone()), Some(held_ca(&old))));
        assert!(
            matches!(at_once.work, Work::Issue(_)),
            "{change}: {:?}",
            at_once.work
        );
        let first = decide(&asked, &observed(Some(held.clone()), Some(held_ca(&new))));
        let Work::Rewrite(roots) = &first.work else {
            panic!("{change}: {:?}", first.work)
        };
        assert_eq!(roots.certs, [new.cert.clone(), old.cert.clone()], "{change}");
        assert_eq!(reason(&first), ("Working", "Issuing"), "{change}");
        let Overall::Working { message, .. } = &first.overall else {
            panic!("{change}")
        };
        assert!(message.contains("once all servers trust that"), "{message}");
        let announced = announced(&held, roots);
        let then = observed(Some(announced), Some(held_ca(&new)));
        let then = plan(&asked, &then, now() + SignedDuration::from_mins(5));
        assert!(matches!(then.work, Work::Issue(_)), "{change}: {:?}", then.work);
    }
}

#[test]
fn a_planned_new_root_is_used_at_the_next_renewal_only() {
    let (old, mut held) = good();
    let new = root("own-2");
    held.roots = Part::Read(vec![new.cert.clone(), old.cert.clone()]);
    let mut ca = held_ca(&new);
    ca.annotations
        .insert("storage.rustfs.com/replaces-root".into(), old.cert.fingerprint());
    let waiting = decide(&own(), &observed(Some(held.clone()), Some(ca.clone())));
    assert_eq!((&waiting.work, waiting.wake_at), (&Work::None, waiting.renewal));
    let due = plan(&own(), &observed(Some(held), Some(ca)), waiting.renewal.unwrap());
    assert!(matches!(due.work, Work::Issue(_)));
}

#[test]
fn an_old_root_goes_when_the_last_certificate_from_it_has_ended() {
    let (old, _) = good();
    let new = root("own-2");
    let mut held = super::made::held(&leaf(&new), &[], &[&new, &old]);
    let until = now() + days(5);
    held.annotations
        .insert("storage.rustfs.com/old-roots-until".into(), until.to_string());
    let ca = held_ca(&new);
    let kept = decide(&own(), &observed(Some(held.clone()), Some(ca.clone())));
    assert_eq!((&kept.work, kept.wake_at), (&Work::None, Some(until)));
    let gone = plan(&own(), &observed(Some(held), Some(ca)), until).work;
    let Work::Rewrite(roots) = gone else {
        panic!("{gone:?}")
    };
    assert_eq!((roots.certs, roots.old_until), (vec![new.cert], None));
}

fn from_given() -> TenantCertificate {
    certificate(json!({"issuer": {"ca": {"secretRef": {"name": "corp-ca"}}}}))
}

#[test]
fn a_certificate_stays_good_while_its_given_ca_is_away_until_it_is_due() {
    let (root, held) = good();
    let away = observed(Some(held), None);
    let plan_now = decide(&from_given(), &away);
    assert_eq!((reason(&plan_now), &plan_now.work), (("Ready", ""), &Work::None));
    let due = plan(&from_given(), &away, plan_now.renewal.unwrap());
    assert_eq!(
        (reason(&due), due.issued.status.as_str()),
        (("Working", "CaSecretMissing"), "True")
    );
    let ended = plan(&from_given(), &away, now() + days(81));
    assert_eq!(
        (reason(&ended), ended.issued.status.as_str()),
        (("Working", "CaSecretMissing"), "False")
    );
    drop(root);
}

#[test]
fn a_given_ca_that_cannot_issue_stalls_the_first_certificate() {
    let not_a_ca = leaf(&root("corp"));
    let plan = decide(&from_given(), &observed(None, Some(held_ca(&not_a_ca))));
    assert_eq!(
        (reason(&plan), &plan.work),
        (("Stuck", "CaUnusable"), &Work::None)
    );
}

fn brought() -> TenantCertificate {
    certificate(json!({"issuer": {"provided": {"secretRef": {"name": "brought"}}}}))
}

#[test]
fn a_provided_certificate_is_checked_and_never_written() {
    let root = root("public");
    // Longer than asked for, with more names: its own business.
    let leaf = leaf_at(&root, now() - days(1), |params| {
        params.not_after += std::time::Duration::from_secs(86_400 * 200);
    });
    let mut held = Held {
        ours: false,
        copies_agree: false,
        ..super::made::held(&leaf, &[], &[&root])
    };
    let good = decide(&brought(), &observed(Some(held.clone()), None));
    assert_eq!(
        (reason(&good), &good.work, good.renewal),
        (("Ready", ""), &Work::None, None)
    );
    let soon = plan(&brought(), &observed(Some(held.clone()), None), now() + days(250));
    assert_eq!(
        (reason(&soon), soon.issued.reason.as_str()),
        (("Ready", ""), "EndsSoon")
    );
    let ended = plan(&brought(), &observed(Some(held.clone()), None), now() + days(290));
    assert_eq!(reason(&ended), ("Stuck", "Expired"));
    held.roots = Part::Missing;
    let rootless = decide(&brought(), &observed(Some(held), None));
    assert_eq!(reason(&rootless), ("Stuck", "RootsMissing"));
    assert_eq!(
        rootless.issued.message,
        "Secret 'brought' (spec.issuer.provided.secretRef) has no key 'ca.crt'"
    );
    assert_eq!(
        reason(&decide(&brought(), &observed(None, None))),
        ("Working", "SecretMissing")
    );
}

#[test]
fn the_next_visit_is_just_after_the_next_instant_that_matters() {
    let (root, held) = good();
    let plan = decide(&own(), &observed(Some(held), Some(held_ca(&root))));
    let hours = SignedDuration::from_hours;
    assert_eq!(plan.requeue(now(), hours(6)).as_secs(), 6 * 3600 + 1);
    let before = plan.renewal.unwrap() - SignedDuration::from_secs(90);
    assert_eq!(plan.requeue(before, hours(6)).as_secs(), 91);
    assert_eq!(plan.requeue(now() + days(365), hours(6)).as_secs(), 1);
}

#[test]
fn the_status_tells_all_there_is_to_know() {
    let (root, held) = good();
    let seen = observed(Some(held), Some(held_ca(&root)));
    let plan = decide(&own(), &seen);
    let mut status = status(&own(), &seen, &plan, None, now());
    for random in [&mut status.revision, &mut status.serial] {
        assert!(random.as_ref().is_some_and(|hex| hex.len() >= 32));
        *random = Some("(hex)".into());
    }
    insta::assert_yaml_snapshot!(status);
}

#[test]
fn a_failed_write_is_told_and_the_mounted_secret_stays_named() {
    let mut certificate = own();
    certificate.status = Some(crds::TenantCertificateStatus {
        secret_name: Some("site-tls".into()),
        ..Default::default()
    });
    let seen = observed(None, None);
    let failure = crate::Failure {
        reason: "Forbidden",
        message: "no right".into(),
        transient: false,
    };
    let status = status(
        &certificate,
        &seen,
        &decide(&certificate, &seen),
        Some(&failure),
        now(),
    );
    assert_eq!(status.secret_name.as_deref(), Some("site-tls"));
    assert_eq!(stalled(&status), ("True", "Forbidden"));
}
