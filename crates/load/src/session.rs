//! A call that comes in parts, while it goes on.
//! Relies on the script for when its next part comes.
//! Never says what becomes of it.

use crate::row::Row;

/// A session whose next partial record is still to come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Open {
    /// Place in the story from which on it may come.
    pub due: u64,
    /// Number of the call: the order of those that are due at one place.
    pub call: u64,
    /// Place of the session among those of the script.
    pub slot: usize,
}

/// A call in parts.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Its first record.
    pub first: Row,
    /// The record that came last.
    pub last: Row,
    /// Records that it has.
    pub parts: u32,
    /// Records that came.
    pub emitted: u32,
    /// Seconds so far.
    pub total: u64,
    /// True when its second record is lost.
    pub gap: bool,
}
