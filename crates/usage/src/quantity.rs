//! What is counted: services and base units.
//! Quantities are whole numbers of base units (milliseconds, octets, events), so they are exact.
//! Never a float: "0.1 s" is 100 ms.

/// What kind of usage a record carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Service {
    /// Calls; base unit milliseconds.
    Voice,
    /// Short messages; base unit events.
    Sms,
    /// Packet data; base unit octets.
    Data,
    /// Third-party content; base unit events, usually with an amount.
    Content,
}

impl Service {
    /// All, in order of their index.
    pub const ALL: [Self; 4] = [Self::Voice, Self::Sms, Self::Data, Self::Content];

    /// The word used in files and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Sms => "sms",
            Self::Data => "data",
            Self::Content => "content",
        }
    }

    /// Reads the word used in files.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == text)
    }

    /// The base unit that this service counts in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Voice => Unit::Millisecond,
            Self::Sms | Self::Content => Unit::Event,
            Self::Data => Unit::Octet,
        }
    }

    /// Dense index, 0 to 3.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Base units.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Unit {
    /// Thousandth of a second.
    Millisecond,
    /// Eight bits.
    Octet,
    /// One message, one download, one attempt.
    Event,
}

impl Unit {
    /// The word used in files and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Millisecond => "ms",
            Self::Octet => "octet",
            Self::Event => "event",
        }
    }
}

/// Units a person may write, with what they are worth in a base unit.
/// kB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB of 1024.
pub const UNITS: [(&str, Unit, i64); 17] = [
    ("ms", Unit::Millisecond, 1),
    ("s", Unit::Millisecond, 1_000),
    ("min", Unit::Millisecond, 60_000),
    ("h", Unit::Millisecond, 3_600_000),
    ("octet", Unit::Octet, 1),
    ("octets", Unit::Octet, 1),
    ("B", Unit::Octet, 1),
    ("kB", Unit::Octet, 1_000),
    ("MB", Unit::Octet, 1_000_000),
    ("GB", Unit::Octet, 1_000_000_000),
    ("TB", Unit::Octet, 1_000_000_000_000),
    ("KiB", Unit::Octet, 1 << 10),
    ("MiB", Unit::Octet, 1 << 20),
    ("GiB", Unit::Octet, 1 << 30),
    ("TiB", Unit::Octet, 1 << 40),
    ("event", Unit::Event, 1),
    ("events", Unit::Event, 1),
];

/// Looks up a unit word: its base unit and its worth in it.
pub fn unit(word: &str) -> Option<(Unit, i64)> {
    UNITS.iter().find(|(name, ..)| *name == word).map(|&(_, unit, worth)| (unit, worth))
}
