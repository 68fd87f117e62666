//! Which versions of RustFS may follow each other, as far as an image's tag tells its version. A tag that does not, or a
//! digest, is never held against anybody: private mirrors name images as they like.

use semver::Version;

/// Why an image must not be rolled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// All servers have run a newer version. What a newer RustFS has written an older one may not be able to read, and
    /// some of its switches go one way.
    Downgrade,
    /// A major version would be left out, with what it does to the data that is there.
    TooFar,
}

/// The version an image's tag names; none if it names none.
#[must_use]
pub fn of_image(image: &str) -> Option<Version> {
    let name = image.split('@').next().unwrap_or(image);
    let (_, tag) = name.rsplit('/').next()?.split_once(':')?;
    let mut version = Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()?;
    // `1.0.1-glibc` is another build of 1.0.1, and no earlier one as `1.0.1-rc.1` is.
    let earlier = ["alpha", "beta", "rc"];
    if !earlier.iter().any(|stage| version.pre.starts_with(stage)) {
        version.pre = semver::Prerelease::EMPTY;
    }
    version.build = semver::BuildMetadata::EMPTY;
    Some(version)
}

/// Why `image` must not follow `newest`, the newest version that all servers ran. `allowed` is the version a person lets
/// come in spite of being older.
#[must_use]
pub fn judge(image: &str, newest: Option<&Version>, allowed: Option<&str>) -> Option<Skew> {
    let (asked, newest) = (of_image(image)?, newest?);
    if asked < *newest {
        let may = allowed.and_then(|allowed| Version::parse(allowed).ok());
        return (may.as_ref() != Some(&asked)).then_some(Skew::Downgrade);
    }
    (asked.major > newest.major.saturating_add(1)).then_some(Skew::TooFar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn a_tag_is_read_whatever_registry_and_build_it_is_of() {
        for (image, says) in [
            ("rustfs/rustfs:1.0.1", Some("1.0.1")),
            ("registry.example:5000/mirror/rustfs:v1.2.0-glibc", Some("1.2.0")),
            ("rustfs/rustfs:1.0.0-rc.3", Some("1.0.0-rc.3")),
            ("rustfs/rustfs:1.0.1@sha256:00ff", Some("1.0.1")),
            ("rustfs/rustfs:latest", None),
            ("registry.example:5000/rustfs", None),
            ("rustfs@sha256:00ff", None),
            ("", None),
        ] {
            assert_eq!(of_image(image), says.map(version), "{image}");
        }
    }

    #[test]
    fn older_versions_and_left_out_majors_are_refused_and_all_else_goes() {
        let newest = version("1.2.0");
        for (image, skew) in [
            ("r:1.2.0", None),
            ("r:1.2.0-glibc", None),
            ("r:1.3.0", None),
            ("r:2.0.0", None),
            ("r:latest", None),
            ("r:1.1.9", Some(Skew::Downgrade)),
            ("r:1.2.0-rc.1", Some(Skew::Downgrade)),
            ("r:3.0.0", Some(Skew::TooFar)),
        ] {
            assert_eq!(judge(image, Some(&newest), None), skew, "{image}");
            assert_eq!(judge(image, None, None), None, "{image}");
        }
    }

    #[test]
    fn a_person_lets_one_older_version_come_and_no_other() {
        let newest = version("1.2.0");
        assert_eq!(judge("r:1.1.0", Some(&newest), Some("1.1.0")), None);
        for allowed in ["1.0.0", "yes", ""] {
            let skew = judge("r:1.1.0", Some(&newest), Some(allowed));
            assert_eq!(skew, Some(Skew::Downgrade), "{allowed}");
        }
    }
}
