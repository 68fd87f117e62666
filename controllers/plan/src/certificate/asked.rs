//! What a spec asks for, with its defaults filled in.

use crds::TenantCertificate;
use crds::certificate::{PrivateKey, RotationPolicy};
use jiff::SignedDuration;

use super::parsed::KeyKind;

/// How long an issued certificate is valid unless the spec says otherwise: 90 days.
pub const DEFAULT_DURATION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The longest certificate that is issued, about 100 years: dates must stay far from the end of the calendar.
const LONGEST: SignedDuration = SignedDuration::from_hours(100 * 365 * 24);
/// An issued certificate starts this long before it is made, for clients whose clock is behind.
pub const BACKDATE: SignedDuration = SignedDuration::from_mins(10);

/// What is to be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The private key.
    pub key: KeyKind,
    /// Whether a renewal makes a new key.
    pub rotation: RotationPolicy,
    /// Validity, from issuance on.
    pub duration: SignedDuration,
    /// How long before its end the certificate is renewed.
    pub renew_before: SignedDuration,
}

/// Reads the spec; `Err` names the field that is wrong. The API server refuses all of it as well.
pub fn asked(certificate: &TenantCertificate) -> Result<Asked, String> {
    let spec = &certificate.spec;
    let duration = spec
        .duration
        .as_deref()
        .map_or(Ok(DEFAULT_DURATION), |text| period("spec.duration", text))?;
    if duration < SignedDuration::from_hours(1) || duration > LONGEST {
        return Err("spec.duration must be between 1h and 876000h".to_owned());
    }
    let renew_before = match spec.renew_before.as_deref() {
        None => duration / 3,
        Some(text) => period("spec.renewBefore", text)?,
    };
    // Nearer to the whole duration, a certificate would be renewed as soon as it is there.
    let renew_before = renew_before.min(duration / 10 * 9);
    let PrivateKey {
        algorithm,
        size,
        rotation_policy,
    } = spec.private_key.clone().unwrap_or_default();
    let key = KeyKind::asked(algorithm, size)
        .ok_or("spec.privateKey.size does not fit spec.privateKey.algorithm")?;
    Ok(Asked {
        key,
        rotation: rotation_policy,
        duration,
        renew_before,
    })
}

fn period(field: &str, text: &str) -> Result<SignedDuration, String> {
    parse_period(text)
        .ok_or_else(|| format!("{field}: '{text}' is not a positive duration such as 2160h or 1h30m"))
}

/// Reads a positive duration as Kubernetes writes them: numbers with the units `h m s ms us µs ns`, as `1h30m` or
/// `1.5h`. `None` for anything else.
fn parse_period(text: &str) -> Option<SignedDuration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = tail;
    }
    let period = SignedDuration::try_from_secs_f64(total).ok()?;
    (period > SignedDuration::ZERO).then_some(SignedDuration::from_secs(period.as_secs()))
}
