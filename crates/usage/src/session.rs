//! A session that waits for the rest of its partial records.
//! Relies on dedup having passed every member. Kept in the state of its slot, with the bytes as they came.
//! Never dropped: it ends as one usage or as suspended members.

use crate::record::UsageRecord;

/// A partial record that waits, with its original bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldPartial {
    /// The record.
    pub record: UsageRecord,
    /// Its bytes, without the line end.
    pub raw: Box<[u8]>,
}

/// An open session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Fingerprint of the session key, high word first.
    pub key: [u64; 2],
    /// Watermark at which the longest hold is over, UTC milliseconds.
    pub deadline_ms: i64,
    /// Members by sequence number.
    pub members: Vec<HeldPartial>,
}
