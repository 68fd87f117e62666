//! The record of a Tenant's rollouts, as the ConfigMap `{tenant}-rollout` holds it.

use crds::Tenant;
use crds::names::KEY_ROLLOUT;
use crds::rollout::{RolloutOutcome, RolloutRevision};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Recipe, version};
use crate::{meta, pool};

/// How many revisions are listed.
const LISTED: usize = 10;

/// What is asked for, what all servers ran last, and what was taken back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// What is asked for.
    pub latest: Numbered,
    /// What all servers ran and were ready with; none until that was seen once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Numbered>,
    /// Why `latest` was taken back; none while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejection>,
    /// The newest version that all servers ran, as far as their images' tags told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Version>,
    /// Whether servers may take the image of `latest`.
    #[serde(default)]
    pub clearance: Clearance,
    /// The newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<RolloutRevision>,
}

/// Whether the hooks before an image have completed. Once given it stands as long as that image is asked for, whatever
/// else changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clearance {
    /// The revision that was the first to ask for the image.
    pub revision: i64,
    /// Whether they have completed, or there was none.
    pub given: bool,
}

/// A recipe and its number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbered {
    /// Grows by one with each change of what is asked for.
    pub revision: i64,
    /// What makes the servers.
    pub recipe: Recipe,
}

/// Why a revision was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The server that was not ready in time.
    pub server: String,
    /// Since when it was not.
    pub since: Time,
    /// What was in its way, in the words of scheduler and kubelet.
    pub why: String,
}

impl Rollout {
    /// The record once this is asked for: a new revision, unless it is what was asked for before. `floor` is a number
    /// that was used already.
    pub(crate) fn ask(&mut self, asked: &Recipe, floor: i64, now: Timestamp) {
        if self.latest.revision > 0 && self.latest.recipe.agrees(asked) {
            self.latest.recipe.clone_from(asked);
            return;
        }
        if let Some(before) = self.history.first_mut()
            && before.outcome == RolloutOutcome::Progressing
        {
            before.outcome = RolloutOutcome::Superseded;
        }
        self.rejected = None;
        let before = (self.latest.revision > 0).then(|| self.latest.recipe.tenant.image.clone());
        self.latest = Numbered {
            revision: self.latest.revision.max(floor).saturating_add(1),
            recipe: asked.clone(),
        };
        if before.as_ref() != Some(&asked.tenant.image) {
            self.clearance = Clearance {
                revision: self.latest.revision,
                given: false,
            };
        }
        let entry = RolloutRevision {
            revision: self.latest.revision,
            hash: pool::digest(asked),
            image: asked.tenant.image.clone(),
            started_at: Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
            outcome: RolloutOutcome::Progressing,
        };
        self.history.insert(0, entry);
        self.history.truncate(LISTED);
    }

    /// All servers run what is asked for and are ready.
    pub(crate) fn complete(&mut self) {
        self.good = Some(self.latest.clone());
        let version = version::of_image(&self.latest.recipe.tenant.image);
        self.newest = self.newest.take().max(version);
        self.end(RolloutOutcome::Complete);
    }

    /// What is asked for is taken back.
    pub(crate) fn reject(&mut self, why: Rejection) {
        self.rejected = Some(why);
        self.end(RolloutOutcome::RolledBack);
    }

    fn end(&mut self, outcome: RolloutOutcome) {
        if let Some(latest) = self.history.first_mut() {
            latest.outcome = outcome;
        }
    }

    /// Whether there is something else to go back to.
    pub(crate) fn can_go_back(&self) -> bool {
        let good = self.good.as_ref();
        self.rejected.is_none() && good.is_some_and(|good| !good.recipe.agrees(&self.latest.recipe))
    }

    /// Whether servers may be made with this image, as far as hooks are concerned: they have completed for it, or all
    /// servers ran it last.
    pub(crate) fn lets(&self, image: &str) -> bool {
        let cleared = self.clearance.given && self.latest.recipe.tenant.image == image;
        cleared || self.ran(image)
    }

    /// Whether all servers ran this image last.
    pub(crate) fn ran(&self, image: &str) -> bool {
        let good = self.good.as_ref();
        good.is_some_and(|good| good.recipe.tenant.image == image)
    }

    /// The hash of what is asked for, as it is listed.
    pub(crate) fn hash(&self) -> Option<&str> {
        self.history.first().map(|entry| entry.hash.as_str())
    }
}

/// What the ConfigMap `{tenant}-rollout` held.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stored {
    /// There is none.
    #[default]
    Missing,
    /// One that belongs to another owner, such as an earlier Tenant of this name.
    Foreign,
    /// One of this Tenant.
    Found {
        /// What it says; none if it cannot be read: it is written anew.
        rollout: Option<Box<Rollout>>,
        /// The version that was read.
        resource_version: Option<String>,
    },
}

impl Stored {
    /// Reads the ConfigMap of a Tenant.
    #[must_use]
    pub fn read(tenant: &Tenant, found: Option<&ConfigMap>) -> Self {
        let Some(found) = found else {
            return Self::Missing;
        };
        if meta::controller_uid(found).is_some() && !meta::controls(tenant, found) {
            return Self::Foreign;
        }
        let text = found.data.as_ref().and_then(|data| data.get(KEY_ROLLOUT));
        Self::Found {
            rollout: text.and_then(|text| serde_json::from_str(text).ok()),
            resource_version: found.metadata.resource_version.clone(),
        }
    }

    /// The record, if one was read.
    #[must_use]
    pub fn rollout(&self) -> Option<&Rollout> {
        match self {
            Self::Found { rollout, .. } => rollout.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(image: &str) -> Recipe {
        let mut recipe = Recipe::default();
        image.clone_into(&mut recipe.tenant.image);
        recipe
    }

    fn asked(images: &[&str]) -> Rollout {
        let mut rollout = Rollout::default();
        for image in images {
            rollout.ask(&recipe(image), 0, Timestamp::UNIX_EPOCH);
        }
        rollout
    }

    fn rejection() -> Rejection {
        Rejection {
            server: "s".to_owned(),
            since: Time(Timestamp::UNIX_EPOCH),
            why: "ImagePullBackOff".to_owned(),
        }
    }

    #[test]
    fn asking_again_for_the_same_is_no_new_revision() {
        assert_eq!(asked(&["a", "a"]).latest.revision, 1);
        assert_eq!(asked(&["a", "b", "a"]).latest.revision, 3);
    }

    #[test]
    fn what_was_taken_back_stays_so_until_something_else_is_asked_for() {
        let mut rollout = asked(&["a"]);
        rollout.complete();
        rollout.ask(&recipe("b"), 0, Timestamp::UNIX_EPOCH);
        assert!(rollout.can_go_back());
        rollout.reject(rejection());
        rollout.ask(&recipe("b"), 0, Timestamp::UNIX_EPOCH);
        assert!(rollout.rejected.is_some() && !rollout.can_go_back());
        rollout.ask(&recipe("c"), 0, Timestamp::UNIX_EPOCH);
        assert!(rollout.rejected.is_none());
        let outcomes: Vec<_> = rollout.history.iter().map(|entry| entry.outcome).collect();
        use RolloutOutcome::{Complete, Progressing, RolledBack};
        assert_eq!(outcomes, [Progressing, RolledBack, Complete]);
    }

    #[test]
    fn ten_revisions_are_listed_and_a_number_is_never_used_twice() {
        let images: Vec<String> = (0..15).map(|number| number.to_string()).collect();
        let images: Vec<&str> = images.iter().map(String::as_str).collect();
        let rollout = asked(&images);
        assert_eq!(rollout.history.len(), 10);
        assert_eq!(rollout.history[0].revision, 15);
        let mut lost = Rollout::default();
        lost.ask(&recipe("a"), 15, Timestamp::UNIX_EPOCH);
        assert_eq!(lost.latest.revision, 16);
    }

    #[test]
    fn a_clearance_stands_for_one_image_until_another_one_is_asked_for() {
        let mut rollout = asked(&["a"]);
        rollout.clearance.given = true;
        rollout.complete();
        assert!(rollout.lets("a"));
        rollout.ask(&recipe("b"), 0, Timestamp::UNIX_EPOCH);
        assert!(!rollout.lets("b") && rollout.lets("a"), "all servers ran the one");
        rollout.clearance.given = true;
        let mut mended = recipe("b");
        mended.tenant.restarted_at = Some("noon".into());
        rollout.ask(&mended, 0, Timestamp::UNIX_EPOCH);
        assert!(rollout.lets("b"), "it is the same image");
        assert_eq!(rollout.clearance.revision, 2);
        for image in ["a", "b"] {
            rollout.ask(&recipe(image), 0, Timestamp::UNIX_EPOCH);
        }
        assert!(!rollout.lets("b"), "it was asked for anew");
        assert_eq!(rollout.clearance.revision, 5);
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut rollout = asked(&["a"]);
        rollout.complete();
        rollout.ask(&recipe("b"), 0, Timestamp::UNIX_EPOCH);
        rollout.reject(rejection());
        let text = serde_json::to_string(&rollout).unwrap();
        assert_eq!(serde_json::from_str::<Rollout>(&text).unwrap(), rollout);
    }
}
