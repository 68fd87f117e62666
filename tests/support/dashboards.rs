//! The dashboards for Grafana, as files of the component that brings them.

use std::path::Path;

use serde_json::Value;

const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/kustomize/components/monitoring/dashboards"
);

/// A dashboard: its file's name and what is in it.
pub struct Dashboard {
    /// Name of its file.
    pub file: String,
    /// Its model, as Grafana has it.
    pub model: Value,
}

/// What a panel asks.
pub struct Query {
    /// The dashboard's file and the panel's title, for a person.
    pub place: String,
    /// As it is written, with variables.
    pub expr: String,
}

/// All there are.
pub fn all() -> Vec<Dashboard> {
    let mut found: Vec<_> = std::fs::read_dir(Path::new(FOLDER))
        .expect("the dashboards are there")
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("it can be read");
            Dashboard {
                file: path
                    .file_name()
                    .expect("a file has a name")
                    .to_string_lossy()
                    .into_owned(),
                model: serde_json::from_str(&text).expect("a dashboard is JSON"),
            }
        })
        .collect();
    found.sort_by(|one, other| one.file.cmp(&other.file));
    assert!(found.len() > 1, "the dashboards are where they are looked for");
    found
}

impl Dashboard {
    /// Its panels, rows among them.
    pub fn panels(&self) -> &[Value] {
        self.model["panels"].as_array().expect("a dashboard has panels")
    }

    /// Its variables.
    pub fn variables(&self) -> &[Value] {
        let list = &self.model["templating"]["list"];
        list.as_array().expect("a dashboard has variables")
    }

    /// What its panels ask.
    pub fn queries(&self) -> Vec<Query> {
        let mut all = Vec::new();
        for panel in self.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let title = panel["title"].as_str().unwrap_or_default();
                all.push(Query {
                    place: format!("{}: {title}", self.file),
                    expr: target["expr"].as_str().expect("a target asks").to_owned(),
                });
            }
        }
        all
    }
}

impl Query {
    /// What it asks when every variable is set to all there is, and a rate looks back for `interval`.
    pub fn of_all(&self, interval: &str) -> String {
        let mut text = self.expr.replace("$__rate_interval", interval);
        for variable in ["namespace", "tenant", "pool", "controller"] {
            text = text.replace(&format!("\"${variable}\""), "\".*\"");
        }
        text
    }

    /// The series it names.
    pub fn series(&self) -> Vec<&str> {
        self.expr
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("rustfs_"))
            .collect()
    }
}
