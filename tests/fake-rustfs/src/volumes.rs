//! The volumes string: pools, drives and erasure sets.

/// One pool of the string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The element as it stands in the string.
    pub element: String,
    /// The drives in the server's order: hosts vary fastest, so that a set spreads over hosts.
    pub drives: Vec<Drive>,
    /// Drives of one erasure set.
    pub set_width: usize,
    /// How many drives of a set may be lost.
    pub parity: usize,
}

/// One drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// The whole expanded element.
    pub endpoint: String,
    /// Name of the server, without a port.
    pub host: String,
    /// Name and port of the server.
    pub authority: String,
    /// The folder on the server.
    pub path: String,
}

/// Reads the whole string. `Err` says what the real server would not start with.
pub fn parse(volumes: &str) -> Result<Vec<Pool>, String> {
    let pools: Vec<_> = volumes.split_whitespace().map(pool).collect::<Result<_, _>>()?;
    if pools.is_empty() {
        return Err("the volumes string is empty".to_owned());
    }
    Ok(pools)
}

fn pool(element: &str) -> Result<Pool, String> {
    let (axes, endpoints) = expand(element)?;
    if axes.is_empty() {
        return Err(format!("{element} has no ellipses"));
    }
    let drives = endpoints
        .iter()
        .map(|endpoint| drive(endpoint))
        .collect::<Result<Vec<_>, _>>()?;
    if drives.len() < 2 {
        return Err(format!("{element} has fewer than two drives"));
    }
    let set_width = set_width(drives.len(), &axes)
        .ok_or_else(|| format!("{element}: {} drives form no erasure sets", drives.len()))?;
    Ok(Pool {
        element: element.to_owned(),
        drives,
        set_width,
        parity: parity(set_width),
    })
}

fn drive(endpoint: &str) -> Result<Drive, String> {
    let wrong = || format!("{endpoint} is not scheme://host:port/path");
    let (_, rest) = endpoint.split_once("://").ok_or_else(wrong)?;
    let (authority, path) = rest.split_once('/').ok_or_else(wrong)?;
    let host = authority.split(':').next().unwrap_or(authority);
    Ok(Drive {
        endpoint: endpoint.to_owned(),
        host: host.to_owned(),
        authority: authority.to_owned(),
        path: format!("/{path}"),
    })
}

/// Lengths of the ellipses, and every text they stand for, the first ellipsis varying fastest.
fn expand(element: &str) -> Result<(Vec<usize>, Vec<String>), String> {
    let Some((head, rest)) = element.split_once('{') else {
        return Ok((vec![], vec![element.to_owned()]));
    };
    let wrong = || format!("{element} has an ellipsis that is not {{number...number}}");
    let (range, tail) = rest.split_once('}').ok_or_else(wrong)?;
    let (first, last) = range.split_once("...").ok_or_else(wrong)?;
    let (from, to): (usize, usize) = (
        first.parse().map_err(|_| wrong())?,
        last.parse().map_err(|_| wrong())?,
    );
    if from > to {
        return Err(wrong());
    }
    // A leading zero asks for numbers of equal length.
    let width = if first.starts_with('0') && first.len() > 1 {
        first.len()
    } else {
        1
    };
    let (mut axes, tails) = expand(tail)?;
    axes.insert(0, to - from + 1);
    let texts = tails
        .iter()
        .flat_map(|tail| (from..=to).map(move |number| format!("{head}{number:0width$}{tail}")))
        .collect();
    Ok((axes, texts))
}

/// The widest set of 2 to 16 drives that divides the drives evenly and lies evenly over every axis.
fn set_width(drives: usize, axes: &[usize]) -> Option<usize> {
    let even = |width: &usize| axes.iter().all(|axis| width.max(axis) % width.min(axis) == 0);
    let dividing = || (2..=16).rev().filter(|width| drives.is_multiple_of(*width));
    dividing().find(even).or_else(|| dividing().next())
}

/// The server's default parity for a set of this width.
fn parity(set_width: usize) -> usize {
    match set_width {
        0..=1 => 0,
        2..=3 => 1,
        4..=5 => 2,
        6..=7 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    const FOUR: &str = "http://t-p0-{0...3}.t-hl.ns.svc.cluster.local:9000/data/rustfs{0...1}";

    #[test]
    fn hosts_vary_faster_than_drives() {
        let pools = parse(FOUR).unwrap();
        let drives = &pools[0].drives;
        assert_eq!(drives.len(), 8);
        assert_eq!(
            drives[0].endpoint,
            "http://t-p0-0.t-hl.ns.svc.cluster.local:9000/data/rustfs0"
        );
        assert_eq!(
            drives[1].endpoint,
            "http://t-p0-1.t-hl.ns.svc.cluster.local:9000/data/rustfs0"
        );
        assert_eq!(
            (drives[7].host.as_str(), drives[7].path.as_str()),
            ("t-p0-3.t-hl.ns.svc.cluster.local", "/data/rustfs1")
        );
        assert_eq!(drives[0].authority, "t-p0-0.t-hl.ns.svc.cluster.local:9000");
        assert_eq!((pools[0].set_width, pools[0].parity), (8, 4));
    }

    #[test]
    fn every_element_is_a_pool() {
        let pools = parse(&format!(
            "{FOUR} http://t-p1-{{0...3}}.t-hl:9000/data/rustfs{{0...0}}"
        ))
        .unwrap();
        assert_eq!(pools.len(), 2);
        assert_eq!(
            (pools[1].drives.len(), pools[1].set_width, pools[1].parity),
            (4, 4, 2)
        );
    }

    #[test]
    fn many_drives_form_sets_of_at_most_sixteen() {
        let pools = parse("http://t-{0...7}.h:9000/d{0...3}").unwrap();
        assert_eq!(pools[0].set_width, 16);
    }

    #[test]
    fn numbers_with_a_leading_zero_keep_their_length() {
        let pools = parse("http://t-{08...11}.h:9000/d{0...0}").unwrap();
        assert_eq!(pools[0].drives[0].host, "t-08.h");
        assert_eq!(pools[0].drives[3].host, "t-11.h");
    }

    #[test]
    fn what_the_server_would_refuse_is_refused() {
        for wrong in [
            "",
            "http://one:9000/data",
            "http://a{3...1}:9000/d{0...1}",
            "/data{1...4}",
            "http://a{0..3}:9/d{0...1}",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
