//! Where a record stands: its name in its file, its turn in the schedule, its slot among the shards.
//! A position only names a record; the turn alone says which of two records came first.
//! Never derived from a clock or a thread.

use std::fmt;

/// The act of collecting one file, numbered in the order of the claims. The same content collected twice has two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct FileOrdinal(pub u32);

/// Names a record: the file it came in and its number there, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Position {
    /// The file.
    pub file: FileOrdinal,
    /// Number of the record in the file, from 1.
    pub record: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.0, self.record)
    }
}

/// A record's place in the recorded order: number of its block in the schedule, then its index in the block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Turn {
    /// Number of the block in the schedule, from 0.
    pub block: u64,
    /// Index of the record in its block, from 0.
    pub index: u32,
}

impl Turn {
    /// The turn of what a timer releases when a block's end moved the watermark: after every record of that block.
    pub const fn end_of(block: u64) -> Self {
        Self { block, index: u32::MAX }
    }
}

/// Number of hash slots. Fixed: stored state is divided by it, so shards and threads are free to change.
pub const SLOTS: usize = 256;

/// A hash slot, 0 to 255. State belongs to a slot, slots belong to shards.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Slot(pub u8);

impl Slot {
    /// The slot of a 64-bit hash: its top byte.
    #[inline]
    pub const fn of_hash(hash: u64) -> Self {
        Self((hash >> 56) as u8)
    }

    /// The shard that owns this slot when `shards` share the slots evenly. `shards` is 1 to 256.
    #[inline]
    pub const fn shard(self, shards: usize) -> usize {
        self.0 as usize * shards / SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_owns_slots_and_every_slot_has_one_shard() {
        for shards in [1, 2, 3, 8, 255, 256] {
            let owners: Vec<_> = (0..=255).map(|slot| Slot(slot).shard(shards)).collect();
            assert!(owners.is_sorted());
            assert_eq!(owners[0], 0);
            assert_eq!(owners[255], shards - 1);
            assert_eq!(owners.iter().collect::<std::collections::BTreeSet<_>>().len(), shards);
        }
    }

    #[test]
    fn a_timer_comes_after_its_block_and_before_the_next() {
        assert!(Turn { block: 3, index: 7 } < Turn::end_of(3));
        assert!(Turn::end_of(3) < Turn { block: 4, index: 0 });
    }
}
