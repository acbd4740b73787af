//! One record as the packet gateway knows it, and the ways in which its octets can be broken.
//! Relies on the story to fill it in.
//! Never says what becomes of it: the story counts that.

/// Gateways, each with a running number over its records.
pub const GATEWAYS: usize = 4;

/// Most containers of one record.
pub const CONTAINERS: usize = 6;

/// A container.
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Container {
    /// Seconds since 1970, UTC.
    pub from_s: i64,
    pub to_s: i64,
    pub up: u64,
    pub down: u64,
    pub group: u32,
    /// Whether it says when it began; else that follows from the containers before it.
    pub says_start: bool,
}

/// Which lists a record has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lists {
    /// Flows by rating group.
    Flows,
    /// Bearers, which have no rating group.
    Bearers,
    /// Both, of the same octets.
    Both,
}

/// One record as the gateway knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cdr {
    pub gateway: usize,
    pub charging_id: u32,
    /// Place among the records of the bearer, from 1; 0 when it is the only one.
    pub sequence: u32,
    pub local_sequence: u32,
    pub subscription: u32,
    /// National number of the subscriber.
    pub msisdn: u64,
    pub imsi: u64,
    pub opened_s: i64,
    pub duration_s: u32,
    pub last: bool,
    pub lists: Lists,
    pub containers: [Container; CONTAINERS],
    pub count: usize,
    /// Decides all fields that nothing depends on.
    pub salt: u64,
}

/// How a record is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// A month 13 in the opening time.
    BadDate,
    /// No opening time.
    MissingOpening,
    /// The charging id twice.
    Twice,
    /// A container that ends before it begins.
    Contradictory,
    /// A volume of 2^63 octets.
    Overflow,
    /// The last element ends behind the record.
    Cut,
}

impl Damage {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::BadDate, Self::MissingOpening, Self::Twice, Self::Contradictory, Self::Overflow, Self::Cut];

    /// The code under which such a record is suspended.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadDate | Self::Twice => "bad_field",
            Self::MissingOpening => "missing_field",
            Self::Contradictory => "contradictory",
            Self::Overflow => "overflow",
            Self::Cut => "bad_length",
        }
    }
}
