//! The interval of a TenantMonitor: read as the API server's CEL reads durations, written as Prometheus does.

use std::time::Duration;

/// How often a monitor that says nothing is read.
pub const DEFAULT: Duration = Duration::from_secs(30);
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3600);

/// Reads `spec.interval`. `Err` is a sentence for a person, with the field's path.
pub fn parse(text: Option<&str>) -> Result<Duration, String> {
    let Some(text) = text else { return Ok(DEFAULT) };
    seconds(text)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|every| (SHORTEST..=LONGEST).contains(every))
        .ok_or_else(|| {
            format!("spec.interval is {text:?}: give a duration between 5s and 1h, as 30s or 1m30s")
        })
}

/// As Prometheus writes durations, rounded up to whole seconds.
#[must_use]
pub fn render(every: Duration) -> String {
    let more = u64::from(every.subsec_nanos() > 0);
    format!("{}s", every.as_secs().saturating_add(more))
}

fn seconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest.get(..number)?.parse().ok()?;
        let tail = rest.get(number..)?;
        let unit = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        sum += value * scale(tail.get(..unit)?)?;
        rest = tail.get(unit..)?;
    }
    (!text.is_empty()).then_some(sum)
}

fn scale(unit: &str) -> Option<f64> {
    Some(match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}
