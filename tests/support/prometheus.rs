//! A Prometheus of the tests' own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::http;
use super::operator::free_port;
use super::process::Process;
use super::wait::until;

/// A running Prometheus; it ends when this value goes.
pub struct Prometheus {
    process: Process,
    listen: String,
}

/// A page it scrapes every second.
pub struct Page<'a> {
    /// Name of the job.
    pub job: &'a str,
    /// `127.0.0.1:1234`.
    pub authority: &'a str,
    /// Path of the page.
    pub path: &'a str,
    /// Labels its series get; what the page says itself goes first.
    pub labels: Value,
}

impl Prometheus {
    /// Starts it with its data in a folder, and waits until it has read every page.
    pub async fn start(folder: &Path, pages: &[Page<'_>], within: Duration) -> Self {
        let jobs: Vec<Value> = pages
            .iter()
            .map(|page| {
                json!({
                    "job_name": page.job, "metrics_path": page.path, "honor_labels": true,
                    "static_configs": [{"targets": [page.authority], "labels": page.labels}],
                })
            })
            .collect();
        let config =
            json!({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs});
        std::fs::create_dir_all(folder).expect("the folder can be made");
        let path = folder.join("prometheus.yaml");
        // JSON is YAML.
        std::fs::write(&path, config.to_string()).expect("its configuration can be written");
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={listen}"));
        let process = Process::start(command, &folder.join("prometheus.log"));
        let prometheus = Self { process, listen };
        until("Prometheus to have read every page", within, || {
            prometheus.reads(pages.len())
        })
        .await;
        prometheus
    }

    /// What a query comes to now, or what Prometheus has against it.
    pub async fn ask(&self, query: &str) -> Result<Vec<Value>, String> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let answer = self.get(&format!("/api/v1/query?query={query}")).await?;
        let result = answer["data"]["result"].as_array();
        result.cloned().ok_or_else(|| answer.to_string())
    }

    async fn reads(&self, pages: usize) -> Result<(), String> {
        let answer = self.get("/api/v1/targets").await?;
        let targets = answer["data"]["activeTargets"].as_array();
        let read = targets
            .into_iter()
            .flatten()
            .filter(|target| target["health"] == "up");
        if read.count() == pages {
            Ok(())
        } else {
            Err(answer.to_string())
        }
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        let said = http::get(&self.listen, path).await;
        let (_, body) = said.map_err(|error| format!("{error}\n{}", self.process.tail(5)))?;
        serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))
    }
}
