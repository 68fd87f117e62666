//! A person at a terminal, with a guide.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::World;
use crate::support::cluster::root;
use crate::support::space::Space;

/// Seconds one block of a guide may take.
const WITHIN: &str = "180";
/// Stands in a line of a guide for what differs each time.
const ELLIPSIS: char = '…';

/// Types what a guide has to type, block by block. A block of the language `text` after one that was typed is what that
/// one prints.
pub(super) fn follow(world: &World, space: &Space, guide: &str) {
    let shell = Shell::open(world, space, guide);
    let page = std::fs::read_to_string(root().join(format!("docs/{guide}.md"))).unwrap();
    let mut typed = 0;
    let mut printed = None;
    for block in page.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap_or((block, ""));
        let script = match language {
            "sh" if text.contains("kubectl ") => text.to_owned(),
            // A part of an object is for reading.
            "yaml" if text.contains("apiVersion:") => format!("kubectl apply -f - <<'END'\n{text}END\n"),
            "text" => {
                let printed: String = printed
                    .take()
                    .expect("a block that was typed is before one of text");
                assert!(
                    is_shown(text, &printed),
                    "docs/{guide}.md says\n{text}\nand it is\n{printed}"
                );
                continue;
            }
            _ => {
                printed = None;
                continue;
            }
        };
        printed = Some(shell.run(&script));
        typed += 1;
    }
    assert!(typed > 0, "docs/{guide}.md has nothing to type");
}

/// Whether a text is what was printed, but for the width of columns. A line that is an ellipsis stands for any lines.
fn is_shown(text: &str, printed: &str) -> bool {
    stand_for(&lines(text), &lines(printed))
}

fn stand_for(text: &[String], printed: &[String]) -> bool {
    match text.split_first() {
        None => printed.is_empty(),
        Some((line, after)) if line.chars().eq([ELLIPSIS]) => {
            (0..=printed.len()).any(|left_out| stand_for(after, &printed[left_out..]))
        }
        Some((line, after)) => match printed.split_first() {
            Some((said, rest)) => fits(line, said) && stand_for(after, rest),
            None => false,
        },
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

/// Whether a line is as another, in which an ellipsis stands for any words.
fn fits(line: &str, said: &str) -> bool {
    let Some((before, after)) = line.split_once(ELLIPSIS) else {
        return line == said;
    };
    said.strip_prefix(before).is_some_and(|rest| {
        let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        ends.any(|at| fits(after, &rest[at..]))
    })
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
