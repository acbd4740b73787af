//! A record in the field's common words, as the network wrote it: what every format's room maps to.
//! Relies on the block's bytes and the reader's scratch: texts and parts are borrowed from them.
//! Never normalised: numbers carry their prefixes, times have no zone unless the record wrote one.

use crate::identity::Fields;
use crate::money::Money;
use crate::quantity::{Service, Unit};
use crate::record::{Direction, RecordType, Role};
use smallvec::SmallVec;

/// A clock reading as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalTime {
    /// Milliseconds since 1970-01-01 00:00 as the clock on the wall showed them.
    pub local_ms: i64,
    /// Seconds east of UTC, where the record says so.
    pub offset_s: Option<i32>,
}

/// A part of a usage that the record writes by itself: a container with a time and a rating group of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawPart {
    /// When it began.
    pub start: LocalTime,
    /// When it ended.
    pub end: LocalTime,
    /// Base units of the record's `unit`.
    pub quantity: i64,
    /// Rating group, for data.
    pub rating_group: Option<u32>,
}

/// The raw fields of one record. Field order follows the record's story: what, when, how much, who.
#[derive(Clone, Debug)]
pub struct RawUsage<'a> {
    /// What the element recorded.
    pub record_type: RecordType,
    /// The service.
    pub service: Service,
    /// From the served party's view.
    pub direction: Direction,
    /// Which party pays unless `served` says it.
    pub role: Role,
    /// Chargeable start (answer, for calls).
    pub start: LocalTime,
    /// End, where the record has one of its own; else that of the last part, else start and quantity.
    pub end: Option<LocalTime>,
    /// Base units of `unit`. With `parts`, they say it: this is not read.
    pub quantity: i64,
    /// Base unit.
    pub unit: Unit,
    /// Calling or sending party, as written. Empty when absent.
    pub calling: &'a [u8],
    /// Called or receiving party, as written. Empty when absent.
    pub called: &'a [u8],
    /// Party on whose behalf the call was forwarded. Empty when absent.
    pub forwarding: &'a [u8],
    /// Served number, where the record names it. Empty when absent.
    pub served_number: &'a [u8],
    /// Served IMSI, digits. Empty when absent.
    pub served_imsi: &'a [u8],
    /// Served subscription by its id (e.g. an account code). Empty when absent.
    pub served_subscription: &'a [u8],
    /// Serving network as MCC and MNC digits. Empty when absent.
    pub serving_network: &'a [u8],
    /// Rating group of the data. With `parts`, each has its own: this is not read.
    pub rating_group: Option<u32>,
    /// Parts with times of their own. Empty: the record is one part, from start to end.
    pub parts: &'a [RawPart],
    /// Amount rated elsewhere, for content.
    pub charged: Option<Money>,
    /// Other fields that plans may ask for, by name (APN, RAT, …).
    pub attributes: SmallVec<[(&'a str, &'a [u8]); 4]>,
    /// Key fields, raw: what makes the record itself.
    pub key: Fields<'a>,
    /// Fields that are billed, raw: a change in them under the same key is a conflict.
    pub billed: Fields<'a>,
    /// Fields of the session, raw: the key without its sequence.
    pub session: Fields<'a>,
    /// Days since 1970-01-01 of the raw field that picks the day bucket.
    pub day: i32,
    /// The element's running number over all its records, where it writes one: a gap is a lost record.
    pub sequence: Option<u32>,
    /// The element that counts `sequence`, raw. Empty when the record does not name it.
    pub node: &'a [u8],
    /// Place in a sequence of partial records, where the format says that this is one.
    pub partial: Option<crate::record::Partial>,
    /// A filter rule that holds for the record, decided on its raw fields and applied after dedup.
    pub filter: Option<crate::code::Code>,
}
