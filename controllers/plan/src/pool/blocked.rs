//! What a Pool's conditions say while something is in its way, or nothing is decided anew.

use crds::Pool;
use crds::conditions::{ACCEPTED, DRAINED, JOINED, PREFLIGHT, STORAGE_READY, TENANT_FOUND, WORKLOAD_READY};

use super::{Observed, Plan, drain, preflight, storage};
use crate::condition::{self, Finding, Overall, unknown, yes};
use crate::meta;
use crate::step::Enacted;
use crate::tenant::Verdict;

/// The conditions of a Pool in the order they come true.
const ORDER: [&str; 7] = [
    TENANT_FOUND,
    ACCEPTED,
    PREFLIGHT,
    STORAGE_READY,
    WORKLOAD_READY,
    JOINED,
    DRAINED,
];

/// Nothing is done about servers, and what is done about their data goes on.
pub(super) fn obstructed(
    pool: &Pool,
    observed: &Observed,
    plan: &Plan,
    enacted: &Enacted,
    obstacle: &Verdict,
) -> (Vec<Finding>, Overall) {
    let mut findings = blocked(pool, observed, &obstacle.finding);
    findings.retain(|finding| finding.type_ != DRAINED);
    findings.push(drain::finding(plan));
    let overall = match enacted.failure() {
        Some(failure) => failure.into(),
        None => obstacle.blocks().unwrap_or_else(waiting),
    };
    (findings, overall)
}

pub(super) fn waiting() -> Overall {
    Overall::Working {
        reason: "Waiting".to_owned(),
        message: String::new(),
    }
}

/// The conditions as they were, while nothing is decided anew.
pub(super) fn kept(pool: &Pool) -> Vec<Finding> {
    let stored = pool
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    ORDER
        .into_iter()
        .map(
            |type_| match stored.iter().find(|condition| condition.type_ == type_) {
                Some(found) => Finding {
                    type_,
                    status: match found.status.as_str() {
                        "True" => condition::Truth::True,
                        "False" => condition::Truth::False,
                        _ => condition::Truth::Unknown,
                    },
                    reason: found.reason.clone(),
                    message: found.message.clone(),
                },
                None => unknown(type_, "NotYetChecked", "not looked at yet"),
            },
        )
        .collect()
}

/// All before the block hold, all after it are open.
pub(super) fn blocked(pool: &Pool, observed: &Observed, block: &Finding) -> Vec<Finding> {
    let at = ORDER
        .iter()
        .position(|type_| *type_ == block.type_)
        .unwrap_or_default();
    ORDER
        .into_iter()
        .enumerate()
        .map(|(index, type_)| match index.cmp(&at) {
            // It needs the Tenant only, and may say what is wrong long before anything else is there.
            _ if type_ == PREFLIGHT => preflight::finding(pool, observed),
            std::cmp::Ordering::Less if type_ == STORAGE_READY && observed.stateful_set.is_some() => {
                storage::bound(pool, observed).finding
            }
            std::cmp::Ordering::Less => passed(pool, type_),
            std::cmp::Ordering::Equal => block.clone(),
            // A lost topology is put together again from what Pools say of themselves.
            _ if type_ == JOINED && has_joined(pool, observed) => kept_joined(pool),
            std::cmp::Ordering::Greater => {
                unknown(type_, "NotYetChecked", format!("waits for {}", block.type_))
            }
        })
        .collect()
}

/// Whether the stored word on having joined still counts: nothing that can be read says otherwise.
fn has_joined(pool: &Pool, observed: &Observed) -> bool {
    let stored = pool.status.as_ref();
    let joined = stored.is_some_and(|status| condition::is_true(&status.conditions, JOINED));
    let topology = observed.topology.topology();
    joined && topology.is_none_or(|topology| topology.member(meta::name(pool), meta::uid(pool)).is_some())
}

fn kept_joined(pool: &Pool) -> Finding {
    let kept = kept(pool).into_iter().find(|finding| finding.type_ == JOINED);
    kept.unwrap_or_else(|| unknown(JOINED, "NotYetChecked", "not looked at yet"))
}

pub(super) fn passed(pool: &Pool, type_: &'static str) -> Finding {
    let tenant = &pool.spec.tenant_ref.name;
    match type_ {
        TENANT_FOUND => yes(type_, "TenantFound", format!("Tenant {tenant} exists")),
        ACCEPTED => yes(
            type_,
            "Accepted",
            format!("part of the topology of Tenant {tenant}"),
        ),
        // Whether claims bind is seen once there are servers.
        _ => unknown(type_, "NotYetChecked", "the servers do not exist yet"),
    }
}
