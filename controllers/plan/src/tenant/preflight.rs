//! What the Pools' preflights say together, and what only shows when they are looked at together.

use std::collections::BTreeMap;

use crds::Pool;
use crds::conditions::PREFLIGHT;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::observed::Observed;
use crate::condition::{Finding, no, unknown, yes};
use crate::meta;

/// Of how many Pools the findings are repeated.
const LISTED: usize = 10;

/// The condition `Preflight` of a Tenant.
pub(crate) fn finding(observed: &Observed) -> Finding {
    let pools = pools(observed);
    if pools.is_empty() {
        return unknown(PREFLIGHT, "NoPools", "there is no Pool to check");
    }
    let said: Vec<(&str, Option<&Condition>)> = pools
        .iter()
        .map(|pool| (meta::name(*pool), stored(pool)))
        .collect();
    let is = |status: &str| {
        said.iter()
            .any(|(_, condition)| condition.is_some_and(|one| one.status == status))
    };
    let mut texts: Vec<String> = said
        .iter()
        .filter_map(|(name, condition)| {
            let condition = condition.filter(|one| one.reason != "Passed")?;
            Some(format!("Pool {name}: {}", condition.message))
        })
        .collect();
    if texts.len() > LISTED {
        let more = texts.len() - LISTED;
        texts.truncate(LISTED);
        texts.push(format!("and {more} more Pools"));
    }
    texts.extend(mixed_classes(&pools, observed).map(|text| format!("warning: {text}")));
    let message = texts.join("; ");
    if is("False") {
        return no(PREFLIGHT, "NotPassed", message);
    }
    let not_permitted = said
        .iter()
        .any(|(_, condition)| condition.is_some_and(|one| one.reason == "NotPermitted"));
    if not_permitted {
        return unknown(PREFLIGHT, "NotPermitted", message);
    }
    let open = said
        .iter()
        .find(|(_, condition)| condition.is_none_or(|one| one.status != "True"));
    if let Some((name, _)) = open {
        return unknown(
            PREFLIGHT,
            "NotYetChecked",
            format!("Pool {name} is not checked yet"),
        );
    }
    match texts.is_empty() {
        true => yes(PREFLIGHT, "Passed", "the preflight of every Pool has passed"),
        false => yes(PREFLIGHT, "PassedWithWarnings", message),
    }
}

/// By name, without those that are refused and so make nothing, and those that have left.
fn pools(observed: &Observed) -> Vec<&Pool> {
    let topology = observed.topology.topology();
    let outside = |pool: &Pool| {
        let (name, uid) = (meta::name(pool), meta::uid(pool));
        topology.is_some_and(|known| known.refusal(name, uid).is_some() || known.former(name, uid).is_some())
    };
    let mut pools: Vec<&Pool> = observed
        .pools
        .iter()
        .map(AsRef::as_ref)
        .filter(|pool| !outside(pool))
        .collect();
    pools.sort_by_key(|pool| meta::name(*pool));
    pools
}

fn stored(pool: &Pool) -> Option<&Condition> {
    let conditions = &pool.status.as_ref()?.conditions;
    conditions.iter().find(|condition| condition.type_ == PREFLIGHT)
}

/// Objects go to any Pool, so the slowest and the least safe class decides for all of them.
fn mixed_classes(pools: &[&Pool], observed: &Observed) -> Option<String> {
    let mut of_class: BTreeMap<&str, &str> = BTreeMap::new();
    for pool in pools {
        let named = pool.spec.volume_claim.storage_class_name.as_deref();
        let class = named.or(observed.default_class.as_deref());
        of_class
            .entry(class.unwrap_or("the default"))
            .or_insert(meta::name(*pool));
    }
    let listed: Vec<String> = of_class
        .iter()
        .map(|(class, pool)| format!("{class} (Pool {pool})"))
        .collect();
    (listed.len() > 1).then(|| {
        format!(
            "spec.volumeClaim.storageClassName differs between Pools: {}: objects are kept in any of them, so the \
             slowest and least safe class decides; use one class",
            listed.join(", ")
        )
    })
}
