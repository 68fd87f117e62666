//! One server: its Pod, in the words of scheduler and kubelet, and its volumes.

use crds::Pool;
use crds::names::{self, ANNOTATION_TEMPLATE_HASH};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, Pod, PodCondition};
use kube::Resource;
use plan::meta;

use crate::node::{Node, State};
use crate::{Seen, find, volume};

/// Reasons for which there is no log yet.
const BEFORE_THE_START: [&str; 8] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ContainerCreating",
    "RunContainerError",
    "PodInitializing",
];

/// The server with this number; none where no Pod is and none is expected.
pub(crate) fn node(pool: &Pool, set: &str, number: i32, expected: bool, seen: &Seen) -> Option<Node> {
    let name = format!("{set}-{number}");
    let mut node = match find(&seen.pods, &name) {
        Some(pod) => of_pod(pod, set, seen),
        None if expected => Node {
            waits_for: Some(format!("statefulset/{set}")),
            next: Some(seen.kubectl(&format!("describe statefulset {set}"))),
            ..Node::open(
                "pod",
                &name,
                State::Missing,
                "NoPod",
                "the StatefulSet has not made it yet",
            )
        },
        None => return None,
    };
    let volumes: Vec<Node> = (0..pool.spec.volumes_per_server)
        .map(|drive| volume::node(&format!("{}-{name}", names::volume_claim(drive)), pool, seen))
        .collect();
    // Volumes matter where something is wrong with them, or with what needs them.
    if !node.is_fine() || volumes.iter().any(|volume| !volume.is_fine()) {
        node.children = volumes;
    }
    Some(node)
}

fn of_pod(pod: &Pod, set: &str, seen: &Seen) -> Node {
    let name = meta::name(pod);
    let ready = condition(pod, "Ready");
    let since = ready
        .and_then(|ready| ready.last_transition_time.as_ref())
        .map(|time| time.0);
    if let Some(since) = &pod.meta().deletion_timestamp {
        return going(pod, since.0, seen);
    }
    if ready.is_some_and(|ready| ready.status == "True") {
        return if outdated(pod, set, seen) {
            let message = "it serves what was asked for before, and is replaced when its turn comes";
            Node::open("pod", name, State::Waiting, "Outdated", message)
        } else {
            Node::ready("pod", name, "it serves")
        };
    }
    let (reason, message) = container(pod).or_else(|| unschedulable(pod)).unwrap_or_else(|| {
        (
            "NotReady".to_owned(),
            "it runs and has not answered its probes yet".to_owned(),
        )
    });
    let created = pod.meta().creation_timestamp.as_ref().map(|time| time.0);
    Node {
        since: since.or(created),
        next: Some(next(name, &reason, seen)),
        ..Node::open("pod", name, State::Waiting, &reason, message)
    }
}

fn going(pod: &Pod, since: Timestamp, seen: &Seen) -> Node {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let late = seen.now.as_second() > since.as_second();
    let on = node.map(|node| format!("node/{node}"));
    Node {
        // The time of deletion includes the grace period: from then on the node is late.
        since: late.then_some(since),
        next: on
            .as_ref()
            .filter(|_| late)
            .map(|on| format!("kubectl describe {on}")),
        waits_for: on,
        ..Node::open("pod", meta::name(pod), State::Deleting, "", "it is being stopped")
    }
}

fn next(name: &str, reason: &str, seen: &Seen) -> String {
    let command = match reason {
        "Unschedulable" | "Pending" => format!("describe pod {name}"),
        reason if BEFORE_THE_START.contains(&reason) => format!("describe pod {name}"),
        "CrashLoopBackOff" => format!("logs {name} --previous"),
        _ => format!("logs {name}"),
    };
    seen.kubectl(&command)
}

/// Whether its StatefulSet would make it otherwise today.
fn outdated(pod: &Pod, set: &str, seen: &Seen) -> bool {
    let hash = |meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
        let annotations = meta.annotations.as_ref();
        annotations
            .and_then(|annotations| annotations.get(ANNOTATION_TEMPLATE_HASH))
            .cloned()
    };
    find(&seen.stateful_sets, set).is_some_and(|set| hash(set.meta()) != hash(pod.meta()))
}

/// Why its container does not run, or ended.
fn container(pod: &Pod) -> Option<(String, String)> {
    // What runs before the server comes first: the server waits for it.
    let statuses = pod.status.iter().flat_map(|status| {
        let before = status.init_container_statuses.iter().flatten();
        before.chain(status.container_statuses.iter().flatten())
    });
    statuses.filter(|status| !status.ready).find_map(|status| {
        let before = status.last_state.as_ref().and_then(ended);
        let state = status.state.as_ref()?;
        if let Some(waiting) = &state.waiting {
            let said = [before, waiting.message.clone()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>();
            return Some((
                waiting.reason.clone().unwrap_or_else(|| "Waiting".to_owned()),
                said.join("; "),
            ));
        }
        let now = ended(state).map(|text| ("Ended".to_owned(), text));
        now.or_else(|| {
            let text = before?;
            Some((
                "NotReady".to_owned(),
                format!("it was started again and has not answered its probes yet; {text}"),
            ))
        })
    })
}

fn ended(state: &ContainerState) -> Option<String> {
    let end = state.terminated.as_ref()?;
    let reason = end.reason.as_deref().unwrap_or("Error");
    let said = end
        .message
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let said = said
        .map(|text| format!(", its last words: {}", tail(text)))
        .unwrap_or_default();
    Some(format!("it ended with code {} ({reason}){said}", end.exit_code))
}

/// A server's last words may be pages.
fn tail(text: &str) -> String {
    let words: Vec<char> = text.chars().collect();
    let from = words.len().saturating_sub(300);
    words[from..].iter().collect()
}

fn unschedulable(pod: &Pod) -> Option<(String, String)> {
    let scheduled = condition(pod, "PodScheduled");
    match scheduled {
        Some(scheduled) if scheduled.status == "False" => {
            let why = scheduled
                .message
                .clone()
                .unwrap_or_else(|| "no node fits".to_owned());
            Some(("Unschedulable".to_owned(), why))
        }
        None => Some((
            "Pending".to_owned(),
            "the scheduler has not looked at it yet".to_owned(),
        )),
        Some(_) => None,
    }
}

fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}
