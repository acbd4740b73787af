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

/// Appends a string with what JSON wants escaped.
#[inline]
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.bytes().all(plain) {
        out.extend_from_slice(text.as_bytes());
    } else {
        escaped(out, text);
    }
    out.push(b'"');
}

#[inline]
const fn plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

#[cold]
fn escaped(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control if control < 0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(control >> 4)]);
                out.push(HEX[usize::from(control & 0xF)]);
            }
            other => out.push(other),
        }
    }
}

/// Appends a whole number.
#[inline]
pub fn integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    digits(out, u128::from(value.unsigned_abs()), 0);
}

/// Appends a decimal as it is: its own number of places, no exponent, no plus sign, no minus before zero.
#[inline]
pub fn decimal(out: &mut Vec<u8>, value: Decimal) {
    out.push(b'"');
    let mantissa = value.mantissa();
    if mantissa < 0 {
        out.push(b'-');
    }
    digits(out, mantissa.unsigned_abs(), value.scale() as usize);
    out.push(b'"');
}

/// Digits of `value` with a point before the last `places`.
fn digits(out: &mut Vec<u8>, value: u128, places: usize) {
    // 39 digits are the most that 128 bits hold; 29 places are the most of a decimal.
    let mut buffer = [b'0'; 48];
    let mut at = buffer.len();
    let mut written = 0;
    let mut rest = value;
    while rest > 0 || written <= places {
        if written == places && places > 0 {
            at -= 1;
            buffer[at] = b'.';
        }
        let digit = match u64::try_from(rest) {
            Ok(small) => {
                rest = u128::from(small / 10);
                small % 10
            }
            Err(_) => {
                let digit = rest % 10;
                rest /= 10;
                digit as u64
            }
        };
        at -= 1;
        buffer[at] = b'0' + digit as u8;
        written += 1;
    }
    out.extend_from_slice(&buffer[at..]);
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
            "0.0000000000000000000000000001",
        ] {
            let parsed: Decimal = value.parse().unwrap();
            assert_eq!(text(|out| decimal(out, parsed)), format!("\"{value}\""));
        }
        assert_eq!(text(|out| decimal(out, -Decimal::ZERO)), "\"0\"");
    }

    #[test]
    fn integers() {
        for value in [0, 7, -7, i64::MAX, i64::MIN] {
            assert_eq!(text(|out| integer(out, value)), value.to_string());
        }
    }

    #[test]
    fn strings_read_back() {
        for value in ["", "plain ñ €", "a\"b\\c\n\r\t\u{1}\u{7f}"] {
            let written = text(|out| string(out, value));
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), value);
        }
    }
}
