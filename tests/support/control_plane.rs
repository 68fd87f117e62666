//! A control plane for one test, started by localkube and ended with the test.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A running control plane.
pub struct ControlPlane {
    localkube: String,
    name: String,
    kubectl: String,
    kubeconfig: String,
}

impl ControlPlane {
    /// Starts one with so many fake nodes, or returns `None` where `LOCALKUBE` does not say how.
    pub fn start(purpose: &str, nodes: u8) -> Option<Self> {
        let localkube = std::env::var("LOCALKUBE").ok()?;
        let name = format!("{purpose}-{}", std::process::id());
        let output = Command::new(&localkube)
            .args(["up", "--detach", "--json", "--name", &name])
            .args(["--nodes", &nodes.to_string()])
            .output()
            .expect("LOCALKUBE names the localkube program");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "localkube up failed:\n{log}");
        let state: Value = serde_json::from_slice(&output.stdout).expect("localkube prints its state");
        let text = |key: &str| state[key].as_str().expect(key).to_owned();
        Some(Self {
            kubectl: text("kubectl"),
            kubeconfig: text("kubeconfig"),
            localkube,
            name,
        })
    }

    /// Installs CustomResourceDefinitions and waits until they are served.
    pub fn install(&self, manifest: &str) {
        self.fine(&["apply", "--server-side", "-f", "-"], manifest);
        self.established();
    }

    fn established(&self) {
        let wait = ["wait", "--for=condition=Established", "crd", "--all"];
        self.fine(&wait, "");
    }

    /// Installs the kinds of the Prometheus operator.
    pub fn install_prometheus_kinds(&self) {
        let output = Command::new(&self.localkube)
            .args(["crds", "prometheus"])
            .output()
            .expect("localkube runs");
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "localkube crds prometheus failed: {problem}"
        );
        let folder = String::from_utf8(output.stdout).unwrap();
        self.fine(&["apply", "--server-side", "-f", folder.trim()], "");
        self.established();
    }

    /// Makes a namespace for real: a dry run knows only what is there.
    pub fn create_namespace(&self, name: &str) {
        self.fine(&["create", "namespace", name], "");
    }

    /// Panics unless the API server would accept the manifest, every field of it known.
    pub fn accepts(&self, what: &str, manifest: &str) {
        let dry_run = [
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
        ];
        let output = self.kubectl(&dry_run, manifest);
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what} is refused: {problem}");
        assert!(
            !problem.contains("Warning"),
            "{what} is accepted with a warning: {problem}"
        );
    }

    /// What kubectl prints. Panics if it complains.
    pub fn fine(&self, arguments: &[&str], input: &str) -> String {
        let output = self.kubectl(arguments, input);
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?} failed: {problem}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The kubectl of its version.
    pub fn kubectl_path(&self) -> &Path {
        Path::new(&self.kubectl)
    }

    /// How an administrator reaches it.
    pub fn kubeconfig(&self) -> &Path {
        Path::new(&self.kubeconfig)
    }

    fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        let mut kubectl = Command::new(self.kubectl_path());
        kubectl.arg("--kubeconfig").arg(self.kubeconfig()).args(arguments);
        fed(&mut kubectl, input)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let _ = Command::new(&self.localkube)
            .args(["down", "--name", &self.name])
            .output();
    }
}

/// What a program comes to that reads this.
pub fn fed(program: &mut Command, input: &str) -> Output {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program:?} does not run: {error}"));
    // It may end before it has read everything; what it says then is what counts.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
