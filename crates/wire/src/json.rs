//! Values to JSON text, appended to a byte buffer.
//! Relies on the caller to write the punctuation of objects and arrays in the order of the schema.
//! Never through a tree of values: one event is one pass over one buffer.

use rust_decimal::Decimal;

/// Appends `"name":`, with a comma before it unless an object has just begun.
#[inline]
pub fn key(out: &mut Vec<u8>, name: &str) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends a string.
#[inline]
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    content(out, text);
    out.push(b'"');
}

/// Appends what stands between the quotes of a string, with what JSON wants escaped.
///
/// Most texts are ids and words of a few octets. Those are looked at and copied as two words that may overlap.
pub fn content(out: &mut Vec<u8>, text: &str) {
    let octets = text.as_bytes();
    match (octets.first_chunk(), octets.last_chunk()) {
        (Some(first), Some(last)) if octets.len() <= 16 => {
            if suspect(u64::from_le_bytes(*first)) | suspect(u64::from_le_bytes(*last)) == 0 {
                out.extend_from_slice(first);
                out.truncate(out.len() + octets.len() - 16);
                out.extend_from_slice(last);
            } else {
                escaped(out, text);
            }
        }
        _ if plain(octets) => out.extend_from_slice(octets),
        _ => escaped(out, text),
    }
}

/// False when something in it may want escaping. Eight octets at a time; the last eight may be seen twice.
#[inline]
fn plain(octets: &[u8]) -> bool {
    let Some(last) = octets.last_chunk() else {
        return octets.iter().all(|&octet| octet > b'"' && octet != b'\\');
    };
    let mut found = suspect(u64::from_le_bytes(*last));
    for word in octets.as_chunks::<8>().0 {
        found |= suspect(u64::from_le_bytes(*word));
    }
    found == 0
}

/// Not 0 when one of eight octets is a backslash or not above the quote: control characters, and a space or an exclamation
/// mark beside them, which are looked at once more. One above 0x7f is a part of a longer character.
#[inline]
const fn suspect(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    let low = word.wrapping_sub(ONES * (b'"' as u64 + 1)) & !word;
    let backslash = word ^ (ONES * b'\\' as u64);
    (low | (backslash.wrapping_sub(ONES) & !backslash)) & (ONES * 0x80)
}

#[cold]
fn escaped(out: &mut Vec<u8>, text: &str) {
    let special = |octet: &u8| *octet < 0x20 || matches!(octet, b'"' | b'\\');
    let mut rest = text.as_bytes();
    while let Some(plain) = rest.iter().position(special) {
        let (before, from) = rest.split_at(plain);
        out.extend_from_slice(before);
        let Some((&first, behind)) = from.split_first() else { break };
        escape(out, first);
        rest = behind;
    }
    out.extend_from_slice(rest);
}

fn escape(out: &mut Vec<u8>, octet: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match octet {
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        control if control < 0x20 => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(control >> 4)]);
            out.push(HEX[usize::from(control & 0xF)]);
        }
        other => out.extend_from_slice(&[b'\\', other]),
    }
}

/// Appends a whole number.
#[inline]
pub fn integer(out: &mut Vec<u8>, value: i64) {
    match value {
        digit @ 0..10 => out.push(b'0' + digit as u8),
        few @ 10..100_000_000 => {
            let digits = eight_digits(few as u32);
            last_digits(out, digits, digits.trailing_zeros() / 8);
        }
        _ => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
    }
}

/// Appends eight digits without the first few.
#[inline]
fn last_digits(out: &mut Vec<u8>, digits: u64, without: u32) {
    const ASCII_ZEROS: u64 = 0x3030_3030_3030_3030;
    out.extend_from_slice(&((digits + ASCII_ZEROS) >> (8 * without)).to_le_bytes());
    out.truncate(out.len() - without as usize);
}

/// The digits of a number below 100,000,000, one to an octet, the first in the lowest: halved three times, and both
/// halves, all four quarters at once.
#[inline]
const fn eight_digits(number: u32) -> u64 {
    let halves = (number / 10_000) as u64 | ((number % 10_000) as u64) << 32;
    // Times 10,486 and shifted by 20 is a hundredth, for numbers below 10,000.
    let hundreds = (halves * 10_486) >> 20 & 0x0000_007F_0000_007F;
    let quarters = hundreds | (halves - hundreds * 100) << 16;
    // Times 103 and shifted by 10 is a tenth, for numbers below 100.
    let tens = (quarters * 103) >> 10 & 0x000F_000F_000F_000F;
    tens | (quarters - tens * 10) << 8
}

/// Powers of ten, by the places of a decimal.
const POWERS: [i64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Appends a decimal as it is: its own number of places, no exponent, no plus sign, no minus before zero.
pub fn decimal(out: &mut Vec<u8>, value: Decimal) {
    let (mantissa, places) = (value.mantissa(), value.scale());
    out.extend_from_slice(if mantissa < 0 { b"\"-" } else { b"\"" });
    match (i64::try_from(mantissa.unsigned_abs()), POWERS.get(places as usize)) {
        (Ok(mantissa), Some(power)) => {
            integer(out, mantissa / power);
            if places > 0 {
                out.push(b'.');
                last_digits(out, eight_digits((mantissa % power) as u32), 8 - places);
            }
        }
        _ => longer(out, mantissa.unsigned_abs(), places as usize),
    }
    out.push(b'"');
}

/// The digits of a decimal of many places, or of a very large one.
#[cold]
fn longer(out: &mut Vec<u8>, mantissa: u128, places: usize) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(mantissa);
    match digits.as_bytes().split_at_checked(digits.len().saturating_sub(places)) {
        Some((whole @ [_, ..], parts)) => {
            out.extend_from_slice(whole);
            if let [_, ..] = parts {
                out.push(b'.');
                out.extend_from_slice(parts);
            }
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', places - digits.len()));
            out.extend_from_slice(digits.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_keep_their_places() {
        for value in [
            "0",
            "0.00",
            "0.100000",
            "-12.340000",
            "79228162514264337593543950335",
            "18446744073709551615",
            "9223372036854775807.0",
            "9223372036854775808",
            "99999999.99999999",
            "100000000.00000001",
            "7.123456789",
            "0.000007",
            "18446744073709.551615",
            "18446744073709.551616",
            "-0.1844674407370955161",
            "0.0000000000000000000000000001",
        ] {
            let parsed: Decimal = value.parse().unwrap();
            assert_eq!(text(|out| decimal(out, parsed)), format!("\"{value}\""));
        }
        assert_eq!(text(|out| decimal(out, -Decimal::ZERO)), "\"0\"");
    }

    #[test]
    fn integers() {
        let powers = (0..19).flat_map(|power| [10i64.pow(power) - 1, 10i64.pow(power)]);
        for value in powers.chain([-7, i64::MAX, i64::MIN]) {
            assert_eq!(text(|out| integer(out, value)), value.to_string());
        }
    }

    #[test]
    fn strings_read_back() {
        let mut values = vec![String::new(), "plain ñ €".into(), "a\"b\\c\n\r\t\u{1}\u{7f}".into()];
        // Every octet at every place of a word.
        for special in (0..=0xffu8).map(char::from) {
            values.extend((0..20).map(|at| {
                format!("{}{special}{}", &"#aaaaaaaaaaaaaaaaaaa"[..at], &"z#zzzzzzzzzzzzzzzzzz"[at..])
            }));
            values.extend((0..8).map(|at| format!("{}{special}{}", "a".repeat(at), "z".repeat(7 - at))));
        }
        for value in &values {
            let written = text(|out| string(out, value));
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), *value);
        }
    }
}
