//! Counts outcomes by file and day while an epoch runs.
//! Relies on each stage counting what ends in it, by its own code.
//! Never reads what the framer counted: the books compare the two.

use caudal_usage::{BookKey, Code, Counts, FileOrdinal};
use hashbrown::HashMap;

/// Which side of a file's end an outcome falls on. The audit line of a file is drawn up at its end, wherever epochs
/// are cut; what becomes of held records later only changes the book.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Side {
    /// Up to the end of the file.
    Within,
    /// After it.
    After,
}

/// Outcomes of one shard in one epoch.
#[derive(Debug, Default)]
pub struct Tally {
    rows: HashMap<(BookKey, Side), u32>,
    counts: Vec<Counts>,
    last: Option<((BookKey, Side), u32)>,
}

impl Tally {
    /// The row to count in.
    #[inline]
    pub fn row(&mut self, file: FileOrdinal, day: i32, side: Side) -> &mut Counts {
        let key = (BookKey { file, day }, side);
        let index = match self.last {
            Some((last, index)) if last == key => index,
            _ => self.find(key),
        };
        &mut self.counts[index as usize]
    }

    fn find(&mut self, key: (BookKey, Side)) -> u32 {
        let index = *self.rows.entry(key).or_insert_with(|| {
            self.counts.push(Counts::default());
            self.counts.len() as u32 - 1
        });
        self.last = Some((key, index));
        index
    }

    /// Counts a record under a code.
    pub fn code(&mut self, file: FileOrdinal, day: i32, side: Side, code: Code) {
        self.row(file, day, side).add_code(code);
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = (BookKey, Side, &Counts)> {
        self.rows.iter().map(|(&(key, side), &index)| (key, side, &self.counts[index as usize]))
    }
}
