//! The status writer: the whole opinion in one server-side apply, tried again for as long as that can help.
//!
//! The only module that names the crate `backoff`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::exponential::{ExponentialBackoff, ExponentialBackoffBuilder};
use crds::conditions::{READY, RECONCILING, STALLED};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, field};

use crate::call::Call;
use crate::classify::Class;
use crate::enact::Owner;
use crate::error::Error;
use crate::events::transitions;
use crate::expect::shows;
use crate::kit::{Kit, Meta};
use crate::metrics::Outcome;
use crate::recent::Recent;
use crate::run::{self, locked};
use crate::trace;

/// For all attempts of one write.
const TOTAL: Duration = Duration::from_secs(10);
/// For one attempt.
const ATTEMPT: Duration = Duration::from_secs(4);
/// Between two writes of one object that change numbers or messages only.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// The last status written to each object, by UID.
#[derive(Default)]
pub(crate) struct Statuses {
    inner: Mutex<Recent<String, Last>>,
}

#[derive(Clone)]
struct Last {
    at: Instant,
    version: String,
    hash: u64,
}

impl Statuses {
    fn last(&self, uid: &str) -> Option<Last> {
        locked(&self.inner).get(uid)
    }

    fn record(&self, uid: &str, version: String, hash: u64) {
        let at = Instant::now();
        locked(&self.inner).put(uid.to_owned(), Last { at, version, hash });
    }

    pub(crate) fn forget(&self, uid: &str) {
        locked(&self.inner).remove(uid);
    }

    /// Whether this version of an object is older than the last status written to it.
    pub(crate) fn is_behind(&self, uid: &str, version: &str) -> bool {
        self.last(uid).is_some_and(|last| !shows(version, &last.version))
    }
}

/// What became of a write.
enum Written {
    /// The API server took it; metadata of the object.
    Yes(Box<Meta>),
    /// There is no such object (any more).
    Gone,
}

pub(crate) async fn write<O, S>(kit: &Kit, object: &O, stored: Option<&S>, status: &S) -> Result<(), Error>
where
    O: Resource<DynamicType = ()> + Sync,
    S: Serialize + PartialEq + Sync,
{
    let owner = Owner::of(object);
    let new = serde_json::to_value(status).unwrap_or(Value::Null);
    let hash = hash(&new);
    let behind = kit.statuses().last(owner.uid()).filter(|last| {
        !shows(
            owner.meta.resource_version.as_deref().unwrap_or_default(),
            &last.version,
        )
    });
    // What the cache holds is older than our last write: that one is what is stored.
    let is_stored = match &behind {
        Some(last) => last.hash == hash,
        None => stored == Some(status),
    };
    if is_stored {
        count(kit, "unchanged");
        return Ok(());
    }
    let old = stored.and_then(|stored| serde_json::to_value(stored).ok());
    if let Some(wait) = put_off(kit, &owner, old.as_ref(), &new) {
        run::come_back(wait);
        count(kit, "deferred");
        return Ok(());
    }
    let resource = ApiResource::erase::<O>(&());
    let result = send(kit, &owner, &resource, kit.manager(), &new).await;
    match &result {
        Ok(Written::Yes(meta)) => {
            count(kit, "written");
            kit.note_write(owner.key.clone(), &meta.metadata, 0, 0);
            if let Some(version) = meta.metadata.resource_version.clone() {
                kit.statuses().record(owner.uid(), version, hash);
            }
            if meta.metadata.resource_version != owner.meta.resource_version {
                kit.wrote();
            }
            for note in transitions(&conditions(old.as_ref()), &conditions(Some(&new))) {
                kit.events().publish(&owner, note, None);
            }
        }
        Ok(Written::Gone) => {
            count(kit, "gone");
            kit.statuses().forget(owner.uid());
        }
        Err(_) => count(kit, "failed"),
    }
    result.map(|_| ())
}

fn count(kit: &Kit, result: &'static str) {
    kit.env()
        .metrics()
        .status_writes
        .get_or_create(&Outcome {
            controller: kit.controller(),
            result,
        })
        .inc();
}

/// How long a change of numbers and messages has to wait, if it must.
fn put_off(kit: &Kit, owner: &Owner<'_>, old: Option<&Value>, new: &Value) -> Option<Duration> {
    if !is_progress_only(old?, new) {
        return None;
    }
    let last = kit.statuses().last(owner.uid())?;
    PROGRESS_EVERY
        .checked_sub(last.at.elapsed())
        .filter(|wait| !wait.is_zero())
}

/// Whether no condition changed but in its message, and the generation is the same.
fn is_progress_only(old: &Value, new: &Value) -> bool {
    let gist = |status: &Value| -> Vec<(String, String, String, Option<i64>)> {
        let mut gist: Vec<_> = conditions(Some(status))
            .into_iter()
            .map(|c| (c.type_, c.status, c.reason, c.observed_generation))
            .collect();
        gist.sort();
        gist
    };
    let same = old.get("observedGeneration") == new.get("observedGeneration");
    same && (gist(old) == gist(new) || still_working(old, new))
}

/// Whether the object as a whole goes on working: on its way to ready, steps follow each other within milliseconds,
/// and a write for each would be read by nobody.
fn still_working(old: &Value, new: &Value) -> bool {
    let whole = |status: &Value| {
        let all = conditions(Some(status));
        [READY, RECONCILING, STALLED].map(|type_| {
            all.iter()
                .find(|condition| condition.type_ == type_)
                .map(|condition| condition.status.clone())
        })
    };
    let (old, new) = (whole(old), whole(new));
    old == new && old[1].as_deref() == Some("True")
}

fn conditions(status: Option<&Value>) -> Vec<Condition> {
    status
        .and_then(|status| status.get("conditions"))
        .and_then(|conditions| serde_json::from_value(conditions.clone()).ok())
        .unwrap_or_default()
}

fn hash(status: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    status.to_string().hash(&mut hasher);
    hasher.finish()
}

/// Sends until it is taken, refused, or time is up.
async fn send(
    kit: &Kit,
    owner: &Owner<'_>,
    resource: &ApiResource,
    manager: &str,
    status: &Value,
) -> Result<Written, Error> {
    let body = json!({
        "apiVersion": owner.key.0,
        "kind": owner.key.1,
        "metadata": { "name": owner.key.3, "namespace": owner.key.2, "uid": owner.uid() },
        "status": status,
    });
    let until = Instant::now() + TOTAL;
    let mut delays = delays();
    let mut attempt = 1_u32;
    loop {
        let span = tracing::info_span!(
            "status.write",
            otel.status_code = field::Empty,
            attempt,
            error = field::Empty
        );
        let sent = timeout_at(until, patch(kit, owner, resource, manager, &body))
            .instrument(span.clone())
            .await;
        let error = match sent {
            Ok(Ok(meta)) => return Ok(Written::Yes(Box::new(meta))),
            Ok(Err(error)) if is_gone(owner, &error) => return Ok(Written::Gone),
            Ok(Err(error)) => error,
            Err(_) => Error::Deadline {
                action: action(owner),
                seconds: TOTAL.as_secs(),
            },
        };
        trace::fail(&span, &error.to_string());
        let Class::Retry(asked) = error.verdict().class else {
            return Err(error);
        };
        let delay = delays
            .next_backoff()
            .unwrap_or(ATTEMPT)
            .max(asked.unwrap_or_default());
        if Instant::now() + delay >= until {
            return Err(error);
        }
        sleep(delay).await;
        attempt += 1;
    }
}

/// 100 ms, growing by half, each between a half and one and a half of that.
fn delays() -> ExponentialBackoff<backoff::SystemClock> {
    ExponentialBackoffBuilder::new()
        .with_initial_interval(Duration::from_millis(100))
        .with_multiplier(2.0)
        .with_randomization_factor(0.5)
        .with_max_interval(Duration::from_secs(2))
        .with_max_elapsed_time(None)
        .build()
}

async fn patch(
    kit: &Kit,
    owner: &Owner<'_>,
    resource: &ApiResource,
    manager: &str,
    body: &Value,
) -> Result<Meta, Error> {
    let api: Api<DynamicObject> = Api::namespaced_with(kit.client(), &owner.key.2, resource);
    let params = PatchParams::apply(manager).force();
    let name = format!("{}/status", owner.plural);
    Call {
        verb: "patch",
        resource: &name,
        action: action(owner),
        limit: ATTEMPT,
    }
    .send(kit.env(), async {
        let answer = api
            .patch_status(&owner.key.3, &params, &Patch::Apply(body))
            .await?;
        Ok(Meta {
            types: None,
            metadata: answer.metadata,
            _phantom: std::marker::PhantomData,
        })
    })
    .await
}

fn action(owner: &Owner<'_>) -> String {
    format!(
        "write the status of {} {}/{}",
        owner.key.1, owner.key.2, owner.key.3
    )
}

/// Gone, or replaced by another object of that name: there is no status to write.
fn is_gone(owner: &Owner<'_>, error: &Error) -> bool {
    let Error::Api { source, .. } = error else {
        return false;
    };
    let kube::Error::Api(status) = source.as_ref() else {
        return false;
    };
    match status.code {
        404 => true,
        409 | 422 => {
            let message = status.message.to_ascii_lowercase();
            message.contains("metadata.uid")
                || message.contains("uid mismatch")
                || message.contains("precondition failed: uid")
                || (status.code == 409 && owner.meta.deletion_timestamp.is_some())
        }
        _ => false,
    }
}

/// Writes that an object cannot be parsed, through its metadata. All else in its status stays: it is what is known of
/// the store, such as that it has formed, and plans are made on it once the object can be read again.
pub(crate) async fn write_unparsed<O>(
    kit: &Kit,
    invalid: &kube::core::error_boundary::InvalidObject,
) -> Result<(), Error>
where
    O: Resource<DynamicType = ()>,
{
    let owner = Owner::named::<O>(&invalid.metadata);
    let message = format!("the object cannot be read: {}; correct the field", invalid.error);
    let now = kit.now();
    let at = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    let generation = invalid.metadata.generation;
    let condition = |type_: &str, status: &str| {
        json!({
            "type": type_, "status": status, "reason": "InvalidSpec", "message": message,
            "lastTransitionTime": at.to_string(), "observedGeneration": generation,
        })
    };
    let status = json!({
        "observedGeneration": generation,
        "conditions": [
            condition("Ready", "False"),
            condition("Reconciling", "False"),
            condition("Stalled", "True"),
        ],
    });
    let resource = ApiResource::erase::<O>(&());
    // Under the usual manager the apply would remove every field it does not name. These few the usual status names
    // too, so that they change hands and nobody is left with them.
    let manager = format!("{}/unreadable", kit.manager());
    if let Written::Yes(meta) = send(kit, &owner, &resource, &manager, &status).await? {
        kit.note_write(owner.key.clone(), &meta.metadata, 0, 0);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
