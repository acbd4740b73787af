//! A usage record: one CDR, normalised and validated, ready for dedup, assembly, guiding and rating.
//! Relies on `RawUsage` having been normalised by the source's rules; holds no borrowed bytes, so it may be kept.
//! Never heap-allocates for ordinary records: numbers are packed, short texts are inline.

use crate::attributes::AttributeList;
use crate::claim::Claim;
use crate::code::Code;
use crate::digits::Digits;
use crate::identity::Identity;
use crate::money::Money;
use crate::position::{Position, Slot};
use crate::quantity::{Service, Unit};
use crate::time::Timestamp;
use compact_str::CompactString;
use smallvec::SmallVec;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// All, in order of their index.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used in files and events.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),* } }

            /// Reads the word used in files.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.as_str() == word)
            }
        }
    };
}

words! {
    /// What the network element recorded.
    RecordType {
        /// Mobile or PBX originated call.
        Moc = "moc",
        /// Terminated call.
        Mtc = "mtc",
        /// Forwarded call.
        Forwarded = "cf",
        /// Transit leg on a trunk.
        Transit = "transit",
        /// Originated short message.
        SmsMo = "sms_mo",
        /// Terminated short message.
        SmsMt = "sms_mt",
        /// Packet data of any gateway or charging function.
        Data = "data",
        /// Content of a third party.
        Content = "content",
    }
}

words! {
    /// Direction from the served party's view.
    Direction {
        /// Originated by the served party.
        Out = "out",
        /// Terminated at the served party.
        In = "in",
    }
}

words! {
    /// Which party pays.
    Role {
        /// The calling or sending party.
        Originating = "originating",
        /// The called or receiving party.
        Terminating = "terminating",
        /// The party that forwarded.
        Forwarding = "forwarding",
    }
}

/// A party of a call or message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Party {
    /// Not in the record.
    #[default]
    Absent,
    /// An international number, digits without `+`.
    E164(Digits),
    /// Anything else: extension, SIP URI, alphanumeric sender, short code.
    Other(CompactString),
}

/// How the served subscription is named; guiding tries subscription, then IMSI, then number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Served {
    /// By its id.
    pub subscription: Option<CompactString>,
    /// By IMSI.
    pub imsi: Option<Digits>,
    /// By number: the served party's, else that of the paying role.
    pub number: Party,
}

/// Place of a partial record in its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial {
    /// Sequence number, as the network counts.
    pub sequence: u32,
    /// True when this record closes the session.
    pub last: bool,
}

/// A part of a usage with a time and a rating group of its own. Most usage has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// Base units.
    pub quantity: i64,
    /// Rating group, for data.
    pub rating_group: Option<u32>,
}

/// Where the record's bytes stand in its (uncompressed) file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ByteSpan {
    /// Octets before it.
    pub offset: u64,
    /// Its octets, without the line end.
    pub len: u32,
}

/// Other fields that plans may ask for, by name.
pub type Attributes = Option<AttributeList>;

/// One usage record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageRecord {
    /// The record's identity and, for dedup, its claim: fingerprint, billed-fields hash, position, day, slot.
    pub claim: Claim,
    /// Unkeyed identity, from which event ids derive.
    pub identity: Identity,
    /// Keyed fingerprint of the session key, high word first; its top byte is the slot.
    pub session: [u64; 2],
    /// Place in its session, for a partial record.
    pub partial: Option<Partial>,
    /// Where its bytes stand.
    pub bytes: ByteSpan,
    /// Index of its source in the pipeline.
    pub source: u16,
    /// The filter code that applies once it is known to be no duplicate.
    pub filter: Option<Code>,
    /// What the element recorded.
    pub record_type: RecordType,
    /// The service.
    pub service: Service,
    /// From the served party's view.
    pub direction: Direction,
    /// Which party pays.
    pub role: Role,
    /// Base unit of all parts.
    pub unit: Unit,
    /// Chargeable start.
    pub start: Timestamp,
    /// End of usage.
    pub end: Timestamp,
    /// The parts, at least one; their quantities sum to the record's.
    pub parts: SmallVec<[Part; 1]>,
    /// Calling or sending party.
    pub calling: Party,
    /// Called or receiving party.
    pub called: Party,
    /// Who is served, and so who pays.
    pub served: Served,
    /// Serving network, MCC and MNC.
    pub serving_network: Option<Digits>,
    /// Amount rated elsewhere, for content.
    pub charged: Option<Money>,
    /// Other fields that plans may ask for.
    pub attributes: Attributes,
}

impl UsageRecord {
    /// Where the record stands in its file.
    pub const fn at(&self) -> Position {
        self.claim.at
    }

    /// The slot of its session.
    pub const fn slot(&self) -> Slot {
        self.claim.slot
    }

    /// Sum of the parts' quantities; `None` when it does not fit.
    pub fn quantity(&self) -> Option<i64> {
        self.parts.iter().try_fold(0i64, |sum, part| sum.checked_add(part.quantity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records are moved through exchanges by the hundred thousand: growth must be a decision.
    #[test]
    fn a_record_stays_small() {
        assert_eq!((size_of::<UsageRecord>(), size_of::<Part>(), size_of::<Party>()), (368, 48, 24));
    }
}
