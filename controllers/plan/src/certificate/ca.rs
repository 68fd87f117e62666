//! The CA that issues: the certificate's own, or a given one.

use crds::TenantCertificate;
use jiff::{SignedDuration, Timestamp};

use super::asked::{Asked, BACKDATE};
use super::checks::Violation;
use super::held::{Held, Part};
use super::parsed::{self, Cert, KeyKind};
use super::renewal::renewal;
use crate::meta;

/// An own CA is made for 10 years.
pub const OWN_DURATION: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// On the Secret of an own CA: fingerprint of the root it takes over from before that one ends.
pub const ANNOTATION_REPLACES: &str = "storage.rustfs.com/replaces-root";

/// A CA that can issue now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuing {
    /// The certificate whose key signs.
    pub ca: Cert,
    /// What stands between the issued certificate and the root: nothing when the CA is a root itself.
    pub intermediates: Vec<Cert>,
    /// What clients trust.
    pub root: Cert,
    /// Fingerprint of the root this one takes over from, if that was planned.
    pub replaces: Option<String>,
}

/// Why there is no own CA to issue with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCa {
    /// The Secret's name belongs to someone else.
    Taken,
    /// A CA is to be made, in place of this root if it is still good.
    Make(Option<String>),
}

/// The own CA, as long as it outlives what it is to issue: a certificate now if there is none (`leaf`), else the
/// next one. So the next root is known, and in `ca.crt`, a whole renewal before anything depends on it.
pub fn own(
    held: Option<&Held>,
    leaf: Option<&Cert>,
    asked: &Asked,
    uid: &str,
    now: Timestamp,
) -> Result<Issuing, NoCa> {
    let Some(held) = held else {
        return Err(NoCa::Make(None));
    };
    if !held.ours {
        return Err(NoCa::Taken);
    }
    let usable = held.leaf().filter(|ca| {
        let fits = held.key.read().is_some_and(|key| key.bytes == ca.public_key);
        fits && ca.may_sign && ca.is_root() && ca.valid_at(now) && supported(ca.key)
    });
    let Some(ca) = usable else {
        return Err(NoCa::Make(None));
    };
    let issue_at = leaf
        .filter(|leaf| leaf.valid_at(now) && leaf.signed_by(ca))
        .map_or(now, |leaf| renewal(uid, asked, leaf).max(now));
    if ca.not_after < issue_at + asked.duration {
        return Err(NoCa::Make(Some(ca.fingerprint())));
    }
    Ok(Issuing {
        ca: ca.clone(),
        intermediates: Vec::new(),
        root: ca.clone(),
        replaces: held.annotations.get(ANNOTATION_REPLACES).cloned(),
    })
}

/// How long an own CA is made for: long enough for at least two certificates.
#[must_use]
pub fn own_duration(asked: &Asked) -> SignedDuration {
    OWN_DURATION.max(asked.duration * 3 + BACKDATE)
}

/// The subject of an own CA. `unique` keeps two generations apart.
#[must_use]
pub fn own_subject(certificate: &TenantCertificate, unique: &str) -> String {
    let mut name = meta::name(certificate).to_owned();
    name.truncate(50);
    let unique: String = unique.chars().take(8).collect();
    format!("{name}-ca-{unique}")
}

const FIELD: &str = "spec.issuer.ca.secretRef";

fn trouble<T>(reason: &'static str, message: String) -> Result<T, Violation> {
    Err(Violation { reason, message })
}

/// A given CA, if it can issue a certificate of the asked duration now. `Err` says which field leads to what is
/// wrong, and what to do.
pub fn given(name: &str, held: Option<&Held>, asked: &Asked, now: Timestamp) -> Result<Issuing, Violation> {
    let Some(held) = held else {
        let message = format!(
            "{FIELD}: Secret '{name}' does not exist: make it with 'tls.crt' and 'tls.key' of the CA"
        );
        return trouble("CaSecretMissing", message);
    };
    let chain = part(name, "tls.crt", &held.chain)?;
    let key = part(name, "tls.key", &held.key)?;
    let Some(ca) = chain.first() else {
        return trouble(
            "CaIncomplete",
            format!("{FIELD}: 'tls.crt' of Secret '{name}' is empty"),
        );
    };
    let wrong = if key.bytes != ca.public_key {
        "'tls.key' is not the key of 'tls.crt': put the two that belong together there"
    } else if !ca.may_sign {
        "'tls.crt' may not sign certificates (basicConstraints CA, key usage keyCertSign): give a CA"
    } else if !supported(ca.key) {
        "its key cannot be used: give a CA with RSA 2048 to 8192, ECDSA P-256 or P-384, or Ed25519"
    } else {
        let root = root(name, chain, held, now)?;
        lasts(name, ca, &root, asked, now)?;
        return Ok(Issuing {
            ca: ca.clone(),
            intermediates: chain.iter().filter(|cert| !cert.is_root()).cloned().collect(),
            root,
            replaces: None,
        });
    };
    trouble("CaUnusable", format!("{FIELD}: Secret '{name}': {wrong}"))
}

fn part<'a, T>(name: &str, key: &str, part: &'a Part<T>) -> Result<&'a T, Violation> {
    match part {
        Part::Read(value) => Ok(value),
        Part::Missing => {
            let message = format!("{FIELD}: Secret '{name}' has no key '{key}': put the CA's there");
            trouble("CaIncomplete", message)
        }
        Part::Unreadable(why) => trouble(
            "CaUnreadable",
            format!("{FIELD}: '{key}' of Secret '{name}' cannot be used: {why}"),
        ),
    }
}

fn root(name: &str, chain: &[Cert], held: &Held, now: Timestamp) -> Result<Cert, Violation> {
    let roots: Vec<Cert> = chain
        .iter()
        .chain(held.roots.read().into_iter().flatten())
        .filter(|cert| cert.is_root())
        .cloned()
        .collect();
    // Its own dates have a message of their own.
    let moment = chain.first().map_or(now, |ca| now.max(ca.not_before));
    match parsed::root(chain, &roots, moment) {
        Some(root) => Ok(root.clone()),
        None if chain.first().is_some_and(Cert::is_root) => trouble(
            "CaUnusable",
            format!("{FIELD}: the CA in Secret '{name}' has ended: give another"),
        ),
        None => trouble(
            "CaIncomplete",
            format!(
                "{FIELD}: no valid root for the CA in Secret '{name}': put its root in 'ca.crt', and what is \
                 between in 'tls.crt'"
            ),
        ),
    }
}

fn lasts(name: &str, ca: &Cert, root: &Cert, asked: &Asked, now: Timestamp) -> Result<(), Violation> {
    if now < ca.not_before {
        let message = format!(
            "{FIELD}: the CA in Secret '{name}' is valid from {} on",
            ca.not_before
        );
        return trouble("CaNotYetValid", message);
    }
    let end = ca.not_after.min(root.not_after);
    if end < now + asked.duration {
        let message = format!(
            "{FIELD}: the CA in Secret '{name}' ends at {end}, before a certificate made now would: \
             give a CA that lasts longer, or shorten spec.duration"
        );
        return trouble("CaEndsTooSoon", message);
    }
    Ok(())
}

fn supported(kind: KeyKind) -> bool {
    match kind {
        KeyKind::Rsa(bits) => (2048..=8192).contains(&bits),
        KeyKind::Ecdsa(bits) => bits == 256 || bits == 384,
        KeyKind::Ed25519 => true,
        KeyKind::Other => false,
    }
}
