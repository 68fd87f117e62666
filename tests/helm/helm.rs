//! Runs Helm.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::chart;
use crate::control_plane::fed;

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
        let output = fed(Command::new(&self.0).args(arguments), input);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(words)
        }
    }
}
