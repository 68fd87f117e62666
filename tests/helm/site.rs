//! A control plane, and Helm to install on it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::equal::name;
use crate::helm::{Helm, NAMESPACE};
use crate::kustomize::repository;
use crate::{chart, guide};

/// Seconds one block of a guide may take.
const WITHIN: &str = "180";

/// A control plane and what works on it.
pub struct Site {
    pub helm: Helm,
    pub cluster: ControlPlane,
    folder: PathBuf,
}

impl Site {
    /// `None` where `HELM` or `LOCALKUBE` does not say how.
    pub fn start(purpose: &str) -> Option<Self> {
        let helm = Helm::find()?;
        let cluster = ControlPlane::start(purpose, 1)?;
        let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let folder = scratch.join(format!("{purpose}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for part in ["config", "deploy", "kustomize"] {
            link(repository().join(part), folder.join(part));
        }
        link(helm.path().to_owned(), folder.join("helm"));
        link(cluster.kubectl_path().to_owned(), folder.join("kubectl"));
        Some(Self {
            helm,
            cluster,
            folder,
        })
    }

    /// What Helm prints. Panics if it complains.
    pub fn done(&self, arguments: &[&str]) -> String {
        self.tried(arguments)
            .unwrap_or_else(|words| panic!("helm {arguments:?}: {words}"))
    }

    /// What Helm prints, or what it complains about.
    pub fn tried(&self, arguments: &[&str]) -> Result<String, String> {
        let kubeconfig = self.cluster.kubeconfig().to_string_lossy();
        let mut all = arguments.to_vec();
        all.extend(["--kubeconfig", &kubeconfig]);
        if !arguments.contains(&"--namespace") {
            all.extend(["--namespace", NAMESPACE]);
        }
        self.helm.run(&all, "")
    }

    /// The objects of these kinds and names as they are in the cluster; those that are not there are left out.
    pub fn live(&self, objects: &[Value]) -> BTreeMap<String, Value> {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
        let arguments = [
            "get",
            "--ignore-not-found",
            "--show-managed-fields",
            "-f",
            "-",
            "-o",
            "json",
        ];
        let text = self.cluster.fine(&arguments, &list);
        if text.trim().is_empty() {
            return BTreeMap::new();
        }
        let found: Value = serde_json::from_str(&text).unwrap();
        let items = found["items"].as_array().cloned().unwrap_or_else(|| vec![found]);
        items.into_iter().map(|object| (name(&object), object)).collect()
    }

    /// Their resourceVersions.
    pub fn versions(&self, objects: &[Value]) -> BTreeMap<String, Value> {
        self.metadata(objects, "resourceVersion")
    }

    /// Their UIDs.
    pub fn uids(&self, objects: &[Value]) -> BTreeMap<String, Value> {
        self.metadata(objects, "uid")
    }

    fn metadata(&self, objects: &[Value], key: &str) -> BTreeMap<String, Value> {
        let live = self.live(objects).into_iter();
        live.map(|(name, object)| (name, object["metadata"][key].clone()))
            .collect()
    }

    /// Waits until the operator's Pods are ready, which the fake node says at once.
    pub fn rolled_out(&self) {
        let arguments = [
            "-n",
            NAMESPACE,
            "rollout",
            "status",
            "deployment/rustfs-operator",
            "--timeout=180s",
        ];
        self.cluster.fine(&arguments, "");
    }

    /// Types a section of a guide.
    pub fn section(&self, page: &str, heading: &str) {
        let page = format!("docs/{page}.md");
        let text = std::fs::read_to_string(repository().join(&page)).unwrap();
        let (_, rest) = text
            .split_once(&format!("\n## {heading}\n"))
            .unwrap_or_else(|| panic!("{page} has no section {heading}"));
        guide::follow(&page, rest.split("\n## ").next().unwrap(), |script| {
            self.typed(script)
        });
    }

    fn typed(&self, script: &str) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let done = Command::new("timeout")
            .args([WITHIN, "bash", "-euo", "pipefail", "-c", script])
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", self.folder.display()))
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .output()
            .expect("a shell runs");
        let words = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success(),
            "{:?} after\n{script}\n{words}",
            done.status
        );
        String::from_utf8(done.stdout).unwrap()
    }

    /// A file with these values.
    pub fn file_of(&self, values: &Value) -> String {
        let path = self.folder.join("values.json");
        std::fs::write(&path, values.to_string()).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// A copy of the chart, to be changed.
    pub fn copy_of_the_chart(&self) -> PathBuf {
        let copy = self.folder.join("changed-chart");
        let done = Command::new("cp")
            .arg("-r")
            .arg(chart::folder())
            .arg(&copy)
            .status();
        assert!(done.unwrap().success());
        copy
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn link(target: PathBuf, name: PathBuf) {
    std::os::unix::fs::symlink(target, name).unwrap();
}
