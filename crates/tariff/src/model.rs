//! The compiled tariff: plans by dense index, their rates and allowances with every name resolved.
//! Relies on `compile` having checked everything, so look-ups cannot fail for want of a reference.
//! Never changes once built, so all shards read one copy.

use crate::bands::Week;
use crate::grammar::Increments;
use crate::prefix::PrefixTable;
use crate::sets::Conditions;
use crate::table::RateTable;
use caudal_usage::{CounterId, Currency, Date, Decimal, Digits, Price, Rounding, Service, Unit};

/// A zone, dense index into the tariff's zone names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ZoneId(pub u32);

/// Half-open stretch of local calendar days, each counted since 1970-01-01. Validity dates in plans and tables are days
/// in the account's time zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Days {
    /// First day.
    pub from: i32,
    /// First day after it.
    pub to: i32,
}

impl Days {
    /// Every day.
    pub const ALWAYS: Self = Self { from: i32::MIN, to: i32::MAX };

    /// From `from` (open when absent) until before `to` (open when absent).
    pub fn new(from: Option<Date>, to: Option<Date>) -> Self {
        Self { from: from.map_or(i32::MIN, Date::to_days), to: to.map_or(i32::MAX, Date::to_days) }
    }

    /// True when the day lies in it.
    pub const fn contains(self, day: i32) -> bool {
        self.from <= day && day < self.to
    }

    /// True when the two share a day.
    pub const fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// All plans with the zones and tables that they use. Read-only.
#[derive(Debug)]
pub struct Tariff {
    pub(crate) version: Box<str>,
    pub(crate) plans: Box<[Plan]>,
    pub(crate) zones: PrefixTable,
    pub(crate) zone_names: Box<[Box<str>]>,
    pub(crate) tables: Box<[RateTable]>,
    pub(crate) counters: Box<[Box<str>]>,
}

impl Tariff {
    /// Dense index of a plan id. Plans are numbered in the order of their ids.
    pub fn plan(&self, id: &str) -> Option<u32> {
        let index = self.plans.binary_search_by(|plan| plan.id.as_ref().cmp(id)).ok()?;
        u32::try_from(index).ok()
    }

    /// The plans, by dense index.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// Content hash of all sources, 16 hex digits.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The version of a plan that holds on a local day.
    #[inline]
    pub fn plan_version(&self, plan: u32, day: i32) -> Option<&PlanVersion> {
        self.plans.get(plan as usize)?.versions.iter().find(|version| version.days.contains(day))
    }

    /// The zone of a number on a local day, by longest prefix.
    #[inline]
    pub fn zone(&self, number: Digits, day: i32) -> Option<ZoneId> {
        self.zones.find(number, day).map(|entry| entry.zone)
    }

    /// The prefix table.
    pub fn prefixes(&self) -> &PrefixTable {
        &self.zones
    }

    /// Name of a zone of this tariff.
    pub fn zone_name(&self, zone: ZoneId) -> &str {
        self.zone_names.get(zone.0 as usize).map_or("", AsRef::as_ref)
    }

    /// A rate table by the index that a rate holds.
    #[inline]
    pub fn table(&self, index: u32) -> Option<&RateTable> {
        self.tables.get(index as usize)
    }

    /// Stable text of a counter, e.g. `movil-20/allowance/data`; empty for an id of another tariff.
    pub fn counter_name(&self, counter: CounterId) -> &str {
        self.counters.get(counter.0 as usize).map_or("", AsRef::as_ref)
    }

    /// The counter of a stable text.
    pub fn counter(&self, name: &str) -> Option<CounterId> {
        let index = self.counters.binary_search_by(|counter| counter.as_ref().cmp(name)).ok()?;
        u32::try_from(index).ok().map(CounterId)
    }
}

/// A plan: what a subscription names.
#[derive(Debug)]
pub struct Plan {
    /// Its id.
    pub id: Box<str>,
    /// Its versions, by first day, disjoint.
    pub versions: Box<[PlanVersion]>,
}

/// One version of a plan, from one file.
#[derive(Debug)]
pub struct PlanVersion {
    /// Id of the plan.
    pub plan: Box<str>,
    /// What customers call it.
    pub name: Box<str>,
    /// Content hash of its file and the tables it uses, 16 hex digits.
    pub version: Box<str>,
    /// Currency of every price in it.
    pub currency: Currency,
    /// When it holds.
    pub days: Days,
    /// Tax category of its events.
    pub tax_category: Option<Box<str>>,
    /// General-ledger code of its events.
    pub gl_code: Option<Box<str>>,
    /// Rounding point of a charge line.
    pub line_rounding: Rounding,
    /// Rounding point of an event's sum; absent: the exact sum.
    pub event_rounding: Option<Rounding>,
    /// Dense index of the plan whose rates are tried when none here matches.
    pub base: Option<u32>,
    /// Its rates, in the order of the file.
    pub rates: Box<[Rate]>,
    /// Rates by service index, in the order in which they are tried.
    pub by_service: [Box<[u16]>; 4],
    /// Allowances in the order in which they are consumed.
    pub allowances: Box<[Allowance]>,
    /// Recurring charges. They are settled at the close of a cycle, not here.
    pub recurring: Box<[Recurring]>,
}

impl PlanVersion {
    /// The rates that may price a service, best first: the first whose conditions hold wins.
    #[inline]
    pub fn rates_for(&self, service: Service) -> impl Iterator<Item = &Rate> {
        let order: &[u16] = self.by_service.get(service.index()).map_or(&[], AsRef::as_ref);
        order.iter().filter_map(|&index| self.rates.get(usize::from(index)))
    }
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
    /// Which band holds when; one band for always where the plan names none.
    pub week: Week,
    /// What is charged in each band.
    pub pricing: Pricing,
    /// Graduated tiers over the cycle; they replace the band's price.
    pub tiers: Option<Tiers>,
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
}

/// Prices of one band of a rate written in the plan.
#[derive(Clone, Debug)]
pub struct BandTerms {
    /// Name of the band; absent where the rate has no bands.
    pub name: Option<Box<str>>,
    /// What is charged.
    pub terms: Terms,
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

/// Graduated tiers: each unit of the cycle costs what its place in the sum says.
#[derive(Debug)]
pub struct Tiers {
    /// Counts billed units that no allowance covered.
    pub counter: CounterId,
    /// Steps, bounds rising, the last one open.
    pub steps: Box<[TierStep]>,
}

/// One tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TierStep {
    /// Last unit of the cycle that it holds; absent: all further ones.
    pub up_to: Option<i64>,
    /// Price per N base units.
    pub price: Price,
}

/// A quantity that is used up before anything is priced.
#[derive(Debug)]
pub struct Allowance {
    /// Its id.
    pub id: Box<str>,
    /// When it applies.
    pub when: Conditions,
    /// Base units per cycle.
    pub quantity: i64,
    /// Base unit.
    pub unit: Unit,
    /// Counts what was used.
    pub counter: CounterId,
    /// The smaller number is consumed first.
    pub priority: u32,
}

/// How often a recurring charge falls due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Every {
    Days(u32),
    Weeks(u32),
    Months(u32),
    Years(u32),
}

/// A charge of a period.
#[derive(Debug)]
pub struct Recurring {
    /// Its id.
    pub id: Box<str>,
    /// Amount for one full period, in the plan's currency.
    pub amount: Decimal,
    /// Length of a period.
    pub every: Every,
    /// True when a period is charged at its start.
    pub in_advance: bool,
    /// True when a part of a period is charged by its days, false when always in full.
    pub by_day: bool,
}
