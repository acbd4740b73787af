//! The billable event: one usage × run × cycle, with every charge line that makes its amount.
//! Relies on the plan and the reference data for its texts, which it borrows: it is encoded where it is made.
//! Never edited once emitted: a correction is a reversal and a new event that name each other.

use crate::balance::Owner;
use crate::identity::Identity;
use crate::money::{Currency, Money, Price};
use crate::quantity::{Service, Unit};
use crate::record::{Party, RecordType};
use crate::time::{Date, Timestamp};
use rust_decimal::Decimal;
use smallvec::SmallVec;
use std::fmt;

/// 128-bit id of an event, written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EventId(pub u128);

impl EventId {
    /// Derives the id from what the event is about: never from arrival, never with a secret.
    pub fn of_usage(identity: Identity, run: Run, cycle: Date, revision: u32) -> Self {
        let mut bytes = [0u8; 16 + 1 + 4 + 4];
        bytes[..16].copy_from_slice(&identity.0.to_be_bytes());
        bytes[16] = run as u8;
        bytes[17..21].copy_from_slice(&cycle.to_days().to_be_bytes());
        bytes[21..].copy_from_slice(&revision.to_be_bytes());
        Self(xxhash_rust::xxh3::xxh3_128(&bytes))
    }

    /// Reads 32 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// The word used in events.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),* } }
        }
    };
}

words! {
    /// What is billed.
    EventKind {
        Usage = "usage", Recurring = "recurring", OneTime = "one_time", Discount = "discount",
        Commitment = "commitment", Adjustment = "adjustment", Rounding = "rounding",
    }
}

words! {
    /// Whether the event charges or takes a charge back.
    Operation { Charge = "charge", Reversal = "reversal" }
}

words! {
    /// One rating of a usage.
    Run { Retail = "retail", Wholesale = "wholesale", Interconnect = "interconnect" }
}

words! {
    /// What a charge line is.
    LineKind {
        Usage = "usage", ConnectionFee = "connection_fee", Tier = "tier", Minimum = "minimum", Maximum = "maximum",
        Markup = "markup", Cap = "cap",
        /// Units that an allowance covered, at the allowance's own price.
        Covered = "covered",
        /// Units that are counted now and priced at the close of the cycle.
        Metered = "metered",
        /// The flat fee of a tier.
        FlatFee = "flat_fee",
        /// Started packages.
        Package = "package",
        /// An amount rated elsewhere.
        PassThrough = "pass_through",
        /// A percentage of an amount rated elsewhere.
        Percentage = "percentage",
        /// The fixed part of a percentage price.
        Fixed = "fixed",
    }
}

/// One priced row of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChargeLine<'a> {
    /// What it is.
    pub kind: LineKind,
    /// The plan's rate id, or the file of the rate table.
    pub table: &'a str,
    /// Line number of the row in that table, from 1, header included; absent for rates written in the plan.
    pub row: Option<u32>,
    /// Content hash of the version of plan and tables.
    pub version: &'a str,
    /// Time band.
    pub band: Option<&'a str>,
    /// Step or tier, from 1.
    pub step: Option<u32>,
    /// Increments counted, where the line is priced in increments.
    pub increments: Option<i64>,
    /// Rating group, for data.
    pub rating_group: Option<u32>,
    /// Billed base units.
    pub quantity: i64,
    /// Price per N base units. `per` is 1 event for fees.
    pub unit_price: Price,
    /// Amount at the line rounding point.
    pub amount: Decimal,
    /// Units of the tier's period before this line, for tiers.
    pub position: Option<i64>,
    /// What the amount is a part of, for amounts rated elsewhere.
    pub basis: Option<Box<AmountBasis<'a>>>,
}

/// What a percentage or a passed-through amount was worked out from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AmountBasis<'a> {
    /// Percent of `amount`.
    pub percent: Option<Decimal>,
    /// The amount in the event's currency.
    pub amount: Decimal,
    /// How it came into the event's currency.
    pub exchanged: Option<Exchanged<'a>>,
}

/// A row of the exchange table at work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchanged<'a> {
    /// The amount as it came.
    pub from: Money,
    /// What one unit of its currency is worth.
    pub rate: Decimal,
    /// Line of the table, from 1, header included.
    pub row: u32,
    /// Content hash of the table.
    pub version: &'a str,
}

/// What an allowance gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AllowanceUse<'a> {
    /// The plan's allowance id.
    pub allowance: &'a str,
    /// Period of the balance: its first day; absent where it has none.
    pub cycle: Option<Date>,
    /// What was taken: base units of the allowance, or an amount.
    pub quantity: Decimal,
    /// Base unit; absent for money.
    pub unit: Option<Unit>,
    /// Balance before.
    pub before: Decimal,
    /// Balance after.
    pub after: Decimal,
}

/// A balance that the usage moved on, beside what allowances gave: a tier's sum, a cap, a commitment, a discount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CounterUse<'a> {
    /// Stable name of the counter.
    pub counter: &'a str,
    /// Whose it is.
    pub owner: Owner,
    /// First day of its period; absent where it has none.
    pub period: Option<Date>,
    /// Tells balances of one counter and period apart; 0 where there is but one.
    pub instance: u64,
    /// Used before.
    pub before: Decimal,
    /// Used after.
    pub after: Decimal,
}

/// A threshold of an allowance or a bound that the usage passed. Each is passed once in a period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// `allowance` or `cap`.
    pub kind: &'static str,
    /// Id of the allowance, the cap or, of a rate's own cap, the rate.
    pub id: Box<str>,
    /// The threshold.
    pub percent: u32,
    /// Used with this usage.
    pub used: Decimal,
    /// Of how much.
    pub of: Decimal,
    /// Whose balance it is.
    pub owner: Owner,
}

/// What a discount took off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiscountUse<'a> {
    /// The plan's discount id.
    pub discount: &'a str,
    /// Amount taken off, above zero.
    pub amount: Decimal,
}

/// Charge lines. Most events have one or two: what is inline here is copied with every event.
pub type Lines<'a> = SmallVec<[ChargeLine<'a>; 2]>;

/// What allowances gave to one event.
pub type Uses<'a> = SmallVec<[AllowanceUse<'a>; 1]>;

/// What discounts took off one event.
pub type Reductions<'a> = SmallVec<[DiscountUse<'a>; 1]>;

/// One billable event. Field order is the order in the JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BillableEvent<'a> {
    /// Its id.
    pub id: EventId,
    /// 0 at first, raised by each correction.
    pub revision: u32,
    /// What is billed.
    pub kind: EventKind,
    /// Charge or reversal.
    pub operation: Operation,
    /// The event that this one replaces or reverses.
    pub supersedes: Option<EventId>,
    /// Which rating.
    pub run: Run,
    /// Who pays.
    pub account: &'a str,
    /// The subscription served.
    pub subscription: &'a str,
    /// The plan that priced it.
    pub plan: &'a str,
    /// Content hash of that plan's version.
    pub plan_version: &'a str,
    /// The service.
    pub service: Service,
    /// What the element recorded.
    pub record_type: RecordType,
    /// Chargeable start.
    pub start: Timestamp,
    /// End of usage.
    pub end: Timestamp,
    /// Base units measured.
    pub raw_quantity: i64,
    /// Base units billed: covered and priced, after increments.
    pub billed_quantity: i64,
    /// Base unit.
    pub unit: Unit,
    /// Calling party.
    pub calling: &'a Party,
    /// Called party.
    pub called: &'a Party,
    /// Zone of the far end.
    pub zone: Option<&'a str>,
    /// Charge lines, in the order of evaluation.
    pub lines: Lines<'a>,
    /// What allowances gave.
    pub allowance_uses: Uses<'a>,
    /// What discounts took off.
    pub discounts: Reductions<'a>,
    /// Balances that this event moved on beside those of allowances and graduated tiers, which say it themselves.
    pub counters: Vec<CounterUse<'a>>,
    /// Thresholds that the usage passed.
    pub notifications: Vec<Notification>,
    /// Sum of the lines less the discounts, at its rounding point.
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// Tax category of the plan.
    pub tax_category: Option<&'a str>,
    /// General-ledger code of the plan.
    pub gl_code: Option<&'a str>,
    /// First day of the cycle in which it is billed.
    pub cycle: Date,
    /// First day of the cycle to which it belongs.
    pub original_cycle: Date,
    /// True when its own cycle was closed already.
    pub late: bool,
}
