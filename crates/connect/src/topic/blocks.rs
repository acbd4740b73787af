//! Messages of a range to blocks, and where the range stands behind each.
//! Relies on messages coming in order of their offsets; the cuts depend on them alone.
//! Never puts an offset that holds no message into a block: the messages of a block have consecutive offsets.

use super::range::Range;
use caudal_cdr::framing::BLOCK_MAX;
use caudal_cdr::framing::values::{VALUE_MAX, write_value};
use caudal_engine::source::{Block, BlockKind, FileProgress};
use caudal_usage::Code;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Octets of a message that is too long that are kept for the one who looks at it.
const DAMAGE_KEPT: usize = 4096;

/// The blocks of one range so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    range: Range,
    /// Of the range's name: no two ranges have the same hashes.
    seed: u64,
    at: FileProgress,
}

impl Blocks {
    /// Blocks of the range of this name, behind those that lead to `from`.
    pub(super) fn new(range: Range, name: &[u8], from: FileProgress) -> Self {
        Self { range, seed: xxh3_64_with_seed(name, 0), at: from }
    }

    /// Where the next block begins.
    pub(super) const fn at(&self) -> FileProgress {
        self.at
    }

    /// Of a message, for the prefix hash behind it.
    pub(super) fn hash(&self, offset: i64, record: &[u8]) -> u64 {
        xxh3_64_with_seed(record, self.seed.wrapping_add_signed(offset))
    }

    /// The next block; the last one reaches to the end of the range.
    pub(super) fn next(&mut self, draft: Draft, last: bool) -> Block {
        let range = self.range;
        let records = u32::try_from(draft.len).unwrap_or(u32::MAX);
        let first = draft.first.map_or(self.at.offset, |first| range.offset_in(first));
        let start = FileProgress { offset: first, ..self.at };
        let prefix_hash = match draft.last() {
            Some((offset, record)) => self.hash(offset, record),
            None => self.at.prefix_hash,
        };
        let behind = draft.first.map_or(range.from, |first| first + draft.len);
        self.at = FileProgress {
            offset: range.offset_in(if last { range.to } else { behind }),
            records: self.at.records.saturating_add(records),
            prefix_hash,
        };
        let kind = match draft.damage {
            Some(len) => BlockKind::Damage { code: Code::BadLength, len },
            None => BlockKind::Records,
        };
        let mut bytes = draft.bytes;
        if draft.damage.is_some() {
            bytes.truncate(DAMAGE_KEPT);
        }
        Block { kind, start, next: self.at, last, bytes }
    }
}

/// A block in the making: messages of consecutive offsets, or one that is too long.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Offset of the first message.
    first: Option<i64>,
    /// Messages.
    len: i64,
    bytes: Vec<u8>,
    /// Where the last message begins in `bytes`.
    last: usize,
    /// Octets of a message that is too long.
    damage: Option<u64>,
}

impl Draft {
    /// Takes a message; false when it belongs to the next block.
    pub(super) fn take(&mut self, offset: i64, value: &[u8]) -> bool {
        let empty = self.first.is_none();
        let follows = self.first.is_some_and(|first| first + self.len == offset);
        if value.len() > VALUE_MAX {
            if empty {
                (self.first, self.len) = (Some(offset), 1);
                self.damage = Some(value.len() as u64);
                self.bytes.extend_from_slice(value);
            }
            return empty;
        }
        let room = self.bytes.len() + LENGTH + value.len() <= BLOCK_MAX;
        if !empty && (!follows || !room || self.damage.is_some()) {
            return false;
        }
        let start = self.bytes.len();
        if !write_value(&mut self.bytes, value) {
            return false;
        }
        self.last = start + LENGTH;
        self.first = self.first.or(Some(offset));
        self.len += 1;
        true
    }

    /// The last message, by its offset.
    fn last(&self) -> Option<(i64, &[u8])> {
        let record = self.bytes.get(self.last..).unwrap_or_default();
        Some((self.first? + self.len - 1, record))
    }
}

/// Octets before each value.
const LENGTH: usize = 4;

#[cfg(test)]
mod tests;
