//! Durations and sizes as people write them, with their unit: `90 days`, `30 s`, `256 MiB`.
//! Relies on the unit table of `usage`.
//! Never reads a number without a unit, and never a fraction.

use caudal_usage::Unit;
use caudal_usage::quantity::unit;
use caudal_usage::time::DAY_MS;

/// Number and unit word.
fn split(text: &str) -> Option<(i64, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, word) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, word.trim_start_matches(' ')))
}

/// Milliseconds, at least 0.
pub(super) fn duration_ms(text: &str) -> Option<i64> {
    let (number, word) = split(text)?;
    let worth = match word {
        "day" | "days" => DAY_MS,
        _ => unit(word).filter(|(unit, _)| *unit == Unit::Millisecond)?.1,
    };
    number.checked_mul(worth)
}

/// Octets, at least 0.
pub(super) fn octets(text: &str) -> Option<u64> {
    let (number, word) = split(text)?;
    let (_, worth) = unit(word).filter(|(unit, _)| *unit == Unit::Octet)?;
    u64::try_from(number.checked_mul(worth)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (text, ms) in [
            ("90 days", Some(7_776_000_000)),
            ("1 day", Some(86_400_000)),
            ("30 s", Some(30_000)),
            ("24h", Some(86_400_000)),
            ("0 ms", Some(0)),
            ("30", None),
            ("-1 s", None),
            ("1.5 h", None),
            ("1 MB", None),
            ("s", None),
            ("", None),
            ("9223372036854775807 h", None),
            ("99999999999999999999 s", None),
        ] {
            assert_eq!(duration_ms(text), ms, "{text}");
        }
        for (text, expected) in [
            ("256 MiB", Some(268_435_456)),
            ("1 kB", Some(1000)),
            ("5 s", None),
            ("9223372036854775807 GiB", None),
        ] {
            assert_eq!(octets(text), expected, "{text}");
        }
    }
}
