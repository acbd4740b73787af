//! The claims that are not in a run yet, by fingerprint.
//! Relies on fingerprints being keyed hashes: they spread evenly and nobody can aim at a bucket.
//! Never forgets a claim: it grows until its caller spills it.
//!
//! Be advised. Claims stand in an arena of chunks in the order they came, so growing copies none. A table finds them:
//! buckets of one cache line, 16 words, each word an index into the arena and, in the bits that the index leaves, a
//! tag of the fingerprint. Buckets fill from the left and overflow into the next; nothing is ever removed. So a look-up
//! of an unknown key, by far the usual one, reads one cache line and seldom more. The table is rebuilt from the arena
//! at 7/8 full, with half as many buckets more, the old one freed first: 44.6 to 46.9 octets a claim, also meanwhile.

use super::sorted::SortedClaims;
use crate::warm::load;
use caudal_usage::Claim;
use caudal_usage::claim::Reach;
use std::mem::size_of;

/// Most claims one delta may hold. Keeps at least five bits of a word for the tag.
pub const MAX_CLAIMS: usize = 1 << 27;

/// Claims in a chunk of the arena.
pub(super) const CHUNK: usize = 8192;

const WORDS: usize = 16;
const FIRST_BUCKETS: usize = 64;
/// Claims placed at a time when the table is rebuilt: their buckets are loaded together.
const WARMED: usize = 64;

/// The delta holds [`MAX_CLAIMS`]; its caller should have spilled it long before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("dedup delta is full: {MAX_CLAIMS} claims")]
pub struct DeltaFull;

#[derive(Clone)]
#[repr(align(64))]
struct Bucket([u32; WORDS]);

/// Claims by fingerprint, in memory.
#[derive(Default)]
pub struct Delta {
    chunks: Vec<Vec<Claim>>,
    buckets: Vec<Bucket>,
    len: usize,
    /// Claims at which the table is rebuilt.
    full_at: usize,
    /// Low bits of a word that hold the index, plus one, into the arena.
    index_mask: u32,
}

impl Delta {
    /// An empty delta, which takes no memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of claims.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True when there is no claim.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets it takes.
    pub fn memory_bytes(&self) -> usize {
        let chunks = self.chunks.len() * CHUNK * size_of::<Claim>();
        let spine = self.chunks.capacity() * size_of::<Vec<Claim>>();
        chunks + spine + self.buckets.capacity() * size_of::<Bucket>()
    }

    /// The claim of a key.
    #[inline]
    pub fn get(&self, fingerprint: &[u64; 2]) -> Option<&Claim> {
        self.find(fingerprint).map(|index| self.claim(index))
    }

    /// Loads the cache lines that [`Delta::get`] of these fingerprints will read, all at once: for a batch the waiting
    /// for memory overlaps.
    #[inline]
    pub fn warm<'a>(&self, fingerprints: impl Iterator<Item = &'a [u64; 2]>) {
        if !self.buckets.is_empty() {
            load(fingerprints.map(|fingerprint| self.buckets[self.bucket_of(fingerprint)].0[0]));
        }
    }

    /// Notes a claim. One under the same fingerprint is replaced: the new one has the higher attempt.
    pub fn insert(&mut self, claim: Claim) -> Result<(), DeltaFull> {
        if let Some(index) = self.find(&claim.fingerprint) {
            self.chunks[index / CHUNK][index % CHUNK] = claim;
            return Ok(());
        }
        if self.len >= MAX_CLAIMS {
            return Err(DeltaFull);
        }
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(claim),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(claim);
                self.chunks.push(chunk);
            }
        }
        self.len += 1;
        if self.len > self.full_at {
            self.rebuild();
        } else {
            self.place(&claim.fingerprint, self.len - 1);
        }
        Ok(())
    }

    /// All claims, in the order in which their keys came.
    pub fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.chunks.iter().flatten()
    }

    /// The claims in the order of a spill; see [`SortedClaims`].
    pub fn into_sorted(self, reach: Reach) -> SortedClaims {
        drop(self.buckets);
        SortedClaims::new(self.chunks, reach)
    }

    fn claim(&self, index: usize) -> &Claim {
        &self.chunks[index / CHUNK][index % CHUNK]
    }

    /// The second word picks the bucket: the first may lie in the range of one shard's slots.
    #[inline]
    fn bucket_of(&self, fingerprint: &[u64; 2]) -> usize {
        let wide = u128::from(fingerprint[1]) * self.buckets.len() as u128;
        (wide >> 64) as usize
    }

    /// Bits of the first word, where a table's word has its tag.
    #[inline]
    const fn tag_of(&self, fingerprint: &[u64; 2]) -> u32 {
        fingerprint[0] as u32 & !self.index_mask
    }

    #[inline]
    fn find(&self, fingerprint: &[u64; 2]) -> Option<usize> {
        if self.buckets.is_empty() {
            return None;
        }
        let tag = self.tag_of(fingerprint);
        let mut at = self.bucket_of(fingerprint);
        loop {
            let words = &self.buckets[at].0;
            let mut hits = 0u32;
            for (place, word) in words.iter().enumerate() {
                let index = word & self.index_mask;
                hits |= u32::from((word ^ index == tag) & (index != 0)) << place;
            }
            while hits != 0 {
                let word = words[hits.trailing_zeros() as usize];
                let index = (word & self.index_mask) as usize - 1;
                if self.claim(index).fingerprint == *fingerprint {
                    return Some(index);
                }
                hits &= hits - 1;
            }
            if words[WORDS - 1] == 0 {
                return None;
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
    }

    /// Writes the word of a claim that is in the arena. There is room: the table is never full.
    fn place(&mut self, fingerprint: &[u64; 2], index: usize) {
        // MAX_CLAIMS bounds the index far below 32 bits.
        let word = self.tag_of(fingerprint) | (index as u32 + 1);
        let mut at = self.bucket_of(fingerprint);
        while self.buckets[at].0[WORDS - 1] != 0 {
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
        if let Some(free) = self.buckets[at].0.iter_mut().find(|word| **word == 0) {
            *free = word;
        }
    }

    fn rebuild(&mut self) {
        let buckets = (self.buckets.len() * 3 / 2).max(FIRST_BUCKETS);
        self.buckets = Vec::new();
        self.buckets = vec![Bucket([0; WORDS]); buckets];
        self.full_at = buckets * WORDS / 8 * 7;
        let index_bits = usize::BITS - (self.full_at + 1).leading_zeros();
        self.index_mask = u32::MAX >> (u32::BITS - index_bits.min(u32::BITS));
        let chunks = std::mem::take(&mut self.chunks);
        let mut index = 0;
        for claims in chunks.iter().flat_map(|chunk| chunk.chunks(WARMED)) {
            self.warm(claims.iter().map(|claim| &claim.fingerprint));
            for claim in claims {
                self.place(&claim.fingerprint, index);
                index += 1;
            }
        }
        self.chunks = chunks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caudal_usage::{FileOrdinal, Position, Slot};
    use std::collections::HashMap;

    /// A bijection whose outputs look random.
    fn mix(mut word: u64) -> u64 {
        for multiplier in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            word = (word ^ (word >> 31)).wrapping_mul(multiplier);
        }
        word ^ (word >> 31)
    }

    fn claim(number: u64) -> Claim {
        Claim {
            fingerprint: [mix(number + 1), mix(number + (1 << 40))],
            billed: mix(number + (2 << 40)),
            at: Position { file: FileOrdinal(1), record: number as u32 },
            day: 20_000 + (number % 5) as i32,
            slot: Slot(0),
            attempt: 0,
        }
    }

    #[test]
    fn an_empty_delta_knows_nothing() {
        let delta = Delta::new();
        delta.warm([[1, 2]].iter());
        assert_eq!(delta.get(&[1, 2]), None);
        assert!(delta.is_empty());
        assert_eq!(delta.memory_bytes(), 0);
    }

    #[test]
    fn every_claim_is_found_at_every_size_and_no_other() {
        let mut delta = Delta::new();
        for number in 0..200_000 {
            assert_eq!(delta.get(&claim(number).fingerprint), None);
            delta.insert(claim(number)).unwrap();
            assert_eq!(delta.len() as u64, number + 1);
        }
        for number in 0..200_000 {
            assert_eq!(delta.get(&claim(number).fingerprint), Some(&claim(number)));
            assert_eq!(delta.get(&claim(number + 1_000_000).fingerprint), None);
        }
        assert!(delta.iter().copied().eq((0..200_000).map(claim)));
    }

    #[test]
    fn a_claim_is_replaced_in_its_place() {
        let mut delta = Delta::new();
        (0..100).for_each(|number| delta.insert(claim(number)).unwrap());
        let again = Claim { attempt: 1, ..claim(40) };
        delta.insert(again).unwrap();
        assert_eq!(delta.len(), 100);
        assert_eq!(delta.get(&again.fingerprint), Some(&again));
    }

    /// Fingerprints that do not spread: the table is slow then, and still right.
    #[test]
    fn crowded_buckets_overflow_around_the_end() {
        for second in [0, u64::MAX] {
            let mut delta = Delta::new();
            let crowded = |number| Claim { fingerprint: [number, second], ..claim(number) };
            (0..3000).for_each(|number| delta.insert(crowded(number)).unwrap());
            for number in 0..3000 {
                assert_eq!(delta.get(&[number, second]), Some(&crowded(number)));
                assert_eq!(delta.get(&[number + 3000, second]), None);
            }
        }
    }

    /// 48 octets a hot key is what operators are told to reckon with.
    #[test]
    fn a_key_takes_at_most_48_octets() {
        let mut delta = Delta::new();
        for number in 0..2_000_000u64 {
            delta.insert(claim(number)).unwrap();
            if number >= 500_000 && number % 1000 == 0 {
                let limit = delta.len() * 48 + CHUNK * size_of::<Claim>();
                assert!(delta.memory_bytes() <= limit, "{number}: {}", delta.memory_bytes());
            }
        }
    }

    #[test]
    fn sorting_gives_every_claim_once_in_the_order_of_the_reach() {
        for reach in [Reach::Day, Reach::Window] {
            let mut delta = Delta::new();
            (0..50_000).for_each(|number| delta.insert(claim(number)).unwrap());
            let twin = Claim { fingerprint: [claim(7).fingerprint[0], 0], ..claim(7) };
            delta.insert(twin).unwrap();
            let mut all: HashMap<_, _> = delta.iter().map(|claim| (claim.fingerprint, *claim)).collect();
            let sorted = delta.into_sorted(reach);
            assert_eq!(sorted.len(), 50_001);
            let mut last = None;
            for claim in sorted {
                let key = (if reach == Reach::Day { claim.day } else { 0 }, claim.fingerprint);
                assert!(last.is_none_or(|last| last < key));
                last = Some(key);
                assert_eq!(all.remove(&claim.fingerprint), Some(claim));
            }
            assert!(all.is_empty());
        }
    }
}
