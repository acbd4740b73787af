//! The compiled rate: when it applies, what it counts, where its prices stand, and what few rates say.
//! Relies on the reader having checked everything, so pricing cannot fail for want of a reference.
//! Never changes once built.

use crate::bands::Week;
use crate::charges::Cap;
use crate::grammar::Increments;
use crate::model::Period;
use crate::sets::Conditions;
use crate::tiers::Tiers;
use caudal_usage::{CounterId, Decimal, Price, TimeZone, Unit};

/// In which zone bands and days lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimeBase {
    /// The account's.
    #[default]
    Account,
    /// The visited network's: the record's own offset.
    Visited,
    /// A zone of the tariff.
    Zone(TimeZone),
}

/// One rate of a plan.
#[derive(Debug)]
pub struct Rate {
    /// Its id.
    pub id: Box<str>,
    /// When it applies.
    pub when: Conditions,
    /// The smaller number is tried first; only meaningful between rates that overlap.
    pub priority: u32,
    /// In which zone its bands lie.
    pub time: TimeBase,
    /// Which band holds when; one band for always where the plan names none.
    pub week: Week,
    /// What is counted.
    pub measure: Measure,
    /// What is charged in each band.
    pub pricing: Pricing,
    /// Tiers over a period; they replace the band's price.
    pub tiers: Option<Tiers>,
    /// How parts of a usage, and usages, are added before they are rounded up.
    pub round_over: RoundOver,
    /// What few rates say; absent where nothing is said.
    pub more: Option<Box<RateOptions>>,
}

/// What a rate counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// The usage's own base units.
    Units,
    /// Each usage as one event, whatever its quantity.
    Events,
    /// The amount that was rated elsewhere.
    Amount,
}

impl Measure {
    /// What is counted of a usage in `unit`: amounts rated elsewhere count as events.
    #[inline]
    pub const fn unit(self, unit: Unit) -> Unit {
        match self {
            Self::Units => unit,
            Self::Events | Self::Amount => Unit::Event,
        }
    }
}

/// Over what quantities are added before they are rounded up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoundOver {
    /// Each part by itself.
    Part,
    /// The parts of a record that have one rating group.
    Record,
    /// Usages of one session; two counters, of what was measured and what was billed.
    Session([CounterId; 2]),
    /// Usages of a local day.
    Day([CounterId; 2]),
    /// Usages of a cycle.
    Cycle([CounterId; 2]),
}

/// What few rates say.
#[derive(Clone, Debug)]
pub struct RateOptions {
    /// First units of each usage that cost nothing.
    pub free: i64,
    /// A usage of at most so many units costs nothing.
    pub grace: i64,
    /// At least so many units are billed.
    pub minimum_quantity: i64,
    /// True when a portion that was only begun counts for its used part.
    pub pro_rata: bool,
    /// What happens at the end of a band.
    pub split: Split,
    /// Least charge of an event.
    pub minimum_charge: Option<Decimal>,
    /// Greatest charge of an event.
    pub maximum_charge: Option<Decimal>,
    /// Greatest charge of a period.
    pub cap: Option<Cap>,
    /// True when the connection fee is due although allowances covered everything.
    pub fee_when_covered: bool,
}

impl Rate {
    /// True when its charges are bounded or capped.
    #[inline]
    pub fn adjusts(&self) -> bool {
        self.more.as_ref().is_some_and(|more| {
            more.minimum_charge.is_some() || more.maximum_charge.is_some() || more.cap.is_some()
        })
    }
}

impl Default for RateOptions {
    fn default() -> Self {
        Self {
            free: 0,
            grace: 0,
            minimum_quantity: 0,
            pro_rata: false,
            split: Split::ByIncrement,
            minimum_charge: None,
            maximum_charge: None,
            cap: None,
            fee_when_covered: true,
        }
    }
}

/// What happens to a call at the end of a band.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// A portion begun in a band ends at its price.
    ByIncrement,
    /// Each unit costs what holds when it passes.
    Exact,
    /// All lies in the band of the start.
    Start,
}

/// Where the prices of a rate stand.
#[derive(Debug)]
pub enum Pricing {
    /// In the plan, by band index.
    Plan(Box<[BandTerms]>),
    /// In a rate table.
    Table {
        /// Index for [`Tariff::table`].
        table: u32,
        /// By band index.
        bands: Box<[TableBand]>,
    },
    /// Of an amount that was rated elsewhere.
    Amount(AmountPricing),
}

/// What is charged of an amount that was rated elsewhere.
#[derive(Clone, Debug)]
pub enum AmountPricing {
    /// The amount with a mark-up.
    PassThrough {
        /// Percent of the amount.
        percent: Decimal,
        /// A fixed part.
        fixed: Decimal,
    },
    /// A percentage of it.
    Percentage(Percentage),
    /// By tiers, which stand beside.
    Tiers,
}

/// A percentage price.
#[derive(Clone, Debug)]
pub struct Percentage {
    /// Percent of the amount beyond the free part.
    pub percent: Decimal,
    /// Fixed fee of each event that is not free.
    pub fixed: Decimal,
    /// First events of the period that cost nothing.
    pub free_events: Option<i64>,
    /// First amount of the period that costs nothing.
    pub free_amount: Option<Decimal>,
    /// Least charge of an event, after the fixed fee.
    pub minimum: Option<Decimal>,
    /// Greatest charge of an event, after the fixed fee.
    pub maximum: Option<Decimal>,
    /// Over what the free part lasts.
    pub over: Period,
    /// Counters of free events and of the free amount.
    pub counters: [CounterId; 2],
}

/// Prices of one band of a rate written in the plan.
#[derive(Clone, Debug)]
pub struct BandTerms {
    /// Name of the band; absent where the rate has no bands.
    pub name: Option<Box<str>>,
    /// What is charged; of steps, the first one's.
    pub terms: Terms,
    /// Prices by position in the usage; empty where one price holds throughout.
    pub steps: Box<[Step]>,
}

/// A stretch of positions in a usage with a price of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Last unit that it holds; the last step holds all further ones.
    pub up_to: i64,
    /// Price per N base units.
    pub price: Price,
    /// Portions that begin in it.
    pub increments: Increments,
}

/// One band of a rate whose prices stand in a table.
#[derive(Clone, Debug)]
pub struct TableBand {
    /// Name of the band; absent where the rate has no bands.
    pub name: Option<Box<str>>,
    /// Index of that name in the table; absent where the table has only rows for all bands.
    pub in_table: Option<u32>,
}

/// What is charged and in which portions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Price per N base units.
    pub price: Price,
    /// Billed portions.
    pub increments: Increments,
    /// Fee of a call that starts under these terms.
    pub connection_fee: Decimal,
}
