//! One control plane for a test run: started by localkube, or one that `KUBECONFIG` names.

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::Value;

/// A running API server and an administrator's client for it.
pub struct Cluster {
    /// Administrator's client.
    pub admin: Client,
    /// Administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// `localkube`'s description of the instance; null for an existing cluster.
    pub state: Value,
    /// Folder for logs and files of this run.
    pub scratch: PathBuf,
    instance: Option<Instance>,
}

struct Instance {
    localkube: PathBuf,
    name: String,
}

impl Cluster {
    /// Starts a control plane with `arguments` for `localkube up`, or uses the existing cluster.
    pub async fn start(name: &str, arguments: &[&str]) -> Self {
        let scratch = std::env::temp_dir().join(format!("rustfs-operator-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).expect("a scratch folder can be made");
        if uses_existing() {
            let kubeconfig =
                PathBuf::from(std::env::var("KUBECONFIG").expect("USE_EXISTING_CLUSTER=1 needs KUBECONFIG"));
            return Self {
                admin: client(&kubeconfig).await,
                kubeconfig,
                state: Value::Null,
                scratch,
                instance: None,
            };
        }
        let localkube = localkube();
        let name = format!("{name}-{}", std::process::id());
        let output = Command::new(&localkube)
            .args(["up", "--name", &name, "--detach", "--json"])
            .args(arguments)
            // For the image of a real node.
            .env("OPERATOR_BIN", env!("CARGO_BIN_EXE_rustfs-operator"))
            .stderr(std::process::Stdio::inherit())
            .output()
            .unwrap_or_else(|error| panic!("failed to run {}: {error}", localkube.display()));
        assert!(
            output.status.success(),
            "localkube up failed; its messages are above"
        );
        let state: Value =
            serde_json::from_slice(&output.stdout).expect("localkube prints its state as JSON");
        let kubeconfig = PathBuf::from(
            state["kubeconfig"]
                .as_str()
                .expect("the state names a kubeconfig"),
        );
        Self {
            admin: client(&kubeconfig).await,
            kubeconfig,
            state,
            scratch,
            instance: Some(Instance { localkube, name }),
        }
    }

    /// Whether `KUBECONFIG` named it.
    pub fn is_existing(&self) -> bool {
        self.instance.is_none()
    }

    /// Whether kwok plays nodes, as it does in the tests' own control plane.
    pub async fn has_fake_nodes(&self) -> bool {
        let nodes: Api<Node> = Api::all(self.admin.clone());
        let nodes = nodes
            .list(&ListParams::default())
            .await
            .expect("nodes can be listed");
        let fake = |node: &Node| {
            node.annotations()
                .get("kwok.x-k8s.io/node")
                .is_some_and(|kind| kind == "fake")
        };
        nodes.iter().any(fake)
    }

    /// The kubectl that goes with the control plane: `KUBECTL`, or the one in `PATH`, for an existing one.
    pub fn kubectl_path(&self) -> PathBuf {
        if let Some(own) = self.state["kubectl"].as_str() {
            return own.into();
        }
        if let Some(given) = std::env::var_os("KUBECTL") {
            return given.into();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&path).map(|folder| folder.join("kubectl"));
        places
            .find(|program| program.exists())
            .expect("kubectl is needed: put it in PATH or name it with KUBECTL")
    }

    /// A text of `localkube`'s state, by JSON pointer.
    pub fn text(&self, pointer: &str) -> &str {
        self.state
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("the state has no {pointer}"))
    }

    /// Runs kubectl as administrator; its output, or what it said on failure.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        run(Command::new(self.kubectl_path())
            .env("KUBECONFIG", &self.kubeconfig)
            .args(arguments))
    }

    /// Runs `localkube` for this instance.
    pub fn localkube(&self, arguments: &[&str]) -> Result<String, String> {
        let instance = self
            .instance
            .as_ref()
            .expect("only the tests' own control plane can be told");
        let (verb, rest) = arguments.split_first().expect("a command");
        run(Command::new(&instance.localkube)
            .args([verb, "--name", &instance.name])
            .args(rest))
    }

    /// Runs `localkube` for something that is no instance's.
    pub fn localkube_plain(&self, arguments: &[&str]) -> Result<String, String> {
        run(Command::new(localkube()).args(arguments))
    }

    /// Ends the control plane; again is harmless.
    pub fn stop(&mut self) {
        if let Some(instance) = self.instance.take() {
            let _ = run(Command::new(&instance.localkube).args(["down", "--name", &instance.name]));
        }
        if std::env::var_os("KEEP_LOGS").is_none() {
            let _ = std::fs::remove_dir_all(&self.scratch);
        }
    }
}

impl Drop for Cluster {
    /// A start that fails must not leave a control plane behind either.
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether the tests are to run in the cluster that `KUBECONFIG` names.
pub fn uses_existing() -> bool {
    std::env::var("USE_EXISTING_CLUSTER").is_ok_and(|value| value == "1")
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("failed to run {command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A client for the current context of a kubeconfig.
pub async fn client(kubeconfig: &Path) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig can be read");
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .expect("the kubeconfig can be used");
    Client::try_from(config).expect("a client can be made")
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn localkube() -> PathBuf {
    if let Some(given) = std::env::var_os("LOCALKUBE") {
        return given.into();
    }
    let built = root().join("out/localkube");
    assert!(
        built.exists(),
        "{} is missing: run `make localkube`, or set LOCALKUBE",
        built.display()
    );
    built
}
