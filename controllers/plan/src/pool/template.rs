//! The Pod of a server.

use std::collections::BTreeMap;

use crds::names::{
    ANNOTATION_POOL_RESTARTED_AT, ANNOTATION_RESTARTED_AT, ANNOTATION_TEMPLATE_HASH, CONTAINER, DATA_PATH,
    LABEL_TOPOLOGY_REVISION, PORT_API, PORT_CONSOLE, TLS_PATH,
};
use crds::{Pool, Tenant, names};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EmptyDirVolumeSource, HTTPGetAction, KeyToPath, Lifecycle, LifecycleHandler,
    PodSpec, PodTemplateSpec, Probe, SecretVolumeSource, SleepAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::ObjectMeta;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{environment, pods, prepare, scheduling, security};
use crate::{Settings, meta};

/// Seconds a server that is stopped goes on serving, so that clients and Services notice first.
const DRAIN_SECONDS: i64 = 5;
/// Seconds a server may take to stop.
const GRACE_SECONDS: i64 = 60;

/// What a Pod template is made from.
#[derive(Clone, Copy)]
pub(super) struct Ingredients<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) pool: &'a Pool,
    /// Revision of the volumes string.
    pub(super) revision: u64,
    /// Generation of the root credentials.
    pub(super) credentials: u64,
    /// Secret with key and chain, when TLS is on.
    pub(super) tls_secret: Option<&'a str>,
    pub(super) settings: &'a Settings,
}

/// The Pod template, with the hash of itself as an annotation: a Pod with another hash is outdated.
pub(super) fn build(from: Ingredients<'_>) -> PodTemplateSpec {
    let (labels, annotations) = metadata(from);
    let mut template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(pod(from)),
    };
    let hash = hash(&template);
    if let Some(annotations) = template
        .metadata
        .as_mut()
        .and_then(|meta| meta.annotations.as_mut())
    {
        annotations.insert(ANNOTATION_TEMPLATE_HASH.to_owned(), hash);
    }
    template
}

/// The hash a template carries.
pub(super) fn hash_of(template: &PodTemplateSpec) -> Option<&str> {
    pods::template_hash(template.metadata.as_ref()?.annotations.as_ref())
}

/// Hash of a value as JSON, 16 hexadecimal digits.
pub(crate) fn hash(value: &impl Serialize) -> String {
    // Maps are sorted and fields have a fixed order, so equal values have equal texts.
    let text = serde_json::to_vec(value).unwrap_or_default();
    Sha256::digest(&text)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn metadata(from: Ingredients<'_>) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let said = from.tenant.spec.pod_metadata.clone().unwrap_or_default();
    let mut labels = said.labels;
    labels.extend(meta::pool_labels(
        meta::name(from.tenant),
        meta::name(from.pool),
        "server",
    ));
    labels.insert(LABEL_TOPOLOGY_REVISION.to_owned(), from.revision.to_string());
    let mut annotations = said.annotations;
    let restarts = [
        (ANNOTATION_RESTARTED_AT, restart(&from.tenant.metadata)),
        (ANNOTATION_POOL_RESTARTED_AT, restart(&from.pool.metadata)),
    ];
    annotations.extend(
        restarts
            .into_iter()
            .filter_map(|(key, at)| Some((key.to_owned(), at?))),
    );
    (labels, annotations)
}

/// When a person asked for a restart; any text will do.
fn restart(meta: &ObjectMeta) -> Option<String> {
    let annotations = meta.annotations.as_ref()?;
    annotations
        .get(ANNOTATION_RESTARTED_AT)
        .filter(|at| !at.is_empty())
        .cloned()
}

fn pod(from: Ingredients<'_>) -> PodSpec {
    let spec = &from.tenant.spec;
    let server = container(from);
    let drives = from.pool.spec.volumes_per_server;
    let mut pod = PodSpec {
        service_account_name: Some(
            spec.service_account_name
                .clone()
                .unwrap_or_else(|| meta::name(from.tenant).to_owned()),
        ),
        automount_service_account_token: Some(false),
        // Service variables of a namespace with many Services would crowd the environment.
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        security_context: Some(security::pod(spec.pod_security_context.as_ref())),
        image_pull_secrets: (!spec.image_pull_secrets.is_empty()).then(|| spec.image_pull_secrets.clone()),
        init_containers: Some(vec![prepare::container(from.tenant, drives, &server)]),
        containers: vec![server],
        volumes: Some(volumes(from)),
        ..PodSpec::default()
    };
    scheduling::apply(from.tenant, from.pool, &mut pod);
    pod
}

fn container(from: Ingredients<'_>) -> Container {
    let spec = &from.tenant.spec;
    let scheme = if from.tls_secret.is_some() {
        "HTTPS"
    } else {
        "HTTP"
    };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(
            spec.image
                .clone()
                .unwrap_or_else(|| from.settings.default_image.clone()),
        ),
        image_pull_policy: spec.image_pull_policy.map(|policy| policy.as_str().to_owned()),
        // Not the image's entry point: it would expand and override the volumes.
        command: Some(vec!["/usr/bin/rustfs".to_owned()]),
        env: Some(environment::build(
            from.tenant,
            from.revision,
            from.credentials,
            from.settings,
        )),
        ports: Some(vec![port("api", PORT_API), port("console", PORT_CONSOLE)]),
        resources: from
            .pool
            .spec
            .resources
            .clone()
            .or_else(|| spec.resources.clone()),
        security_context: Some(security::container(spec.container_security_context.as_ref())),
        volume_mounts: Some(mounts(from)),
        // Ten minutes: a server that finds many drives to check must not be killed while it does.
        startup_probe: Some(probe("/health", scheme, 5, 120)),
        liveness_probe: Some(probe("/health", scheme, 10, 6)),
        readiness_probe: Some(probe("/health/ready", scheme, 5, 2)),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction {
                    seconds: DRAIN_SECONDS,
                }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str, scheme: &str, period_seconds: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("api".to_owned()),
            scheme: Some(scheme.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        timeout_seconds: Some(5),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn mounts(from: Ingredients<'_>) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    };
    let mut mounts: Vec<_> = (0..from.pool.spec.volumes_per_server)
        .map(|drive| mount(&names::volume_claim(drive), &format!("{DATA_PATH}{drive}")))
        .collect();
    mounts.push(mount("tmp", "/tmp"));
    if from.tls_secret.is_some() {
        // The whole folder, never a subPath: only so a renewed Secret reaches a running server.
        mounts.push(VolumeMount {
            read_only: Some(true),
            ..mount("tls", TLS_PATH)
        });
    }
    mounts
}

fn volumes(from: Ingredients<'_>) -> Vec<Volume> {
    let mut volumes = vec![Volume {
        name: "tmp".to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }];
    if let Some(secret) = from.tls_secret {
        let item = |key: &str, path: &str| KeyToPath {
            key: key.to_owned(),
            path: path.to_owned(),
            ..KeyToPath::default()
        };
        volumes.push(Volume {
            name: "tls".to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.to_owned()),
                default_mode: Some(0o440),
                items: Some(vec![
                    item("tls.crt", "rustfs_cert.pem"),
                    item("tls.key", "rustfs_key.pem"),
                    item("ca.crt", "ca.crt"),
                ]),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        });
    }
    volumes
}
