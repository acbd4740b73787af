//! What the shards of one epoch share: the parsed slices, file names, where files end.
//! Relies on slices standing in the order of the schedule.
//! Never changed while shards run.

use crate::intake::Parsed;
use crate::setup::Names;
use crate::tally::Side;
use caudal_usage::{FileOrdinal, Position, Turn, UsageRecord};
use caudal_wire::lines::Where;
use hashbrown::HashMap;

/// One epoch, as the shards see it.
#[derive(Debug)]
pub struct Epoch<'e> {
    /// Its slices, in order.
    pub slices: &'e [Parsed],
    /// Display names of files.
    pub names: &'e Names,
    ends: HashMap<FileOrdinal, u64>,
}

impl<'e> Epoch<'e> {
    /// The epoch of these slices.
    pub fn new(slices: &'e [Parsed], names: &'e Names) -> Self {
        let ends = slices.iter().filter(|parsed| parsed.slice.ends_file());
        let ends = ends.map(|parsed| (parsed.slice.file, parsed.slice.number)).collect();
        Self { slices, names, ends }
    }

    /// On which side of the end of `file` an outcome of `turn` falls. A file that ended in an earlier epoch has its
    /// audit line already, so the side makes no difference there.
    #[inline]
    pub fn side(&self, file: FileOrdinal, turn: Turn) -> Side {
        match self.ends.get(&file) {
            Some(&block) if turn.block > block || turn == Turn::end_of(block) => Side::After,
            _ => Side::Within,
        }
    }

    /// The bytes of a record of a slice.
    pub fn raw(&self, slice: &'e Parsed, usage: &UsageRecord) -> &'e [u8] {
        let block = &slice.slice.block;
        let start = usage.bytes.offset.saturating_sub(block.start.offset) as usize;
        block.bytes.get(start..start.saturating_add(usage.bytes.len as usize)).unwrap_or_default()
    }

    /// A position with the name of its file.
    pub fn place(&self, at: Position) -> Where<'e> {
        Where { file: self.names.get(at.file), file_id: at.file.0, record: at.record }
    }
}
