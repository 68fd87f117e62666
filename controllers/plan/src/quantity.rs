//! Sizes as Kubernetes writes them, so that they can be compared.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The value in whole units, rounded up as the API server does for storage; none for what is no quantity, or beyond
/// all that can be stored.
#[must_use]
pub fn value(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.trim();
    let end = text
        .find(|sign: char| !sign.is_ascii_digit() && !matches!(sign, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, mut exponent) = unit(suffix)?;
    exponent -= i32::try_from(fraction.len()).ok()?;
    let scaled = digits.checked_mul(factor)?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 {
        return scaled.checked_mul(power);
    }
    let rest = i128::from(scaled.checked_rem(power)? > 0);
    Some(scaled.checked_div(power)? + rest)
}

/// Whether the first is smaller than the second. What cannot be read is not.
#[must_use]
pub fn smaller(one: &Quantity, other: &Quantity) -> bool {
    matches!((value(one), value(other)), (Some(one), Some(other)) if one < other)
}

/// Whether both are the same, however they are written.
#[must_use]
pub fn same(one: &Quantity, other: &Quantity) -> bool {
    one == other || (value(one).is_some() && value(one) == value(other))
}

/// What a suffix multiplies by: a factor and a power of ten.
fn unit(suffix: &str) -> Option<(i128, i32)> {
    let binary = |shift: u32| Some((1_i128 << shift, 0));
    match suffix {
        "" => Some((1, 0)),
        "n" => Some((1, -9)),
        "u" => Some((1, -6)),
        "m" => Some((1, -3)),
        "k" => Some((1, 3)),
        "M" => Some((1, 6)),
        "G" => Some((1, 9)),
        "T" => Some((1, 12)),
        "P" => Some((1, 15)),
        "E" => Some((1, 18)),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            Some((1, exponent))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity(text.to_owned())
    }

    #[test]
    fn every_way_of_writing_a_size_is_read() {
        let cases = [
            ("1", 1),
            ("1500m", 2),
            ("1k", 1_000),
            ("1.5Ki", 1_536),
            ("100Gi", 107_374_182_400),
            ("1.5Ti", 1_649_267_441_664),
            ("2E", 2_000_000_000_000_000_000),
            ("2e3", 2_000),
            ("2E3", 2_000),
            ("12e-1", 2),
            ("1Ei", 1_152_921_504_606_846_976),
            ("100000000n", 1),
        ];
        for (text, expected) in cases {
            assert_eq!(value(&quantity(text)), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_has_no_value_and_is_never_smaller() {
        for text in ["", "Gi", "1Xi", "1.2.3", "ä", "1e99", "--1"] {
            assert_eq!(value(&quantity(text)), None, "{text}");
            assert!(!smaller(&quantity(text), &quantity("1Gi")), "{text}");
        }
    }

    #[test]
    fn sizes_are_compared_by_value() {
        assert!(same(&quantity("1Gi"), &quantity("1024Mi")));
        assert!(smaller(&quantity("1G"), &quantity("1Gi")));
        assert!(!smaller(&quantity("1Gi"), &quantity("1024Mi")));
    }
}
