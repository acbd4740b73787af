//! The durable note that a record was seen.
//! Relies on the format's key rule: the fingerprint is over the record's raw key fields.
//! Never expires by memory pressure; only the declared window ends it.

use crate::position::{Position, Slot};

/// One claim. 40 bytes in memory; its stored form is in `wire`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Keyed 128-bit fingerprint of the key fields, high word first.
    pub fingerprint: [u64; 2],
    /// Keyed hash of the fields that are billed.
    pub billed: u64,
    /// Position of the first record with this key.
    pub at: Position,
    /// Day bucket: days since 1970-01-01 of the raw field that the key rule names.
    pub day: i32,
    /// Slot of the record's session.
    pub slot: Slot,
    /// 0 for a record as collected; recycling presents the next higher number.
    pub attempt: u8,
}

/// Which claims a key can meet. Follows from the key rule, so it is the same for every record of a format and source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Reach {
    /// The key contains the event time: only claims of the record's own day.
    Day,
    /// The key does not: any claim inside the window, so that a re-issue with another start is still met.
    Window,
}
