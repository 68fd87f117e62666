//! What the documentation refers to is there, and the roadmap claims nothing without a test and a page.

// A test says what went wrong by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every line of the roadmap.
const LINES: [&str; 50] = [
    "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B12", "K1", "K2", "K3", "K4", "K5",
    "C1", "C2", "C3", "C4", "C5", "C6", "C7", "L1", "L2", "L3", "L4", "L5", "T1", "T2", "T3", "T4", "M1",
    "M2", "M3", "M4", "D1", "R1", "E1", "E2", "E3", "E4", "E5", "E6", "P1", "P2", "P3", "P4", "F1",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All pages, the README's among them.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// Where the links of a text lead, those to other sites left out.
fn links(text: &str) -> Vec<&str> {
    let parts = text.split("](").skip(1);
    let links = parts.filter_map(|part| part.split_once(')').map(|(link, _)| link));
    links.filter(|link| !link.contains("://")).collect()
}

/// The anchors of a page's headings, as they are made from their words.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn dead(page: &Path, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        page.to_owned()
    } else {
        page.parent().unwrap().join(path)
    };
    if !target.exists() {
        return Some(format!("{}: {link} leads nowhere", page.display()));
    }
    let known = || anchors(&std::fs::read_to_string(&target).unwrap());
    (!anchor.is_empty() && !known().contains(anchor))
        .then(|| format!("{}: {link} names no heading of that page", page.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let mut problems = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        problems.extend(links(&text).into_iter().filter_map(|link| dead(&page, link)));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_line_of_the_roadmap_has_a_state_and_what_it_claims_has_proof() {
    let text = std::fs::read_to_string(root().join("docs/roadmap.md")).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| #"));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let named: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    let missing: Vec<_> = LINES.iter().filter(|line| !named.contains(*line)).collect();
    assert!(missing.is_empty(), "not in docs/roadmap.md: {missing:?}");
    for row in rows {
        let [line, _, state, proof, page] = row[..] else {
            panic!("{row:?} has not five columns");
        };
        match state.split(':').next().unwrap() {
            "works" | "in part" => assert!(
                !links(proof).is_empty() && !links(page).is_empty(),
                "{line} claims something and names no test or no page"
            ),
            "not yet" => {}
            _ => panic!("{line}: {state} is no state"),
        }
        assert!(state != "in part", "{line} does not say what is missing");
    }
}

#[test]
fn every_guide_is_typed_by_a_test() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let tests = read("tests/api/guides.rs");
    // With Helm, and on a control plane that nothing else is installed on.
    let of_helm = read("tests/helm/manual.rs") + &read("tests/helm/moving.rs");
    let guides = pages()
        .into_iter()
        .filter(|page| page.parent() == Some(&root().join("docs")));
    for guide in guides {
        let text = std::fs::read_to_string(&guide).unwrap();
        let mut blocks = text.split("```").skip(1).step_by(2);
        if blocks.any(|block| block.starts_with("sh\n") && block.contains("kubectl ")) {
            let name = guide.file_stem().unwrap().to_str().unwrap();
            let typed = format!("follow(&world, &space, \"{name}\")");
            let sections = text
                .split("\n## ")
                .skip(1)
                .filter(|section| section.contains("```sh\n"));
            let mut headings = sections.map(|section| section.lines().next().unwrap());
            let by_section =
                headings.all(|heading| of_helm.contains(&format!("(\"{name}\", \"{heading}\")")));
            assert!(
                tests.contains(&typed) || by_section,
                "nobody types docs/{name}.md"
            );
        }
    }
}
