//! Every figure there is: name, labels, meaning. The text for Prometheus and the table in the documentation are made
//! from it.

/// One figure. All are gauges and carry the labels `namespace`, `tenant` and `monitor` besides their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with the unit.
    pub name: &'static str,
    /// Labels of its own, in the order of the values.
    pub labels: &'static [&'static str],
    /// What it says, without a full stop at the end.
    pub help: &'static str,
}

macro_rules! catalogue {
    ($($id:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: Metric = Metric { name: $name, labels: &[$($label),*], help: $help };
        )*
        /// All figures, in the order they are written.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

catalogue! {
    UP "rustfs_tenant_up" []
        "1 if the admin API answered the last reading, 0 if not";
    SCRAPE_DURATION "rustfs_tenant_scrape_duration_seconds" []
        "How long the last reading of the admin API took";
    LAST_SUCCESS "rustfs_tenant_last_success_timestamp_seconds" []
        "When the admin API last answered, in seconds since 1970";
    SERVERS "rustfs_tenant_servers" ["state"]
        "Servers by state: online, initializing, offline, unknown";
    BUCKETS "rustfs_tenant_buckets" []
        "Buckets, as of the last scan";
    OBJECTS "rustfs_tenant_objects" []
        "Objects, as of the last scan";
    CAPACITY_RAW "rustfs_tenant_capacity_raw_bytes" []
        "Size of all drives that report one";
    CAPACITY_USABLE "rustfs_tenant_capacity_usable_bytes" []
        "What is left for data when parity is taken off, over all pools";
    CAPACITY_USED "rustfs_tenant_capacity_used_bytes" []
        "Used on all drives, parity included";
    CAPACITY_FREE "rustfs_tenant_capacity_free_bytes" []
        "Free on all drives, parity included";
    DRIVES "rustfs_tenant_drives" ["state"]
        "Drives by state: online, offline, faulty, unknown";
    DRIVES_HEALING "rustfs_tenant_healing_drives" []
        "Drives that are being healed";
    POOL_TOTAL "rustfs_tenant_pool_total_bytes" ["pool"]
        "Capacity of the pool for data";
    POOL_USED "rustfs_tenant_pool_used_bytes" ["pool"]
        "Used capacity of the pool";
    POOL_FREE "rustfs_tenant_pool_free_bytes" ["pool"]
        "Free capacity of the pool";
    POOL_STATUS "rustfs_tenant_pool_status" ["pool", "status"]
        "1 for the status the pool has: active, decommissioning, decommissioned, blocked, rebalancing, unknown";
    POOL_DRAIN_OBJECTS "rustfs_tenant_pool_drain_objects" ["pool"]
        "Objects that have left the pool since its drain began; only while the servers know of one";
    POOL_DRAIN_BYTES "rustfs_tenant_pool_drain_bytes" ["pool"]
        "Bytes that have left the pool since its drain began";
    POOL_DRAIN_START "rustfs_tenant_pool_drain_start_bytes" ["pool"]
        "Bytes that were in use in the pool when its drain began";
    POOL_DRAIN_FAILED "rustfs_tenant_pool_drain_failed_objects" ["pool"]
        "Objects that could not leave the pool";
    SET_DRIVES "rustfs_tenant_erasure_set_drives" ["pool", "set"]
        "Drives of the erasure set";
    SET_ONLINE "rustfs_tenant_erasure_set_drives_online" ["pool", "set"]
        "Drives of the erasure set that are online";
    SET_PARITY "rustfs_tenant_erasure_set_parity" ["pool", "set"]
        "Drives of the erasure set that may be lost without losing data";
    SET_WRITE_QUORUM "rustfs_tenant_erasure_set_write_quorum" ["pool", "set"]
        "Drives of the erasure set that must be online for a write";
    DRIVE_TOTAL "rustfs_tenant_drive_total_bytes" ["pool", "server", "drive"]
        "Size of the drive; left out for Tenants of more than 1024 drives";
    DRIVE_USED "rustfs_tenant_drive_used_bytes" ["pool", "server", "drive"]
        "Used on the drive; left out for Tenants of more than 1024 drives";
    DRIVE_FREE "rustfs_tenant_drive_free_bytes" ["pool", "server", "drive"]
        "Free on the drive; left out for Tenants of more than 1024 drives";
}

/// The catalogue as the table that the documentation holds.
#[must_use]
pub fn markdown() -> String {
    let rows = ALL.iter().map(|metric| {
        let labels = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect::<Vec<_>>()
            .join(", ");
        format!("| `{}` | {labels} | {} |\n", metric.name, metric.help)
    });
    std::iter::once("| figure | own labels | meaning |\n| --- | --- | --- |\n".to_owned())
        .chain(rows)
        .collect()
}
