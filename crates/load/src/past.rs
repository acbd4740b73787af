//! What was delivered before, sampled, so that it can be delivered again.
//! Relies on a bounded number of records, however long the story is.
//! Never decides what a second delivery means.

use crate::random::Random;
use crate::row::Row;

/// A sample of what was delivered: the last records, and some from days ago.
pub struct Past {
    recent: Vec<Row>,
    old: Vec<Row>,
    next: usize,
    /// One of so many records is kept as an old one.
    one_of: u64,
}

impl Past {
    const RECENT: usize = 2_048;
    const OLD: usize = 8_192;

    /// An empty sample, thinned for a story of so many records.
    pub fn new(records: u64) -> Self {
        let one_of = (records / (4 * Self::OLD as u64)).max(1);
        Self { recent: Vec::with_capacity(Self::RECENT), old: Vec::with_capacity(Self::OLD), next: 0, one_of }
    }

    /// Adds a record.
    pub fn remember(&mut self, row: Row, random: &mut Random) {
        put(&mut self.recent, self.next, Self::RECENT, row);
        self.next = (self.next + 1) % Self::RECENT;
        if random.below(self.one_of) == 0 {
            let place = usize::try_from(random.below(Self::OLD as u64)).unwrap_or(0);
            put(&mut self.old, place, Self::OLD, row);
        }
    }

    /// One of the last, or one of the old; `None` while there is none.
    pub fn pick(&self, old: bool, random: &mut Random) -> Option<Row> {
        let rows = if old { &self.old } else { &self.recent };
        let place = random.below((rows.len() as u64).max(1));
        rows.get(usize::try_from(place).unwrap_or(0)).copied()
    }
}

/// Fills up to `bound`, then replaces at `place`.
fn put(rows: &mut Vec<Row>, place: usize, bound: usize, row: Row) {
    if rows.len() < bound {
        rows.push(row);
    } else {
        rows[place] = row;
    }
}
