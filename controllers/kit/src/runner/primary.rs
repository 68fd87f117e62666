//! What of the controller's own kind wakes it: a change by anybody else. Its own status writes do not.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::error_boundary::InvalidObject;
use tokio::sync::mpsc;

use super::names::{self, Known, Names};
use super::{Reconciler, once::Runner};
use crate::kit::Kit;
use crate::retry::Delays;
use crate::run::locked;
use crate::status::write_unparsed;
use crate::watch::{Heard, Queue, Source, Wake, cause, wake_stream};

/// The event of an own write may come before its answer: only after this long a change of the status alone is
/// known to be somebody else's.
const ANSWERED_AFTER: Duration = Duration::from_millis(500);
const AT_ONCE: usize = 4096;

/// The names of the controller's own objects, and wakes for them. A name is known before it is woken.
pub(super) fn wakes<R: Reconciler>(
    primary: &Source<R::Object>,
    kit: &Kit,
    runner: Arc<Runner<R>>,
) -> (Known<R::Object>, BoxStream<'static, Wake<R::Object>>) {
    let (names, store) = Names::new();
    let asked = Queue::new();
    let status = Queue::new();
    let (weak_asked, weak_status) = (Arc::downgrade(&asked), Arc::downgrade(&status));
    let seen: Mutex<HashMap<String, u64>> = Mutex::default();
    primary.listen(move |heard| {
        let (Some(asked), Some(status)) = (weak_asked.upgrade(), weak_status.upgrade()) else {
            return false;
        };
        match heard {
            Heard::There(object) => {
                names.there(object.meta());
                let uid = object.meta().uid.clone().unwrap_or_default();
                let now = fingerprint(object.meta());
                let before = locked(&seen).insert(uid, now);
                let queue = if before == Some(now) { status } else { asked };
                // By its name alone: UID and version would be kept twice for each that waits.
                let meta = object.meta();
                let name = meta.name.as_deref().unwrap_or_default();
                queue.push(names::reference(meta.namespace.as_deref(), name), cause(object));
            }
            Heard::Gone(object) => {
                names.gone(object.meta());
                locked(&seen).remove(object.meta().uid.as_deref().unwrap_or_default());
                runner.forget(object);
            }
            Heard::Unparsed(invalid) => {
                // When it can be read again it must be reconciled, even at the same generation.
                locked(&seen).remove(invalid.metadata.uid.as_deref().unwrap_or_default());
            }
        }
        true
    });
    let kit = kit.clone();
    let foreign = wake_stream(status)
        .map(move |wake| {
            let kit = kit.clone();
            async move {
                let is_own = |wake: &Wake<R::Object>| {
                    wake.cause
                        .as_ref()
                        .is_some_and(|(uid, version)| kit.env().links().is_own(uid, version))
                };
                if is_own(&wake) {
                    return None;
                }
                tokio::time::sleep(ANSWERED_AFTER).await;
                (!is_own(&wake)).then_some(wake)
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|wake| async move { wake });
    (store, stream::select(wake_stream(asked), foreign).boxed())
}

/// Of all that a user or another controller may change and a reconciler reads, but the status.
fn fingerprint(meta: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    meta.uid.hash(&mut hasher);
    meta.generation.hash(&mut hasher);
    meta.finalizers.hash(&mut hasher);
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    meta.labels.hash(&mut hasher);
    meta.annotations.hash(&mut hasher);
    for owner in meta.owner_references.iter().flatten() {
        (&owner.uid, &owner.name, owner.controller).hash(&mut hasher);
    }
    hasher.finish()
}

/// What was told of each object that cannot be read, by UID: its generation and the parser's message.
type Told = HashMap<String, (Option<i64>, String)>;

/// Tells users of objects that cannot be read, once for each generation and message, unless it was mended in between.
pub(super) async fn report_unparsed<O>(primary: Source<O>, kit: Kit)
where
    O: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    let (sender, mut receiver) = mpsc::unbounded_channel::<InvalidObject>();
    let told: Arc<Mutex<Told>> = Arc::default();
    let mended = told.clone();
    primary.listen(move |heard| match heard {
        Heard::Unparsed(invalid) => sender.send(invalid.clone()).is_ok(),
        Heard::There(object) | Heard::Gone(object) => {
            locked(&mended).remove(object.meta().uid.as_deref().unwrap_or_default());
            !sender.is_closed()
        }
    });
    while let Some(invalid) = receiver.recv().await {
        let uid = invalid.metadata.uid.clone().unwrap_or_default();
        let now = (invalid.metadata.generation, invalid.error.clone());
        if locked(&told).get(&uid) == Some(&now) {
            continue;
        }
        // Only what was told is remembered: the next event of the object is another try.
        if report(&primary, &kit, &invalid).await && is_current(&primary, &invalid) {
            locked(&told).insert(uid, now);
        }
    }
}

/// Writes it to the object, and again while that may help. Whether it is written.
async fn report<O>(primary: &Source<O>, kit: &Kit, invalid: &InvalidObject) -> bool
where
    O: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    let delays = Delays {
        first: Duration::from_secs(1),
        most: Duration::from_secs(30),
    };
    let mut failures = 0;
    // What has been mended meanwhile must not be called unreadable.
    while is_current(primary, invalid) {
        let Err(error) = write_unparsed::<O>(kit, invalid).await else {
            return true;
        };
        tracing::warn!(reason = error.reason(), %error, "failed to tell that an object cannot be read");
        if !error.verdict().is_transient() || failures > 5 {
            return false;
        }
        tokio::time::sleep(delays.after(failures)).await;
        failures += 1;
    }
    false
}

/// Whether an object still cannot be read, for the same cause. If for another one, that is told next.
fn is_current<O>(primary: &Source<O>, invalid: &InvalidObject) -> bool
where
    O: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    let meta = &invalid.metadata;
    let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
    primary
        .is_unparsed(namespace.unwrap_or_default(), name.unwrap_or_default())
        .is_some_and(|now| {
            now.metadata.uid == meta.uid
                && now.metadata.generation == meta.generation
                && now.error == invalid.error
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_write_leaves_the_fingerprint_and_every_edit_changes_it() {
        let mut meta = ObjectMeta {
            uid: Some("u".to_owned()),
            generation: Some(1),
            resource_version: Some("1".to_owned()),
            ..ObjectMeta::default()
        };
        let before = fingerprint(&meta);
        meta.resource_version = Some("2".to_owned());
        assert_eq!(fingerprint(&meta), before);
        let edits: [fn(&mut ObjectMeta); 4] = [
            |meta| meta.generation = Some(2),
            |meta| meta.finalizers = Some(vec!["x".to_owned()]),
            |meta| meta.labels = Some([("a".to_owned(), "b".to_owned())].into()),
            |meta| meta.annotations = Some([("a".to_owned(), "b".to_owned())].into()),
        ];
        for edit in edits {
            let mut edited = meta.clone();
            edit(&mut edited);
            assert_ne!(fingerprint(&edited), before);
        }
    }
}

#[cfg(test)]
mod unparsed_tests {
    use super::*;
    use crate::testing::{Answer, refusal, server, until};
    use crate::watch::{Scope, Watches};
    use crds::Tenant;
    use serde_json::{Value, json};

    fn tenant(version: &str, spec: &Value) -> Value {
        json!({"apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant", "spec": spec,
               "metadata": {"name": "a", "namespace": "ns", "uid": "a", "resourceVersion": version, "generation": 3}})
    }

    /// How often it is told that a Tenant cannot be read, which these events are heard of after a list. Each telling but
    /// the first is taken.
    async fn told(events: Vec<Value>) -> usize {
        let bad = json!({"image": 7});
        let list = json!({"metadata": {"resourceVersion": "6"}, "items": [tenant("5", &bad)]});
        let events = Mutex::new(events.into_iter());
        let tries = Mutex::new(0);
        let (env, record) = server(move |asked| match asked.method.as_str() {
            "PATCH" => {
                *locked(&tries) += 1;
                match *locked(&tries) {
                    1 => refusal(403, "Forbidden", "no"),
                    _ => Answer::Json(200, tenant("7", &json!({}))),
                }
            }
            _ if asked.uri.contains("watch=true") => match locked(&events).next() {
                Some(object) => Answer::Json(200, json!({"type": "MODIFIED", "object": object})),
                None => Answer::Silence,
            },
            _ => Answer::Json(200, list.clone()),
        });
        let mut watches = Watches::new(&env, Scope::All);
        let source = watches.primary::<Tenant>(|_| None);
        let telling = tokio::spawn(report_unparsed(source, Kit::new(&env, "tenant")));
        let watching = tokio::spawn(watches.start());
        tokio::time::sleep(Duration::from_secs(5)).await;
        telling.abort();
        watching.abort();
        let lines = record.lines();
        lines.iter().filter(|line| line.starts_with("PATCH")).count()
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_told_is_told_at_the_next_event_and_then_no_more() {
        let bad = json!({"image": 7});
        assert_eq!(told(vec![tenant("7", &bad)]).await, 2);
        assert_eq!(told(vec![tenant("7", &bad), tenant("8", &bad)]).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_mended_in_between_is_told_again() {
        let bad = json!({"image": 7});
        let good = json!({});
        let events = vec![tenant("7", &bad), tenant("8", &good), tenant("9", &bad)];
        assert_eq!(told(events).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_cannot_be_read_is_told_so_once_and_stops_nobody() {
        let item = |name: &str, spec: serde_json::Value| {
            json!({"apiVersion": "storage.rustfs.com/v1alpha1", "kind": "Tenant", "spec": spec,
                   "metadata": {"name": name, "namespace": "ns", "uid": name, "resourceVersion": "5", "generation": 3}})
        };
        let list = json!({"metadata": {"resourceVersion": "6"},
            "items": [item("good", json!({})), item("bad", json!({"image": 7}))]});
        let (env, record) = server(move |asked| match asked.method.as_str() {
            "PATCH" => Answer::Json(200, item("bad", json!({}))),
            _ if asked.uri.contains("watch=true") => Answer::Silence,
            _ => Answer::Json(200, list.clone()),
        });
        let mut watches = Watches::new(&env, Scope::All);
        let source = watches.primary::<Tenant>(|_| None);
        let kit = Kit::new(&env, "tenant");
        let telling = tokio::spawn(report_unparsed(source.clone(), kit));
        let watching = tokio::spawn(watches.start());
        let written = || {
            record
                .lines()
                .iter()
                .filter(|line| line.starts_with("PATCH"))
                .count()
        };
        until(|| written() == 1).await;
        assert!(source.get("ns", "good").is_some());
        assert!(source.get("ns", "bad").is_none());
        assert_eq!(source.unparsed("ns").len(), 1);
        let asked = record
            .all()
            .into_iter()
            .find(|asked| asked.method == "PATCH")
            .unwrap();
        assert!(asked.uri.contains("tenants/bad/status"), "{}", asked.uri);
        let told: Vec<(&str, &str)> = asked.body["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["type"].as_str().unwrap(), one["status"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [("Ready", "False"), ("Reconciling", "False"), ("Stalled", "True")]
        );
        assert_eq!(asked.body["status"]["conditions"][0]["reason"], "InvalidSpec");
        telling.abort();
        watching.abort();
    }
}
