//! Archived events in the order of the stream to batches whose originals are read together, file by file.
//! Relies on the events of one usage following each other, as a run writes them.
//! Never holds more than a batch.

use super::archived::Charged;
use crate::explain::{Originals, Wanted};
use caudal_usage::UsageRecord;
use smallvec::SmallVec;
use std::rc::Rc;

/// Usages whose originals are read together: some 100 MB with all that is made of them, and a file is read once for
/// several thousand of its records.
const USAGES_MAX: usize = 16_384;

/// An event as a usage.
#[derive(Debug)]
pub struct Event {
    /// What it tells of the usage.
    pub usage: UsageRecord,
    /// What it charged.
    pub charged: Charged,
    /// Its line.
    pub line: u64,
}

/// The events of one usage: one for each cycle.
#[derive(Debug)]
pub struct Pending {
    /// At least one.
    pub events: SmallVec<[Event; 1]>,
    /// The file in which they stand.
    pub file: Rc<str>,
}

/// Events that wait for their originals.
pub struct Batch {
    originals: Originals,
    pending: Vec<Pending>,
    wanted: Vec<Wanted>,
    file: Rc<str>,
}

impl Batch {
    /// An empty one.
    pub fn new(originals: Originals) -> Self {
        Self { originals, pending: Vec::new(), wanted: Vec::new(), file: "".into() }
    }

    /// Adds an event of `file`.
    pub fn push(&mut self, event: Event, wanted: Wanted, file: &str) {
        if *self.file != *file {
            self.file = file.into();
        }
        match (self.pending.last_mut(), self.wanted.last()) {
            (Some(last), Some(known)) if *known == wanted && !wanted.places.is_empty() => {
                last.events.push(event)
            }
            _ => {
                let events = SmallVec::from_iter([event]);
                self.pending.push(Pending { events, file: Rc::clone(&self.file) });
                self.wanted.push(wanted);
            }
        }
    }

    /// True when it is time to read the originals: one more event may still belong to the last usage.
    pub const fn is_full(&self) -> bool {
        self.pending.len() > USAGES_MAX
    }

    /// Takes every usage with its original, or why there is none.
    pub fn take(&mut self) -> Vec<(Pending, Result<UsageRecord, String>)> {
        let usages = self.originals.usages(&self.wanted);
        self.wanted.clear();
        std::mem::take(&mut self.pending).into_iter().zip(usages).collect()
    }
}
