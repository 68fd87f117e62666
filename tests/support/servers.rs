//! The test servers behind the fake Pods of a whole run.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::http;
use super::process::Process;
use super::wait::{SOON, until};

/// A running `fake-rustfs`.
pub struct Servers {
    _process: Process,
    control: String,
}

impl Servers {
    /// Starts it; builds it first where needed.
    pub async fn start(cluster: &Cluster) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_rustfs-operator")).with_file_name("fake-rustfs");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "fake-rustfs"])
            // Beside the operator, which the benchmark builds for release.
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .status();
        assert!(
            built.is_ok_and(|status| status.success()),
            "fake-rustfs cannot be built"
        );
        let mut command = Command::new(&program);
        command.arg("--kubeconfig").arg(&cluster.kubeconfig);
        let log = cluster.scratch.join("fake-rustfs.log");
        let process = Process::start(command, &log);
        let port = until("the test servers to say their control port", SOON, || async {
            let text = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
            let line = text.lines().find(|line| line.starts_with("{\"controlPort\""));
            let said: Option<Value> = line.and_then(|line| serde_json::from_str(line).ok());
            said.and_then(|said| said["controlPort"].as_u64()).ok_or(text)
        })
        .await;
        Self {
            _process: process,
            control: format!("127.0.0.1:{port}"),
        }
    }

    /// Lets drains of a Tenant `go`, `hold`, `fail`, or `die`: fail in a way that the servers cannot forget.
    pub async fn drains(&self, namespace: &str, tenant: &str, mode: &str) {
        let body = json!({"tenant": format!("{namespace}/{tenant}"), "mode": mode}).to_string();
        let (status, text) = http::post(&self.control, "/drains", body)
            .await
            .expect("the control port answers");
        assert_eq!(status, 204, "{text}");
    }

    /// Lets rebalances of a Tenant `go`, `hold`, `fail`, or `refuse`: be taken back as they begin.
    pub async fn rebalances(&self, namespace: &str, tenant: &str, mode: &str) {
        let body = json!({"tenant": format!("{namespace}/{tenant}"), "mode": mode}).to_string();
        let (status, text) = http::post(&self.control, "/rebalances", body)
            .await
            .expect("the control port answers");
        assert_eq!(status, 204, "{text}");
    }

    /// How often the servers of a Tenant were told to rebalance.
    pub async fn rebalances_begun(&self, namespace: &str, tenant: &str) -> u64 {
        let (_, text) = http::get(&self.control, "/rebalances")
            .await
            .expect("the control port answers");
        let begun: Value = serde_json::from_str(&text).expect("the control port answers in JSON");
        begun[format!("{namespace}/{tenant}")].as_u64().unwrap_or(0)
    }

    /// Lets the server of a Pod misbehave: `down`, `unready`, `http500`, or `none`.
    pub async fn fault(&self, namespace: &str, pod: &str, mode: &str) {
        let body = json!({"pod": format!("{namespace}/{pod}"), "mode": mode}).to_string();
        let (status, text) = http::post(&self.control, "/fault", body)
            .await
            .expect("the control port answers");
        assert_eq!(status, 204, "{text}");
    }

    /// How often the pool whose element contains `part` was told to move away.
    pub async fn starts(&self, part: &str) -> u64 {
        let (_, text) = http::get(&self.control, "/drains")
            .await
            .expect("the control port answers");
        let starts: Value = serde_json::from_str(&text).expect("the control port answers in JSON");
        let starts = starts.as_object().expect("an object");
        starts
            .iter()
            .filter(|(element, _)| element.contains(part))
            .filter_map(|(_, count)| count.as_u64())
            .sum()
    }

    /// Has the answer to one write to the admin API never come; it is carried out all the same, or not.
    pub async fn cut(&self, tenant: &str, site: &str, carried_out: bool) {
        let body = json!({"tenant": tenant, "site": site, "carried_out": carried_out}).to_string();
        let (status, text) = http::post(&self.control, "/cuts", body)
            .await
            .expect("the control port answers");
        assert_eq!(status, 204, "{text}");
    }

    /// The writes to the admin API of a Tenant, `namespace/name`, and those whose answer is held back.
    pub async fn writes(&self, tenant: &str) -> (Vec<String>, Vec<String>) {
        let (_, text) = http::get(&self.control, &format!("/cuts?{tenant}"))
            .await
            .expect("the control port answers");
        let said: Value = serde_json::from_str(&text).expect("the control port answers in JSON");
        let texts = |value: &Value| serde_json::from_value(value.clone()).unwrap_or_default();
        (texts(&said["writes"]), texts(&said["held"]))
    }

    /// Counts the writes of a Tenant anew.
    pub async fn count_anew(&self, tenant: &str) {
        let _ = http::delete(&self.control, &format!("/cuts?{tenant}")).await;
    }
}
