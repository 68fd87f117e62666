//! Events: which changes of conditions are worth one (pure), and their publication, which never delays or fails a
//! reconcile.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::mpsc;

use crate::enact::Owner;
use crate::env::Env;

/// Events that wait to be published; further ones are dropped.
const WAITING: usize = 256;
const WITHIN: Duration = Duration::from_secs(5);
/// A recorder keeps each event whole for minutes, 2 KiB, to count its repetitions. After this many another one takes
/// over, which costs a repetition an event of its own and nothing else.
const RECORDED: usize = 256;
/// The API server's limit of an event's note, in bytes.
const LONGEST: usize = 1024;
/// Reasons that say the operator waits for something that is on its way: no news.
const WAITING_REASONS: [&str; 18] = [
    "Pending",
    "Waiting",
    "Progressing",
    "Reconciling",
    "Paused",
    "Unknown",
    "ServersOutdated",
    "VolumesGrowing",
    "RollingOut",
    "RolloutPaused",
    "CanaryWaits",
    "HookRunning",
    "UpgradeWaits",
    "NotAsked",
    "Requested",
    "Rebalancing",
    "Settling",
    "Stopping",
];
/// Reasons that say that work in the background has ended badly: news although the condition did not hold before.
const GIVEN_UP: [&str; 2] = ["RebalanceFailed", "DrainFailed"];
/// Reasons by which a condition ceases to hold because what was asked for has been done.
const DONE: [&str; 1] = ["Left"];

/// One event to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether a person should look.
    pub warning: bool,
    /// Reason in PascalCase.
    pub reason: String,
    /// A sentence for a person.
    pub message: String,
    /// What the operator was doing, in PascalCase.
    pub action: &'static str,
}

/// The events of a change of conditions. Readiness gained is good news, a standstill is a warning, and so is another
/// condition that ceases to hold, unless that was asked for. Each reason is told once. What is seen for the first time and
/// is not true yet is no news.
#[must_use]
pub fn transitions(stored: &[Condition], new: &[Condition]) -> Vec<Note> {
    let mut notes: Vec<Note> = new
        .iter()
        .filter_map(|condition| {
            let before = stored.iter().find(|known| known.type_ == condition.type_);
            let held = before.is_some_and(|before| before.status == "True");
            let changed = !held || before.is_some_and(|before| before.reason != condition.reason);
            let is_news = match (condition.type_.as_str(), condition.status.as_str()) {
                ("Ready", "True") => !held,
                ("Stalled", "True") => changed,
                ("Ready" | "Reconciling" | "Stalled", _) => false,
                (_, "False") if GIVEN_UP.contains(&condition.reason.as_str()) => {
                    before.is_some_and(|before| before.reason != condition.reason)
                }
                (_, "False") => held && !WAITING_REASONS.contains(&condition.reason.as_str()),
                _ => false,
            };
            if !is_news {
                return None;
            }
            Some(Note {
                warning: condition.type_ != "Ready" && !DONE.contains(&condition.reason.as_str()),
                reason: condition.reason.clone(),
                message: condition.message.clone(),
                action: "Reconcile",
            })
        })
        .collect();
    // A standstill has the reason of the condition it comes from.
    let mut told = BTreeSet::new();
    notes.retain(|note| told.insert(note.reason.clone()));
    notes
}

/// Publishes the events of one controller, one after the other, in the background.
pub(crate) struct Events {
    env: Env,
    reporter: Reporter,
    queue: OnceLock<mpsc::Sender<(Event, ObjectReference)>>,
}

impl Events {
    pub(crate) fn new(env: &Env, manager: &str) -> Self {
        Self {
            env: env.clone(),
            reporter: Reporter {
                controller: manager.to_owned(),
                instance: Some(env.identity().to_owned()),
            },
            queue: OnceLock::new(),
        }
    }

    /// Takes an event about the reconciled object and perhaps another one, unless too many wait already.
    pub(crate) fn publish(&self, owner: &Owner<'_>, note: Note, related: Option<ObjectReference>) {
        let event = Event {
            type_: if note.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: note.reason,
            note: Some(cut(note.message)),
            action: note.action.to_owned(),
            secondary: related,
        };
        let reference = ObjectReference {
            api_version: Some(owner.key.0.clone()),
            kind: Some(owner.key.1.clone()),
            namespace: Some(owner.key.2.clone()),
            name: Some(owner.key.3.clone()),
            uid: owner.meta.uid.clone(),
            ..ObjectReference::default()
        };
        if self.queue().try_send((event, reference)).is_err() {
            tracing::debug!("an event was dropped: too many wait");
        }
    }

    /// One recorder at a time: it counts repetitions instead of making new events.
    fn queue(&self) -> &mpsc::Sender<(Event, ObjectReference)> {
        self.queue.get_or_init(|| {
            let (sender, mut receiver) = mpsc::channel::<(Event, ObjectReference)>(WAITING);
            let (client, reporter) = (self.env.client().clone(), self.reporter.clone());
            let new = move || Recorder::new(client.clone(), reporter.clone());
            tokio::spawn(async move {
                let mut recorder = new();
                let mut recorded = 0;
                while let Some((event, reference)) = receiver.recv().await {
                    if recorded == RECORDED {
                        (recorder, recorded) = (new(), 0);
                    }
                    recorded += 1;
                    let published = tokio::time::timeout(WITHIN, recorder.publish(&event, &reference)).await;
                    if let Ok(Err(error)) = published {
                        tracing::debug!(%error, reason = event.reason, "failed to publish an event");
                    }
                }
            });
            sender
        })
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let mut end = LONGEST - 3;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, server, until};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    fn condition(type_: &str, status: &str, reason: &str) -> Condition {
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: "m".to_owned(),
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
            observed_generation: None,
        }
    }

    fn told(stored: &[Condition], new: &[Condition]) -> Vec<(bool, String)> {
        transitions(stored, new)
            .into_iter()
            .map(|note| (note.warning, note.reason))
            .collect()
    }

    #[test]
    fn a_first_status_that_only_waits_is_no_news() {
        let new = [
            condition("Ready", "False", "Pending"),
            condition("Reconciling", "True", "Pending"),
            condition("Stalled", "False", "Pending"),
            condition("PoolsReady", "Unknown", "Pending"),
            condition("Accepted", "False", "NotYet"),
        ];
        assert!(told(&[], &new).is_empty());
    }

    #[test]
    fn readiness_is_told_once() {
        let (before, after) = (
            condition("Ready", "False", "Pending"),
            condition("Ready", "True", "Ready"),
        );
        assert_eq!(
            told(&[before], std::slice::from_ref(&after)),
            [(false, "Ready".to_owned())]
        );
        assert!(told(std::slice::from_ref(&after), std::slice::from_ref(&after)).is_empty());
    }

    #[test]
    fn a_standstill_is_a_warning_for_each_reason() {
        let (a, b) = (
            condition("Stalled", "True", "A"),
            condition("Stalled", "True", "B"),
        );
        assert_eq!(told(&[], std::slice::from_ref(&a)), [(true, "A".to_owned())]);
        assert!(told(std::slice::from_ref(&a), std::slice::from_ref(&a)).is_empty());
        assert_eq!(told(&[a], &[b]), [(true, "B".to_owned())]);
    }

    #[test]
    fn background_work_that_was_given_up_is_told_once_and_its_course_is_not() {
        let of = |status: &str, reason: &str| [condition("Balanced", status, reason)];
        let (failed, runs) = (of("False", "RebalanceFailed"), of("False", "Rebalancing"));
        assert!(told(&of("True", "NothingToDo"), &of("False", "Requested")).is_empty());
        assert!(told(&of("False", "Requested"), &runs).is_empty());
        assert_eq!(told(&runs, &failed), [(true, "RebalanceFailed".to_owned())]);
        assert!(told(&failed, &failed).is_empty());
        assert!(told(&failed, &of("False", "NotAsked")).is_empty());
    }

    #[test]
    fn what_is_given_up_for_good_is_told_once() {
        let before = [
            condition("Drained", "False", "Draining"),
            condition("Stalled", "False", "Draining"),
        ];
        let again = [
            condition("Drained", "False", "DrainFailed"),
            condition("Stalled", "False", "DrainFailed"),
        ];
        let ended = [
            condition("Drained", "False", "DrainFailed"),
            condition("Stalled", "True", "DrainFailed"),
        ];
        let news = [(true, "DrainFailed".to_owned())];
        assert_eq!(told(&before, &again), news);
        assert_eq!(told(&before, &ended), news);
        assert_eq!(told(&again, &ended), news);
    }

    #[test]
    fn a_pool_that_has_left_as_it_was_asked_to_is_no_warning() {
        let (before, after) = (
            condition("Joined", "True", "Joined"),
            condition("Joined", "False", "Left"),
        );
        assert_eq!(told(&[before], &[after]), [(false, "Left".to_owned())]);
    }

    #[test]
    fn a_condition_that_ceases_to_hold_is_a_warning_unless_it_only_waits() {
        let held = condition("WorkloadReady", "True", "Ready");
        let lost = condition("WorkloadReady", "False", "ServersMissing");
        let waits = condition("WorkloadReady", "False", "Progressing");
        assert_eq!(
            told(std::slice::from_ref(&held), &[lost]),
            [(true, "ServersMissing".to_owned())]
        );
        assert!(told(&[held], &[waits]).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_repetition_is_counted_and_no_recorder_grows_for_ever() {
        let (env, record) = server(|asked| Answer::Json(200, asked.body.clone()));
        let events = Events::new(&env, "m");
        let tenant = crds::Tenant::new("store", crds::tenant::TenantSpec::default());
        let note = Note {
            warning: false,
            reason: "Ready".to_owned(),
            message: "m".to_owned(),
            action: "Reconcile",
        };
        for told in 1..=RECORDED + 2 {
            events.publish(&Owner::of(&tenant), note.clone(), None);
            until(|| record.all().len() == told).await;
        }
        let asked = record.all();
        let made: Vec<usize> = (0..asked.len())
            .filter(|at| asked[*at].method == "POST")
            .collect();
        assert_eq!(made, [0, RECORDED]);
        assert_eq!(asked[RECORDED + 1].body["series"]["count"], 2);
    }

    #[test]
    fn a_long_note_is_cut_at_a_character() {
        let text = cut("ä".repeat(2000));
        assert!(text.len() <= LONGEST);
        assert!(text.ends_with("..."));
    }
}
