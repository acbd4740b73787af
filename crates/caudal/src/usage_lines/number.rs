//! Numbers as they were written to whole base units and exact amounts.
//! Relies on the text of the number: no digit passes through a binary float.
//! Never rounds: what is no whole number of base units is refused.

use caudal_usage::Decimal;

/// Significant digits of a quantity: times the largest unit they still fit 127 bits.
const DIGITS_MAX: usize = 25;

/// Why a text is no quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    /// It is no number.
    NoNumber,
    /// It is no whole number of base units.
    Fraction,
    /// It does not fit 64 bits.
    TooLarge,
}

/// A decimal number as written: the value is `digits × 10^-scale`.
struct Written<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

/// `text × worth` as a whole number.
pub(super) fn base_units(text: &str, worth: i64) -> Result<i64, Wrong> {
    let number = split(text).ok_or(Wrong::NoNumber)?;
    let fraction = number.fraction.trim_end_matches('0');
    let whole = number.whole.trim_start_matches('0');
    let mut digits = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').peekable();
    if digits.peek().is_none() {
        return Ok(0);
    }
    let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(number.exponent);
    let before_point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(number.exponent);
    let mut mantissa = 0i128;
    for (index, digit) in digits.enumerate() {
        if index == DIGITS_MAX {
            return Err(if before_point > 19 { Wrong::TooLarge } else { Wrong::Fraction });
        }
        mantissa = mantissa * 10 + i128::from(digit - b'0');
    }
    let units = shift(mantissa * i128::from(worth), scale)?;
    i64::try_from(if number.negative { -units } else { units }).map_err(|_| Wrong::TooLarge)
}

/// `value ÷ 10^scale`, exactly. `value` is above zero.
fn shift(value: i128, scale: i64) -> Result<i128, Wrong> {
    let power = u32::try_from(scale.unsigned_abs()).ok().and_then(|places| 10i128.checked_pow(places));
    match power {
        Some(power) if scale >= 0 && value % power == 0 => Ok(value / power),
        // A power beyond 127 bits is beyond the value too.
        _ if scale >= 0 => Err(Wrong::Fraction),
        Some(power) => value.checked_mul(power).ok_or(Wrong::TooLarge),
        None => Err(Wrong::TooLarge),
    }
}

/// The parts of a number in JSON's grammar; leading zeros are let through.
fn split(text: &str) -> Option<Written<'_>> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (rest.get(..at)?, exponent(rest.get(at + 1..)?)?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && digits(whole) && digits(fraction) && !mantissa.ends_with('.');
    fits.then_some(Written { negative, whole, fraction, exponent })
}

/// An exponent; far ones become very far.
fn exponent(text: &str) -> Option<i64> {
    const FAR: i64 = 1 << 40;
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits_only.then(|| sign * digits.parse().unwrap_or(FAR).min(FAR))
}

/// An amount, every digit kept. `None` when it is none, has an exponent, or does not fit.
pub(super) fn amount(text: &str) -> Option<Decimal> {
    split(text).filter(|_| !text.contains(['e', 'E']))?;
    Decimal::from_str_exact(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact_or_refused() {
        let huge = "9".repeat(100_000);
        let small = format!("0.{}1", "0".repeat(100_000));
        let zeros = format!("{}7.{}", "0".repeat(50), "0".repeat(50));
        for (text, worth, expected) in [
            ("12.5", 1000, Ok(12_500)),
            ("0.1", 1000, Ok(100)),
            ("-2", 1000, Ok(-2000)),
            ("1e3", 1, Ok(1000)),
            ("1.5E+1", 1, Ok(15)),
            ("12500e-3", 1000, Ok(12_500)),
            ("0", 1, Ok(0)),
            ("-0.000", 1, Ok(0)),
            ("0e999999999999999999999", 1, Ok(0)),
            (&zeros, 1, Ok(7)),
            ("9223372036854775807", 1, Ok(i64::MAX)),
            ("-9223372036854775808", 1, Ok(i64::MIN)),
            ("9223372036854775808", 1, Err(Wrong::TooLarge)),
            ("9223372036854775807", 1000, Err(Wrong::TooLarge)),
            ("1e400", 1, Err(Wrong::TooLarge)),
            ("1e999999999999999999999", 1, Err(Wrong::TooLarge)),
            (&huge, 1, Err(Wrong::TooLarge)),
            ("0.0005", 1000, Err(Wrong::Fraction)),
            ("1e-400", 1000, Err(Wrong::Fraction)),
            ("1.00000000000000000000000000000000000001", 1 << 40, Err(Wrong::Fraction)),
            (&small, 1 << 40, Err(Wrong::Fraction)),
            ("", 1, Err(Wrong::NoNumber)),
            ("+1", 1, Err(Wrong::NoNumber)),
            ("1.", 1, Err(Wrong::NoNumber)),
            (".5", 1, Err(Wrong::NoNumber)),
            ("1e", 1, Err(Wrong::NoNumber)),
            ("0x10", 1, Err(Wrong::NoNumber)),
            ("1 s", 1, Err(Wrong::NoNumber)),
            ("NaN", 1, Err(Wrong::NoNumber)),
            ("é", 1, Err(Wrong::NoNumber)),
        ] {
            assert_eq!(base_units(text, worth), expected, "{}", text.get(..40).unwrap_or(text));
        }
    }

    #[test]
    fn amounts_keep_every_digit() {
        for (text, expected) in [
            ("0.10", Some("0.10")),
            ("-5", Some("-5")),
            ("79228162514264337593543950335", Some("79228162514264337593543950335")),
            ("79228162514264337593543950336", None),
            ("0.00000000000000000000000000001", None),
            ("1e2", None),
            ("1_000", None),
            ("", None),
        ] {
            assert_eq!(amount(text).map(|amount| amount.to_string()).as_deref(), expected, "{text}");
        }
    }
}
