//! The claims of a record shard: those in memory, those it wants from disk, those that were found there.
//! Relies on a key rule deciding once for all records of a source what their keys can meet.
//! Never reads a disk: the runtime does, between two steps of the shard.

use caudal_mediation::dedup::{Delta, DeltaFull};
use caudal_usage::Claim;
use caudal_usage::claim::Reach;
use hashbrown::HashMap;

/// A claim that the shard needs from disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Its fingerprint.
    pub fingerprint: [u64; 2],
    /// Which claims it can meet.
    pub reach: Reach,
    /// Its day, for keys that contain the time.
    pub day: i32,
}

/// Claims found on disk.
pub type Known = HashMap<[u64; 2], Claim>;

/// The claims in memory, by what their keys can meet.
#[derive(Default)]
pub struct Claims {
    /// Claims of keys that contain the time.
    pub day: Delta,
    /// Claims of keys that do not, and of closed sessions.
    pub window: Delta,
}

impl Claims {
    #[inline]
    pub(crate) const fn of(&self, reach: Reach) -> &Delta {
        match reach {
            Reach::Day => &self.day,
            Reach::Window => &self.window,
        }
    }

    pub(crate) fn insert(&mut self, claim: Claim, reach: Reach) -> Result<(), DeltaFull> {
        match reach {
            Reach::Day => self.day.insert(claim),
            Reach::Window => self.window.insert(claim),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.day.len() + self.window.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Octets that they take.
    pub fn memory_bytes(&self) -> usize {
        self.day.memory_bytes() + self.window.memory_bytes()
    }
}
