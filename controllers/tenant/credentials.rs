//! Reads the pair that is to be used, and looks for it in the generations that are kept.

use std::sync::Arc;

use crds::{Tenant, names};
use futures::future::try_join;
use k8s_openapi::api::core::v1::Secret;
use kit::Error;
use kube::api::PartialObjectMeta;
use plan::meta;
use plan::tenant::{
    Observed, Offer, Pair, SecretCheck, check_credentials, generation_number, kept_pair, known_generations,
    may_be_put_back, serving,
};

use super::random;
use super::secrets::Reader;

/// Secrets that are looked at for a free name, after the last one that is known: there is more than one only where the
/// operator was cut off, or somebody else has made Secrets of that name.
const LOOKED_AT: u64 = 8;

/// What is kept of the pair that is to be used, and of the newest generation that the watch shows.
pub(super) struct Reads {
    check: SecretCheck,
    pair: Option<Pair>,
    newest: u64,
    kept: Option<Pair>,
}

/// Reads both at the same time, before it is known which generation the topology names: nearly always the newest.
pub(super) async fn reads(reader: Reader<'_>, tenant: &Tenant, newest: u64) -> Result<Reads, Error> {
    let source = source(tenant);
    let look = |found: Option<&_>| (check_credentials(tenant, found), found.and_then(Pair::read));
    let source = reader.read(meta::namespace(tenant), &source, look);
    let ((check, pair), kept) = try_join(source, kept(reader, tenant, newest)).await?;
    Ok(Reads {
        check,
        pair,
        newest,
        kept,
    })
}

/// The number of the newest generation among Secrets; 0 = there is none.
pub(super) fn newest(tenant: &Tenant, secrets: &[Arc<PartialObjectMeta<Secret>>]) -> u64 {
    let numbers = secrets
        .iter()
        .filter_map(|secret| generation_number(tenant, secret.as_ref()));
    numbers.max().unwrap_or_default()
}

/// Fills in what is known of root credentials. The topology must have been filled in.
pub(super) async fn observe(
    reader: Reader<'_>,
    tenant: &Tenant,
    reads: Reads,
    observed: &mut Observed,
) -> Result<(), Error> {
    let mut pair = reads.pair;
    observed.credentials = reads.check;
    let latest = observed
        .topology
        .topology()
        .map_or(0, |topology| topology.credentials.latest);
    observed.kept_credentials = if latest == reads.newest {
        reads.kept
    } else {
        kept(reader, tenant, latest).await?
    };
    match observed.credentials {
        SecretCheck::Usable => {}
        SecretCheck::Missing if may_be_put_back(tenant, observed) => {
            pair.clone_from(&observed.kept_credentials);
        }
        SecretCheck::Missing if tenant.spec.credentials_secret_ref.is_none() => {
            observed.fresh_credentials = random::credentials();
            pair.clone_from(&observed.fresh_credentials);
        }
        _ => return Ok(()),
    }
    if let Some(pair) = pair {
        observed.offer = offer(reader, tenant, observed, pair).await?;
    }
    Ok(())
}

/// A Secret that is named like a generation.
enum Found {
    /// One, and its pair.
    Kept(Pair),
    /// Something else of that name.
    Other,
}

impl Found {
    fn kept(self) -> Option<Pair> {
        match self {
            Self::Kept(pair) => Some(pair),
            Self::Other => None,
        }
    }
}

/// The Secret the pair is taken from.
fn source(tenant: &Tenant) -> String {
    let given = tenant.spec.credentials_secret_ref.as_ref();
    given.map_or_else(
        || names::credentials_secret(meta::name(tenant)),
        |given| given.name.clone(),
    )
}

/// The pair of a generation; `None` also where there is no generation yet.
async fn kept(reader: Reader<'_>, tenant: &Tenant, number: u64) -> Result<Option<Pair>, Error> {
    if number == 0 {
        return Ok(None);
    }
    Ok(generation(reader, tenant, number).await?.and_then(Found::kept))
}

async fn generation(reader: Reader<'_>, tenant: &Tenant, number: u64) -> Result<Option<Found>, Error> {
    let name = names::credentials_generation(meta::name(tenant), number);
    reader
        .read(meta::namespace(tenant), &name, |found| {
            let found = found?;
            Some(kept_pair(tenant, found).map_or(Found::Other, Found::Kept))
        })
        .await
}

/// Where the pair is kept, or the first free generation.
async fn offer(reader: Reader<'_>, tenant: &Tenant, observed: &Observed, pair: Pair) -> Result<Offer, Error> {
    let taken = observed.kept_credentials.as_ref();
    let known = known_generations(tenant, observed);
    if taken == Some(&pair) {
        return Ok(Offer {
            generation: known.first().copied().unwrap_or_default(),
            ..Offer::default()
        });
    }
    let renames = match serving(observed) {
        0 => false,
        number => {
            let served = generation(reader, tenant, number).await?.and_then(Found::kept);
            served.is_some_and(|served| served.access_key != pair.access_key)
        }
    };
    for number in known.iter().copied() {
        let found = generation(reader, tenant, number).await?;
        if found.and_then(Found::kept).is_some_and(|kept| kept == pair) {
            return Ok(Offer {
                generation: number,
                fresh: None,
                renames,
            });
        }
    }
    let last = known.iter().max().copied().unwrap_or_default();
    for number in (last..last.saturating_add(LOOKED_AT)).map(|number| number + 1) {
        let fresh = match generation(reader, tenant, number).await? {
            None => Some(pair.clone()),
            Some(Found::Kept(kept)) if kept == pair => None,
            Some(_) => continue,
        };
        return Ok(Offer {
            generation: number,
            fresh,
            renames,
        });
    }
    Ok(Offer::default())
}
