//! The books: what became of every record of a file, by day.
//! Relies on `entered` being counted by the framer and outcomes at the commit, by code that shares nothing.
//! Never balanced by adjusting: a difference stops the run.

use crate::code::{Code, Ends};

/// Number of codes.
pub const CODES: usize = Code::ALL.len();

/// Counts of records. `held` is a difference while it is a change, and a stand in a book.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Framed records that entered, replays left out; one for each remainder that could not be framed.
    pub entered: i64,
    /// Became a billable event, or several.
    pub rated: i64,
    /// Absorbed into another record's usage.
    pub merged: i64,
    /// Seen before, elsewhere.
    pub duplicate: i64,
    /// Given up by an operator.
    pub written_off: i64,
    /// Waiting for the rest of the session.
    pub held: i64,
    /// Seen before at the same position: no new outcome, in no other column.
    pub replayed: i64,
    /// Suspended and filtered, by code.
    pub codes: [i64; CODES],
}

impl Counts {
    /// Counts one record under a code.
    pub fn add_code(&mut self, code: Code) {
        self.codes[code as usize] += 1;
    }

    /// Records that ended, or wait, under a code of this kind.
    pub fn total(&self, ends: Ends) -> i64 {
        Code::ALL.iter().filter(|code| code.ends() == ends).map(|&code| self.codes[code as usize]).sum()
    }

    /// Records suspended.
    pub fn suspended(&self) -> i64 {
        self.total(Ends::Suspended)
    }

    /// Records filtered.
    pub fn filtered(&self) -> i64 {
        self.total(Ends::Filtered)
    }

    /// Every record that is accounted for: the right side of the book.
    pub fn accounted(&self) -> i64 {
        self.rated
            + self.merged
            + self.duplicate
            + self.written_off
            + self.held
            + self.codes.iter().sum::<i64>()
    }

    /// True when what entered is accounted for, one for one.
    pub fn balances(&self) -> bool {
        self.entered == self.accounted()
    }

    /// Adds a change.
    pub fn add(&mut self, other: &Self) {
        self.entered += other.entered;
        self.rated += other.rated;
        self.merged += other.merged;
        self.duplicate += other.duplicate;
        self.written_off += other.written_off;
        self.held += other.held;
        self.replayed += other.replayed;
        for (mine, theirs) in self.codes.iter_mut().zip(other.codes) {
            *mine += theirs;
        }
    }

    /// The codes that occur, with their counts.
    pub fn by_code(&self, ends: Ends) -> impl Iterator<Item = (Code, i64)> + '_ {
        Code::ALL
            .iter()
            .map(|&code| (code, self.codes[code as usize]))
            .filter(move |(code, count)| *count != 0 && code.ends() == ends)
    }
}

/// A row of the books: file and day. `day` is days since 1970-01-01 of the record's day bucket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BookKey {
    /// Ordinal of the file.
    pub file: crate::position::FileOrdinal,
    /// Day, or [`BookKey::NO_DAY`].
    pub day: i32,
}

impl BookKey {
    /// Day of records that did not decode as far as a time.
    pub const NO_DAY: i32 = i32::MIN;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_balances_only_when_every_record_is_accounted_for() {
        let mut book = Counts {
            entered: 5,
            rated: 1,
            merged: 1,
            duplicate: 1,
            held: 1,
            replayed: 9,
            ..Counts::default()
        };
        assert!(!book.balances());
        book.add_code(Code::NoRate);
        assert!(book.balances());
        book.add_code(Code::Unanswered);
        assert!(!book.balances());
        assert_eq!((book.suspended(), book.filtered()), (1, 1));
        assert_eq!(book.by_code(Ends::Filtered).collect::<Vec<_>>(), [(Code::Unanswered, 1)]);
    }
}
