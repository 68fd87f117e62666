//! Whether a certificate is as it must be. One chain of checks answers both "is it issued?" and "must another be
//! issued?", so the two can never disagree. The first violation wins.

use jiff::{SignedDuration, Timestamp};

use super::asked::{Asked, BACKDATE};
use super::ca::Issuing;
use super::held::{Held, Part};
use super::names::Names;
use super::parsed::{self, Cert};
use super::renewal::renewal;

/// What a check may look at: public data only.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The Secret, or none.
    pub held: Option<&'a Held>,
    /// How messages call it, as `Secret 'store-tls'`.
    pub place: &'a str,
    /// Names it must be valid for.
    pub needed: &'a Names,
    /// What only an issued certificate must fulfil; none for one that was brought.
    pub terms: Option<Terms<'a>>,
    /// Now.
    pub now: Timestamp,
}

/// What an issued certificate must fulfil.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// UID of the TenantCertificate: decides the exact instant of a renewal.
    pub uid: &'a str,
    /// What the spec asks for.
    pub asked: &'a Asked,
    /// Who issues now; none while the CA cannot be used.
    pub issuing: Option<&'a Issuing>,
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Reason in PascalCase, for the condition `Issued`.
    pub reason: &'static str,
    /// What is wrong, for a person.
    pub message: String,
}

/// The certificate is good, and it is time for the next one.
pub const RENEWAL_DUE: &str = "RenewalDue";
/// The certificate is good, and its CA is no longer the one that issues.
pub const ISSUER_CHANGED: &str = "IssuerChanged";
/// The certificate's validity has not begun.
pub const NOT_YET_VALID: &str = "NotYetValid";
/// The Secret does not exist.
pub const SECRET_MISSING: &str = "SecretMissing";

/// cert-manager has not issued what is asked for.
pub const CERT_MANAGER_PENDING: &str = "CertManagerPending";
/// The key is not of the kind that is asked for.
const KEY_CHANGED: &str = "KeyChanged";
/// There are names that are not asked for.
const NAMES_CHANGED: &str = "NamesChanged";
/// It is valid for longer or shorter than asked for.
const DURATION_CHANGED: &str = "DurationChanged";
/// It lacks names that are asked for.
const NAMES_NOT_COVERED: &str = "NamesNotCovered";

impl Violation {
    /// Whether servers can go on with it among themselves until all of them trust the root of the next one.
    #[must_use]
    pub fn can_wait(&self) -> bool {
        self.still_good() || self.is_wish() || self.reason == NAMES_NOT_COVERED
    }

    /// Whether nothing is wrong with it but that another is asked for.
    #[must_use]
    pub fn is_wish(&self) -> bool {
        [KEY_CHANGED, NAMES_CHANGED, DURATION_CHANGED, CERT_MANAGER_PENDING].contains(&self.reason)
    }

    /// Whether servers may still show the certificate and clients still accept it.
    #[must_use]
    pub fn still_good(&self) -> bool {
        self.reason == RENEWAL_DUE || self.reason == ISSUER_CHANGED
    }
}

type Check = fn(&Input<'_>) -> Option<Violation>;

const CHAIN: [Check; 14] = [
    secret_exists,      // there is something to look at
    chain_reads,        // tls.crt is PEM with certificates
    key_reads,          // tls.key is an unencrypted private key
    key_fits,           // the key is the certificate's
    roots_read,         // ca.crt is PEM with certificates
    chain_verifies,     // signatures hold from the certificate up to ca.crt
    purpose_fits,       // TLS clients take it as a server's
    names_covered,      // clients may use every name of the Tenant
    validity_begun,     // not before
    validity_not_ended, // not after
    key_as_asked,       // algorithm and size
    terms_as_asked,     // duration, and no name too many
    issuer_unchanged,   // the CA that issues now issued it
    renewal_not_due,    // it has not come to the time of its renewal
];

/// The first violation, or none when the certificate is as it must be.
#[must_use]
pub fn check(input: &Input<'_>) -> Option<Violation> {
    CHAIN.iter().find_map(|check| check(input))
}

fn violated(reason: &'static str, message: String) -> Option<Violation> {
    Some(Violation { reason, message })
}

fn leaf<'a>(input: &Input<'a>) -> Option<&'a Cert> {
    input.held?.leaf()
}

fn secret_exists(input: &Input<'_>) -> Option<Violation> {
    match input.held {
        Some(_) => None,
        None => violated(SECRET_MISSING, format!("{} does not exist", input.place)),
    }
}

fn readable<T>(
    input: &Input<'_>,
    part: &Part<T>,
    key: &str,
    reasons: [&'static str; 2],
) -> Option<Violation> {
    match part {
        Part::Read(_) => None,
        Part::Missing => violated(reasons[0], format!("{} has no key '{key}'", input.place)),
        Part::Unreadable(why) => violated(
            reasons[1],
            format!("'{key}' of {} cannot be used: {why}", input.place),
        ),
    }
}

fn chain_reads(input: &Input<'_>) -> Option<Violation> {
    let reasons = ["CertificateMissing", "CertificateUnreadable"];
    readable(input, &input.held?.chain, "tls.crt", reasons)
}

fn key_reads(input: &Input<'_>) -> Option<Violation> {
    readable(
        input,
        &input.held?.key,
        "tls.key",
        ["KeyMissing", "KeyUnreadable"],
    )
}

fn key_fits(input: &Input<'_>) -> Option<Violation> {
    let (leaf, key) = (leaf(input)?, input.held?.key.read()?);
    if leaf.public_key == key.bytes {
        return None;
    }
    let message = format!(
        "'tls.key' of {} is not the key of the first certificate in 'tls.crt'",
        input.place
    );
    violated("KeyMismatch", message)
}

fn roots_read(input: &Input<'_>) -> Option<Violation> {
    readable(
        input,
        &input.held?.roots,
        "ca.crt",
        ["RootsMissing", "RootsUnreadable"],
    )
}

fn chain_verifies(input: &Input<'_>) -> Option<Violation> {
    let held = input.held?;
    // What the dates say is told by their own checks: here the chain is looked at while it was valid.
    let moment = input.now.clamp(
        leaf(input)?.not_before,
        leaf(input)?.not_after.max(leaf(input)?.not_before),
    );
    if parsed::root(held.chain.read()?, held.roots.read()?, moment).is_some() {
        return None;
    }
    let message = format!(
        "no chain of valid signatures leads from the first certificate in 'tls.crt' of {} to one in 'ca.crt': \
         'tls.crt' needs every intermediate, 'ca.crt' the root, and both must be valid CAs now",
        input.place
    );
    violated("ChainBroken", message)
}

fn purpose_fits(input: &Input<'_>) -> Option<Violation> {
    let leaf = leaf(input)?;
    let wrong = if leaf.is_ca {
        "is a CA, which TLS clients refuse as a server's certificate"
    } else if !leaf.for_servers {
        "does not allow the extended key usage serverAuth"
    } else {
        return None;
    };
    violated(
        "WrongPurpose",
        format!("the first certificate in 'tls.crt' of {} {wrong}", input.place),
    )
}

fn names_covered(input: &Input<'_>) -> Option<Violation> {
    let missing = leaf(input)?.names.missing(input.needed);
    if missing.is_empty() {
        return None;
    }
    let message = format!(
        "the certificate in {} is not valid for: {}",
        input.place,
        some_of(&missing)
    );
    violated(NAMES_NOT_COVERED, message)
}

fn validity_begun(input: &Input<'_>) -> Option<Violation> {
    let start = leaf(input)?.not_before;
    if start <= input.now {
        return None;
    }
    violated(
        NOT_YET_VALID,
        format!("the certificate in {} is valid from {start} on", input.place),
    )
}

fn validity_not_ended(input: &Input<'_>) -> Option<Violation> {
    let end = leaf(input)?.not_after;
    if input.now <= end {
        return None;
    }
    violated(
        "Expired",
        format!("the certificate in {} ended at {end}", input.place),
    )
}

fn key_as_asked(input: &Input<'_>) -> Option<Violation> {
    let (has, asked) = (leaf(input)?.key, input.terms?.asked.key);
    if has == asked {
        return None;
    }
    violated(
        KEY_CHANGED,
        format!(
            "the key in {} is {has}, and spec.privateKey asks for {asked}",
            input.place
        ),
    )
}

fn terms_as_asked(input: &Input<'_>) -> Option<Violation> {
    let (leaf, asked) = (leaf(input)?, input.terms?.asked);
    if leaf.names != *input.needed {
        let message = format!(
            "the certificate in {} has names that are no longer asked for",
            input.place
        );
        return violated(NAMES_CHANGED, message);
    }
    let lifetime = leaf.not_after.duration_since(leaf.not_before);
    let off = lifetime - BACKDATE - asked.duration;
    if off.abs() <= SignedDuration::from_secs(1) {
        return None;
    }
    violated(
        DURATION_CHANGED,
        format!(
            "the certificate in {} has another duration than asked for",
            input.place
        ),
    )
}

fn issuer_unchanged(input: &Input<'_>) -> Option<Violation> {
    if leaf(input)?.signed_by(&input.terms?.issuing?.ca) {
        return None;
    }
    Some(issuer_changed(input.place))
}

/// The certificate there is from another CA than the next one.
pub(super) fn issuer_changed(place: &str) -> Violation {
    Violation {
        reason: ISSUER_CHANGED,
        message: format!("the certificate in {place} is from another CA than the present one"),
    }
}

fn renewal_not_due(input: &Input<'_>) -> Option<Violation> {
    let terms = input.terms?;
    let due = renewal(terms.uid, terms.asked, leaf(input)?);
    if input.now < due {
        return None;
    }
    violated(
        RENEWAL_DUE,
        format!(
            "the certificate in {} is due for renewal since {due}",
            input.place
        ),
    )
}

/// The first few of a list, and how many more there are.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
