//! Nibbles of a word, all at once: to digits in text, and whether they are decimal.
//! Relies on one octet of a word for each nibble, as [`spread`] puts them.
//! Never looks at one by itself: a number of a record has sixteen of them, and a record has many numbers.

/// The low nibble of each octet of a word.
pub(crate) const LOW: u64 = 0x0F0F_0F0F_0F0F_0F0F;

/// What lifts a nibble that is no decimal digit out of its nibble.
const SIX: u64 = 0x0606_0606_0606_0606;

/// The eight nibbles of a word, each to an octet of its own, that of the least value first.
#[inline]
pub(crate) const fn spread(word: u32) -> u64 {
    let word = word as u64;
    let word = (word | word << 16) & 0x0000_FFFF_0000_FFFF;
    let word = (word | word << 8) & 0x00FF_00FF_00FF_00FF;
    (word | word << 4) & LOW
}

/// True when one of eight nibbles is no decimal digit.
#[inline]
pub(crate) const fn beyond_nine(nibbles: u64) -> bool {
    (nibbles + SIX) & !LOW != 0
}

/// Eight decimal digits as text.
#[inline]
pub(crate) const fn decimal(nibbles: u64) -> [u8; 8] {
    (nibbles + 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet() {
        for octet in 0..=u8::MAX {
            let digits = spread(u32::from(octet));
            assert_eq!(digits.to_le_bytes(), [octet & 0xF, octet >> 4, 0, 0, 0, 0, 0, 0]);
            assert_eq!(beyond_nine(digits), octet & 0xF > 9 || octet >> 4 > 9, "{octet:02X}");
        }
    }
}
