use rcgen::{ExtendedKeyUsagePurpose, IsCa, SanType};

use super::made::*;
use crate::certificate::checks::{Input, Terms, Violation, check};
use crate::certificate::held::{Held, Part};
use crate::certificate::parsed::KeyKind;
use crate::certificate::{Asked, Issuing};

fn checked(held: Option<&Held>, asked: &Asked, issuing: Option<&Issuing>) -> Option<Violation> {
    let terms = Some(Terms {
        uid: UID,
        asked,
        issuing,
    });
    let needed = needed();
    check(&Input {
        held,
        place: "Secret 'site-tls'",
        needed: &needed,
        terms,
        now: now(),
    })
}

fn reason(held: Option<&Held>, root: &Party) -> Option<&'static str> {
    checked(held, &default_asked(), Some(&issuing(root))).map(|violation| violation.reason)
}

/// What is done to a good Secret, and the violation that must follow.
type Spoiling = (&'static str, fn(&mut Held, &Party), &'static str);

const SPOILINGS: &[Spoiling] = &[
    (
        "tls.crt is gone",
        |held, _| held.chain = Part::Missing,
        "CertificateMissing",
    ),
    (
        "tls.crt is no PEM",
        |held, _| held.chain = Part::Unreadable("no".into()),
        "CertificateUnreadable",
    ),
    (
        "tls.key is gone",
        |held, _| held.key = Part::Missing,
        "KeyMissing",
    ),
    (
        "tls.key is no key",
        |held, _| held.key = Part::Unreadable("no".into()),
        "KeyUnreadable",
    ),
    (
        "tls.key is another's",
        |held, _| held.key = Part::Read(public(&root("x").pair)),
        "KeyMismatch",
    ),
    (
        "ca.crt is gone",
        |held, _| held.roots = Part::Missing,
        "RootsMissing",
    ),
    (
        "ca.crt is no PEM",
        |held, _| held.roots = Part::Unreadable("no".into()),
        "RootsUnreadable",
    ),
    (
        "ca.crt is another root",
        |held, _| held.roots = Part::Read(vec![root("x").cert]),
        "ChainBroken",
    ),
    (
        "ca.crt is a root of the same name with another key",
        |held, _| held.roots = Part::Read(vec![root("root").cert]),
        "ChainBroken",
    ),
    (
        "ca.crt has ended",
        |held, _| {
            let ended = ca_between("root", now() - days(30), now() - days(1), None);
            let leaf = leaf(&ended);
            *held = super::made::held(&leaf, &[], &[&ended]);
        },
        "ChainBroken",
    ),
    (
        "it is a CA",
        |held, root| {
            *held = spoilt(root, |params| {
                params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained)
            })
        },
        "WrongPurpose",
    ),
    (
        "it is for clients only",
        |held, root| {
            *held = spoilt(root, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]
            });
        },
        "WrongPurpose",
    ),
    (
        "a name is missing",
        |held, root| {
            *held = spoilt(root, |params| {
                params.subject_alt_names.pop();
            })
        },
        "NamesNotCovered",
    ),
    (
        "a name is too many",
        |held, root| {
            *held = spoilt(root, |params| {
                params
                    .subject_alt_names
                    .push(SanType::DnsName("old.example.com".try_into().unwrap()));
            });
        },
        "NamesChanged",
    ),
    (
        "it is from tomorrow",
        |held, root| *held = super::made::held(&leaf_at(root, now() + days(1), |_| {}), &[], &[root]),
        "NotYetValid",
    ),
    (
        "it has ended",
        |held, root| {
            let old = leaf_at(root, now() - days(25), |params| {
                params.not_after = params.not_before + std::time::Duration::from_secs(86_400);
            });
            *held = super::made::held(&old, &[], &[root]);
        },
        "Expired",
    ),
    (
        "it lasts longer than asked for",
        |held, root| {
            *held = spoilt(root, |params| {
                params.not_after += std::time::Duration::from_secs(60)
            })
        },
        "DurationChanged",
    ),
    (
        "another CA issues now, and the old one is still trusted",
        |held, _| {
            let other = super::made::root("other");
            *held = super::made::held(&leaf(&other), &[], &[&other]);
        },
        "IssuerChanged",
    ),
];

fn spoilt(root: &Party, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Held {
    held(&leaf_at(root, now() - days(10), change), &[], &[root])
}

#[test]
fn a_good_certificate_violates_nothing() {
    let root = root("root");
    assert_eq!(reason(Some(&held(&leaf(&root), &[], &[&root])), &root), None);
}

#[test]
fn a_missing_secret_is_a_violation() {
    assert_eq!(reason(None, &root("root")), Some("SecretMissing"));
}

#[test]
fn every_way_to_spoil_a_secret_has_its_own_reason() {
    let root = root("root");
    for (what, spoil, expected) in SPOILINGS {
        let mut held = held(&leaf(&root), &[], &[&root]);
        spoil(&mut held, &root);
        assert_eq!(reason(Some(&held), &root), Some(*expected), "{what}");
    }
}

#[test]
fn a_renewal_is_due_in_the_last_third_and_the_certificate_is_still_good() {
    let root = ca_between("root", now() - days(300), now() + days(3650), None);
    let held = held(&leaf_at(&root, now() - days(61), |_| {}), &[], &[&root]);
    let violation = checked(Some(&held), &default_asked(), Some(&issuing(&root))).unwrap();
    assert_eq!(violation.reason, "RenewalDue");
    assert!(violation.still_good());
}

#[test]
fn another_algorithm_is_asked_for() {
    let root = root("root");
    let asked = Asked {
        key: KeyKind::Rsa(3072),
        ..default_asked()
    };
    let held = held(&leaf(&root), &[], &[&root]);
    assert_eq!(
        checked(Some(&held), &asked, Some(&issuing(&root)))
            .unwrap()
            .reason,
        "KeyChanged"
    );
}

#[test]
fn intermediates_may_come_in_any_order_but_not_be_missing() {
    let root = root("root");
    let upper = intermediate("upper", &root);
    let lower = intermediate("lower", &upper);
    let leaf = leaf(&lower);
    let reason = |chain: &[&Party]| {
        let held = held(&leaf, chain, &[&root]);
        checked(Some(&held), &default_asked(), None).map(|violation| violation.reason)
    };
    assert_eq!(reason(&[&lower, &upper]), None);
    assert_eq!(reason(&[&upper, &lower]), None);
    assert_eq!(reason(&[&lower]), Some("ChainBroken"));
    assert_eq!(reason(&[]), Some("ChainBroken"));
}

#[test]
fn a_certificate_cannot_be_signed_by_one_that_is_no_ca() {
    let root = root("root");
    let imposter = leaf(&root);
    let held = held(&leaf(&imposter), &[&imposter], &[&root]);
    assert_eq!(reason(Some(&held), &root), Some("ChainBroken"));
}

#[test]
fn messages_name_the_place_and_a_few_missing_names() {
    let root = root("root");
    let held = spoilt(&root, |params| params.subject_alt_names.clear());
    let violation = checked(Some(&held), &default_asked(), None).unwrap();
    assert_eq!(
        violation.message,
        "the certificate in Secret 'site-tls' is not valid for: *.store-hl.ns.svc.cluster.local, localhost, \
         store-api.ns.svc"
    );
}
