//! A control plane for one test, started by localkube and ended with the test.

use std::io::Write;
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
    /// Starts one, or returns `None` where `LOCALKUBE` does not say how.
    pub fn start(purpose: &str) -> Option<Self> {
        let localkube = std::env::var("LOCALKUBE").ok()?;
        let name = format!("{purpose}-{}", std::process::id());
        let output = Command::new(&localkube)
            .args(["up", "--detach", "--json", "--nodes", "0", "--name", &name])
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

    fn fine(&self, arguments: &[&str], input: &str) {
        let output = self.kubectl(arguments, input);
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?} failed: {problem}");
    }

    fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(&self.kubectl)
            .args(["--kubeconfig", &self.kubeconfig])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl of the control plane runs");
        let mut stdin = child.stdin.take().unwrap();
        // kubectl may end before it has read everything; what it says then is what counts.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let _ = Command::new(&self.localkube)
            .args(["down", "--name", &self.name])
            .output();
    }
}
