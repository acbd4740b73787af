//! What can happen at one place of the story, and which network elements can tell of it.
//! Relies on places being thousandths of the whole, so that small sets hold every outcome too.
//! Never draws a number: the script decides when a turn comes.

use crate::row::{Damage, Service};
use crate::script::FUTURE_S;

/// Number of the first call.
pub const FIRST_CALL: u64 = 1_000_001;

/// What happens at one place of the story.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Usage of the usual mix.
    Fresh,
    /// Usage that is rated.
    Call(Service),
    /// A call that nobody answered.
    Unanswered,
    /// A call that is known not to be billed.
    Test,
    /// A call answered for less than a second.
    ZeroDuration,
    /// The first record of a call in parts.
    Session,
    /// The first record of a call of which a part gets lost.
    GapSession,
    /// The next record of a call in parts.
    Continue,
    /// A record of a moment ago again.
    DuplicateRecent,
    /// A record of days ago again.
    DuplicateOld,
    /// A known record with another quantity.
    Conflict,
    /// A record from before the dedup window.
    TooOld,
    /// A record from a clock that is wrong.
    Future,
    /// A call of somebody unknown.
    NoSubscription,
    /// A call to nowhere.
    NoRate,
    /// Broken in this way.
    Damaged(Damage),
    /// Broken in any of the element's ways.
    Broken,
}

/// Turns that every set has, whatever its seed, by place in thousandths of the whole.
pub const ALWAYS: [(u64, Turn); 24] = [
    (5, Turn::Call(Service::Voice)),
    (10, Turn::Call(Service::Data)),
    (15, Turn::Call(Service::Sms)),
    (50, Turn::Unanswered),
    (60, Turn::Test),
    (70, Turn::ZeroDuration),
    (80, Turn::Session),
    (100, Turn::GapSession),
    (120, Turn::NoSubscription),
    (130, Turn::NoRate),
    (140, Turn::Damaged(Damage::BadDate)),
    (150, Turn::Damaged(Damage::BadQuantity)),
    (160, Turn::Damaged(Damage::MissingColumns)),
    (170, Turn::Damaged(Damage::ExtraColumn)),
    (180, Turn::Damaged(Damage::MissingStart)),
    (190, Turn::Damaged(Damage::EmptyKey)),
    (195, Turn::Damaged(Damage::Contradictory)),
    (200, Turn::DuplicateRecent),
    (300, Turn::Conflict),
    (400, Turn::Future),
    (500, Turn::Session),
    (600, Turn::DuplicateOld),
    (700, Turn::TooOld),
    (1000, Turn::Session),
];

/// What kind of network element tells the story.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Element {
    /// A mobile core: calls, some in parts, data and messages.
    Mobile,
    /// A PBX: calls, each in one record.
    Pbx,
    /// A gateway or charging function: packet data, each record with containers.
    Gateway,
}

impl Element {
    /// True when such an element can write what the turn needs.
    pub fn can(self, turn: Turn) -> bool {
        match turn {
            Turn::Call(service) => self == Self::Mobile || service == self.service(),
            Turn::Session | Turn::GapSession => self == Self::Mobile,
            Turn::ZeroDuration => self == Self::Pbx,
            Turn::Unanswered | Turn::Test | Turn::NoRate => self != Self::Gateway,
            Turn::Damaged(damage) => self.damage().contains(&damage),
            _ => true,
        }
    }

    /// What such an element tells of above all.
    pub fn service(self) -> Service {
        match self {
            Self::Mobile | Self::Pbx => Service::Voice,
            Self::Gateway => Service::Data,
        }
    }

    /// An instant no file can have arrived after, in the years that the element's clock can write, seconds since 1970.
    pub fn future_s(self) -> i64 {
        match self {
            Self::Mobile | Self::Pbx => FUTURE_S,
            // 2069-12-31T00:00:00Z: of a year it writes two digits.
            Self::Gateway => 3_155_673_600,
        }
    }

    /// The ways in which its records are broken.
    pub fn damage(self) -> &'static [Damage] {
        use Damage::{
            BadDate, BadQuantity, Contradictory, EmptyKey, ExtraColumn, MissingColumns, MissingStart,
        };
        match self {
            Self::Mobile => &[BadDate, BadQuantity, MissingColumns, ExtraColumn, MissingStart, EmptyKey],
            Self::Pbx => &[BadDate, BadQuantity, MissingColumns, ExtraColumn, MissingStart, Contradictory],
            Self::Gateway => &[BadDate, BadQuantity, ExtraColumn, MissingStart, Contradictory],
        }
    }
}

/// Columns of the rows of a PBX by the number of the call: its configuration changes sixteen times over the story.
pub fn columns(call: u64, records: u64) -> usize {
    const COUNTS: [usize; 16] = [21, 21, 18, 21, 20, 21, 17, 21, 16, 21, 19, 21, 21, 21, 21, 21];
    let stretch = call.saturating_sub(FIRST_CALL) * COUNTS.len() as u64 / records.max(1);
    usize::try_from(stretch).ok().and_then(|stretch| COUNTS.get(stretch)).copied().unwrap_or(21)
}

/// Columns from which on a row has a unique id and a sequence; without them it is known by its whole text.
pub const NUMBERED_COLUMNS: usize = 20;
