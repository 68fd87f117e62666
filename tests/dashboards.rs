//! The dashboards for Grafana ask for what is exported, in words that Prometheus reads, and lie beside each other.

// A test says what went wrong by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/dashboards.rs"]
mod dashboards;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use plan::monitor::catalogue;
use serde_json::{Value, json};

/// Every series of the operator's own page, from its documented catalogue.
fn of_the_operator() -> BTreeSet<String> {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut series = BTreeSet::new();
    for row in rows {
        let (name, rest) = row.split_once('`').unwrap();
        if rest.starts_with(" | histogram") {
            series.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            series.insert(name.to_owned());
        }
    }
    assert!(series.len() > 10, "the catalogue is where it is looked for");
    series
}

/// Those, and every figure of a store.
fn exported() -> BTreeSet<String> {
    let mut series = of_the_operator();
    series.extend(catalogue::ALL.iter().map(|metric| metric.name.to_owned()));
    series
}

#[test]
fn every_query_names_an_exported_series_and_every_series_is_shown() {
    let exported = exported();
    let mut shown = BTreeSet::new();
    for dashboard in dashboards::all() {
        for query in dashboard.queries() {
            let series = query.series();
            assert!(!series.is_empty(), "{} asks for nothing of RustFS", query.place);
            for name in series {
                assert!(exported.contains(name), "{}: nobody exports {name}", query.place);
                shown.insert(name.to_owned());
            }
        }
    }
    let hidden: Vec<_> = exported.difference(&shown).collect();
    assert!(hidden.is_empty(), "no panel shows {hidden:?}");
}

#[test]
fn every_variable_that_is_used_is_there_and_names_an_exported_series() {
    let exported = exported();
    for dashboard in dashboards::all() {
        let names: BTreeSet<&str> = dashboard
            .variables()
            .iter()
            .map(|variable| variable["name"].as_str().unwrap())
            .collect();
        let text = dashboard.model.to_string();
        for used in text.split('$').skip(1) {
            let name: String = used
                .trim_start_matches('{')
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            assert!(
                name == "__rate_interval" || names.contains(name.as_str()),
                "{}: there is no variable {name}",
                dashboard.file
            );
        }
        for variable in dashboard.variables() {
            let Some(query) = variable["query"]["query"].as_str() else {
                continue;
            };
            let (series, _) = query
                .trim_start_matches("label_values(")
                .split_once(['{', ','])
                .unwrap();
            assert!(exported.contains(series), "{}: {query}", dashboard.file);
        }
    }
}

#[test]
fn prometheus_reads_every_query() {
    let rules: Vec<Value> = dashboards::all()
        .iter()
        .flat_map(dashboards::Dashboard::queries)
        .enumerate()
        .map(|(number, query)| json!({"record": format!("query:{number}"), "expr": query.of_all("1m")}))
        .collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboards.yaml");
    // JSON is YAML.
    let text = json!({"groups": [{"name": "dashboards", "rules": rules}]}).to_string();
    std::fs::write(&path, text).unwrap();
    let output = Command::new("promtool")
        .args(["check", "rules"])
        .arg(&path)
        .output()
        .expect("promtool is missing: install it, on Debian with `apt-get install prometheus`");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn panels_lie_beside_each_other_and_say_what_they_show() {
    let mut uids = BTreeSet::new();
    for dashboard in dashboards::all() {
        let uid = dashboard.model["uid"].as_str().unwrap().to_owned();
        assert_eq!(format!("{uid}.json"), dashboard.file);
        assert!(uids.insert(uid), "{} has another one's uid", dashboard.file);
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in dashboard.panels() {
            let title = panel["title"].as_str().unwrap();
            let place = format!("{}: {title}", dashboard.file);
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{place} has another one's id"
            );
            assert!(
                panel["type"] == "row" || panel["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{place} is not described"
            );
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            assert!(x + w <= 24, "{place} is wider than the page");
            for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |line| (column, line))) {
                assert!(taken.insert(cell), "{place} lies on another panel");
            }
        }
    }
}
