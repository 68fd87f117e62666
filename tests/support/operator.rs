//! The operator as a process of its own, under its ServiceAccount.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crds::Tenant;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};

use super::cluster::{Cluster, root};
use super::process::Process;
use super::wait::until;
use super::{http, wait::SOON};

/// Namespace of the operator.
pub const NAMESPACE: &str = "rustfs-system";

/// A running operator.
pub struct Operator {
    /// The process.
    pub process: Process,
    /// Where it answers, as `127.0.0.1:1234`.
    pub listen: String,
}

/// How an operator is started.
#[derive(Clone, Debug)]
pub struct How {
    /// Kubeconfig it uses.
    pub kubeconfig: PathBuf,
    /// Its name among replicas.
    pub identity: String,
    /// More arguments.
    pub arguments: Vec<String>,
    /// More environment.
    pub environment: Vec<(String, String)>,
}

impl How {
    /// With nothing more.
    pub fn plain(kubeconfig: &Path, identity: &str) -> Self {
        Self {
            kubeconfig: kubeconfig.to_owned(),
            identity: identity.to_owned(),
            arguments: vec![],
            environment: vec![],
        }
    }
}

impl Operator {
    /// Starts it and waits until it lives; it need not lead.
    pub async fn start(cluster: &Cluster, how: &How) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_rustfs-operator"));
        command
            .args([
                "run",
                "--listen",
                &listen,
                "--operator-namespace",
                NAMESPACE,
                "--identity",
                &how.identity,
            ])
            .args(["--log-format", "human"])
            .args(&how.arguments)
            .env("KUBECONFIG", &how.kubeconfig)
            .envs(
                how.environment
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str())),
            );
        let log = cluster.scratch.join(format!("{}.log", how.identity));
        let process = Process::start(command, &log);
        let operator = Self { process, listen };
        until("the operator to live", SOON, || async {
            operator.expect("/livez", 200).await
        })
        .await;
        operator
    }

    /// Whether a path answers with this status.
    pub async fn expect(&self, path: &str, status: u16) -> Result<(), String> {
        match http::get(&self.listen, path).await {
            Ok((seen, _)) if seen == status => Ok(()),
            Ok((seen, body)) => Err(format!(
                "{path} answers {seen}: {body}\n{}",
                self.process.tail(20)
            )),
            Err(error) => Err(format!("{error}\n{}", self.process.tail(20))),
        }
    }

    /// Waits until it is ready: caches filled, watches open.
    pub async fn ready(&self, within: Duration) {
        until("the operator to be ready", within, || self.expect("/readyz", 200)).await;
    }
}

/// Installs an overlay for an operator that runs as a process: nothing of it stays in the cluster. Returns a
/// kubeconfig for its ServiceAccount.
pub async fn install(cluster: &Cluster, overlay: &str) -> PathBuf {
    if cluster.is_existing() {
        refuse_where_stores_are(cluster).await;
    }
    apply(cluster, overlay);
    let _ = cluster.kubectl(&["-n", NAMESPACE, "scale", "deployment", "--all", "--replicas=0"]);
    kubeconfig(cluster, "rustfs-operator").await
}

/// The tests end the operator of the cluster they run in, and theirs is of another build.
async fn refuse_where_stores_are(cluster: &Cluster) {
    let stores: Api<Tenant> = Api::all(cluster.admin.clone());
    // Without the CRD there are none.
    let stores = stores.list(&ListParams::default()).await;
    let names: Vec<_> = stores.iter().flatten().map(|store| store.name_any()).collect();
    assert!(
        names.is_empty(),
        "the cluster KUBECONFIG names has stores ({}), and the tests replace its operator: name another cluster",
        names.join(", ")
    );
}

/// Applies an overlay and waits for its CRDs.
pub fn apply(cluster: &Cluster, overlay: &str) {
    let path = root().join("kustomize/overlays").join(overlay);
    cluster
        .kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "-k",
            &path.to_string_lossy(),
        ])
        .unwrap_or_else(|error| panic!("failed to install {}: {error}", path.display()));
    cluster
        .kubectl(&[
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
            "--all",
        ])
        .expect("the CRDs are established");
}

/// A kubeconfig that acts as a ServiceAccount of the operator's namespace.
pub async fn kubeconfig(cluster: &Cluster, account: &str) -> PathBuf {
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: vec![],
            expiration_seconds: Some(86_400),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = Api::<ServiceAccount>::namespaced(cluster.admin.clone(), NAMESPACE)
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .expect("a token can be made");
    let token = answer.status.expect("a token is given").token;
    let path = cluster.scratch.join(format!("{account}.kubeconfig"));
    write_kubeconfig(&cluster.kubeconfig, &path, &token, None);
    path
}

/// Copies a kubeconfig with a token in place of its user, and optionally another server address.
pub fn write_kubeconfig(from: &Path, to: &Path, token: &str, server: Option<&str>) {
    let mut file = kube::config::Kubeconfig::read_from(from).expect("the kubeconfig can be read");
    for user in &mut file.auth_infos {
        user.auth_info = Some(kube::config::AuthInfo {
            token: Some(token.to_owned().into()),
            ..Default::default()
        });
    }
    if let Some(server) = server {
        for cluster in &mut file.clusters {
            if let Some(cluster) = &mut cluster.cluster {
                cluster.server = Some(server.to_owned());
            }
        }
    }
    let mut value = serde_json::to_value(&file).expect("a kubeconfig is JSON");
    // `token` is a secret type and is left out when serialised.
    for user in value["users"].as_array_mut().into_iter().flatten() {
        user["user"] = serde_json::json!({"token": token});
    }
    std::fs::write(to, value.to_string()).expect("the kubeconfig can be written");
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    socket.local_addr().expect("it has an address").port()
}

/// Installs the CRDs the binary prints.
pub async fn install_crds(cluster: &Cluster) {
    let output = Command::new(env!("CARGO_BIN_EXE_rustfs-operator"))
        .arg("crds")
        .output()
        .expect("the operator runs");
    let path = cluster.scratch.join("crds.yaml");
    std::fs::write(&path, &output.stdout).expect("the CRDs can be written");
    cluster
        .kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "-f",
            &path.to_string_lossy(),
        ])
        .unwrap_or_else(|error| panic!("the API server refuses the CRDs: {error}"));
    cluster
        .kubectl(&[
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
            "-l",
            "!none",
        ])
        .expect("the CRDs are established");
}
