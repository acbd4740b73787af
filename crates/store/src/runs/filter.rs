//! Filters over the keys of a run, one for each stretch of pages: small to build, one stretch to probe.
//! Relies on `xorf` to build them; takes the second word of a fingerprint, since the first chose the stretch.
//! Never says "no" of a key that is there: each filter is tried with all its keys, and where it fails it says "look".
//!
//! Stored, one after another: kind (1 octet: 1 binary fuse of 16 bits, 2 always look), zero (3), seed (8), segment
//! length (4), segment count × length (4), number of words (4), the words (2 each). Little-endian.

use crate::bytes::{array, len_usize, u32_at, u64_at};
use std::mem::size_of;
use xorf::{BinaryFuse16, DmaSerializable};

/// Pages that one filter covers: some 54,784 keys, which a filter is built over in 2 MiB.
pub(super) const FILTER_PAGES: usize = 512;

const HEADER_LEN: usize = 24;
const FUSE: u8 = 1;
const LOOK: u8 = 2;

/// The filter of one stretch.
pub(super) enum Filter {
    /// Says "look" for keys that are there and for one other in 65,536.
    Fuse(Fuse),
    /// Always says "look".
    Look,
}

/// A binary fuse filter: a key is there only if three of the words, with a fourth of its own, cancel out.
pub(super) struct Fuse {
    seed: u64,
    /// Words of a segment, a power of two.
    segment: u32,
    /// Words in all segments that the first of the three may lie in.
    span: u32,
    words: Box<[u16]>,
}

impl Fuse {
    fn build(keys: &[u64]) -> Option<Self> {
        let built = BinaryFuse16::try_from(keys).ok()?;
        let mut descriptor = [0; BinaryFuse16::DESCRIPTOR_LEN];
        built.dma_copy_descriptor_to(&mut descriptor);
        let words = built.dma_fingerprints().chunks_exact(2);
        let fuse = Self {
            seed: u64_at(&descriptor, 0)?,
            segment: u32_at(&descriptor, 8)?,
            span: u32_at(&descriptor, 16)?,
            words: words.map(|word| array(word, 0).map(u16::from_ne_bytes)).collect::<Option<_>>()?,
        };
        keys.iter().all(|key| fuse.may_hold(*key)).then_some(fuse)
    }

    #[inline]
    fn may_hold(&self, key: u64) -> bool {
        self.cancels(&self.places(key))
    }

    /// Where to look for a key, as `xorf` has it; reads no words.
    #[inline]
    fn places(&self, key: u64) -> Places {
        let mut hash = key.wrapping_add(self.seed);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^= hash >> 33;
        let mask = self.segment.wrapping_sub(1);
        let first = ((u128::from(hash) * u128::from(self.span)) >> 64) as u32;
        let second = first.wrapping_add(self.segment);
        let third = second.wrapping_add(self.segment);
        // Low halves are meant: a place has 32 bits, a word 16.
        let at = [first, second ^ ((hash >> 18) as u32 & mask), third ^ (hash as u32 & mask)];
        Places { at, word: (hash ^ (hash >> 32)) as u16 }
    }

    /// True when the words cancel out, and when there are no such places.
    #[inline]
    fn cancels(&self, places: &Places) -> bool {
        let word = |at: u32| self.words.get(at as usize).copied();
        match places.at.map(word) {
            [Some(first), Some(second), Some(third)] => first ^ second ^ third == places.word,
            _ => true,
        }
    }
}

/// Where in a filter to look for a key, and the key's own word.
#[derive(Clone, Copy)]
pub(super) struct Places {
    at: [u32; 3],
    word: u16,
}

impl Filter {
    /// Builds a filter. `keys` are the second words of the fingerprints; they are sorted and freed of equals here.
    pub(super) fn build(keys: &mut Vec<u64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Fuse::build(keys).map_or(Self::Look, Self::Fuse)
    }

    /// Where to look for a key: for [`Filter::cancels`], once the places of many keys are known.
    #[inline]
    pub(super) fn places(&self, key: u64) -> Places {
        match self {
            Self::Fuse(fuse) => fuse.places(key),
            Self::Look => Places { at: [u32::MAX; 3], word: 0 },
        }
    }

    /// [`Filter::may_hold`] of the key with these places.
    #[inline]
    pub(super) fn cancels(&self, places: &Places) -> bool {
        match self {
            Self::Fuse(fuse) => fuse.cancels(places),
            Self::Look => true,
        }
    }

    /// Octets in memory.
    pub(super) const fn memory_bytes(&self) -> usize {
        let words = match self {
            Self::Fuse(fuse) => fuse.words.len() * 2,
            Self::Look => 0,
        };
        words + size_of::<Self>()
    }

    /// Appends the stored form.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut header = [0; HEADER_LEN];
        let Self::Fuse(fuse) = self else {
            header[0] = LOOK;
            out.extend_from_slice(&header);
            return;
        };
        header[0] = FUSE;
        header[4..12].copy_from_slice(&fuse.seed.to_le_bytes());
        header[12..16].copy_from_slice(&fuse.segment.to_le_bytes());
        header[16..20].copy_from_slice(&fuse.span.to_le_bytes());
        // A stretch bounds the number of words far below 32 bits.
        header[20..].copy_from_slice(&(fuse.words.len() as u32).to_le_bytes());
        out.extend_from_slice(&header);
        out.extend(fuse.words.iter().flat_map(|word| word.to_le_bytes()));
    }

    /// Reads one filter off the front of `bytes`. `None` when it cannot be one.
    pub(super) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER_LEN)?;
        *bytes = rest;
        match header[0] {
            LOOK => return Some(Self::Look),
            FUSE => {}
            _ => return None,
        }
        let (seed, segment, span) = (u64_at(header, 4)?, u32_at(header, 12)?, u32_at(header, 16)?);
        let count = len_usize(u64::from(u32_at(header, 20)?))?;
        // A probe reads inside three segments that follow each other, the first starting inside the span.
        let reach = u64::from(span) + 2 * u64::from(segment);
        if !segment.is_power_of_two() || reach > count as u64 {
            return None;
        }
        let (words, rest) = rest.split_at_checked(count.checked_mul(2)?)?;
        *bytes = rest;
        let words = words.chunks_exact(2).map(|word| array(word, 0).map(u16::from_le_bytes));
        Some(Self::Fuse(Fuse { seed, segment, span, words: words.collect::<Option<_>>()? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_hold(filter: &Filter, key: u64) -> bool {
        filter.cancels(&filter.places(key))
    }

    #[test]
    fn any_number_of_keys_is_found_before_and_after_storing() {
        for count in [1u64, 2, 3, 4, 5, 6, 7, 8, 10, 50, 107, 1000, 54_784] {
            let keys: Vec<_> = (1..=count).map(|key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let mut bytes = Vec::new();
            Filter::build(&mut keys.clone()).encode(&mut bytes);
            let filter = Filter::decode(&mut bytes.as_slice()).unwrap();
            assert!(matches!(filter, Filter::Fuse(_)), "{count}");
            assert!(keys.iter().all(|key| may_hold(&filter, *key)));
            let wrong = (0..100_000u64).filter(|key| may_hold(&filter, !(key * 3))).count();
            assert!(wrong < 20, "{count}: {wrong}");
        }
    }

    #[test]
    fn equal_words_do_no_harm() {
        let filter = Filter::build(&mut vec![7; 500]);
        assert!(may_hold(&filter, 7));
        let mut keys: Vec<_> = (0..500).map(|key| key / 2).collect();
        let filter = Filter::build(&mut keys);
        assert!((0..250).all(|key| may_hold(&filter, key)));
    }

    #[test]
    fn what_is_no_filter_is_told() {
        let mut bytes = Vec::new();
        Filter::build(&mut vec![1, 2, 3]).encode(&mut bytes);
        for len in 0..bytes.len() {
            assert!(Filter::decode(&mut &bytes[..len]).is_none());
        }
        for at in [0, 12, 19, 23] {
            let mut wrong = bytes.clone();
            wrong[at] ^= 0x41;
            assert!(Filter::decode(&mut wrong.as_slice()).is_none(), "{at}");
        }
    }
}
