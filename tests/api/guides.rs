//! What the guides tell people to type, typed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crds::Tenant;

use crate::World;
use crate::protection::put;
use crate::support::cluster::root;
use crate::support::objects;
use crate::support::space::Space;
use crate::support::wait::SOON;

/// Seconds one block of a guide may take.
const WITHIN: &str = "180";

pub async fn pools_come_and_go_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "pools", &objects::tenant(), "a").await;
    follow(&world, &space, "pools");
    space.leave().await;
}

pub async fn rollouts_are_steered_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "rollouts", &objects::tenant(), "a").await;
    follow(&world, &space, "rollouts");
    space.leave().await;
}

pub async fn a_store_is_deleted_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(
        &world.cluster.admin,
        "deletion",
        &objects::protected_tenant(),
        "p0",
    )
    .await;
    put(&space, "photos", 3).await;
    follow(&world, &space, "deletion");
    space.gone::<Tenant>("store", SOON).await;
}

pub async fn a_store_is_explained_as_the_guide_says(world: Arc<World>) {
    let _operator = world.running().await;
    let space = Space::serving(&world.cluster.admin, "explain", &objects::tenant(), "a").await;
    follow(&world, &space, "explain");
    space.leave().await;
}

/// Types what a guide has to type, block by block.
fn follow(world: &World, space: &Space, guide: &str) {
    let shell = Shell::open(world, space, guide);
    let page = std::fs::read_to_string(root().join(format!("docs/{guide}.md"))).unwrap();
    let mut typed = 0;
    for block in page.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap_or((block, ""));
        let script = match language {
            "sh" if text.contains("kubectl ") => text.to_owned(),
            // A part of an object is for reading.
            "yaml" if text.contains("apiVersion:") => format!("kubectl apply -f - <<'END'\n{text}END\n"),
            _ => continue,
        };
        shell.run(&script);
        typed += 1;
    }
    assert!(typed > 0, "docs/{guide}.md has nothing to type");
}

/// A person's shell, whose kubectl speaks to the test's cluster and namespace.
struct Shell {
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
            kubeconfig,
            namespace: space.name.clone(),
        };
        shell.run(&format!(
            "kubectl config set-context --current --namespace={}",
            space.name
        ));
        shell
    }

    fn run(&self, script: &str) {
        let script = script.replace("-n shop", &format!("-n {}", self.namespace));
        let done = Command::new("timeout")
            .args([WITHIN, "bash", "-euo", "pipefail", "-c", &script])
            .env("PATH", &self.path)
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .expect("a shell runs");
        let words = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success(),
            "{:?} after\n{script}\n{words}",
            done.status
        );
    }
}

fn link(target: &Path, name: &Path) {
    let _ = std::fs::remove_file(name);
    std::os::unix::fs::symlink(target, name).unwrap();
}
