use super::made::*;
use crate::certificate::ca::{NoCa, given, own};
use crate::certificate::held::{Held, Part};

fn refusal(held: Option<&Held>) -> &'static str {
    let refused = given("corp-ca", held, &default_asked(), now()).unwrap_err();
    assert!(
        refused.message.starts_with("spec.issuer.ca.secretRef: "),
        "{}",
        refused.message
    );
    refused.reason
}

#[test]
fn a_given_root_issues_without_intermediates() {
    let root = root("corp");
    let issuing = given("corp-ca", Some(&held_ca(&root)), &default_asked(), now()).unwrap();
    assert_eq!(issuing.root, root.cert);
    assert!(issuing.intermediates.is_empty());
}

#[test]
fn a_given_intermediate_goes_into_the_chain_and_its_root_into_the_roots() {
    let root = root("corp");
    let lower = intermediate("issuing", &root);
    let mut held = held_ca(&lower);
    assert_eq!(refusal(Some(&held)), "CaIncomplete");
    held.roots = Part::Read(vec![root.cert.clone()]);
    let issuing = given("corp-ca", Some(&held), &default_asked(), now()).unwrap();
    assert_eq!(issuing.root, root.cert);
    assert_eq!(issuing.intermediates, [lower.cert]);
}

#[test]
fn a_given_ca_that_cannot_issue_is_refused_with_the_field_and_a_reason() {
    let root = root("corp");
    let leaf = leaf(&root);
    let spoilt = |spoil: fn(&mut Held)| {
        let mut held = held_ca(&root);
        spoil(&mut held);
        refusal(Some(&held))
    };
    assert_eq!(refusal(None), "CaSecretMissing");
    assert_eq!(spoilt(|held| held.chain = Part::Missing), "CaIncomplete");
    assert_eq!(spoilt(|held| held.key = Part::Missing), "CaIncomplete");
    assert_eq!(
        spoilt(|held| held.chain = Part::Unreadable("no".into())),
        "CaUnreadable"
    );
    assert_eq!(
        spoilt(|held| held.key = Part::Unreadable("no".into())),
        "CaUnreadable"
    );
    assert_eq!(
        spoilt(|held| held.key = Part::Read(public(&super::made::root("x").pair))),
        "CaUnusable"
    );
    assert_eq!(refusal(Some(&held_ca(&leaf))), "CaUnusable");
    let ca = |from, until| held_ca(&ca_between("corp", now() + days(from), now() + days(until), None));
    assert_eq!(refusal(Some(&ca(-30, -1))), "CaUnusable");
    assert_eq!(refusal(Some(&ca(1, 1000))), "CaNotYetValid");
    assert_eq!(refusal(Some(&ca(-30, 89))), "CaEndsTooSoon");
    assert!(given("corp-ca", Some(&ca(-30, 91)), &default_asked(), now()).is_ok());
}

#[test]
fn an_own_ca_is_made_when_there_is_none_or_it_is_damaged() {
    let asked = default_asked();
    let own = |held: Option<&Held>| own(held, None, &asked, UID, now());
    let root = root("own");
    assert_eq!(own(None), Err(NoCa::Make(None)));
    assert!(own(Some(&held_ca(&root))).is_ok());
    let damaged = Held {
        key: Part::Read(public(&leaf(&root).pair)),
        ..held_ca(&root)
    };
    assert_eq!(own(Some(&damaged)), Err(NoCa::Make(None)));
    let foreign = Held {
        ours: false,
        ..held_ca(&root)
    };
    assert_eq!(own(Some(&foreign)), Err(NoCa::Taken));
}

#[test]
fn an_own_ca_is_replaced_one_renewal_before_it_could_not_outlive_a_certificate() {
    let asked = default_asked();
    let ends_in = |end| {
        let ca = ca_between("own", now() - days(30), now() + days(end), None);
        let leaf = leaf_at(&ca, now(), |_| {});
        own(Some(&held_ca(&ca)), Some(&leaf.cert), &asked, UID, now())
            .map_err(|no| (no, ca.cert.fingerprint()))
    };
    // Renewed after some 60 days, for 90 days.
    assert!(ends_in(151).is_ok());
    let (no, fingerprint) = ends_in(149).unwrap_err();
    assert_eq!(no, NoCa::Make(Some(fingerprint)));
}
