//! The exact environment of a server.

use crds::Tenant;
use crds::names::{self, KEY_ACCESS, KEY_RPC, KEY_SECRET, KEY_VOLUMES, PORT_API, PORT_CONSOLE, TLS_PATH};
use crds::tenant::TlsMode;
use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector,
};

use crate::{Settings, meta};

/// What the operator sets unless the Tenant says otherwise.
const DEFAULTS: [(&str, &str); 3] = [
    // A server reports to nobody outside the cluster by itself.
    ("RUSTFS_CHECK_UPDATE", "false"),
    // With a log folder the server writes files and `kubectl logs` stays empty.
    ("RUSTFS_OBS_LOG_DIRECTORY", ""),
    ("RUSTFS_OBS_LOGGER_LEVEL", LOG_FILTER),
];

/// Servers say each lock that they take from one another: 98 of 100 lines, which cost more than they tell. RustFS leaves
/// out its line for each request by itself where the level is a single word, and not where it is a list as here.
const LOG_FILTER: &str = "info,rustfs::server::http=warn,rustfs_ecstore::cluster::rpc::remote_locker=warn,\
                          rustfs_ecstore::set_disk::ops::locking=warn";

/// What the operator sets, or keeps unset, for good. RustFS copies `MINIO_` names over its own settings, so these are
/// not free either.
const OWNED: [&str; 20] = [
    "POD_NAME",
    "RUSTFS_VOLUMES",
    "RUSTFS_ADDRESS",
    "RUSTFS_CONSOLE_ADDRESS",
    "RUSTFS_CONSOLE_ENABLE",
    "RUSTFS_ACCESS_KEY",
    "RUSTFS_SECRET_KEY",
    "RUSTFS_ACCESS_KEY_FILE",
    "RUSTFS_SECRET_KEY_FILE",
    "RUSTFS_ROOT_USER",
    "RUSTFS_ROOT_PASSWORD",
    "RUSTFS_RPC_SECRET",
    "RUSTFS_LOCAL_ENDPOINT_HOST",
    "RUSTFS_TLS_PATH",
    "RUSTFS_TLS_RELOAD_ENABLE",
    "RUSTFS_TLS_KEYLOG",
    "RUSTFS_SERVER_MTLS_ENABLE",
    "RUSTFS_STARTUP_TOPOLOGY_WAIT_MODE",
    "RUSTFS_POOL_META_V2_WRITE",
    "RUSTFS_POOL_META_V2_FLEET_CONFIRMED",
];

/// Variables of a server of this Tenant, the operator's first. `revision` names the volumes string,
/// `generation` the root credentials.
pub(super) fn build(tenant: &Tenant, revision: u64, generation: u64, settings: &Settings) -> Vec<EnvVar> {
    let name = meta::name(tenant);
    let credentials = names::credentials_generation(name, generation);
    let mut variables = vec![
        field("POD_NAME", "metadata.name"),
        EnvVar {
            name: KEY_VOLUMES.to_owned(),
            value_from: Some(EnvVarSource {
                config_map_key_ref: Some(ConfigMapKeySelector {
                    name: names::topology_revision(name, revision),
                    key: KEY_VOLUMES.to_owned(),
                    optional: None,
                }),
                ..EnvVarSource::default()
            }),
            ..EnvVar::default()
        },
        plain("RUSTFS_ADDRESS", &format!(":{PORT_API}")),
        plain("RUSTFS_CONSOLE_ENABLE", "true"),
        plain("RUSTFS_CONSOLE_ADDRESS", &format!(":{PORT_CONSOLE}")),
        plain(
            "RUSTFS_LOCAL_ENDPOINT_HOST",
            &format!(
                "$(POD_NAME).{}.{}.svc.{}",
                names::headless_service(name),
                meta::namespace(tenant),
                settings.cluster_domain
            ),
        ),
        plain("RUSTFS_STARTUP_TOPOLOGY_WAIT_MODE", "orchestrated"),
        // Without this format of the pools' records, which RustFS has known since 1.0, no pool can be drained.
        plain("RUSTFS_POOL_META_V2_WRITE", "true"),
        plain("RUSTFS_POOL_META_V2_FLEET_CONFIRMED", "true"),
        secret("RUSTFS_ACCESS_KEY", &credentials, KEY_ACCESS),
        secret("RUSTFS_SECRET_KEY", &credentials, KEY_SECRET),
        secret("RUSTFS_RPC_SECRET", &rpc_secret(tenant), KEY_RPC),
    ];
    if tls(tenant) {
        variables.push(plain("RUSTFS_TLS_PATH", TLS_PATH));
        // A renewed certificate is picked up within the interval, without a restart.
        variables.push(plain("RUSTFS_TLS_RELOAD_ENABLE", "1"));
    }
    let said = |name: &str| tenant.spec.env.iter().any(|variable| variable.name == name);
    variables.extend(
        DEFAULTS
            .iter()
            .filter(|(name, _)| !said(name))
            .map(|(name, value)| plain(name, value)),
    );
    variables.extend(tenant.spec.env.iter().cloned());
    variables
}

/// Index and name of the first variable in `spec.env` that the operator sets itself.
pub(super) fn owned_variable(tenant: &Tenant) -> Option<(usize, &str)> {
    let variables = tenant.spec.env.iter().enumerate();
    variables
        .map(|(index, variable)| (index, variable.name.as_str()))
        .find(|(_, name)| OWNED.contains(name) || name.starts_with("MINIO_"))
}

/// Whether the servers speak TLS.
pub(super) fn tls(tenant: &Tenant) -> bool {
    tenant
        .spec
        .tls
        .as_ref()
        .is_some_and(|tls| tls.mode == TlsMode::Enabled)
}

fn rpc_secret(tenant: &Tenant) -> String {
    tenant.spec.rpc_secret_ref.as_ref().map_or_else(
        || names::rpc_secret(meta::name(tenant)),
        |given| given.name.clone(),
    )
}

/// A variable with this value.
pub(crate) fn plain(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    }
}

fn field(name: &str, path: &str) -> EnvVar {
    let selector = ObjectFieldSelector {
        api_version: Some("v1".to_owned()),
        field_path: path.to_owned(),
    };
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(selector),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// A variable whose value only the kubelet reads.
pub(crate) fn secret(name: &str, secret: &str, key: &str) -> EnvVar {
    let selector = SecretKeySelector {
        name: secret.to_owned(),
        key: key.to_owned(),
        optional: None,
    };
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(selector),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}
