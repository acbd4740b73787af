//! Room for texts that a binary record does not hold as such: digits out of nibbles, numbers, octets in hex.
//! Relies on one record at a time: the next one writes over it.
//! Never grows by a length that was read: digits are bounded, and other texts by the record.

use crate::ber::value::DIGITS_MAX;

/// Characters of a number with a plus before its digits.
pub(crate) const NUMBER_MAX: usize = DIGITS_MAX + 1;

/// The texts of one record.
pub(crate) struct Texts {
    pub(crate) imsi: [u8; DIGITS_MAX],
    pub(crate) imei: [u8; DIGITS_MAX],
    pub(crate) number: [u8; NUMBER_MAX],
    pub(crate) network: [u8; DIGITS_MAX],
    /// Others, one behind the other.
    pub(crate) others: Vec<u8>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            imsi: [0; DIGITS_MAX],
            imei: [0; DIGITS_MAX],
            number: [0; NUMBER_MAX],
            network: [0; DIGITS_MAX],
            others: Vec::new(),
        }
    }
}

/// Appends `value` in decimal.
pub(crate) fn push_decimal(out: &mut Vec<u8>, mut value: u64) {
    let start = out.len();
    loop {
        out.push(b'0' + (value % 10).to_le_bytes()[0]);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Appends octets in hex, two digits each.
pub(crate) fn push_hex(out: &mut Vec<u8>, octets: &[u8]) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    out.reserve(2 * octets.len());
    for octet in octets {
        out.extend_from_slice(&[DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 0xF)]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let mut out = Vec::new();
        for value in [0, 7, 10, 4_294_967_295, u64::MAX] {
            out.clear();
            push_decimal(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
        out.clear();
        push_hex(&mut out, &[0x00, 0xAF, 0x10]);
        assert_eq!(out, b"00AF10");
    }
}
