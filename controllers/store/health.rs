//! How a Tenant's servers are, by their own word.

use std::collections::{BTreeMap, BTreeSet};

use admin::{Client, Deadlines, Drive, StorageInfo};
use crds::Tenant;
use futures::{StreamExt, stream};
use plan::health::Health;

use super::{Access, Fault, Stores, Whom, servers};

/// Servers asked at the same time.
const AT_ONCE: usize = 16;

impl Stores {
    /// Asks every ready server whether it takes writes.
    pub(crate) async fn writes(&self, tenant: &Tenant) -> Health {
        said(self.ask_each(tenant, &mut None).await)
    }

    /// Asks every ready server whether it takes writes, and one of them for the drives of all.
    pub(crate) async fn health(&self, tenant: &Tenant) -> Health {
        let mut kept = None;
        let mut ailing = match self.ask_each(tenant, &mut kept).await {
            Ok(ailing) => ailing,
            fault => return said(fault),
        };
        let drives = self
            .ask(tenant, Whom::Any, &mut kept, |client| async move {
                client.storage_info().await
            })
            .await;
        said(drives.map(|storage| {
            for (server, what) in storage.drives.iter().filter_map(unwell) {
                ailing.entry(server).or_insert(what);
            }
            ailing
        }))
    }

    async fn ask_each(
        &self,
        tenant: &Tenant,
        kept: &mut Option<Access>,
    ) -> Result<BTreeMap<String, String>, Fault> {
        let servers = servers::ready(&self.context, tenant);
        if servers.is_empty() {
            return Err(Fault::no_server());
        }
        let access = kept.get_or_insert_default();
        let mut clients: Vec<(String, Client)> = Vec::new();
        for server in &servers {
            let client = self.connect(tenant, server, access, Deadlines::default()).await?;
            clients.push((server.pod().to_owned(), client));
        }
        let answers: Vec<_> = stream::iter(clients)
            .map(|(server, client)| async move { (server, takes_writes(&client).await) })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut ailing = BTreeMap::new();
        for (server, answer) in answers {
            match answer {
                Ok(true) => {}
                Ok(false) => {
                    let what = "does not take writes: it does not see enough drives";
                    ailing.insert(server, what.to_owned());
                }
                Err(error) => return Err(Fault::from(&error)),
            }
        }
        Ok(ailing)
    }
}

/// Whether a server takes writes. One that denies it has counted drives by the numbers its peers give their pools, each of
/// which counts in its own volumes string: while a pool that is not the last one leaves, they differ, and RustFS 1.0.1
/// says no although it takes them. Then every drive of its string must be well.
async fn takes_writes(client: &Client) -> Result<bool, admin::Error> {
    if client.takes_writes().await? {
        return Ok(true);
    }
    let storage = client.storage_info().await?;
    Ok(numbers_differ(&storage) && all_well(&storage))
}

/// Whether the numbers that servers give their pools are not the places of as many pools, each with one of its own.
fn numbers_differ(storage: &StorageInfo) -> bool {
    let drives = storage.drives.iter();
    let given: BTreeSet<(&str, i64)> = drives
        .filter_map(|drive| Some((server(drive)?.rsplit_once('-')?.0, drive.pool_index)))
        .collect();
    let numbers: BTreeSet<i64> = given.iter().map(|(_, number)| *number).collect();
    let pools = i64::try_from(storage.backend.total_sets.len()).unwrap_or(i64::MAX);
    given.len() != numbers.len() || numbers.iter().any(|number| !(0..pools).contains(number))
}

fn all_well(storage: &StorageInfo) -> bool {
    let backend = &storage.backend;
    let sets = backend.total_sets.iter().zip(&backend.drives_per_set);
    let expected: u64 = sets.map(|(sets, drives)| sets.saturating_mul(*drives)).sum();
    let counted = u64::try_from(storage.drives.len()).unwrap_or(u64::MAX);
    counted == expected && storage.drives.iter().all(|drive| unwell(drive).is_none())
}

fn said(answer: Result<BTreeMap<String, String>, Fault>) -> Health {
    match answer {
        Ok(ailing) => Health::Said(ailing),
        Err(fault) => {
            tracing::info!(
                reason = fault.reason,
                detail = fault.detail,
                "the servers do not say how they are"
            );
            Health::Silent {
                message: fault.message,
            }
        }
    }
}

/// The server of a drive that cannot be relied on, and why.
fn unwell(drive: &Drive) -> Option<(String, String)> {
    let path = &drive.path;
    let what = match (drive.is_ok(), drive.healing) {
        // Seen of an empty drive in the place of one that was lost.
        (true, false) if drive.uuid.is_empty() => format!("has a drive {path} that is not formatted"),
        (true, false) => return None,
        (true, true) => format!("is still filling its drive {path} again"),
        (false, _) => format!("has a drive {path} that is {}", drive.state),
    };
    let pod = server(drive)?;
    Some((pod.to_owned(), what))
}

/// The Pod of the server a drive is of.
fn server(drive: &Drive) -> Option<&str> {
    let (_, host) = drive.endpoint.split_once("://")?;
    host.split(['.', ':', '/']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(state: &str, healing: bool, uuid: &str) -> Drive {
        Drive {
            endpoint: "https://store-p0-2.store-hl.shop.svc.cluster.local:9000/data/rustfs1".to_owned(),
            path: "/data/rustfs1".to_owned(),
            state: state.to_owned(),
            uuid: uuid.to_owned(),
            healing,
            ..Drive::default()
        }
    }

    /// What a server says whose string has as many pools, of two drives each: the state and the pool of each drive.
    fn seen(pools: usize, drives: &[(&str, &str, i64)]) -> StorageInfo {
        let drives = drives.iter().map(|(server, state, pool)| Drive {
            endpoint: format!("http://store-{server}.store-hl.shop.svc:9000/data/rustfs0"),
            pool_index: *pool,
            ..drive(state, false, "7688edd0")
        });
        let mut storage = StorageInfo {
            drives: drives.collect(),
            ..StorageInfo::default()
        };
        storage.backend.total_sets = vec![1; pools];
        storage.backend.drives_per_set = vec![2; pools];
        storage
    }

    fn believed(storage: &StorageInfo) -> bool {
        numbers_differ(storage) && all_well(storage)
    }

    #[test]
    fn a_no_is_overruled_while_servers_count_their_pools_differently() {
        for (pools, drives) in [
            // Without the first of two pools: the first server that runs so, and then one that does not yet.
            (1, &[("b-1", "ok", 0), ("b-0", "ok", 1)][..]),
            (
                2,
                &[
                    ("a-0", "ok", 0),
                    ("a-1", "ok", 0),
                    ("b-1", "ok", 0),
                    ("b-0", "ok", 0),
                ],
            ),
            // Without the first of three: all of the second run so, and none of the third.
            (
                2,
                &[
                    ("b-0", "ok", 0),
                    ("b-1", "ok", 0),
                    ("c-0", "ok", 2),
                    ("c-1", "ok", 2),
                ],
            ),
        ] {
            assert!(believed(&seen(pools, drives)), "{drives:?}");
        }
    }

    #[test]
    fn a_no_stands_when_servers_agree_or_a_drive_is_not_well() {
        let alike = [
            ("b-0", "ok", 0),
            ("b-1", "ok", 0),
            ("c-0", "ok", 1),
            ("c-1", "ok", 1),
        ];
        assert!(!believed(&seen(2, &alike)));
        assert!(!believed(&seen(1, &[("b-1", "ok", 0), ("b-0", "offline", 1)])));
        assert!(
            !believed(&seen(1, &[("b-1", "ok", 1)])),
            "a drive that is not told of is not well"
        );
    }

    #[test]
    fn a_drive_that_is_well_is_not_spoken_of() {
        assert_eq!(unwell(&drive("ok", false, "7688edd0")), None);
    }

    #[test]
    fn a_drive_that_fails_heals_or_is_empty_is_told_with_its_server() {
        for (state, healing, uuid, what) in [
            (
                "offline",
                false,
                "7688edd0",
                "has a drive /data/rustfs1 that is offline",
            ),
            (
                "ok",
                true,
                "7688edd0",
                "is still filling its drive /data/rustfs1 again",
            ),
            ("ok", false, "", "has a drive /data/rustfs1 that is not formatted"),
        ] {
            let found = unwell(&drive(state, healing, uuid)).unwrap();
            assert_eq!(found, ("store-p0-2".to_owned(), what.to_owned()));
        }
    }
}
