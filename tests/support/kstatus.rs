//! How kstatus, and with it Flux and Helm 4, reads an object: our own reading of its rules.

use serde_json::Value;

/// What a tool that knows nothing of our kinds makes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is being deleted.
    Terminating,
    /// Not done yet.
    InProgress,
    /// It will not get done by itself.
    Failed,
    /// Done.
    Current,
}

/// Reads an object by the rules of kstatus.
pub fn read(object: &Value) -> Verdict {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Verdict::Terminating;
    }
    let condition = |type_: &str| {
        object["status"]["conditions"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["type"] == type_))
            .and_then(|one| one["status"].as_str())
            .unwrap_or("absent")
            .to_owned()
    };
    if object["metadata"]["generation"] != object["status"]["observedGeneration"] {
        return Verdict::InProgress;
    }
    match (
        condition("Reconciling").as_str(),
        condition("Stalled").as_str(),
        condition("Ready").as_str(),
    ) {
        ("True", _, _) => Verdict::InProgress,
        (_, "True", _) => Verdict::Failed,
        (_, _, "True" | "absent") => Verdict::Current,
        _ => Verdict::InProgress,
    }
}
