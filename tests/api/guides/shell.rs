//! A person at a terminal, with a guide.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::World;
use crate::support::cluster::root;
use crate::support::guide;
use crate::support::space::Space;

/// Seconds one block of a guide may take.
const WITHIN: &str = "180";

/// Types what a guide has to type.
pub(super) fn follow(world: &World, space: &Space, name: &str) {
    let shell = Shell::open(world, space, name);
    let page = std::fs::read_to_string(root().join(format!("docs/{name}.md"))).unwrap();
    guide::follow(&format!("docs/{name}.md"), &page, |script| shell.run(script));
}

/// A person's shell, whose kubectl speaks to the test's cluster and namespace.
struct Shell {
    folder: PathBuf,
    path: String,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Shell {
    fn open(world: &World, space: &Space, guide: &str) -> Self {
        let folder = world.cluster.scratch.join(format!("guide-{guide}"));
        std::fs::create_dir_all(&folder).unwrap();
        let kubeconfig = folder.join("kubeconfig");
        std::fs::copy(&world.cluster.kubeconfig, &kubeconfig).unwrap();
        link(&world.cluster.kubectl_path(), &folder.join("kubectl"));
        link(
            Path::new(env!("CARGO_BIN_EXE_rustfs-operator")),
            &folder.join("kubectl-rustfs"),
        );
        let shell = Self {
            path: format!(
                "{}:{}",
                folder.display(),
                std::env::var("PATH").unwrap_or_default()
            ),
            folder,
            kubeconfig,
            namespace: space.name.clone(),
        };
        shell.run(&format!(
            "kubectl config set-context --current --namespace={}",
            space.name
        ));
        shell
    }

    /// What a block prints, with the namespace that the guides speak of.
    fn run(&self, script: &str) -> String {
        let script = script.replace("-n shop", &format!("-n {}", self.namespace));
        let mut shell = Command::new("timeout");
        shell
            .args([WITHIN, "bash", "-euo", "pipefail", "-c", &script])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env("KUBECONFIG", &self.kubeconfig);
        // The other tests go on meanwhile.
        let done = tokio::task::block_in_place(|| shell.output()).expect("a shell runs");
        let printed = String::from_utf8_lossy(&done.stdout);
        let words = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success(),
            "{:?} after\n{script}\n{printed}\n{words}",
            done.status
        );
        printed.replace(&self.namespace, "shop")
    }
}

fn link(target: &Path, name: &Path) {
    let _ = std::fs::remove_file(name);
    std::os::unix::fs::symlink(target, name).unwrap();
}
