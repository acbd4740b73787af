//! The runs beside the primary one: which they are, and the book that each keeps.
//! Relies on the primary run (retail) alone deciding what became of a record.
//! Never counted in the book of records: these count usages and events.

use crate::event::Run;

/// Runs beside the primary one.
pub const OTHER_RUNS: usize = Run::OTHERS.len();

impl Run {
    /// The runs beside the primary one, in the order in which a usage is given to them.
    pub const OTHERS: [Self; 2] = [Self::Wholesale, Self::Interconnect];

    /// Reads the word used in events.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Retail, Self::Wholesale, Self::Interconnect].into_iter().find(|run| run.as_str() == word)
    }

    /// Its place in [`Run::OTHERS`]; `None` of the primary run.
    pub const fn other(self) -> Option<usize> {
        match self {
            Self::Retail => None,
            Self::Wholesale => Some(0),
            Self::Interconnect => Some(1),
        }
    }
}

/// The book of a run beside the primary one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RunCounts {
    /// Usages that the run bills and that name a payer.
    pub usages: i64,
    /// Of these, rated.
    pub rated: i64,
    /// Of these, suspended.
    pub suspended: i64,
    /// Events of the rated ones: a usage is one for each cycle.
    pub events: i64,
    /// Suspense lines of the suspended ones: a joined usage has one for each of its partials.
    pub lines: i64,
}

impl RunCounts {
    /// True when what the run was given is accounted for, one for one.
    pub const fn balances(&self) -> bool {
        self.usages == self.rated + self.suspended
    }

    /// True when the run had nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds a change.
    pub const fn add(&mut self, other: &Self) {
        self.usages += other.usages;
        self.rated += other.rated;
        self.suspended += other.suspended;
        self.events += other.events;
        self.lines += other.lines;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_reads_back_and_only_the_primary_has_no_place_among_the_others() {
        for run in [Run::Retail, Run::Wholesale, Run::Interconnect] {
            assert_eq!(Run::parse(run.as_str()), Some(run));
            assert_eq!(run.other().map(|at| Run::OTHERS[at]), (run != Run::Retail).then_some(run));
        }
        assert_eq!(Run::parse("*"), None);
    }

    #[test]
    fn a_book_balances_when_every_usage_is_accounted_for() {
        let mut book = RunCounts { usages: 3, rated: 2, events: 4, ..RunCounts::default() };
        assert!(!book.balances() && !book.is_empty());
        book.add(&RunCounts { suspended: 1, lines: 2, ..RunCounts::default() });
        assert!(book.balances());
        assert!(RunCounts::default().is_empty());
    }
}
