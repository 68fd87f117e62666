//! Runs Helm.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::chart;

/// The namespace that everything is installed in.
pub const NAMESPACE: &str = "rustfs-system";
/// The release.
pub const RELEASE: &str = "rustfs-operator";

/// The program that `HELM` names.
pub struct Helm(PathBuf);

impl Helm {
    /// `None` where `HELM` does not name one.
    pub fn find() -> Option<Self> {
        std::env::var_os("HELM").map(|path| Self(path.into()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What the chart renders with these values, or Helm's words.
    pub fn render(&self, values: &Value) -> Result<Vec<Value>, String> {
        self.render_as(RELEASE, NAMESPACE, values)
    }

    /// The same, under another name or in another namespace.
    pub fn render_as(&self, release: &str, namespace: &str, values: &Value) -> Result<Vec<Value>, String> {
        let text = self.run(
            &[
                "template",
                release,
                &chart::folder().to_string_lossy(),
                "--namespace",
                namespace,
                "--values",
                "-",
            ],
            &values.to_string(),
        )?;
        Ok(serde_saphyr::from_multiple(&text).expect("the chart renders YAML"))
    }

    /// What it prints, or what it complains about.
    pub fn run(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new(&self.0)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("HELM names a program");
        // It may end before it has read everything; what it says then is what counts.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(words)
        }
    }
}
