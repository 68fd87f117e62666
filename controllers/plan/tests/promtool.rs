//! promtool, the tool of Prometheus itself, reads what we write.

#[cfg(test)]
mod promtool {
    use std::io::Write;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use plan::monitor::{catalogue, prometheus_rule, text};

    fn promtool() -> Command {
        let found = Command::new("promtool")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(
            found.is_ok_and(|status| status.success()),
            "promtool is missing: install it, on Debian with `apt-get install prometheus`"
        );
        Command::new("promtool")
    }

    fn rules() -> PathBuf {
        let monitor = serde_json::from_value(serde_json::json!({
            "apiVersion": "storage.rustfs.com/v1alpha1", "kind": "TenantMonitor",
            "metadata": {"name": "watcher", "namespace": "shop", "uid": "m-1"},
            "spec": {"tenantRef": {"name": "store"}},
        }))
        .unwrap();
        let spec = prometheus_rule::spec(&monitor, Duration::from_secs(30));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("rules-{:?}.yaml", std::thread::current().id()));
        // JSON is YAML.
        std::fs::write(&path, spec.to_string()).unwrap();
        path
    }

    fn assert_accepts(command: &mut Command) {
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn promtool_accepts_the_rules() {
        assert_accepts(promtool().args(["check", "rules", "--lint-fatal"]).arg(rules()));
    }

    #[test]
    fn each_alert_fires_when_it_should_and_only_then() {
        let rules = rules();
        let cases = include_str!("alerts.yaml").replace("RULES", &rules.display().to_string());
        let path = rules.with_extension("test.yaml");
        std::fs::write(&path, cases).unwrap();
        assert_accepts(promtool().args(["test", "rules"]).arg(path));
    }

    #[test]
    fn promtool_finds_nothing_wrong_with_the_figures() {
        let samples: Vec<_> = catalogue::ALL
            .iter()
            .map(|metric| text::Sample {
                metric,
                labels: metric
                    .labels
                    .iter()
                    .map(|_| "a \"quoted\" \\ value\n".to_owned())
                    .collect(),
                value: 1.5,
            })
            .collect();
        let rendered = text::render(&text::Common::default(), &samples);
        let mut child = promtool()
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(rendered.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
