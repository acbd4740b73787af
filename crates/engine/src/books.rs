//! The books of one epoch: what the framer counted against what the stages say became of it.
//! Relies on both sides being counted by code that shares nothing.
//! Never lets a difference pass: it is an error before the commit.

use crate::tally::{Side, Tally};
use caudal_usage::{BookKey, Counts, FileOrdinal};
use std::collections::BTreeMap;

/// A book or a stage that does not balance. This is a fault of the program, never of the input.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BookError {
    /// A file.
    #[error("books do not balance: file {} ({name}): framed {framed}, accounted for {accounted}", file.0)]
    File {
        /// Its ordinal.
        file: FileOrdinal,
        /// Its name.
        name: String,
        /// Records by the framer.
        framed: i64,
        /// Records by outcome.
        accounted: i64,
    },
    /// A stage.
    #[error("books do not balance: {stage} took {took}, gave, kept or ended {gave}")]
    Stage {
        /// Which.
        stage: &'static str,
        /// Records it was given.
        took: u64,
        /// Records it accounts for.
        gave: u64,
    },
    /// Lines of a stream.
    #[error("books do not balance: {stream} has {lines} lines for {events} items")]
    Lines {
        /// Which.
        stream: &'static str,
        /// Lines written.
        lines: u64,
        /// Items counted by the stages.
        events: u64,
    },
}

/// Checks that a stage passed on, kept or ended what it took.
pub fn stage(stage: &'static str, took: u64, gave: u64) -> Result<(), BookError> {
    if took == gave { Ok(()) } else { Err(BookError::Stage { stage, took, gave }) }
}

/// Checks that a stream has a line for each item.
pub fn lines(stream: &'static str, lines: u64, events: u64) -> Result<(), BookError> {
    if lines == events { Ok(()) } else { Err(BookError::Lines { stream, lines, events }) }
}

/// Rows of the books.
pub type Rows = BTreeMap<BookKey, Counts>;

/// The change of the books in one epoch.
#[derive(Debug, Default)]
pub struct EpochBooks {
    /// Rows up to each file's end.
    within: Rows,
    /// Rows after it.
    after: Rows,
    /// Records by the framer.
    framed: BTreeMap<FileOrdinal, i64>,
}

impl EpochBooks {
    /// Notes records that the framer counted.
    pub fn framed(&mut self, file: FileOrdinal, records: u32) {
        *self.framed.entry(file).or_default() += i64::from(records);
    }

    /// Adds the outcomes of one shard.
    pub fn tally(&mut self, tally: &Tally) {
        for (key, side, counts) in tally.rows() {
            let rows = if side == Side::Within { &mut self.within } else { &mut self.after };
            rows.entry(key).or_default().add(counts);
        }
    }

    /// Checks every file, then returns the rows of the epoch: those up to the ends of files, and all.
    pub fn close(mut self, name: impl Fn(FileOrdinal) -> String) -> Result<(Rows, Rows), BookError> {
        let mut accounted = BTreeMap::<FileOrdinal, i64>::new();
        for (key, counts) in self.within.iter().chain(&self.after) {
            *accounted.entry(key.file).or_default() += counts.accounted() + counts.replayed;
        }
        let files: std::collections::BTreeSet<_> =
            accounted.keys().chain(self.framed.keys()).copied().collect();
        for file in files {
            let framed = self.framed.get(&file).copied().unwrap_or(0);
            let accounted = accounted.get(&file).copied().unwrap_or(0);
            if framed != accounted {
                return Err(BookError::File { file, name: name(file), framed, accounted });
            }
        }
        // Entered is what the framer counted less replays; by day it is what was accounted for on that day.
        for counts in self.within.values_mut().chain(self.after.values_mut()) {
            counts.entered = counts.accounted();
        }
        let mut all = self.within.clone();
        for (key, counts) in &self.after {
            all.entry(*key).or_default().add(counts);
        }
        Ok((self.within, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_more_or_less_does_not_balance() {
        for (framed, ok) in [(2, false), (3, true), (4, false)] {
            let mut books = EpochBooks::default();
            books.framed(FileOrdinal(1), framed);
            let mut tally = Tally::default();
            tally.row(FileOrdinal(1), 5, Side::Within).rated += 1;
            tally.row(FileOrdinal(1), 6, Side::After).merged += 1;
            tally.row(FileOrdinal(1), 6, Side::Within).replayed += 1;
            books.tally(&tally);
            let closed = books.close(|_| "f".into());
            assert_eq!(closed.is_ok(), ok, "{framed}");
            if let Ok((within, all)) = closed {
                assert_eq!(within.values().map(|counts| counts.entered).sum::<i64>(), 1);
                assert_eq!(all.values().map(|counts| counts.entered).sum::<i64>(), 2);
            }
        }
    }

    #[test]
    fn what_nobody_framed_cannot_be_accounted_for() {
        let mut books = EpochBooks::default();
        let mut tally = Tally::default();
        tally.row(FileOrdinal(9), 5, Side::Within).duplicate += 1;
        books.tally(&tally);
        let error = books.close(|_| "f".into()).unwrap_err().to_string();
        assert_eq!(error, "books do not balance: file 9 (f): framed 0, accounted for 1");
        assert!(stage("dedup", 3, 2).is_err() && lines("rated", 1, 1).is_ok());
    }
}
