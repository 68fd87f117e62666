//! When a certificate is renewed.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::asked::{Asked, BACKDATE};
use super::parsed::Cert;

/// The most that a renewal is moved forward, so that many certificates of one day are not renewed at once.
const LARGEST_JITTER: SignedDuration = SignedDuration::from_hours(1);

/// When this certificate is renewed: `renewBefore` before its end, and up to 5 % of its duration (at most 1 h)
/// earlier, by the object's UID: the same object always gets the same instant.
#[must_use]
pub fn renewal(uid: &str, asked: &Asked, cert: &Cert) -> Timestamp {
    let lifetime = cert.not_after.duration_since(cert.not_before) - BACKDATE;
    // A certificate with another lifetime than asked for is replaced anyway; here it must only not overflow.
    let before = asked.renew_before.min(lifetime.max(SignedDuration::ZERO));
    let instant = cert.not_after - before - jitter(uid, asked);
    instant.max(cert.not_before)
}

fn jitter(uid: &str, asked: &Asked) -> SignedDuration {
    let window = asked.duration - asked.renew_before;
    let most = (asked.duration / 20)
        .min(LARGEST_JITTER)
        .min(window / 2)
        .as_secs();
    let digest = Sha256::digest(uid.as_bytes());
    let share = digest
        .iter()
        .take(4)
        .fold(0_i64, |share, byte| share << 8 | i64::from(*byte));
    // Both factors are small: at most 3600 and 2^32.
    SignedDuration::from_secs(most * share / (1 << 32))
}
