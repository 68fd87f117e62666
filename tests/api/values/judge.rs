//! What has become of a value.

use std::time::Duration;

use serde_json::Value;

use super::store::{Lane, subject};
use crate::fields::{Effect, Trial, schema};
use crate::support::state;
use crate::support::wait::{SOON, holds, reached};

/// How long nothing may change before it is said to hold still.
pub(super) const STILL: Duration = Duration::from_secs(1);

impl Lane {
    /// Writes a value, says what became of it if that is not what must, and goes back.
    pub async fn judge(&mut self, trial: &Trial) -> Result<(), String> {
        let object = subject(trial.kind);
        let before = &self.written[&object];
        let spec = schema::lay(trial.kind, before, &trial.path, &trial.value);
        let answer = self.write(object, &spec).await;
        if let Effect::Refused(says) = trial.effect {
            return match answer {
                Ok(()) => Err("it is not refused".to_owned()),
                Err(message) => refused(trial, says, &message),
            };
        }
        answer.map_err(|message| format!("it is refused: {message}"))?;
        let lane = &*self;
        let mut outcome = reached("its effect", SOON, || lane.effect(trial)).await;
        if outcome.is_ok()
            && matches!(
                trial.effect,
                Effect::Silent(_) | Effect::Named(_) | Effect::Held(..)
            )
        {
            // That nothing happens is seen only once all have looked.
            outcome = holds(STILL, || lane.effect(trial)).await;
        }
        if outcome.is_ok() && !trial.rolls {
            self.same_servers().await?;
        }
        outcome?;
        self.go_back(trial)
            .await
            .map_err(|fault| format!("the way back: {fault}"))
    }

    async fn effect(&self, trial: &Trial) -> Result<(), String> {
        match trial.effect {
            Effect::Refused(_) => Ok(()),
            Effect::Named(says) => {
                self.told(says, None).await?;
                let touched = self.changes(trial).await;
                let touched = touched.into_iter().filter(|line| {
                    let path = state::path(line);
                    path.starts_with("StatefulSet ") || path.starts_with("Pod ")
                });
                none(touched.collect())
            }
            Effect::Held(says, _) => self.told(says, None).await,
            Effect::Costs(says, _) => self.told(says, Some("Stalled")).await,
            Effect::Silent(_) => {
                self.ready().await?;
                none(self.changes(trial).await)
            }
            Effect::Moved(pointer) => {
                let now = self.ready().await?;
                let object = subject(trial.kind);
                match (
                    now[&object].pointer(pointer),
                    self.objects[&object].pointer(pointer),
                ) {
                    (Some(now), before) if Some(now) != before => Ok(()),
                    (now, _) => Err(format!("{pointer} is {now:?}")),
                }
            }
            Effect::Shown(_) | Effect::Says(..) | Effect::Gone(_) => self.seen(trial).await,
        }
    }

    async fn seen(&self, trial: &Trial) -> Result<(), String> {
        // What a status tells may be that something is not ready.
        if !matches!(trial.effect, Effect::Says(place, _) if place.contains(".status.")) {
            self.ready().await?;
        }
        let now = self.state().await;
        let changes = self.changes(trial).await;
        let all = || Err(format!("it differs only in\n{}", some(&changes)));
        match trial.effect {
            Effect::Shown(_) if changes.is_empty() => Err("nothing differs".to_owned()),
            Effect::Shown(place) => {
                let mut parts = Vec::new();
                scalars("", &trial.value, &mut parts);
                // What has no name of its own is told from others by being new.
                let new = changes.iter().filter_map(|line| line.strip_prefix("+ "));
                let new: Vec<&str> = new.filter(|line| line.starts_with(place)).collect();
                let here: Vec<&str> = now
                    .iter()
                    .map(String::as_str)
                    .filter(|line| line.starts_with(place))
                    .collect();
                let shown = |name: &str, value: &Value| {
                    let lines = if name.is_empty() { &new } else { &here };
                    lines.iter().any(|line| shows(line, name, value))
                };
                let lacks = parts.into_iter().find(|(name, value)| !shown(name, value));
                lacks.map_or(Ok(()), |(name, value)| {
                    Err(format!("{name} {value} is not in\n{}", some(&changes)))
                })
            }
            Effect::Says(place, text) => {
                let new = changes.iter().filter_map(|line| line.strip_prefix("+ "));
                let mut new = new.filter(|line| line.starts_with(place) && line.contains(text));
                if new.next().is_some() { Ok(()) } else { all() }
            }
            Effect::Gone(place) => {
                let is_there = now.iter().any(|line| line.starts_with(place));
                if !is_there && !changes.is_empty() {
                    Ok(())
                } else {
                    all()
                }
            }
            _ => Ok(()),
        }
    }

    /// What differs from before, but for what was written.
    async fn changes(&self, trial: &Trial) -> Vec<String> {
        let (kind, name) = subject(trial.kind);
        let own = format!("{kind} {name}.spec.");
        let lines = state::differences(&self.before, &self.state().await);
        lines
            .into_iter()
            .filter(|line| !state::path(line).starts_with(&own))
            .collect()
    }

    /// Whether a condition that is not as it should be says this, on what was written last.
    async fn told(&self, says: &str, type_: Option<&str>) -> Result<(), String> {
        let objects = self.look().await?;
        let mut seen = Vec::new();
        for ((kind, name), object) in &objects {
            if object["status"]["observedGeneration"] != object["metadata"]["generation"] {
                return Err(format!("{kind} {name} was not looked at"));
            }
            for one in object["status"]["conditions"].as_array().into_iter().flatten() {
                let is = (
                    one["type"].as_str().unwrap_or_default(),
                    one["status"].as_str().unwrap_or_default(),
                );
                let good = if matches!(is.0, "Stalled" | "Reconciling") {
                    "False"
                } else {
                    "True"
                };
                if is.1 == good || type_.is_some_and(|wanted| wanted != is.0) {
                    continue;
                }
                let message = one["message"].as_str().unwrap_or_default();
                if message.contains(says) {
                    return Ok(());
                }
                seen.push(format!("{kind} {name}: {}={} {message}", is.0, is.1));
            }
        }
        Err(format!("nobody says {says:?}: {}", seen.join("; ")))
    }
}

/// The first of many lines.
pub fn some(lines: &[String]) -> String {
    let cut = |line: &String| line.chars().take(300).collect::<String>();
    let first: Vec<String> = lines.iter().take(12).map(cut).collect();
    format!("{} lines:\n{}", lines.len(), first.join("\n"))
}

fn none(changes: Vec<String>) -> Result<(), String> {
    if changes.is_empty() {
        Ok(())
    } else {
        Err(format!("this differs:\n{}", some(&changes)))
    }
}

fn refused(trial: &Trial, says: &str, message: &str) -> Result<(), String> {
    let (path, mut text) = (schema::plain(&trial.path), schema::plain(message));
    if trial.value.get("unknownField").is_some() && !text.contains("unknownField") {
        text.clear();
    }
    let message: String = message.chars().take(1500).collect();
    if !text.contains(&path) {
        return Err(format!("it is refused without {path}: {message}"));
    }
    if message.contains(says) {
        Ok(())
    } else {
        Err(format!("it is refused without {says:?}: {message}"))
    }
}

/// The scalars of a value, each with the name of its field; no name if it has none of its own.
fn scalars(name: &str, value: &Value, all: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| scalars(name, value, all)),
        Value::Array(items) => items.iter().for_each(|item| scalars(name, item, all)),
        scalar => all.push((name.to_owned(), scalar.clone())),
    }
}

fn shows(line: &str, name: &str, value: &Value) -> bool {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let said = line
        .split_once(" = ")
        .map_or("", |(_, said)| said)
        .trim_matches('"');
    // A record is one text with all in it.
    let within = value.is_string() && (!name.is_empty() || line.starts_with("ConfigMap "));
    line.contains(name) && (said == text || (within && said.contains(&text)))
}

/// Lines without numbers that only grow: revisions of the rollout, of the topology and of root credentials.
pub fn normal(lines: Vec<String>) -> Vec<String> {
    const GROWS: [&str; 5] = [
        "Tenant store.status.rollout.revision",
        "Tenant store.status.rollout.goodRevision",
        "Tenant store.status.rollout.history",
        "Tenant store.status.topology.",
        ".status.topologyRevision",
    ];
    let grows = |line: &str| GROWS.iter().any(|begin| state::path(line).contains(begin));
    let lines = lines.into_iter().filter(|line| !grows(line));
    lines.map(|line| unnumbered(&embedded(line))).collect()
}

/// A record that is kept as JSON, without its numbers.
fn embedded(line: String) -> String {
    let Some((path, text)) = line.split_once(" = ").filter(|(path, _)| path.ends_with(".json")) else {
        return line;
    };
    let record = serde_json::from_str::<String>(text).ok();
    let Some(mut record) = record.and_then(|text| serde_json::from_str::<Value>(&text).ok()) else {
        return line;
    };
    forget(&mut record);
    format!("{path} = {record}")
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !matches!(
                    name.as_str(),
                    "revision" | "history" | "serving" | "startedAt" | "credentials"
                )
            });
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

/// `revision 7` and `store-topology-r7` without the number.
fn unnumbered(line: &str) -> String {
    if let Some(path) = line.split_once(" = ").map(|(path, _)| path)
        && path.ends_with("topology-revision")
    {
        return format!("{} = N", unnumbered(path));
    }
    let mut text = String::new();
    let mut rest = line;
    while let Some(place) = ["revision ", "-r"]
        .iter()
        .filter_map(|mark| Some(rest.find(mark)? + mark.len()))
        .min()
    {
        let (before, after) = rest.split_at(place);
        text.push_str(before);
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        if digits > 0 {
            text.push('N');
        }
        rest = &after[digits..];
    }
    text + rest
}
