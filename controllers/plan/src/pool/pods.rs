//! What a Pool's Pods say.

use std::collections::BTreeMap;

use crds::Pool;
use crds::names::{self, ANNOTATION_TEMPLATE_HASH, LABEL_POOL};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::meta;

/// The ordinal of a Pod of this Pool; none for a Pod that is not one of its servers.
pub(super) fn ordinal(pool: &Pool, pod: &Pod) -> Option<i32> {
    numbered(
        &pool.spec.tenant_ref.name,
        meta::name(pool),
        pool.spec.servers,
        pod,
    )
}

/// The ordinal of a Pod among so many servers of a Tenant's pool; none for a Pod that is not one of them.
pub(super) fn numbered(tenant: &str, pool: &str, servers: i32, pod: &Pod) -> Option<i32> {
    if meta::label(pod, LABEL_POOL) != Some(pool) {
        return None;
    }
    let set = names::stateful_set(tenant, pool);
    let text = meta::name(pod).strip_prefix(set.as_str())?.strip_prefix('-')?;
    let ordinal: i32 = text.parse().ok()?;
    (ordinal < servers && ordinal.to_string() == text).then_some(ordinal)
}

/// Whether a Pod serves and stays.
pub(super) fn ready(pod: &Pod) -> bool {
    !meta::deleting(pod)
        && pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten())
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// When a Pod has become ready, or not ready, last.
pub(crate) fn turned(pod: &Pod) -> Option<&Time> {
    let status = pod.status.iter();
    let mut conditions = status.flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.find(|condition| condition.type_ == "Ready")?;
    ready.last_transition_time.as_ref()
}

/// A server that has served for less does not come back for long.
const A_WHILE: SignedDuration = SignedDuration::from_secs(30);

/// How long a server may take to start in a new Pod: to mount its volumes and pull its image, and then as long as its
/// startup probe waits.
const A_START: SignedDuration = SignedDuration::from_mins(15);

/// What a kubelet says of a container whose end it does not know any more.
const FORGOTTEN: &str = "ContainerStatusUnknown";

/// Whether the server runs, or is about to be started again, and was ready in this life or in the one before: it is not
/// ready because of what has changed around it, or because it has ended, and not because of what it was started with.
pub(crate) fn served(pod: &Pod) -> bool {
    let Some((server, turned)) = server(pod).zip(turned(pod)) else {
        return false;
    };
    let comes = match waits_for(server) {
        None => true,
        Some(reason) if is_set_up(reason) => is_prepared(pod),
        // One that ends again and again waits longer each time; but the kubelet says so at the second end already.
        Some("CrashLoopBackOff") => lasted(server),
        Some(_) => false,
    };
    // It becomes not ready before it is started, and ready or, at its end, not ready afterwards.
    comes && lives(server, begun(pod)).any(|started| turned.0 > started)
}

/// Whether the server is started for the first time in this Pod, which nothing says cannot be, and has not had the time
/// it may take yet.
pub(super) fn begins(pod: &Pod, now: Timestamp) -> bool {
    let begun = begun(pod).or(pod.metadata.creation_timestamp.as_ref());
    let in_time = begun.is_none_or(|begun| now.duration_since(begun.0) < A_START);
    let first = server(pod).is_some_and(|server| {
        let comes = waits_for(server).is_none_or(is_set_up);
        server.state.is_some() && comes && ends(server).next().is_none()
    });
    in_time && first && is_prepared(pod)
}

/// Whether what runs before the server is done, or may be: while it is not, the kubelet says of the server itself only
/// that its Pod is set up, for ever if the image they share is missing.
fn is_prepared(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let before = status.and_then(|status| status.init_container_statuses.as_ref());
    before.into_iter().flatten().all(|container| {
        // A Pod that is set up anew runs it again; the end before was its node's.
        let failed =
            |end: &ContainerStateTerminated| end.exit_code != 0 && end.reason.as_deref() != Some(FORGOTTEN);
        waits_for(container).is_none_or(is_set_up) && !ends(container).any(failed)
    })
}

fn server(pod: &Pod) -> Option<&ContainerStatus> {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    containers?.iter().find(|one| one.name == names::CONTAINER)
}

/// When the kubelet took the Pod on.
fn begun(pod: &Pod) -> Option<&Time> {
    pod.status.as_ref()?.start_time.as_ref()
}

/// How the container ended, now and the time before.
fn ends(container: &ContainerStatus) -> impl Iterator<Item = &ContainerStateTerminated> {
    let states = [&container.state, &container.last_state].into_iter().flatten();
    states.filter_map(|state| state.terminated.as_ref())
}

fn waits_for(server: &ContainerStatus) -> Option<&str> {
    server.state.as_ref()?.waiting.as_ref()?.reason.as_deref()
}

/// What a kubelet says of a container whose Pod is set up; with init containers, as ours have, it is the latter.
fn is_set_up(reason: &str) -> bool {
    matches!(reason, "ContainerCreating" | "PodInitializing")
}

fn lasted(server: &ContainerStatus) -> bool {
    let last = server
        .last_state
        .as_ref()
        .and_then(|last| last.terminated.as_ref());
    let times = last.and_then(|end| end.started_at.as_ref().zip(end.finished_at.as_ref()));
    times.is_some_and(|(started, finished)| finished.0.duration_since(started.0) >= A_WHILE)
}

/// When the server was started last, and the time before. Where the containers went with their node's memory of them,
/// the kubelet does not know the latter: then it is when the Pod was begun, give or take the second by which a Pod that
/// was never ready may become not ready later.
fn lives(server: &ContainerStatus, begun: Option<&Time>) -> impl Iterator<Item = Timestamp> {
    let begun = begun.map(|time| time.0 + SignedDuration::from_secs(1));
    [&server.state, &server.last_state]
        .into_iter()
        .flatten()
        .filter_map(move |state| {
            if let Some(running) = &state.running {
                return running.started_at.as_ref().map(|time| time.0);
            }
            let ended = state.terminated.as_ref()?;
            ended.started_at.as_ref().map(|time| time.0).or(begun)
        })
}

/// Whether a Pod was made from the template with this hash.
pub(crate) fn current(pod: &Pod, hash: &str) -> bool {
    template_hash(pod.metadata.annotations.as_ref()) == Some(hash)
}

/// The hash of the Pod template that a Pod or a StatefulSet carries.
pub(super) fn template_hash(annotations: Option<&BTreeMap<String, String>>) -> Option<&str> {
    Some(annotations?.get(ANNOTATION_TEMPLATE_HASH)?.as_str())
}

/// Why a Pod is not ready, in the words of scheduler and kubelet.
pub(crate) fn trouble(pod: &Pod) -> String {
    if meta::deleting(pod) {
        return "it is being stopped".to_owned();
    }
    waiting(pod)
        .or_else(|| unschedulable(pod))
        .unwrap_or_else(|| "it has not answered its probes yet".to_owned())
}

fn waiting(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    // What runs before the server comes first: until it has ended the server only waits for it.
    let before = status.init_container_statuses.iter().flatten();
    let containers = before.chain(status.container_statuses.iter().flatten());
    let mut containers = containers.filter(|container| !container.ready);
    containers.find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        let ended = container
            .last_state
            .as_ref()
            .and_then(|last| last.terminated.as_ref())
            .map(|end| format!(", it last ended with code {}", end.exit_code));
        let (reason, message) = pulling(reason, waiting.message.as_deref());
        let message = message.map(|text| format!(": {text}"));
        Some(format!(
            "{reason}{}{}",
            ended.unwrap_or_default(),
            message.unwrap_or_default()
        ))
    })
}

/// The kubelet says of an image it cannot pull in turn that it failed and that it waits to try again, with the failure
/// in both: one text for the two, or a status would be written at each turn for as long as the image is missing.
fn pulling<'a>(reason: &'a str, message: Option<&'a str>) -> (&'a str, Option<&'a str>) {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" => {
            let cause =
                message.map(|text| text.split_once("ErrImagePull: ").map_or(text, |(_, cause)| cause));
            ("ImagePullBackOff", cause)
        }
        _ => (reason, message),
    }
}

fn unschedulable(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions
        .iter()
        .find(|one| one.type_ == "PodScheduled" && one.status == "False")?;
    let why = scheduled.message.as_deref().unwrap_or("no node fits");
    Some(format!("Unschedulable: {why}"))
}
