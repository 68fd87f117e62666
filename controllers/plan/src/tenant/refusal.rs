//! Why a Pool is not taken into the topology.

use crds::pool::PoolState;
use crds::{Pool, Tenant};

use super::erasure::{self, Fault};
use super::verdict::Verdict;
use crate::meta;
use crate::topology::{Member, Refusal};

/// The server's host name `{tenant}-{pool}-{ordinal}` and its StatefulSet's labels must stay within 63 characters.
const LONGEST_NAMES: usize = 47;

/// What is wrong with the Pool itself, whatever the topology.
pub(crate) fn unfit(tenant: &Tenant, pool: &Pool) -> Option<Refusal> {
    let name = meta::name(pool);
    if meta::controller_uid(pool).is_some() && !meta::controls(tenant, pool) {
        return Some(refuse(
            pool,
            "OwnedByAnother",
            "another object controls this Pool: remove that controller ownerReference, or create a Pool without it",
        ));
    }
    if !dns_label(name) || name.len() + meta::name(tenant).len() > LONGEST_NAMES {
        let message = format!(
            "the Pool's name must hold only a-z, 0-9 and '-', and together with the Tenant's have at most \
             {LONGEST_NAMES} characters: create a Pool with another name"
        );
        return Some(refuse(pool, "NameInvalid", message));
    }
    match erasure::sets(tenant, pool.spec.servers, pool.spec.volumes_per_server) {
        Ok(_) => None,
        Err(Fault::Layout(why)) => Some(refuse(pool, "LayoutInvalid", why)),
        Err(Fault::Variable(variable, why)) => {
            let message = format!("the Tenant's spec.env[{variable}] does not fit this Pool: {why}");
            Some(refuse(pool, "LayoutInvalid", message))
        }
    }
}

/// A Pool of a member's name that cannot take its place.
pub(crate) fn taken(pool: &Pool, members: &[Member]) -> Option<Refusal> {
    let member = members.iter().find(|member| member.name == meta::name(pool))?;
    let message = format!(
        "the store knows a pool of this name with {} servers and {} volumes each, whose object is gone: create the \
         Pool with these numbers, or with another name",
        member.servers, member.volumes_per_server
    );
    Some(refuse(pool, "NameTaken", message))
}

/// The only Pool that serves, asked to go.
pub(crate) fn last(pool: &Pool) -> Refusal {
    let back = match pool.spec.state {
        PoolState::Decommissioned => ", set spec.state back to Active",
        PoolState::Active => "",
    };
    let message = format!(
        "the Tenant has no other Pool that could take the data: add a Pool{back}, or delete the Tenant; the servers stay"
    );
    refuse(pool, "LastPool", message)
}

/// A member that is drained after something else.
pub(crate) fn drains_later(pool: &Pool, busy: &str) -> Refusal {
    Refusal {
        waits: true,
        ..refuse(
            pool,
            "DrainWaits",
            format!("the Pool is drained once this has ended: {busy}"),
        )
    }
}

/// A member that is drained once its hooks have completed.
pub(crate) fn hooked(pool: &Pool, verdict: &Verdict) -> Refusal {
    Refusal {
        waits: !verdict.needs_person(),
        ..refuse(pool, &verdict.finding.reason, verdict.finding.message.as_str())
    }
}

/// A fit Pool that has to wait for something else to end.
pub(crate) fn not_now(pool: &Pool, busy: Option<&str>, open: bool) -> Option<Refusal> {
    let message = match busy {
        _ if !open => "the Pool joins once the Tenant's credentials are usable: its condition CredentialsReady says why \
                       they are not"
            .to_owned(),
        Some(busy) => format!("the Pool joins once this has ended: {busy}"),
        None => return None,
    };
    Some(Refusal {
        waits: true,
        ..refuse(pool, "JoinWaits", message)
    })
}

fn refuse(pool: &Pool, reason: &str, message: impl Into<String>) -> Refusal {
    Refusal {
        name: meta::name(pool).to_owned(),
        uid: meta::uid(pool).to_owned(),
        reason: reason.to_owned(),
        message: message.into(),
        waits: false,
    }
}

/// Whether the text is one label of a host name.
pub(crate) fn dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
