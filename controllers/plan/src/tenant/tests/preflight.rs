//! What the preflights of several Pools come to.

use std::sync::Arc;

use crds::conditions::{PREFLIGHT, READY};
use crds::{Pool, PoolStatus};

use super::super::Observed;
use super::world::{condition, formed, message, pool, preflight, reconcile, tenant, with_pools};

/// A Pool on this class that says this of its preflight.
fn checked(name: &str, class: Option<&str>, said: (&str, &str, &str)) -> Pool {
    let mut pool = pool(name, 4, 1);
    pool.spec.volume_claim.storage_class_name = class.map(str::to_owned);
    pool.status = Some(PoolStatus {
        conditions: vec![preflight(said.0, said.1, said.2)],
        ..PoolStatus::default()
    });
    pool
}

const PASSED: (&str, &str, &str) = ("True", "Passed", "");

fn said(mut observed: Observed) -> (String, String) {
    let mut tenant = tenant();
    let _ = reconcile(&mut tenant, &mut observed);
    (condition(&tenant, PREFLIGHT), message(&tenant, PREFLIGHT))
}

#[test]
fn the_gravest_of_its_pools_decides_and_all_are_named() {
    let warned = ("True", "PassedWithWarnings", "few nodes");
    let failed = ("False", "NotPassed", "no class");
    let unseen = ("Unknown", "NotPermitted", "no right");
    let unchecked = ("Unknown", "NotYetChecked", "waits");
    for (a, b, says, pieces) in [
        (PASSED, PASSED, "+Passed", vec![]),
        (PASSED, warned, "+PassedWithWarnings", vec!["Pool b: few nodes"]),
        (
            warned,
            failed,
            "-NotPassed",
            vec!["Pool a: few nodes", "Pool b: no class"],
        ),
        (
            failed,
            unseen,
            "-NotPassed",
            vec!["Pool a: no class", "Pool b: no right"],
        ),
        (PASSED, unseen, "-NotPermitted", vec!["Pool b: no right"]),
        (
            PASSED,
            unchecked,
            "-NotYetChecked",
            vec!["Pool b is not checked yet"],
        ),
    ] {
        let pools = [checked("b", Some("x"), b), checked("a", Some("x"), a)];
        let (reason, message) = said(with_pools(pools));
        assert_eq!(reason, says, "{a:?} {b:?}");
        for piece in pieces {
            assert!(message.contains(piece), "{message} lacks {piece}");
        }
    }
}

#[test]
fn pools_on_different_classes_are_warned_of() {
    for (a, b, default, mixed) in [
        (Some("fast"), Some("fast"), None, false),
        (Some("fast"), Some("slow"), None, true),
        (None, None, None, false),
        (None, Some("fast"), Some("fast"), false),
        (None, Some("fast"), Some("slow"), true),
        (None, Some("fast"), None, true),
    ] {
        let pools = [checked("a", a, PASSED), checked("b", b, PASSED)];
        let observed = Observed {
            default_class: default.map(str::to_owned),
            ..with_pools(pools)
        };
        let (reason, message) = said(observed);
        let says = if mixed { "+PassedWithWarnings" } else { "+Passed" };
        assert_eq!(reason, says, "{a:?} {b:?} {default:?}");
        let named =
            message.contains("spec.volumeClaim.storageClassName differs") && message.contains("(Pool b)");
        assert_eq!(named, mixed, "{message}");
    }
}

#[test]
fn of_many_pools_some_are_named_and_the_others_counted() {
    let failed = ("False", "NotPassed", "no class");
    let pools = (0..13).map(|index| checked(&format!("p{index:02}"), Some("x"), failed));
    let (_, message) = said(with_pools(pools));
    assert!(
        message.contains("Pool p09: no class; and 3 more Pools"),
        "{message}"
    );
}

#[test]
fn a_store_that_serves_stays_ready_whatever_is_found() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    let served = Arc::make_mut(&mut observed.pools[0]).status.as_mut().unwrap();
    served.conditions = vec![preflight("False", "NotPassed", "the class is gone")];
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, PREFLIGHT), "-NotPassed");
    assert_eq!(condition(&tenant, READY), "+Ready");
}
