//! The text of one column to a whole number of base units, or to an amount.
//! Relies on plain decimals: an optional minus, digits, optionally a point and digits. No exponent, no spaces.
//! Never rounds: what does not come out whole in base units is refused.

use caudal_usage::{Code, Decimal};

/// `text` times `worth` base units, exactly: "12.5" at 1000 is 12500. The code says what was wrong.
#[inline]
pub fn scaled(text: &[u8], worth: i64) -> Result<i64, Code> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    // Most have no point, and then one pass is all.
    let value = match unsigned(digits) {
        Err(Code::BadField) => pointed(digits, worth)?,
        whole => whole?.checked_mul(worth).ok_or(Code::Overflow)?,
    };
    Ok(if negative { -value } else { value })
}

/// A number with a point, if it is one.
fn pointed(digits: &[u8], worth: i64) -> Result<i64, Code> {
    let point = memchr::memchr(b'.', digits).ok_or(Code::BadField)?;
    let (whole, fraction) = digits.split_at(point);
    decimal(whole, fraction.get(1..).unwrap_or_default(), worth)
}

#[inline]
fn unsigned(digits: &[u8]) -> Result<i64, Code> {
    if digits.is_empty() {
        return Err(Code::BadField);
    }
    // 18 digits always fit; leading zeros beyond that are no quantity.
    if digits.len() > 18 {
        let all = digits.iter().all(u8::is_ascii_digit);
        return Err(if all { Code::Overflow } else { Code::BadField });
    }
    let mut value = 0i64;
    for octet in digits {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Code::BadField);
        }
        value = value * 10 + i64::from(digit);
    }
    Ok(value)
}

fn decimal(whole: &[u8], fraction: &[u8], worth: i64) -> Result<i64, Code> {
    let whole = i128::from(unsigned(whole)?) * i128::from(worth);
    let places = u32::try_from(fraction.len()).map_err(|_| Code::BadField)?;
    let part = i128::from(unsigned(fraction)?) * i128::from(worth);
    let unit = 10i128.checked_pow(places).ok_or(Code::BadField)?;
    if part % unit != 0 {
        return Err(Code::BadField);
    }
    i64::try_from(whole + part / unit).map_err(|_| Code::Overflow)
}

/// An amount with the digits as written. `None` when it is no plain decimal or a digit would be lost.
pub fn amount(text: &[u8]) -> Option<Decimal> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let mut pieces = digits.split(|octet| *octet == b'.');
    let all_digits = |piece: &[u8]| !piece.is_empty() && piece.iter().all(u8::is_ascii_digit);
    let plain = pieces.next().is_some_and(all_digits) && pieces.next().is_none_or(all_digits);
    if !plain || pieces.next().is_some() {
        return None;
    }
    Decimal::from_str_exact(std::str::from_utf8(text).ok()?).ok()
}

/// The number that `count` ASCII digits at `at` make; `None` when one is no digit.
#[inline]
pub fn digits_at(text: &[u8], at: usize, count: usize) -> Option<u32> {
    let mut value = 0u32;
    for octet in text.get(at..at + count)? {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_come_out_whole() {
        let check = |text: &str, worth, expect| assert_eq!(scaled(text.as_bytes(), worth), expect, "{text}");
        check("0", 1000, Ok(0));
        check("61", 1000, Ok(61_000));
        check("12.5", 1000, Ok(12_500));
        check("0.001", 1000, Ok(1));
        check("1.50000", 1000, Ok(1_500));
        check("-3", 1000, Ok(-3_000));
        check("1.5", 60_000, Ok(90_000));
        check("0.0001", 1000, Err(Code::BadField));
        check("0.5", 1, Err(Code::BadField));
        for text in ["", "-", ".5", "5.", "1e3", "+1", " 1", "1,5", "1.2.3", "0x10", "٣"] {
            check(text, 1000, Err(Code::BadField));
        }
        check("999999999999999999", 1000, Err(Code::Overflow));
        check("9999999999999999999", 1, Err(Code::Overflow));
        check("999999999999999.5", 60_000, Err(Code::Overflow));
        check("1.00000000000000000000000000000000000000000000", 1, Err(Code::Overflow));
    }

    #[test]
    fn amounts_keep_their_digits() {
        assert_eq!(amount(b"1.50").unwrap().to_string(), "1.50");
        assert_eq!(amount(b"-0.000001").unwrap().to_string(), "-0.000001");
        for text in ["", ".5", "5.", "1_000", "1e2", "+1", "1.2.3", "0.12345678901234567890123456789"] {
            assert_eq!(amount(text.as_bytes()), None, "{text}");
        }
    }
}
