//! Figures in the text format that Prometheus scrapes.

use std::fmt::Write;

use super::catalogue::{ALL, Metric};

/// One value of one figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The figure.
    pub metric: &'static Metric,
    /// Values of the figure's own labels, in the catalogue's order.
    pub labels: Vec<String>,
    /// The value.
    pub value: f64,
}

/// Labels that all figures of a monitor carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Common {
    /// Namespace of the Tenant.
    pub namespace: String,
    /// Name of the Tenant.
    pub tenant: String,
    /// Name of the TenantMonitor.
    pub monitor: String,
}

/// Renders the samples by figure, in the order of the catalogue. A sample whose labels do not fit its figure is left
/// out: a scrape that does not parse would lose all of them.
#[must_use]
pub fn render(common: &Common, samples: &[Sample]) -> String {
    let mut text = String::new();
    for metric in ALL {
        let mut head = false;
        let fitting = samples
            .iter()
            .filter(|sample| sample.metric.name == metric.name && sample.labels.len() == metric.labels.len());
        for sample in fitting {
            if !head {
                let _ = writeln!(text, "# HELP {} {}.", metric.name, metric.help);
                let _ = writeln!(text, "# TYPE {} gauge", metric.name);
                head = true;
            }
            let _ = writeln!(
                text,
                "{}{{{}}} {}",
                metric.name,
                labels(common, sample),
                sample.value
            );
        }
    }
    text
}

fn labels(common: &Common, sample: &Sample) -> String {
    let shared = [
        ("namespace", &common.namespace),
        ("tenant", &common.tenant),
        ("monitor", &common.monitor),
    ];
    let own = sample.metric.labels.iter().copied().zip(&sample.labels);
    shared
        .into_iter()
        .chain(own)
        .map(|(key, value)| format!("{key}=\"{}\"", escape(value)))
        .collect::<Vec<_>>()
        .join(",")
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
