//! Quantities of Kubernetes as numbers.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Digits after the point that are kept: Kubernetes' smallest unit is a billionth.
const PLACES: u32 = 9;

/// In billionths; none for a text that is no quantity, or too large a one.
pub(super) fn billionths(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.trim();
    let end = text
        .find(|one: char| !(one.is_ascii_digit() || matches!(one, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number = decimal(number)?;
    let (times, tens) = scale(suffix)?;
    let scaled = number.checked_mul(times)?;
    let power = 10_i128.checked_pow(tens.unsigned_abs())?;
    if tens < 0 {
        Some(scaled / power)
    } else {
        scaled.checked_mul(power)
    }
}

fn decimal(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let kept: String = part.chars().take(PLACES as usize).collect();
    let all = format!("{whole}{kept:0<width$}", width = PLACES as usize);
    let value: i128 = all.parse().ok().filter(|value| *value >= 0)?;
    Some(if negative { -value } else { value })
}

/// A factor, and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    let binary = |exponent: u32| Some((1024_i128.pow(exponent), 0));
    let tens = |exponent: i32| Some((1, exponent));
    match suffix {
        "n" => tens(-9),
        "u" => tens(-6),
        "m" => tens(-3),
        "" => tens(0),
        "k" => tens(3),
        "M" => tens(6),
        "G" => tens(9),
        "T" => tens(12),
        "P" => tens(15),
        "E" => tens(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            tens(exponent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let unit = 1_000_000_000_i128;
        for (text, value) in [
            ("0", Some(0)),
            ("2", Some(2 * unit)),
            ("1.5", Some(1_500_000_000)),
            (".5", Some(500_000_000)),
            ("250m", Some(250_000_000)),
            ("-1", Some(-unit)),
            ("1k", Some(1000 * unit)),
            ("1Ki", Some(1024 * unit)),
            ("1.5Gi", Some(1024 * 1024 * 1536 * unit)),
            ("1e3", Some(1000 * unit)),
            ("12E2", Some(1200 * unit)),
            ("1E", Some(unit * 1_000_000_000_000_000_000)),
            ("", None),
            ("x", None),
            ("1Zi", None),
            ("1.2.3", None),
            ("1e99", None),
        ] {
            assert_eq!(billionths(&Quantity(text.to_owned())), value, "{text}");
        }
    }
}
