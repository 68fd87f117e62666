use crate::{Health, Info, PoolEntry, Rebalance, Scanner, StorageInfo};

fn decoded<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_recorded_info_tells_servers_drives_and_parity() {
    let info: Info = decoded(include_str!("../../fixtures/info.json"));
    assert_eq!(info.mode, "online");
    assert!(!info.deployment_id.is_empty());
    assert_eq!((info.backend.online_disks, info.backend.offline_disks), (4, 0));
    assert_eq!(info.backend.standard_parity, Some(2));
    assert_eq!(
        (
            info.backend.total_sets.as_slice(),
            info.backend.total_drives_per_set.as_slice()
        ),
        (&[1][..], &[4][..])
    );
    let server = &info.servers[0];
    assert_eq!((server.state.as_str(), server.drives.len()), ("online", 4));
    assert!(
        server
            .drives
            .iter()
            .all(|drive| drive.is_ok() && drive.totalspace > 0)
    );
    assert!(info.pools["0"]["0"].raw_capacity > 0);
}

#[test]
fn the_recorded_storage_info_tells_every_drive_once() {
    let storage: StorageInfo = decoded(include_str!("../../fixtures/storageinfo.json"));
    let mut places: Vec<_> = storage
        .drives
        .iter()
        .map(|drive| (drive.pool_index, drive.set_index, drive.disk_index))
        .collect();
    places.sort_unstable();
    assert_eq!(places, [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3)]);
    assert_eq!(
        (
            storage.backend.standard_data[0],
            storage.backend.standard_parities[0]
        ),
        (2, 2)
    );
}

#[test]
fn the_recorded_pools_tell_their_element_and_space() {
    let pools: Vec<PoolEntry> = decoded(include_str!("../../fixtures/pools-list.json"));
    assert_eq!(pools.len(), 1);
    assert!(pools[0].cmdline.ends_with("{1...4}"));
    assert_eq!(pools[0].total_size, pools[0].free_size + pools[0].used_size);
    assert_eq!(pools[0].status, "active");
    assert_eq!(pools[0].decommission_info, None);
}

#[test]
fn the_recorded_drain_tells_what_was_there_and_what_has_left() {
    let pools: Vec<PoolEntry> = decoded(include_str!("../../fixtures/pools-list-draining.json"));
    assert_eq!(pools[0].decommission_info, None);
    assert_eq!(
        (pools[1].status.as_str(), pools[1].decommission_status.as_str()),
        ("decommissioning", "running")
    );
    let info = pools[1].decommission_info.as_ref().unwrap();
    assert_eq!((info.total_size, info.start_size), (2_147_483_648, 2_094_960_640));
    assert_eq!(
        (info.objects_decommissioned, info.bytes_decommissioned),
        (40, 28_714_585)
    );
    assert_eq!(
        (&info.waiting_reason, &info.capacity_blocked_reason),
        (&None, &None)
    );
    assert!(info.unresolved_entries.is_null());
}

#[test]
fn the_recorded_readiness_is_ready_in_every_part() {
    let health: Health = decoded(include_str!("../../fixtures/health-ready.json"));
    assert!(health.ready);
    assert_eq!(health.version, "1.0.1");
    let parts = &health.details;
    assert!(parts.storage.ready && parts.iam.ready && parts.lock.ready);
    assert!(health.degraded_reasons.is_empty());
}

#[test]
fn the_recorded_liveness_has_no_readiness() {
    let health: Health = decoded(include_str!("../../fixtures/health.json"));
    assert_eq!(health.status, "ok");
    assert!(!health.ready);
}

#[test]
fn an_answer_without_the_expected_document_is_an_error() {
    assert!(serde_json::from_str::<Info>(r#"{"something":"else"}"#).is_err());
    assert!(serde_json::from_str::<StorageInfo>("{}").is_err());
}

#[test]
fn the_recorded_rebalances_tell_what_moves_and_how_they_ended() {
    let running: Rebalance = decoded(include_str!("../../fixtures/rebalance-running.json"));
    assert_eq!(running.id.len(), 36);
    let [from, to] = &running.pools[..] else {
        panic!("{running:?}")
    };
    assert_eq!((from.status.as_str(), to.status.as_str()), ("Started", "None"));
    let progress = from.progress.as_ref().unwrap();
    assert_eq!((progress.objects, progress.bytes), (42, 59_243_114));
    assert!(from.used > to.used && from.used < 1.0);
    assert_eq!(running.stopped_at, None);
    let stopped: Rebalance = decoded(include_str!("../../fixtures/rebalance-stopped.json"));
    assert_eq!(stopped.pools[0].status, "Stopped");
    assert!(stopped.stopped_at.is_some());
    let completed: Rebalance = decoded(include_str!("../../fixtures/rebalance-completed.json"));
    assert_eq!(completed.pools[0].status, "Completed");
}

#[test]
fn pools_of_different_parity_have_none_in_common() {
    let text = include_str!("../../fixtures/info.json");
    let mut document: serde_json::Value = serde_json::from_str(text).unwrap();
    document["info"]["backend"]["standardSCParity"] = serde_json::Value::Null;
    document["info"]["backend"]["rrSCParity"] = serde_json::Value::Null;
    let info: Info = serde_json::from_value(document).unwrap();
    assert_eq!(info.backend.standard_parity, None);
}

#[test]
fn the_recorded_scanners_tell_where_their_record_is() {
    let healthy: Scanner = decoded(include_str!("../../fixtures/scanner.json"));
    assert!(healthy.enabled);
    let record = healthy.pause_backlog.unwrap();
    assert_eq!(record.persistence_state, "healthy");
    // What one process could not do last is told all the same.
    assert!(record.error.is_some());

    let behind: Scanner = decoded(include_str!("../../fixtures/scanner-behind.json"));
    let record = behind.pause_backlog.unwrap();
    assert_eq!(record.persistence_state, "membership_repair_pending");
    let copies = record.replica_diagnostics.unwrap();
    let copies: Vec<_> = copies
        .iter()
        .map(|copy| (copy.pool_index, copy.state.as_str()))
        .collect();
    assert_eq!(copies, [(0, "missing"), (1, "valid")]);
}
