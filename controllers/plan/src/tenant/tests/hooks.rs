//! Jobs that run before a deletion, a drain, an upgrade.

mod changes;

use std::sync::Arc;

use crds::Tenant;
use crds::conditions::{DELETION_ALLOWED, READY, STALLED};
use crds::hook::{Before, Hook, HookFailurePolicy, HookJob, HookOutcome};
use crds::tenant::{Deletion, Protection, Tls, TlsMode};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::super::{Observed, may_go, plan};
use super::world::*;
use crate::meta;
use crate::step::{Child, Step};

const NEXT: &str = "rustfs/rustfs:next";

fn hook(name: &str, before: Before) -> Hook {
    Hook {
        name: name.into(),
        before: vec![before],
        job: HookJob {
            image: "backup:1".into(),
            ..HookJob::default()
        },
        ..Hook::default()
    }
}

/// A store of two Pools that serves and has this hook.
fn store(hooks: &[Hook]) -> (Tenant, Observed) {
    let (mut tenant, observed) = formed([pool("a", 4, 1), pool("b", 4, 1)]);
    tenant.spec.hooks = hooks.to_vec();
    (tenant, observed)
}

/// The same, and somebody has asked it to go who need not be asked again.
fn going(hooks: &[Hook]) -> (Tenant, Observed) {
    let (mut tenant, observed) = store(hooks);
    tenant.spec.deletion = Some(Deletion {
        protection: Protection::None,
        ..Deletion::default()
    });
    (deleted(tenant), observed)
}

/// The same, with another image asked for.
fn upgrading(hooks: &[Hook]) -> (Tenant, Observed) {
    let (mut tenant, observed) = store(hooks);
    tenant.spec.image = Some(NEXT.into());
    (tenant, observed)
}

fn jobs(observed: &Observed) -> Vec<String> {
    let jobs = observed.jobs.iter();
    jobs.map(|job| meta::name(job.as_ref()).to_owned()).collect()
}

/// Ends the last Job as the Job controller does.
fn end(observed: &mut Observed, type_: &str) {
    let at = Some(Time(now()));
    let job = Arc::make_mut(observed.jobs.last_mut().unwrap());
    let status = job.status.get_or_insert_default();
    status.completion_time = at.clone().filter(|_| type_ == "Complete");
    status.conditions = Some(vec![JobCondition {
        type_: type_.into(),
        status: "True".into(),
        reason: Some("BackoffLimitExceeded".into()),
        message: Some("Job has reached the specified backoff limit".into()),
        last_transition_time: at,
        ..JobCondition::default()
    }]);
}

fn outcomes(tenant: &Tenant) -> Vec<(String, HookOutcome)> {
    let hooks = tenant.status.iter().flat_map(|status| &status.hooks);
    hooks.map(|run| (run.name.clone(), run.outcome)).collect()
}

fn takes_down(step: &Step) -> bool {
    match step {
        Step::Delete(target, _) => target.kind != "ConfigMap",
        Step::Release(_) => true,
        _ => false,
    }
}

#[test]
fn nothing_is_taken_down_before_the_hook_has_completed() {
    let (mut tenant, mut observed) = going(&[hook("backup", Before::Deletion)]);
    for _ in 0..3 {
        let plan = reconcile(&mut tenant, &mut observed);
        assert!(!plan.steps.iter().any(takes_down), "{:?}", plan.steps);
        assert_eq!(plan.requeue, None, "the Job wakes it");
        assert_eq!(condition(&tenant, DELETION_ALLOWED), "-HookRunning");
        assert_eq!(condition(&tenant, READY), "-HookRunning");
        assert!(!may_go(&tenant));
    }
    assert_eq!(jobs(&observed).len(), 1, "it is started once");
    assert!(jobs(&observed)[0].starts_with("store-backup-"));
    let before = tenant.status.clone();
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(tenant.status, before, "nothing changed");

    end(&mut observed, "Complete");
    let plan = reconcile(&mut tenant, &mut observed);
    assert!(!plan.steps.iter().any(takes_down), "it is written down first");
    assert_eq!(condition(&tenant, DELETION_ALLOWED), "+ProtectionNone");
    assert_eq!(outcomes(&tenant), [("backup".into(), HookOutcome::Succeeded)]);
    tenant.spec.hooks.push(hook("too-late", Before::Deletion));
    let plan = reconcile(&mut tenant, &mut observed);
    assert!(plan.steps.iter().any(takes_down));
}

#[test]
fn the_word_of_a_person_comes_before_the_hook() {
    let (mut tenant, mut observed) = going(&[hook("backup", Before::Deletion)]);
    tenant.spec.deletion = None;
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, DELETION_ALLOWED), "-DataUnknown");
    assert_eq!(jobs(&observed), [""; 0]);
}

#[test]
fn hooks_run_one_after_the_other_and_one_that_is_over_is_remembered_without_its_job() {
    let (mut tenant, mut observed) = going(&[
        hook("freeze", Before::Deletion),
        hook("other", Before::Upgrade),
        hook("backup", Before::Deletion),
    ]);
    let _ = reconcile(&mut tenant, &mut observed);
    end(&mut observed, "Complete");
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(jobs(&observed)[1].starts_with("store-backup-"));
    observed.jobs.remove(0);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(
        jobs(&observed).len(),
        1,
        "a Job that was cleaned up does not run again"
    );
    assert_eq!(
        outcomes(&tenant),
        [
            ("freeze".into(), HookOutcome::Succeeded),
            ("backup".into(), HookOutcome::Running)
        ]
    );
    end(&mut observed, "Complete");
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(may_go(&tenant));
}

#[test]
fn a_job_that_is_taken_away_while_it_runs_is_made_again() {
    let (mut tenant, mut observed) = going(&[hook("backup", Before::Deletion)]);
    let _ = reconcile(&mut tenant, &mut observed);
    let name = jobs(&observed);
    observed.jobs.clear();
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(jobs(&observed), name);
}

#[test]
fn a_hook_that_fails_keeps_the_store_and_says_what_to_do() {
    let (mut tenant, mut observed) = going(&[hook("backup", Before::Deletion)]);
    let _ = reconcile(&mut tenant, &mut observed);
    end(&mut observed, "Failed");
    let plan = reconcile(&mut tenant, &mut observed);
    assert!(!plan.steps.iter().any(takes_down));
    assert_eq!(condition(&tenant, DELETION_ALLOWED), "-HookFailed");
    assert_eq!(condition(&tenant, STALLED), "+HookFailed");
    let job = jobs(&observed).remove(0);
    assert_eq!(
        message(&tenant, DELETION_ALLOWED),
        format!(
            "hook backup has failed as Job {job} (BackoffLimitExceeded: Job has reached the specified backoff limit); its \
             log: `kubectl -n shop logs job/{job}`. Nothing is taken down and clients are served until then. To run it \
             again, mend it and `kubectl -n shop delete job {job}`; to go on without it, set its failurePolicy to Ignore, \
             or remove it from spec.hooks"
        )
    );

    let (mut again, mut without) = (observed.clone(), (tenant.clone(), observed.clone()));
    let mut ignoring = (tenant.clone(), observed.clone());
    let deleted = Arc::make_mut(&mut again.jobs[0]);
    deleted.metadata.deletion_timestamp = Some(Time(now()));
    let _ = reconcile(&mut tenant, &mut again);
    assert_eq!(
        condition(&tenant, DELETION_ALLOWED),
        "-HookRunning",
        "it goes first"
    );
    again.jobs.clear();
    let _ = reconcile(&mut tenant, &mut again);
    assert_eq!(jobs(&again), [job]);

    without.0.spec.hooks.clear();
    let _ = reconcile(&mut without.0, &mut without.1);
    assert!(may_go(&without.0));

    ignoring.0.spec.hooks[0].failure_policy = HookFailurePolicy::Ignore;
    let _ = reconcile(&mut ignoring.0, &mut ignoring.1);
    assert!(may_go(&ignoring.0));
    assert_eq!(outcomes(&ignoring.0), [("backup".into(), HookOutcome::Ignored)]);
}

#[test]
fn no_hook_runs_for_a_store_that_never_served() {
    let (mut tenant, mut observed) = (super::world::tenant(), with_pools([pool("a", 4, 1)]));
    tenant.spec.hooks = vec![hook("backup", Before::Deletion)];
    let _ = reconcile(&mut tenant, &mut observed);
    let mut tenant = deleted(tenant);
    let _ = reconcile(&mut tenant, &mut observed);
    assert!(may_go(&tenant));
    assert_eq!(jobs(&observed), [""; 0]);
}

#[test]
fn no_job_is_made_that_kubernetes_would_delete_at_once() {
    let (mut tenant, mut observed) = going(&[hook("backup", Before::Deletion)]);
    let finalizers = tenant.metadata.finalizers.as_mut().unwrap();
    finalizers.push("foregroundDeletion".into());
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(jobs(&observed), [""; 0]);
    assert_eq!(condition(&tenant, STALLED), "+HookImpossible");
    assert!(!may_go(&tenant));
}

#[test]
fn a_paused_tenant_that_is_deleted_runs_its_hooks_all_the_same() {
    let (mut tenant, mut observed) = going(&[hook("backup", Before::Deletion)]);
    tenant.spec.paused = true;
    let plan = reconcile(&mut tenant, &mut observed);
    assert_eq!(plan.steps.len(), 1, "and nothing else is written");
    assert_eq!(jobs(&observed).len(), 1);
}

#[test]
fn a_hook_never_runs_twice_at_the_same_time() {
    let both = Hook {
        before: vec![Before::Deletion, Before::Upgrade],
        ..hook("backup", Before::Upgrade)
    };
    let (mut tenant, mut observed) = upgrading(&[both]);
    let _ = reconcile(&mut tenant, &mut observed);
    let first = jobs(&observed);
    tenant.spec.deletion = Some(Deletion {
        protection: Protection::None,
        ..Deletion::default()
    });
    let mut tenant = deleted(tenant);
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(jobs(&observed), first);
    let said = message(&tenant, DELETION_ALLOWED);
    assert!(
        said.contains(&format!("waits for its Job {}", first[0])),
        "{said}"
    );
    end(&mut observed, "Complete");
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(jobs(&observed).len(), 2);
    assert_eq!(outcomes(&tenant).len(), 2);
}

#[test]
fn a_job_of_somebody_else_completes_nothing() {
    let (mut tenant, mut observed) = going(&[hook("backup", Before::Deletion)]);
    let _ = reconcile(&mut tenant, &mut observed);
    end(&mut observed, "Complete");
    Arc::make_mut(&mut observed.jobs[0]).metadata.owner_references = None;
    let _ = reconcile(&mut tenant, &mut observed);
    assert_eq!(condition(&tenant, DELETION_ALLOWED), "-HookRunning");
}

#[test]
fn the_job_of_a_plain_hook() {
    insta::assert_yaml_snapshot!(made(store(&[hook("backup", Before::Deletion)])));
}

#[test]
fn the_job_of_a_hook_with_everything_said_of_a_store_with_tls() {
    let all = serde_json::json!({
        "name": "backup", "before": ["Deletion"], "deadlineSeconds": 60, "retries": 0,
        "job": {
            "image": "backup:1", "imagePullPolicy": "Always", "command": ["sh"], "args": ["-c", "true"],
            "env": [{"name": "HOME", "value": "/x"}, {"name": "TO", "value": "$(RUSTFS_TENANT)"}],
            "envFrom": [{"secretRef": {"name": "target"}}], "resources": {"requests": {"cpu": "1"}},
            "serviceAccountName": "backup", "nodeSelector": {"disk": "fast"},
            "tolerations": [{"operator": "Exists"}], "podSecurityContext": {"runAsUser": 7},
            "containerSecurityContext": {"readOnlyRootFilesystem": false}
        }
    });
    let (mut tenant, mut observed) = store(&[serde_json::from_value(all).unwrap()]);
    tenant.spec.tls = Some(Tls {
        mode: TlsMode::Enabled,
        ..Tls::default()
    });
    let waits = super::super::hooks::before_deletion(&tenant, &observed);
    assert_eq!(
        waits.start, None,
        "without a certificate it could not reach the store"
    );
    let mut certificate = crds::TenantCertificate::new("store", crds::TenantCertificateSpec::default());
    certificate.status = Some(crds::TenantCertificateStatus {
        secret_name: Some("store-tls".into()),
        ..crds::TenantCertificateStatus::default()
    });
    observed.certificates.push(Arc::new(certificate));
    insta::assert_yaml_snapshot!(made((tenant, observed)));
}

fn made((tenant, observed): (Tenant, Observed)) -> Job {
    let gate = super::super::hooks::before_deletion(&tenant, &observed);
    match gate.start {
        Some(Step::Create(child)) => match *child {
            Child::Job(job) => job,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plan_with_hooks_is_the_same_whatever_order_jobs_are_seen_in() {
    let (mut tenant, mut observed) =
        going(&[hook("freeze", Before::Deletion), hook("backup", Before::Deletion)]);
    let _ = reconcile(&mut tenant, &mut observed);
    end(&mut observed, "Complete");
    let _ = reconcile(&mut tenant, &mut observed);
    let one = plan(&tenant, &observed);
    observed.jobs.reverse();
    assert_eq!(one, plan(&tenant, &observed));
}
