//! Up to 15 decimal digits packed into one word: E.164 numbers, IMSIs, network codes.
//! Relies on ITU-T E.164 and E.212: neither is longer than 15 digits.
//! Never holds a sign, a filler or a letter: such parties stay text.

use std::fmt;

/// A digit string of length 0 to 15. Leading zeros count.
///
/// Layout: bits 60–63 the length, bits 0–59 the digits as BCD, last digit in the lowest nibble.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Digits(u64);

/// Greatest number of digits.
pub const MAX_DIGITS: usize = 15;

impl Digits {
    /// Parses ASCII digits; `None` when longer than 15 or when anything else is in it.
    #[inline]
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::concat(&[text])
    }

    /// Parses the concatenation of several pieces of ASCII digits, e.g. a country code and a national number.
    #[inline]
    pub fn concat(pieces: &[&[u8]]) -> Option<Self> {
        let mut packed = 0u64;
        let mut len = 0usize;
        for piece in pieces {
            for &byte in *piece {
                let digit = byte.wrapping_sub(b'0');
                if digit > 9 || len == MAX_DIGITS {
                    return None;
                }
                packed = packed << 4 | u64::from(digit);
                len += 1;
            }
        }
        Some(Self(packed | (len as u64) << 60))
    }

    /// Number of digits.
    #[inline]
    pub fn len(self) -> usize {
        (self.0 >> 60) as usize
    }

    /// True when there is no digit.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Digit at `index` from the left, 0 to 9. Zero past the end.
    #[inline]
    pub fn digit(self, index: usize) -> u8 {
        match self.len().checked_sub(index + 1) {
            Some(from_right) => (self.0 >> (4 * from_right) & 0xF) as u8,
            None => 0,
        }
    }

    /// The first `count` digits, or all when there are fewer.
    #[inline]
    pub fn prefix(self, count: usize) -> Self {
        let len = self.len();
        let keep = count.min(len);
        let digits = (self.0 & ((1 << 60) - 1)) >> (4 * (len - keep));
        Self(digits | (keep as u64) << 60)
    }

    /// True when `self` begins with the digits of `prefix`.
    #[inline]
    pub fn starts_with(self, prefix: Self) -> bool {
        self.len() >= prefix.len() && self.prefix(prefix.len()) == prefix
    }

    /// The packed word, for stored forms and hashing.
    #[inline]
    pub fn packed(self) -> u64 {
        self.0
    }

    /// From a stored word; `None` when a nibble is no digit or stray bits are set.
    pub fn from_packed(word: u64) -> Option<Self> {
        let digits = Self(word);
        let used = digits.len() * 4;
        let clean = (word & ((1 << 60) - 1)) >> used == 0;
        let all_digits = (0..digits.len()).all(|index| digits.digit(index) <= 9);
        (clean && all_digits).then_some(digits)
    }

    /// Appends the digits as ASCII to `out`.
    #[inline]
    pub fn write_to(self, out: &mut Vec<u8>) {
        let len = self.len();
        let mut text = [b'0'; MAX_DIGITS];
        let mut rest = self.0;
        for digit in text[..len].iter_mut().rev() {
            *digit = b'0' + (rest & 0xF) as u8;
            rest >>= 4;
        }
        out.extend_from_slice(&text[..len]);
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.len()).try_for_each(|index| write!(f, "{}", self.digit(index)))
    }
}

/// Debug output hides all but the first digits: subscriber numbers do not belong in logs.
impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digits({}…/{})", self.prefix(4), self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_and_prints() {
        for text in ["", "0", "0034", "34915550123", "999999999999999"] {
            let digits = Digits::parse(text.as_bytes()).unwrap();
            assert_eq!(digits.to_string(), text);
            assert_eq!(digits.len(), text.len());
            assert_eq!(Digits::from_packed(digits.packed()), Some(digits));
            let mut out = Vec::new();
            digits.write_to(&mut out);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn refuses_what_is_not_up_to_15_digits() {
        for text in ["1234567890123456", "+34", "12a", "１"] {
            assert_eq!(Digits::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Digits::from_packed(1), None);
        assert_eq!(Digits::from_packed(1 << 60 | 0xA), None);
    }

    #[test]
    fn prefixes() {
        let number = Digits::parse(b"0034915").unwrap();
        assert_eq!(number.prefix(4).to_string(), "0034");
        assert_eq!(number.prefix(40), number);
        assert!(number.starts_with(Digits::parse(b"003").unwrap()));
        assert!(number.starts_with(Digits::default()));
        assert!(!number.starts_with(Digits::parse(b"34").unwrap()));
        assert_eq!(number.digit(2), 3);
        assert_eq!(number.digit(7), 0);
    }
}
