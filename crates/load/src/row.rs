//! One record as the network element knows it, and the ways in which its line can be broken.
//! Relies on the story to fill it in; each format renders it in its own columns.
//! Never says what becomes of it: the story counts that.

use crate::numbering::{self, Called};

/// What a record is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Service {
    /// Calls, in seconds.
    Voice,
    /// Messages, one each.
    Sms,
    /// Packet data, in octets.
    Data,
}

impl Service {
    /// All, in order of their index.
    pub const ALL: [Self; 3] = [Self::Voice, Self::Sms, Self::Data];

    /// The word used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Sms => "sms",
            Self::Data => "data",
        }
    }
}

/// Why a call ended, by the numbers of 3GPP's cause for termination.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// The end of the call, or of its last partial record.
    Normal = 0,
    /// A partial record, more to come.
    Partial = 1,
    /// Not answered.
    Unsuccessful = 4,
}

/// One record as the network element knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Number of the network element, 1 to 16.
    pub node: u8,
    /// Number of the call, unique for ever.
    pub call: u64,
    /// Number of the partial record, from 1.
    pub sequence: u32,
    /// What was used.
    pub service: Service,
    /// Why the record was closed.
    pub cause: Cause,
    /// A call of the operator's own test equipment.
    pub test: bool,
    /// Seconds since 1970, UTC.
    pub start_s: i64,
    /// Seconds, messages or octets.
    pub quantity: u64,
    /// Index of the subscription; meaningless when `calling` belongs to nobody.
    pub subscription: u32,
    /// National number of the calling party.
    pub calling: u64,
    /// The called party.
    pub called: Called,
    /// Decides all columns that nothing depends on.
    pub salt: u64,
}

impl Row {
    /// The IMSI of the calling party; that of a stranger when its number belongs to nobody.
    pub fn imsi(&self) -> u64 {
        let own = numbering::msisdn(self.subscription) == self.calling;
        if own { numbering::imsi(self.subscription) } else { numbering::STRANGER_IMSI + self.calling }
    }
}

/// A container of a record of packet data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Seconds since 1970, UTC.
    pub start_s: i64,
    /// Seconds.
    pub length_s: i64,
    /// What it counts.
    pub octets: u64,
    /// Its rating group.
    pub rating_group: u32,
}

impl Row {
    /// How long a record of packet data lasts, seconds.
    pub fn length_s(&self) -> i64 {
        PART_S * i64::from(self.parts_count())
    }

    fn parts_count(&self) -> u32 {
        1 + u32::try_from(self.salt % 3).unwrap_or(0)
    }

    /// The containers of a record of packet data, one behind the other in time: one to three, whose octets are those of
    /// the record.
    pub fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let count = self.parts_count();
        let share = self.quantity / u64::from(count);
        let rest = self.quantity - share * u64::from(count - 1);
        let (start_s, groups) = (self.start_s, self.salt / 3);
        (0..count).map(move |index| Part {
            start_s: start_s + PART_S * i64::from(index),
            length_s: PART_S,
            octets: if index + 1 == count { rest } else { share },
            rating_group: 10 * (1 + index * u32::try_from(groups % 2).unwrap_or(0)),
        })
    }
}

/// Seconds of a container.
const PART_S: i64 = 600;

/// How a line is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// A month 13.
    BadDate,
    /// A letter in the quantity.
    BadQuantity,
    /// The line breaks off after half of its columns.
    MissingColumns,
    /// A separator too many.
    ExtraColumn,
    /// No start.
    MissingStart,
    /// No key field.
    EmptyKey,
    /// Not answered, yet with seconds to bill.
    Contradictory,
}

impl Damage {
    /// The code under which such a line is suspended.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadDate | Self::BadQuantity | Self::ExtraColumn => "bad_field",
            Self::MissingColumns => "truncated",
            Self::MissingStart => "missing_field",
            Self::EmptyKey => "empty_key",
            Self::Contradictory => "contradictory",
        }
    }
}

/// One record to write.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The record.
    pub row: Row,
    /// How its line is broken, if it is.
    pub damage: Option<Damage>,
}
