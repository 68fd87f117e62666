use super::*;
use crate::pool::preflight::Cluster;

/// A cluster whose only class has this name, and whose only node is cordoned or not.
fn cluster(class: &str, cordoned: bool) -> Cluster {
    Cluster {
        nodes: Some(vec![Arc::new(object(json!({
            "metadata": {"name": "n"}, "spec": {"unschedulable": cordoned},
        })))]),
        classes: Some(vec![Arc::new(object(
            json!({"metadata": {"name": class}, "provisioner": "x"}),
        ))]),
    }
}

fn held(observed: &Observed) -> bool {
    plan(&pool(), observed).steps.is_empty()
}

#[test]
fn a_pool_with_nothing_yet_is_held_back_and_says_what_to_change() {
    let observed = Observed {
        cluster: cluster("slow", false),
        ..accepted()
    };
    assert!(held(&observed));
    let status = reported(&pool(), &observed);
    assert_eq!(says(&status, "Preflight"), "False NotPassed");
    assert_eq!(says(&status, "Stalled"), "True NotPassed");
    assert!(message(&status, "Ready").contains("spec.volumeClaim.storageClassName fast"));
    assert_eq!(says(&status, "StorageReady"), "Unknown NotYetChecked");
}

#[test]
fn nodes_that_come_back_by_themselves_do_not_stall() {
    let observed = Observed {
        cluster: cluster("fast", true),
        ..accepted()
    };
    assert!(held(&observed));
    let status = reported(&pool(), &observed);
    assert_eq!(says(&status, "Preflight"), "False NotPassed");
    assert_eq!(says(&status, "Stalled"), "False NotPassed");
    assert_eq!(says(&status, "Reconciling"), "True NotPassed");
}

#[test]
fn a_cluster_that_fits_or_may_not_be_seen_holds_nothing_back() {
    for (cluster, says_of_it) in [
        (cluster("fast", false), "True PassedWithWarnings"),
        (Cluster::default(), "Unknown NotPermitted"),
    ] {
        let observed = Observed {
            cluster,
            ..accepted()
        };
        assert!(!held(&observed), "{says_of_it}");
        assert_eq!(says(&reported(&pool(), &observed), "Preflight"), says_of_it);
    }
}

#[test]
fn who_asked_for_a_report_only_is_not_held_back() {
    let mut pool = pool();
    pool.spec.preflight = Some(crds::pool::PreflightMode::Report);
    let observed = Observed {
        cluster: cluster("slow", true),
        ..accepted()
    };
    assert!(applied(&plan(&pool, &observed)).is_some());
    assert_eq!(says(&reported(&pool, &observed), "Preflight"), "False NotPassed");
}

#[test]
fn a_pool_that_serves_goes_on_and_stays_ready_whatever_is_found() {
    let observed = Observed {
        cluster: cluster("slow", true),
        ..serving()
    };
    assert_eq!(plan(&pool(), &observed), plan(&pool(), &serving()));
    let status = reported(&pool(), &observed);
    assert_eq!(says(&status, "Preflight"), "False NotPassed");
    assert_eq!(says(&status, "Ready"), "True Ready");
    assert_eq!(says(&status, "Stalled"), "False Ready");
}

#[test]
fn whatever_is_left_of_a_pool_is_enough_to_put_it_together_again() {
    let mut served = pool();
    served.status = Some(reported(&pool(), &serving()));
    let none = |change: &dyn Fn(&mut Observed)| {
        let mut observed = Observed {
            cluster: cluster("slow", true),
            stateful_set: None,
            ..serving()
        };
        change(&mut observed);
        observed
    };
    for (what, pool, observed) in [
        ("volumes", pool(), none(&|observed| observed.pods.clear())),
        ("servers", pool(), none(&|observed| observed.claims.clear())),
        (
            "its own word",
            served,
            none(&|observed| {
                observed.pods.clear();
                observed.claims.clear();
            }),
        ),
    ] {
        assert!(applied(&plan(&pool, &observed)).is_some(), "{what}");
    }
}
