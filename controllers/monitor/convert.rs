//! From the admin API's typed answers to what figures are made from. No decision is made here.

use admin::{Counter, Decommission, Info, PoolEntry, StorageInfo};
use plan::monitor::figures::{Answer, Drain, Drive, Layout, Pool};
use plan::topology::names_drive;

/// One answer from the three documents of one reading.
pub(super) fn answer(storage: &StorageInfo, info: &Info, pools: &[PoolEntry]) -> Answer {
    Answer {
        servers: info.servers.iter().map(|server| server.state.clone()).collect(),
        buckets: counted(&info.buckets),
        objects: counted(&info.objects),
        pools: pools.iter().enumerate().map(pool).collect(),
        layouts: layouts(storage),
        drives: storage.drives.iter().map(|found| drive(found, pools)).collect(),
    }
}

/// A number the server itself does not trust is none.
fn counted(counter: &Counter) -> Option<u64> {
    counter.error.is_none().then_some(counter.count)
}

/// A pool is found by its place: one keeps its number when another before it has left.
fn pool((index, entry): (usize, &PoolEntry)) -> Pool {
    Pool {
        index,
        element: entry.cmdline.clone(),
        total: entry.total_size,
        used: entry.used_size,
        free: entry.free_size,
        status: entry.status.clone(),
        drain: entry.decommission_info.as_ref().map(drain),
    }
}

fn drain(info: &Decommission) -> Drain {
    Drain {
        objects: info.objects_decommissioned,
        bytes: info.bytes_decommissioned,
        bytes_at_start: info.bytes_at_start(),
        failed_objects: info.objects_decommissioned_failed,
    }
}

fn layouts(storage: &StorageInfo) -> Vec<Layout> {
    let backend = &storage.backend;
    let size = |value: u64| usize::try_from(value).unwrap_or(0);
    backend
        .total_sets
        .iter()
        .zip(&backend.drives_per_set)
        .zip(&backend.standard_parities)
        .map(|((sets, drives), parity)| Layout {
            sets: size(*sets),
            drives_per_set: size(*drives),
            parity: size(*parity),
        })
        .collect()
}

/// The number of a drive's pool is its own server's, which counts in another volumes string while a pool leaves.
fn drive(drive: &admin::Drive, pools: &[PoolEntry]) -> Drive {
    let place = pools
        .iter()
        .position(|pool| names_drive(&pool.cmdline, &drive.endpoint));
    Drive {
        pool: place.or_else(|| usize::try_from(drive.pool_index).ok()),
        set: usize::try_from(drive.set_index).ok(),
        endpoint: drive.endpoint.clone(),
        state: drive.state.clone(),
        healing: drive.healing,
        total: drive.totalspace,
        used: drive.usedspace,
        free: drive.availspace,
    }
}
