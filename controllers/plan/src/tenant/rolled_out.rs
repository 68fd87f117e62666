//! What the condition `RolledOut` says.

use crds::conditions::ROLLED_OUT;
use crds::names::ANNOTATION_ALLOW_DOWNGRADE;
use crds::rollout::RolloutStatus;

use super::progress::Progress;
use super::verdict::Verdict;
use crate::pool::Hold;
use crate::rollout::Rejection;
use crate::rollout::version::{self, Skew};
use crate::topology::Topology;

/// Whether all servers run what the specs ask for.
pub(crate) fn judge(topology: &Topology, progress: Option<&Progress>) -> Verdict {
    if !topology.formed {
        let message = "the store has not served yet: changes reach all servers at once";
        return Verdict::waiting(ROLLED_OUT, "Forming", message);
    }
    let Some(progress) = progress else {
        let message = "what servers should run is not known: see TopologyReady and CertificateReady, or the owner of \
                       the ConfigMap of the rollout";
        return Verdict::unknown(ROLLED_OUT, "NotKnown", message);
    };
    if let Some(why) = &progress.record.rejected {
        return Verdict::stuck(ROLLED_OUT, "RolledBack", taken_back(progress, why));
    }
    if let Some(trouble) = progress.trouble.as_ref().filter(|_| progress.late) {
        return Verdict::stuck(
            ROLLED_OUT,
            "ProgressDeadlineExceeded",
            too_late(progress, trouble),
        );
    }
    under_way(topology, progress)
}

fn under_way(topology: &Topology, progress: &Progress) -> Verdict {
    let revision = progress.record.latest.revision;
    let remark: String = progress.remark.iter().map(|text| format!("; {text}")).collect();
    if let Some(turn) = topology.turn.as_deref() {
        let message = format!("Pool {turn} replaces outdated servers with revision {revision}{remark}");
        return Verdict::waiting(ROLLED_OUT, "RollingOut", message);
    }
    let behind = progress.behind;
    match progress.hold.filter(|_| behind > 0) {
        Some(Hold::Paused) => {
            let message = format!(
                "servers that do not run revision {revision}: {behind}; spec.rollout.paused is true: set it to false to go on"
            );
            Verdict::parked(ROLLED_OUT, "RolloutPaused", message)
        }
        Some(Hold::Refused(skew)) => refused(progress, skew),
        Some(Hold::Hooks) => hooks(progress),
        Some(Hold::Below(partition)) => {
            let message = format!(
                "servers that do not run revision {revision}: {behind}; spec.rollout.partition keeps those below \
                 {partition}: lower it to go on"
            );
            Verdict::parked(ROLLED_OUT, "CanaryWaits", message)
        }
        None if progress.rolling => {
            let message = format!("revision {revision} waits for its servers to be ready{remark}");
            Verdict::waiting(ROLLED_OUT, "RollingOut", message)
        }
        None => {
            let message = format!("all servers run revision {revision}{remark}");
            Verdict::good(ROLLED_OUT, "Complete", message)
        }
    }
}

fn refused(progress: &Progress, skew: Skew) -> Verdict {
    let record = &progress.record;
    let image = &record.latest.recipe.tenant.image;
    let asked = version::of_image(image).map_or_else(String::new, |version| version.to_string());
    let newest = record
        .newest
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    let kept = "the servers keep what they run";
    match skew {
        Skew::Downgrade => Verdict::stuck(
            ROLLED_OUT,
            "DowngradeRefused",
            format!(
                "spec.image {image}: all servers have run {newest}, and an older RustFS may not be able to read what it \
                 wrote; {kept}. Set an image of {newest} or later, or, if the release notes allow it, the annotation \
                 {ANNOTATION_ALLOW_DOWNGRADE}: {asked}"
            ),
        ),
        Skew::TooFar => Verdict::stuck(
            ROLLED_OUT,
            "VersionSkewTooLarge",
            format!(
                "spec.image {image}: from {newest} a major version would be left out; {kept}. Go to a version of the next \
                 major first"
            ),
        ),
    }
}

fn hooks(progress: &Progress) -> Verdict {
    let verdict = progress.gate.as_ref().and_then(|gate| gate.verdict(ROLLED_OUT));
    verdict.unwrap_or_else(|| {
        let revision = progress.record.latest.revision;
        let message = format!("the hooks have completed: servers are about to take revision {revision}");
        Verdict::waiting(ROLLED_OUT, "RollingOut", message)
    })
}

fn taken_back(progress: &Progress, why: &Rejection) -> String {
    let latest = &progress.record.latest;
    let back = progress.record.good.as_ref().map_or_else(String::new, |good| {
        format!(
            " to revision {} (image {})",
            good.revision, good.recipe.tenant.image
        )
    });
    format!(
        "revision {} (image {}) was taken back{back}: server {} was not ready since {}: {}; change the spec to go on, or \
         the annotation storage.rustfs.com/restartedAt to try the same again",
        latest.revision, latest.recipe.tenant.image, why.server, why.since.0, why.why
    )
}

fn too_late(progress: &Progress, trouble: &Rejection) -> String {
    let record = &progress.record;
    let back = match &record.good {
        Some(good) if record.can_go_back() => format!(
            "change the spec, or set spec.rollout.autoRollback to go back to revision {}",
            good.revision
        ),
        Some(_) => "the specs are those that all servers ran before, so look for the cause in what it says"
            .to_owned(),
        None => "change the spec; there is no earlier revision that all servers ran".to_owned(),
    };
    format!(
        "revision {} (image {}): server {} is not ready since {}, longer than \
         spec.rollout.progressDeadlineSeconds {}: {}; no further server that serves is replaced until it is; {back}",
        record.latest.revision,
        record.latest.recipe.tenant.image,
        trouble.server,
        trouble.since.0,
        progress.deadline,
        trouble.why
    )
}

/// What the status lists.
pub(crate) fn listed(progress: &Progress) -> RolloutStatus {
    let record = &progress.record;
    RolloutStatus {
        revision: record.latest.revision,
        good_revision: record.good.as_ref().map(|good| good.revision),
        rejected_hash: record
            .rejected
            .as_ref()
            .and_then(|_| record.hash().map(str::to_owned)),
        max_unavailable: progress.most,
        missing: progress.missing.clone(),
        history: record.history.clone(),
    }
}
