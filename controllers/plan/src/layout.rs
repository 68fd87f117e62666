//! The erasure sets RustFS makes of a pool's drives. It decides by itself, at the first start and for life; these are
//! its rules (rustfs-ecstore 1.0.1, `layout/disks_layout.rs`), so that a layout it would refuse is refused before.

/// Fewest and most drives of an erasure set.
const WIDTHS: std::ops::RangeInclusive<i32> = 2..=16;

/// The erasure sets of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Drives in each set.
    pub set_width: i32,
    /// Number of sets.
    pub sets: i32,
    /// Drives of each set that may be lost without losing data, unless a storage class says otherwise.
    pub parity: i32,
}

/// The layout of a pool; `Err` says why RustFS would not start with it, and what would do.
pub fn check(servers: i32, volumes_per_server: i32) -> Result<Layout, String> {
    let drives = drives(servers, volumes_per_server)?;
    let Some(&set_width) = widths(servers, volumes_per_server).last() else {
        return Err(format!(
            "{servers} servers with {volumes_per_server} volumes each are {drives} drives, which do not divide into \
             equal erasure sets of 2 to 16 drives spread evenly over the servers: {}",
            nearest(servers, volumes_per_server)
        ));
    };
    Ok(Layout {
        set_width,
        sets: drives / set_width,
        parity: default_parity(set_width),
    })
}

/// All widths RustFS accepts for such a pool, in rising order: they divide the drives, and either divide the servers
/// or are a multiple of them.
#[must_use]
pub fn widths(servers: i32, volumes_per_server: i32) -> Vec<i32> {
    let Ok(drives) = drives(servers, volumes_per_server) else {
        return Vec::new();
    };
    let even = |width: i32| {
        if servers > width {
            servers % width == 0
        } else {
            width % servers == 0
        }
    };
    WIDTHS
        .filter(|width| drives % width == 0 && even(*width))
        .collect()
}

/// The next numbers up and down that would do.
fn nearest(servers: i32, volumes_per_server: i32) -> String {
    let fits = |servers: &i32, volumes: i32| !widths(*servers, volumes).is_empty();
    let below = (1..servers).rev().find(|other| fits(other, volumes_per_server));
    let above = (servers..=servers.saturating_add(256))
        .skip(1)
        .find(|other| fits(other, volumes_per_server));
    let servers: Vec<String> = below
        .into_iter()
        .chain(above)
        .map(|other| other.to_string())
        .collect();
    if servers.is_empty() {
        return "choose numbers such as 4 servers with 4 volumes".to_owned();
    }
    format!(
        "choose {} servers with {volumes_per_server} volumes each",
        servers.join(" or ")
    )
}

/// The parity RustFS chooses for a set of this width.
#[must_use]
pub fn default_parity(set_width: i32) -> i32 {
    match set_width {
        ..=1 => 0,
        2..=3 => 1,
        4..=5 => 2,
        6..=7 => 3,
        8.. => 4,
    }
}

fn drives(servers: i32, volumes_per_server: i32) -> Result<i32, String> {
    if servers < 1 || volumes_per_server < 1 {
        return Err("servers and volumesPerServer must be at least 1".to_owned());
    }
    match servers.checked_mul(volumes_per_server) {
        Some(drives) if drives >= *WIDTHS.start() => Ok(drives),
        Some(_) => Err("servers times volumesPerServer must be at least 2".to_owned()),
        None => Err("servers times volumesPerServer is too large".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_layouts_have_the_widths_rustfs_chooses() {
        let cases = [
            ((4, 1), (4, 1, 2)),
            ((4, 4), (16, 1, 4)),
            ((1, 2), (2, 1, 1)),
            ((2, 1), (2, 1, 1)),
            ((1, 4), (4, 1, 2)),
            ((8, 4), (16, 2, 4)),
            ((5, 3), (15, 1, 4)),
            ((6, 4), (12, 2, 4)),
            ((3, 8), (12, 2, 4)),
            ((32, 1), (16, 2, 4)),
        ];
        for ((servers, volumes), (set_width, sets, parity)) in cases {
            let layout = Layout {
                set_width,
                sets,
                parity,
            };
            assert_eq!(check(servers, volumes), Ok(layout), "{servers} x {volumes}");
        }
    }

    #[test]
    fn a_refusal_names_the_next_numbers_that_would_do() {
        assert!(
            check(17, 1)
                .unwrap_err()
                .contains("16 or 18 servers with 1 volumes")
        );
        assert!(check(1, 17).unwrap_err().contains("2 servers with 17 volumes"));
        assert!(check(19, 4).unwrap_err().contains("18 or 20 servers"));
    }

    #[test]
    fn uneven_layouts_have_the_widths_rustfs_chooses() {
        // From the table of rustfs-ecstore's own tests.
        for ((servers, volumes), width) in [
            ((3, 180), 15),
            ((2, 180), 12),
            ((11, 8), 11),
            ((16, 52), 16),
            ((1, 27), 9),
        ] {
            assert_eq!(
                check(servers, volumes).map(|layout| layout.set_width),
                Ok(width),
                "{servers} x {volumes}"
            );
        }
    }

    #[test]
    fn layouts_that_cannot_be_even_are_refused() {
        for (servers, volumes) in [(17, 1), (17, 4), (1, 17), (1, 1), (0, 4), (4, -1), (i32::MAX, 2)] {
            assert!(check(servers, volumes).is_err(), "{servers} x {volumes}");
        }
    }
}
