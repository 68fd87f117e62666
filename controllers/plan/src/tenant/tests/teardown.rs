use std::sync::Arc;

use crds::common::NameRef;
use crds::{TenantCertificate, TenantMonitor};

use super::super::{Observed, plan};
use super::world::*;
use crate::meta;
use crate::step::Step;

fn deleted_names(steps: &[Step]) -> Vec<&str> {
    let mut names = Vec::new();
    for step in steps {
        if let Step::Delete(target, _) = step {
            names.push(target.name.as_str());
        }
    }
    names
}

fn with_all() -> (crds::Tenant, Observed) {
    let (tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    let tenant_ref = NameRef { name: "store".into() };
    let mut monitor = TenantMonitor::new("watch", Default::default());
    monitor.spec.tenant_ref = tenant_ref.clone();
    monitor.metadata.uid = Some("watch-uid".into());
    monitor.metadata.owner_references = Some(vec![meta::owner(&tenant)]);
    observed.monitors = vec![Arc::new(monitor)];
    let mut certificate = TenantCertificate::new("cert", Default::default());
    certificate.spec.tenant_ref = tenant_ref;
    certificate.metadata.uid = Some("cert-uid".into());
    certificate.metadata.owner_references = Some(vec![meta::owner(&tenant)]);
    observed.certificates = vec![Arc::new(certificate)];
    (leaving(tenant), observed)
}

#[test]
fn what_watches_goes_first_then_servers_then_certificates() {
    let (tenant, mut observed) = with_all();
    assert_eq!(deleted_names(&plan(&tenant, &observed).steps), ["watch"]);
    observed.monitors.clear();
    assert_eq!(deleted_names(&plan(&tenant, &observed).steps), ["a", "b"]);
    observed.pools.clear();
    assert_eq!(deleted_names(&plan(&tenant, &observed).steps), ["cert"]);
    observed.certificates.clear();
    assert!(matches!(plan(&tenant, &observed).steps[..], [Step::Release(_)]));
}

#[test]
fn pools_on_their_way_out_are_waited_for_and_not_deleted_again() {
    let (tenant, mut observed) = with_all();
    observed.monitors.clear();
    for pool in &mut observed.pools {
        *pool = Arc::new(deleted(pool.as_ref().clone()));
    }
    assert_eq!(plan(&tenant, &observed).steps, []);
}

#[test]
fn the_finalizer_stays_while_the_api_server_still_has_a_pool() {
    let (tenant, mut observed) = with_all();
    observed.monitors.clear();
    observed.pools.clear();
    observed.lingering_pools = vec!["b".into()];
    assert_eq!(plan(&tenant, &observed).steps, []);
}

#[test]
fn what_was_never_adopted_is_left_alone() {
    let (tenant, mut observed) = with_all();
    observed.monitors.clear();
    observed.pools = vec![Arc::new(pool("stranger", 4, 1))];
    assert!(!deleted_names(&plan(&tenant, &observed).steps).contains(&"stranger"));
}

#[test]
fn a_paused_tenant_is_still_taken_down() {
    let (mut tenant, observed) = with_all();
    tenant.spec.paused = true;
    assert_eq!(deleted_names(&plan(&tenant, &observed).steps), ["watch"]);
}

#[test]
fn without_its_finalizer_nothing_is_done() {
    let (mut tenant, observed) = with_all();
    tenant.metadata.finalizers = Some(vec!["example.org/other".into()]);
    assert_eq!(plan(&tenant, &observed).steps, []);
}
