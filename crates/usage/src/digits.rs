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
        let packed = match (text.first_chunk(), text.last_chunk()) {
            _ if text.len() > MAX_DIGITS => return None,
            // Two pieces that overlap where there are fewer than sixteen: what they share is the same.
            (Some(head), Some(tail)) => {
                u64::from(eight(*head)?) << (4 * (text.len() - 8)) | u64::from(eight(*tail)?)
            }
            _ => few(text)?,
        };
        Some(Self(packed | (text.len() as u64) << 60))
    }

    /// Parses the concatenation of two pieces of ASCII digits, e.g. a country code and a national number.
    #[inline]
    pub fn concat(head: &[u8], tail: &[u8]) -> Option<Self> {
        let (head, tail) = (Self::parse(head)?, Self::parse(tail)?);
        let len = head.len() + tail.len();
        // Lengths stand above the digits, and are added.
        (len <= MAX_DIGITS)
            .then(|| Self(head.nibbles() << (4 * tail.len()) | tail.nibbles() | (len as u64) << 60))
    }

    /// The digits without their number.
    #[inline]
    fn nibbles(self) -> u64 {
        self.0 & ((1 << 60) - 1)
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
        let digits = self.nibbles() >> (4 * (len - keep));
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
        let clean = digits.nibbles() >> used == 0;
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

/// The numbers of eight ASCII digits, each in its octet as it stands in `word`, all at once; `None` when one is no digit.
#[inline]
pub fn of_ascii(word: u64) -> Option<u64> {
    let digits = word ^ 0x3030_3030_3030_3030;
    // What is beyond nine gets the top bit, or has it. A carry comes only out of an octet that has it.
    let beyond = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
    (beyond == 0).then_some(digits)
}

/// Eight ASCII digits to as many nibbles.
#[inline]
fn eight(text: [u8; 8]) -> Option<u32> {
    let digits = of_ascii(u64::from_be_bytes(text))?;
    let pairs = (digits | digits >> 4) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs | pairs >> 8) & 0x0000_FFFF_0000_FFFF;
    Some((fours | fours >> 16) as u32)
}

/// Fewer than eight ASCII digits to nibbles.
#[inline]
fn few(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |packed, octet| {
        let digit = octet.wrapping_sub(b'0');
        (digit <= 9).then_some(packed << 4 | u64::from(digit))
    })
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
        for text in ["", "0", "0034", "1234567", "98765432", "123456789", "34915550123", "999999999999999"] {
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
        for at in 0..15 {
            for octet in (0..=0xFF).filter(|octet: &u8| !octet.is_ascii_digit()) {
                let mut text = *b"123456789012345";
                text[at] = octet;
                assert_eq!(Digits::parse(&text), None, "{octet} at {at}");
            }
        }
        assert_eq!(Digits::from_packed(1), None);
        assert_eq!(Digits::from_packed(1 << 60 | 0xA), None);
    }

    #[test]
    fn pieces() {
        for (head, tail) in [("", ""), ("34", "915550123"), ("", "1"), ("0034", ""), ("1234567", "89012345")]
        {
            let whole = Digits::parse([head, tail].concat().as_bytes());
            assert_eq!(Digits::concat(head.as_bytes(), tail.as_bytes()), whole, "{head} {tail}");
        }
        assert_eq!(Digits::concat(b"34", b"12345678901234"), None);
        assert_eq!(Digits::concat(b"3x", b"1"), None);
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
