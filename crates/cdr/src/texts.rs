//! Room for what a binary record does not hold as such: digits out of nibbles, octets in hex, containers as parts.
//! Relies on one record at a time: the next one writes over it.
//! Never grows by a length that was read: digits are bounded, and other texts by the record.

use crate::ber::value::DIGITS_MAX;
use caudal_usage::RawPart;

/// Characters of a number with a plus before its digits.
pub(crate) const NUMBER_MAX: usize = DIGITS_MAX + 1;

/// The texts and parts of one record.
pub(crate) struct Texts {
    pub(crate) imsi: [u8; DIGITS_MAX],
    pub(crate) imei: [u8; DIGITS_MAX],
    pub(crate) number: [u8; NUMBER_MAX],
    pub(crate) network: [u8; DIGITS_MAX],
    /// Others, one behind the other.
    pub(crate) others: Vec<u8>,
    /// The containers.
    pub(crate) parts: Vec<RawPart>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            imsi: [0; DIGITS_MAX],
            imei: [0; DIGITS_MAX],
            number: [0; NUMBER_MAX],
            network: [0; DIGITS_MAX],
            others: Vec::new(),
            parts: Vec::new(),
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

/// Each octet as two digits.
const HEX: [[u8; 2]; 256] = hex_table();

const fn hex_table() -> [[u8; 2]; 256] {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let mut table = [[0; 2]; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = [DIGITS[octet >> 4], DIGITS[octet & 0xF]];
        octet += 1;
    }
    table
}

/// Appends octets in hex, two digits each.
pub(crate) fn push_hex(out: &mut Vec<u8>, octets: &[u8]) {
    let start = out.len();
    out.resize(start + 2 * octets.len(), 0);
    let Some(text) = out.get_mut(start..) else { return };
    for (pair, octet) in text.chunks_exact_mut(2).zip(octets) {
        pair.copy_from_slice(&HEX[usize::from(*octet)]);
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
