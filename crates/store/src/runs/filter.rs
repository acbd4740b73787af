//! Filters over the keys of a run, one for each stretch of pages: built when the stretch is complete, so of the right size.
//! Relies on fingerprints being keyed hashes: their bits choose the block and the bits in it as they are.
//! Never says "no" of a key that is there.
//!
//! Be advised. A filter is a Bloom filter in blocks of one cache line, 8 words. The second word of a fingerprint picks
//! the block; each word of the block has one bit per key, picked by 6 bits of the first. At 20 bits a key one other key
//! in some 4,000 is told "look", which costs a read. Filters with fewer false answers read three lines a key, and waiting
//! for memory is most of what a probe costs.
//!
//! Stored, one after another: number of blocks (4 octets), the blocks (64 each), words little-endian.

use crate::bytes::{len_usize, u32_at, u64_at};
use std::mem::size_of;

/// Pages that one filter covers: some 54,784 keys.
pub(super) const FILTER_PAGES: usize = 512;

/// Bits of filter a key.
const KEY_BITS: usize = 20;
const WORDS: usize = 8;
const BLOCK_BYTES: usize = WORDS * 8;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Block([u64; WORDS]);

/// The filter of one stretch.
pub(super) struct Filter {
    blocks: Box<[Block]>,
}

impl Filter {
    /// Builds a filter over fingerprints.
    pub(super) fn build(keys: &[[u64; 2]]) -> Self {
        let blocks = (keys.len() * KEY_BITS).div_ceil(BLOCK_BYTES * 8).max(1);
        let mut filter = Self { blocks: vec![Block([0; WORDS]); blocks].into_boxed_slice() };
        for key in keys {
            let block = filter.block_of(key);
            for (word, bit) in filter.blocks[block].0.iter_mut().zip(bits(key)) {
                *word |= bit;
            }
        }
        filter
    }

    /// The block that knows of a key: for [`Filter::may_hold`], once the blocks of many keys are known.
    #[inline]
    pub(super) fn block_of(&self, key: &[u64; 2]) -> usize {
        let wide = u128::from(key[1]) * self.blocks.len() as u128;
        (wide >> 64) as usize
    }

    /// Reads one word of a block, which brings all of it near.
    #[inline]
    pub(super) fn touch(&self, block: usize) -> u64 {
        self.blocks[block].0[0]
    }

    /// False only when the key is not there. `block` is that of [`Filter::block_of`].
    #[inline]
    pub(super) fn may_hold(&self, block: usize, key: &[u64; 2]) -> bool {
        let words = &self.blocks[block].0;
        let lacks = words.iter().zip(bits(key)).fold(0, |lacks, (word, bit)| lacks | (!word & bit));
        lacks == 0
    }

    /// Octets in memory.
    pub(super) const fn memory_bytes(&self) -> usize {
        self.blocks.len() * BLOCK_BYTES + size_of::<Self>()
    }

    /// Appends the stored form.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        // A stretch bounds the number of blocks far below 32 bits.
        out.extend_from_slice(&(self.blocks.len() as u32).to_le_bytes());
        out.extend(self.blocks.iter().flat_map(|block| block.0).flat_map(u64::to_le_bytes));
    }

    /// Reads one filter off the front of `bytes`. `None` when it cannot be one.
    pub(super) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let count = len_usize(u64::from(u32_at(bytes, 0)?))?;
        let (blocks, rest) = bytes.get(4..)?.split_at_checked(count.checked_mul(BLOCK_BYTES)?)?;
        *bytes = rest;
        let block = |bytes: &[u8]| {
            let mut words = [0; WORDS];
            for (word, at) in words.iter_mut().zip((0..).step_by(8)) {
                *word = u64_at(bytes, at)?;
            }
            Some(Block(words))
        };
        let blocks = blocks.chunks_exact(BLOCK_BYTES).map(block).collect::<Option<Box<[_]>>>()?;
        (!blocks.is_empty()).then_some(Self { blocks })
    }
}

/// The bit of a key in each word of its block: from the low bits of the first word, whose high bits chose the stretch.
#[inline]
fn bits(key: &[u64; 2]) -> [u64; WORDS] {
    std::array::from_fn(|word| 1 << (key[0] >> (6 * word) & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> [u64; 2] {
        let mix = |word: u64| {
            let word = (word ^ (word >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let word = (word ^ (word >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        };
        [mix(number + 1), mix(number + (1 << 40))]
    }

    fn may_hold(filter: &Filter, key: &[u64; 2]) -> bool {
        filter.may_hold(filter.block_of(key), key)
    }

    #[test]
    fn any_number_of_keys_is_found_before_and_after_storing() {
        for count in [1, 2, 3, 25, 26, 107, 1000, 54_784] {
            let keys: Vec<_> = (0..count).map(key).collect();
            let built = Filter::build(&keys);
            let mut bytes = Vec::new();
            built.encode(&mut bytes);
            let mut rest = bytes.as_slice();
            let read = Filter::decode(&mut rest).unwrap();
            assert!(rest.is_empty());
            for filter in [built, read] {
                assert!(keys.iter().all(|key| may_hold(&filter, key)));
                let wrong =
                    (count..count + 1_000_000).filter(|number| may_hold(&filter, &key(*number))).count();
                assert!(wrong < 400, "{count}: {wrong} in a million");
            }
        }
    }

    #[test]
    fn what_is_no_filter_is_told() {
        let mut bytes = Vec::new();
        Filter::build(&[[1, 2]; 30]).encode(&mut bytes);
        for len in 0..bytes.len() {
            assert!(Filter::decode(&mut &bytes[..len]).is_none());
        }
        assert!(Filter::decode(&mut &[0; 4][..]).is_none());
    }
}
