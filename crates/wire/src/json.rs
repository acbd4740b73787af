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
    // Without an early exit the check runs several bytes at a time.
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
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
    let mut text = Digits::default();
    text.push(value.unsigned_abs());
    if value < 0 {
        text.put(b'-');
    }
    out.extend_from_slice(text.as_slice());
}

/// Appends a decimal as it is: its own number of places, no exponent, no plus sign, no minus before zero.
#[inline]
pub fn decimal(out: &mut Vec<u8>, value: Decimal) {
    let (mantissa, places) = (value.mantissa(), value.scale() as usize);
    let mut text = Digits::default();
    text.put(b'"');
    match (u64::try_from(mantissa.unsigned_abs()), POWERS.get(places)) {
        // Nearly every amount: one narrow division takes it apart.
        (Ok(small), Some(&power)) => {
            if places > 0 {
                text.push_padded(small % power, places);
                text.put(b'.');
            }
            text.push(small / power);
        }
        _ => text.push_wide(mantissa.unsigned_abs(), places),
    }
    if mantissa < 0 {
        text.put(b'-');
    }
    text.put(b'"');
    out.extend_from_slice(text.as_slice());
}

/// Powers of ten for the usual numbers of places.
const POWERS: [u64; 13] = {
    let mut powers = [1; 13];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// Text built from its end. 39 digits are the most that 128 bits hold; sign, point and quotes come on top.
struct Digits {
    text: [u8; 48],
    at: usize,
}

impl Default for Digits {
    #[inline]
    fn default() -> Self {
        Self { text: [0; 48], at: 48 }
    }
}

impl Digits {
    #[inline]
    fn put(&mut self, byte: u8) {
        self.at -= 1;
        self.text[self.at] = byte;
    }

    #[inline]
    fn push(&mut self, mut value: u64) {
        loop {
            self.put(b'0' + (value % 10) as u8);
            value /= 10;
            if value == 0 {
                return;
            }
        }
    }

    #[inline]
    fn push_padded(&mut self, mut value: u64, digits: usize) {
        for _ in 0..digits {
            self.put(b'0' + (value % 10) as u8);
            value /= 10;
        }
    }

    #[cold]
    fn push_wide(&mut self, mut value: u128, places: usize) {
        let mut written = 0;
        while value > 0 || written <= places {
            if written == places && places > 0 {
                self.put(b'.');
            }
            self.put(b'0' + (value % 10) as u8);
            value /= 10;
            written += 1;
        }
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        &self.text[self.at..]
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
