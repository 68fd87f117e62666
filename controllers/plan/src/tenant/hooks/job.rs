//! The Job of one run of a hook.

use std::collections::BTreeMap;

use crds::Tenant;
use crds::hook::{Hook, HookJob};
use crds::names::{
    self, ANNOTATION_HOOK_BEFORE, ANNOTATION_HOOK_POOL, HOOK_CA_PATH, KEY_ACCESS, KEY_SECRET, LABEL_HOOK,
    LABEL_TENANT, PORT_API,
};
use crds::tenant::TlsMode;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, EnvVar, KeyToPath, PodSpec, PodTemplateSpec, SecretVolumeSource, Volume,
    VolumeMount,
};
use kube::core::ObjectMeta;

use super::super::observed::Observed;
use super::super::{certificate, credentials, facts, pair};
use super::Occasion;
use crate::meta;
use crate::pool::environment::{plain, secret};
use crate::pool::{digest, security};

/// Seconds a Job may take, unless the hook says otherwise.
const DEADLINE_SECONDS: i32 = 3600;
/// How often a Pod is tried again, unless the hook says otherwise.
const RETRIES: i32 = 2;
/// Seconds a Job that has ended is kept to be read: a week.
const KEPT_SECONDS: i32 = 604_800;
/// Hexadecimal digits that tell the runs of a hook apart.
const DIGITS: usize = 10;

/// The name of the Job: the same for the same request, and for no other.
pub(super) fn name(tenant: &Tenant, hook: &Hook, occasion: &Occasion<'_>) -> String {
    let identity = (
        meta::uid(tenant),
        &hook.name,
        occasion.before,
        &occasion.request,
        occasion.pool,
    );
    let digest: String = digest(&identity).chars().take(DIGITS).collect();
    names::hook_job(meta::name(tenant), &hook.name, &digest)
}

/// What the Pods of hooks are called by the standard label, unlike servers.
pub(crate) const POD_NAME: &str = "rustfs-hook";

/// The Job; `Err` says what it has to wait for.
pub(super) fn build(
    tenant: &Tenant,
    observed: &Observed,
    hook: &Hook,
    occasion: &Occasion<'_>,
    name: &str,
) -> Result<Job, String> {
    let ca = ca_secret(tenant, observed)?;
    let mut labels = meta::labels(meta::name(tenant), "hook");
    labels.insert(LABEL_HOOK.to_owned(), hook.name.clone());
    let mut of_pod = labels.clone();
    // What carries the Tenant's label is taken for one of its servers, by Services and by the operator alike; and a
    // Service that somebody wrote may select the standard ones.
    of_pod.remove(LABEL_TENANT);
    of_pod.insert("app.kubernetes.io/name".to_owned(), POD_NAME.to_owned());
    // From them the status tells of a run that nobody saw while something waited for it.
    let mut annotations = BTreeMap::from([(
        ANNOTATION_HOOK_BEFORE.to_owned(),
        format!("{:?}", occasion.before),
    )]);
    let pool = occasion.pool.map(str::to_owned);
    annotations.extend(pool.map(|pool| (ANNOTATION_HOOK_POOL.to_owned(), pool)));
    Ok(Job {
        metadata: ObjectMeta {
            annotations: Some(annotations),
            ..meta::child_meta(name, tenant, labels)
        },
        spec: Some(JobSpec {
            active_deadline_seconds: Some(i64::from(hook.deadline_seconds.unwrap_or(DEADLINE_SECONDS))),
            backoff_limit: Some(hook.retries.unwrap_or(RETRIES)),
            ttl_seconds_after_finished: Some(KEPT_SECONDS),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(of_pod),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(tenant, observed, hook, occasion, ca)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    })
}

/// The Secret with the CA, none while TLS is off.
fn ca_secret<'a>(tenant: &Tenant, observed: &'a Observed) -> Result<Option<&'a str>, String> {
    if tenant.spec.tls.as_ref().map(|tls| tls.mode) != Some(TlsMode::Enabled) {
        return Ok(None);
    }
    let found = certificate::find(tenant, observed).and_then(|found| found.status.as_ref());
    let secret = found.and_then(|status| status.secret_name.as_deref());
    secret
        .map(Some)
        .ok_or_else(|| "the Tenant's certificate: see the condition CertificateReady".to_owned())
}

fn pod(
    tenant: &Tenant,
    observed: &Observed,
    hook: &Hook,
    occasion: &Occasion<'_>,
    ca: Option<&str>,
) -> PodSpec {
    let job = &hook.job;
    let pull = &tenant.spec.image_pull_secrets;
    let servers = tenant.spec.service_account_name.clone();
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(job.service_account_name.is_some()),
        service_account_name: job
            .service_account_name
            .clone()
            .or(servers)
            .or_else(|| Some(meta::name(tenant).to_owned())),
        enable_service_links: Some(false),
        image_pull_secrets: (!pull.is_empty()).then(|| pull.clone()),
        node_selector: (!job.node_selector.is_empty()).then(|| job.node_selector.clone()),
        tolerations: (!job.tolerations.is_empty()).then(|| job.tolerations.clone()),
        security_context: Some(security::pod(job.pod_security_context.as_ref())),
        containers: vec![Container {
            name: "hook".to_owned(),
            image: Some(job.image.clone()),
            image_pull_policy: job.image_pull_policy.map(|policy| policy.as_str().to_owned()),
            command: list(&job.command),
            args: list(&job.args),
            env: Some(environment(tenant, observed, hook, occasion, ca.is_some())),
            env_from: list(&job.env_from),
            resources: job.resources.clone(),
            security_context: Some(security::container(job.container_security_context.as_ref())),
            volume_mounts: Some(mounts(ca)),
            termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
            ..Container::default()
        }],
        volumes: Some(volumes(ca)),
        ..PodSpec::default()
    }
}

fn list<T: Clone>(given: &[T]) -> Option<Vec<T>> {
    (!given.is_empty()).then(|| given.to_vec())
}

/// The Secret whose pair clients are served with; before anybody is, the one it is taken from.
fn credentials(tenant: &Tenant, observed: &Observed) -> String {
    match pair::serving(observed) {
        0 => credentials::credentials_secret(tenant),
        generation => names::credentials_generation(meta::name(tenant), generation),
    }
}

/// The operator's variables first, so that the hook's can refer to them.
fn environment(
    tenant: &Tenant,
    observed: &Observed,
    hook: &Hook,
    occasion: &Occasion<'_>,
    tls: bool,
) -> Vec<EnvVar> {
    let credentials = credentials(tenant, observed);
    let before = format!("{:?}", occasion.before);
    let mut variables = vec![
        plain("RUSTFS_TENANT", meta::name(tenant)),
        plain("RUSTFS_NAMESPACE", meta::namespace(tenant)),
        plain("RUSTFS_HOOK", &hook.name),
        plain("RUSTFS_BEFORE", &before),
        plain("RUSTFS_ENDPOINT", &endpoint(tenant, observed)),
        secret("RUSTFS_ACCESS_KEY", &credentials, KEY_ACCESS),
        secret("RUSTFS_SECRET_KEY", &credentials, KEY_SECRET),
    ];
    variables.extend(occasion.pool.map(|pool| plain("RUSTFS_POOL", pool)));
    variables.extend(tls.then(|| plain("RUSTFS_CA", &format!("{HOOK_CA_PATH}/ca.crt"))));
    let HookJob { env, .. } = &hook.job;
    if !env.iter().any(|variable| variable.name == "HOME") {
        // Many tools keep a configuration there, and the root file system is read-only.
        variables.push(plain("HOME", "/tmp"));
    }
    variables.extend(env.iter().cloned());
    variables
}

fn endpoint(tenant: &Tenant, observed: &Observed) -> String {
    let service = names::api_service(meta::name(tenant));
    facts::url(tenant, &observed.settings, &service, PORT_API)
}

fn mounts(ca: Option<&str>) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let mut mounts = vec![mount("tmp", "/tmp", false)];
    mounts.extend(ca.map(|_| mount("ca", HOOK_CA_PATH, true)));
    mounts
}

/// Of the certificate's Secret the CA only: a hook has no use for the servers' key.
fn volumes(ca: Option<&str>) -> Vec<Volume> {
    let mut volumes = vec![Volume {
        name: "tmp".to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }];
    volumes.extend(ca.map(|secret| Volume {
        name: "ca".to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            items: Some(vec![KeyToPath {
                key: "ca.crt".to_owned(),
                path: "ca.crt".to_owned(),
                ..KeyToPath::default()
            }]),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }));
    volumes
}
