use std::sync::Arc;

use crds::common::{Metadata, NameRef};
use crds::conditions::*;
use crds::names::{LABEL_POOL, LABEL_TENANT};
use crds::tenant::{ServiceTemplate, Services, Tls, TlsMode};
use crds::{Tenant, TenantCertificate, TenantCertificateStatus};
use k8s_openapi::api::core::v1::{EnvVar, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use serde_json::json;

use super::super::{Observed, plan, status};
use super::world::*;
use crate::step::{Enacted, Failure, Outcome};

const ALL: [&str; 11] = [
    READY,
    RECONCILING,
    STALLED,
    CREDENTIALS_READY,
    TOPOLOGY_READY,
    CERTIFICATE_READY,
    POOLS_READY,
    AVAILABLE,
    ROLLED_OUT,
    PREFLIGHT,
    BALANCED,
];

fn table(tenant: &Tenant) -> Vec<String> {
    ALL.iter().map(|type_| condition(tenant, type_)).collect()
}

#[test]
fn volumes_are_orphaned_once_their_pool_is_gone_for_sure() {
    let (mut tenant, mut observed) = formed([pool("p0", 4, 1), pool("p1", 4, 1)]);
    let claim = |name: &str, pool: &str| {
        let metadata = json!({"name": name, "labels": {LABEL_TENANT: "store", LABEL_POOL: pool}});
        serde_json::from_value::<PersistentVolumeClaim>(json!({"metadata": metadata})).unwrap()
    };
    let mut leaving = deleted(claim("d", "left"));
    leaving.metadata.finalizers = Some(vec!["kubernetes.io/pvc-protection".to_owned()]);
    observed.claims = [
        claim("a", "p0"),
        claim("b", "left"),
        claim("c", "left"),
        leaving,
        claim("e", "garbled"),
        claim("f", "earlier"),
    ]
    .map(Arc::new)
    .to_vec();
    observed.unreadable_pools = vec!["garbled".to_owned()];
    let _ = reconcile(&mut tenant, &mut observed);
    let listed = |tenant: &Tenant| -> Vec<(String, i32)> {
        let orphaned = &tenant.status.as_ref().unwrap().orphaned_volumes;
        orphaned
            .iter()
            .map(|one| (one.pool.clone(), one.claims))
            .collect()
    };
    assert_eq!(
        listed(&tenant),
        [("earlier".to_owned(), 1), ("left".to_owned(), 2)]
    );

    // The object of a Pool that serves is lost: its volumes are in use.
    observed.pools.retain(|pool| pool.name_any() != "p0");
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(
        listed(&tenant),
        [("earlier".to_owned(), 1), ("left".to_owned(), 2)]
    );
}

#[test]
fn all_conditions_are_there_from_the_first_visit_on() {
    let (mut tenant, mut observed) = (tenant(), empty());
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(
        table(&tenant),
        [
            "-NoPools",
            "+NoPools",
            "-NoPools",
            "+Usable",
            "-NoPools",
            "+TlsDisabled",
            "-NoPools",
            "-NoPools",
            "-Forming",
            "-NoPools",
            "-NotAsked"
        ]
    );
}

#[test]
fn a_forming_store_waits_for_its_servers() {
    let (mut tenant, mut observed) = (tenant(), with_pools([pool("a", 4, 1)]));
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(
        table(&tenant),
        [
            "-ServersNotReady",
            "+ServersNotReady",
            "-ServersNotReady",
            "+Usable",
            "+Forming",
            "+TlsDisabled",
            "-ServersNotReady",
            "-Forming",
            "-Forming",
            "-NotYetChecked",
            "-NotAsked"
        ]
    );
    let status = tenant.status.unwrap();
    assert_eq!(status.servers.as_deref(), Some("0/4"));
}

#[test]
fn a_serving_store_is_ready() {
    let (tenant, _) = formed([pool("a", 4, 1)]);
    assert_eq!(
        table(&tenant),
        [
            "+Ready",
            "-Ready",
            "-Ready",
            "+Usable",
            "+Formed",
            "+TlsDisabled",
            "+AllReady",
            "+Serving",
            "+Complete",
            "+Passed",
            "-NotAsked"
        ]
    );
    let status = tenant.status.unwrap();
    assert_eq!(status.servers.as_deref(), Some("4/4"));
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!(
        status.credentials_secret_name.as_deref(),
        Some("store-credentials")
    );
}

fn with_missing_servers(missing: usize) -> Tenant {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    observed.pods.truncate(4 - missing);
    let _ = reconcile(&mut tenant, &mut observed);
    tenant
}

#[test]
fn one_missing_server_of_four_leaves_the_store_available() {
    let tenant = with_missing_servers(1);
    assert_eq!(condition(&tenant, AVAILABLE), "+Serving");
    assert_eq!(condition(&tenant, READY), "-ServersNotReady");
    assert_eq!(condition(&tenant, STALLED), "-ServersNotReady");
}

#[test]
fn two_missing_servers_of_four_do_not() {
    assert_eq!(condition(&with_missing_servers(2), AVAILABLE), "-QuorumLost");
}

fn tls(certificate: Option<&str>) -> Tenant {
    let mut tenant = tenant();
    tenant.spec.tls = Some(Tls {
        mode: TlsMode::Enabled,
        certificate_ref: certificate.map(|name| NameRef { name: name.into() }),
    });
    tenant
}

fn certificate(name: &str, issued: bool) -> Arc<TenantCertificate> {
    let mut certificate = TenantCertificate::new(name, Default::default());
    certificate.status = Some(TenantCertificateStatus {
        conditions: vec![Condition {
            type_: ISSUED.into(),
            status: if issued { "True" } else { "False" }.into(),
            reason: "Any".into(),
            message: String::new(),
            last_transition_time: Time(now()),
            observed_generation: None,
        }],
        secret_name: Some(format!("{name}-tls")),
        ..TenantCertificateStatus::default()
    });
    Arc::new(certificate)
}

fn certificate_reason(mut tenant: Tenant, certificates: Vec<Arc<TenantCertificate>>) -> String {
    let mut observed = Observed {
        certificates,
        ..with_pools([pool("a", 4, 1)])
    };
    let _ = reconcile(&mut tenant, &mut observed);
    condition(&tenant, CERTIFICATE_READY)
}

#[test]
fn the_certificate_is_the_one_with_the_tenants_name_unless_another_is_named() {
    let reason = certificate_reason;
    assert_eq!(reason(tls(None), vec![]), "-CertificateMissing");
    assert_eq!(
        reason(tls(None), vec![certificate("other", true)]),
        "-CertificateMissing"
    );
    assert_eq!(
        reason(tls(None), vec![certificate("store", false)]),
        "-CertificateNotReady"
    );
    assert_eq!(reason(tls(None), vec![certificate("store", true)]), "+Issued");
    assert_eq!(
        reason(tls(Some("other")), vec![certificate("other", true)]),
        "+Issued"
    );
}

#[test]
fn a_missing_certificate_is_named() {
    let (mut tenant, mut observed) = (tls(Some("front")), empty());
    let _ = reconcile(&mut tenant, &mut observed);
    let conditions = tenant.status.unwrap().conditions;
    let found = conditions.iter().find(|found| found.type_ == CERTIFICATE_READY);
    assert!(found.unwrap().message.contains("front"));
}

#[test]
fn a_paused_tenant_plans_nothing_and_says_so() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    tenant.spec.paused = true;
    let plan = reconcile(&mut tenant, &mut observed);
    assert_eq!(plan.steps, []);
    assert_eq!(condition(&tenant, READY), "-Paused");
    assert_eq!(condition(&tenant, STALLED), "-Paused");
}

#[test]
fn a_store_that_stands_still_half_drained_says_what_restarts_would_cost() {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    Arc::make_mut(&mut observed.pools[1]).spec.state = crds::pool::PoolState::Decommissioned;
    let _ = reconcile(&mut tenant, &mut observed);
    let mut invalid = tenant.clone();
    tenant.spec.paused = true;
    let _ = reconcile(&mut tenant, &mut observed);
    invalid.spec.service_account_name = Some("Not_A_Name".into());
    let _ = reconcile(&mut invalid, &mut observed);
    for tenant in [tenant, invalid] {
        let message = message(&tenant, READY);
        assert!(message.contains("data of Pool b"), "{message}");
        assert!(message.contains("restart none"), "{message}");
    }
}

fn fault(change: impl FnOnce(&mut Tenant)) -> String {
    let (mut tenant, mut observed) = formed([pool("a", 4, 1)]);
    change(&mut tenant);
    let plan = reconcile(&mut tenant, &mut observed);
    assert_eq!(plan.steps, []);
    assert_eq!(condition(&tenant, STALLED), "+SpecInvalid");
    let conditions = tenant.status.unwrap().conditions;
    conditions[2].message.clone()
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.into(),
        value: Some(value.into()),
        ..EnvVar::default()
    }
}

#[test]
fn what_rules_cannot_see_stalls_with_the_fields_path() {
    let bad_label = || Metadata {
        labels: [("team".to_owned(), "not a label".to_owned())].into(),
        ..Metadata::default()
    };
    let parity = fault(|tenant| tenant.spec.env = vec![variable("RUSTFS_STORAGE_CLASS_STANDARD", "EC:3")]);
    assert!(
        parity.starts_with("spec.env[RUSTFS_STORAGE_CLASS_STANDARD]"),
        "{parity}"
    );
    let name = fault(|tenant| tenant.spec.env = vec![variable("A B", "")]);
    assert!(name.starts_with("spec.env[A B].name"), "{name}");
    let label = fault(|tenant| tenant.spec.pod_metadata = Some(bad_label()));
    assert!(label.starts_with("spec.podMetadata.labels[team]"), "{label}");
    let label = fault(|tenant| {
        let api = ServiceTemplate {
            metadata: Some(bad_label()),
            ..ServiceTemplate::default()
        };
        tenant.spec.services = Some(Services {
            api: Some(api),
            console: None,
        });
    });
    assert!(
        label.starts_with("spec.services.api.metadata.labels[team]"),
        "{label}"
    );
    let account = fault(|tenant| tenant.spec.service_account_name = Some("Not_A_Name".into()));
    assert!(account.starts_with("spec.serviceAccountName"), "{account}");
}

#[test]
fn a_failed_step_is_in_the_status_and_nothing_is_claimed() {
    let (tenant, observed) = (tenant(), with_pools([pool("a", 4, 1)]));
    let plan = plan(&tenant, &observed);
    let failed = |transient| Enacted {
        outcomes: vec![Outcome {
            action: "apply Service store-hl".into(),
            result: Err(Failure {
                reason: "NameTaken",
                message: "Service store-hl belongs to someone else".into(),
                transient,
            }),
        }],
    };
    for (transient, stalled) in [(true, "-NameTaken"), (false, "+NameTaken")] {
        let mut tenant = tenant.clone();
        tenant.status = Some(status(&tenant, &observed, &plan, &failed(transient), now()));
        assert_eq!(condition(&tenant, STALLED), stalled);
        assert_eq!(condition(&tenant, TOPOLOGY_READY), "-NameTaken");
        let status = tenant.status.unwrap();
        assert_eq!((status.topology, status.credentials_secret_name), (None, None));
    }
}

#[test]
fn a_status_does_not_change_while_nothing_changes() {
    let (tenant, observed) = formed([pool("a", 4, 1), pool("odd", 17, 1)]);
    let later = now() + jiff::SignedDuration::from_hours(1);
    let again = status(
        &tenant,
        &observed,
        &plan(&tenant, &observed),
        &Enacted::default(),
        later,
    );
    assert_eq!(tenant.status, Some(again));
}
