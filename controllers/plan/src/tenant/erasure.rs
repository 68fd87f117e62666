//! What a pool's erasure sets can lose, with the Tenant's own settings for them.

use crds::Tenant;

use crate::layout;

/// Sets the width of erasure sets for all pools.
pub(crate) const DRIVE_COUNT: &str = "RUSTFS_ERASURE_SET_DRIVE_COUNT";
/// Sets the parity for all pools, as `EC:2`.
pub(crate) const STANDARD: &str = "RUSTFS_STORAGE_CLASS_STANDARD";

/// The erasure sets of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sets {
    /// Drives in each set.
    pub(crate) width: i32,
    /// Drives of each set that may be lost without losing data.
    pub(crate) parity: i32,
    /// Servers that may be missing while every set can still be written.
    pub(crate) spare_servers: i32,
}

/// What is wrong with a pool's layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The pool's own numbers.
    Layout(String),
    /// A variable of the Tenant does not fit the pool: its name, and what is wrong.
    Variable(&'static str, String),
}

/// The erasure sets RustFS makes of these servers and drives.
pub(crate) fn sets(tenant: &Tenant, servers: i32, volumes_per_server: i32) -> Result<Sets, Fault> {
    let layout = layout::check(servers, volumes_per_server).map_err(Fault::Layout)?;
    let mut width = layout.set_width;
    let mut parity = layout.parity;
    if let Some(text) = variable(tenant, DRIVE_COUNT) {
        width = drive_count(text, &layout::widths(servers, volumes_per_server))?;
        parity = layout::default_parity(width);
    }
    if let Some(text) = variable(tenant, STANDARD) {
        parity = standard_parity(text, width)?;
    }
    Ok(Sets {
        width,
        parity,
        spare_servers: spare_servers(width, parity, servers),
    })
}

/// The literal value of a variable in `spec.env`; one that comes from elsewhere is not known here.
fn variable<'a>(tenant: &'a Tenant, name: &str) -> Option<&'a str> {
    let found = tenant.spec.env.iter().find(|variable| variable.name == name)?;
    found
        .value
        .as_deref()
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

fn drive_count(text: &str, widths: &[i32]) -> Result<i32, Fault> {
    match text.parse::<i32>() {
        Ok(width) if widths.contains(&width) => Ok(width),
        _ => Err(Fault::Variable(
            DRIVE_COUNT,
            format!("{text} must be one of {widths:?}, the widths RustFS accepts for the pool"),
        )),
    }
}

fn standard_parity(text: &str, width: i32) -> Result<i32, Fault> {
    let number = text
        .strip_prefix("EC:")
        .and_then(|number| number.parse::<i32>().ok());
    match number {
        Some(parity) if (0..=width / 2).contains(&parity) => Ok(parity),
        _ => Err(Fault::Variable(
            STANDARD,
            format!(
                "{text} must be EC:0 to EC:{} for erasure sets of {width} drives",
                width / 2
            ),
        )),
    }
}

/// Writing needs all data drives of a set, and one more when data and parity are equal. A server holds at most
/// `width / servers`, rounded up, of a set's drives.
fn spare_servers(width: i32, parity: i32, servers: i32) -> i32 {
    let data = width - parity;
    let quorum = if data == parity { data + 1 } else { data };
    let servers = servers.max(1);
    let of_one_server = width.saturating_add(servers - 1) / servers;
    (width - quorum) / of_one_server.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_servers_with_one_drive_can_miss_one() {
        assert_eq!(spare_servers(4, 2, 4), 1);
    }

    #[test]
    fn four_servers_with_four_drives_can_miss_one() {
        assert_eq!(spare_servers(16, 4, 4), 1);
    }

    #[test]
    fn two_servers_cannot_write_without_both() {
        assert_eq!(spare_servers(2, 1, 2), 0);
    }

    #[test]
    fn sixteen_servers_can_miss_four() {
        assert_eq!(spare_servers(16, 4, 16), 4);
    }

    #[test]
    fn without_parity_every_server_is_needed() {
        assert_eq!(spare_servers(4, 0, 4), 0);
    }

    #[test]
    fn a_parity_above_half_the_width_is_refused() {
        assert_eq!(standard_parity("EC:2", 4), Ok(2));
        assert!(standard_parity("EC:3", 4).is_err());
        assert!(standard_parity("4", 8).is_err());
    }

    #[test]
    fn a_set_width_must_be_one_that_rustfs_accepts() {
        let widths = layout::widths(4, 4);
        assert_eq!(drive_count("8", &widths), Ok(8));
        assert!(drive_count("6", &widths).is_err());
        assert!(drive_count("1", &widths).is_err());
    }
}
