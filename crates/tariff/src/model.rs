//! The compiled tariff: plans by dense index, their rates and allowances with every name resolved.
//! Relies on `compile` having checked everything, so look-ups cannot fail for want of a reference.
//! Never changes once built, so all shards read one copy.

use crate::allowance::Allowance;
use crate::bands::Week;
use crate::charges::{Cap, Capacity, Commitment};
use crate::discount::Discount;
use crate::exchange::ExchangeTable;
use crate::grammar::Increments;
use crate::numbers::{NumberClass, NumberTable};
use crate::prefix::PrefixTable;
use crate::sets::{Conditions, Looks, Words};
use crate::table::RateTable;
use crate::tiers::Tiers;
use caudal_usage::{CounterId, Currency, Date, Decimal, Digits, Price, Rounding, Service, TimeZone};

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
    pub(crate) networks: PrefixTable,
    pub(crate) zone_names: Box<[Box<str>]>,
    pub(crate) numbers: NumberTable,
    pub(crate) exchange: ExchangeTable,
    pub(crate) tables: Box<[RateTable]>,
    pub(crate) counters: Box<[Box<str>]>,
    /// By counter: true when events show its use by themselves.
    pub(crate) said: Box<[bool]>,
    pub(crate) words: Words,
    pub(crate) looks: Looks,
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

    /// The zone of a serving network on a local day, by longest prefix.
    #[inline]
    pub fn network_zone(&self, network: Digits, day: i32) -> Option<ZoneId> {
        self.networks.find(network, day).map(|entry| entry.zone)
    }

    /// What kind of number this is on a local day, by longest prefix.
    #[inline]
    pub fn number_class(&self, number: Digits, day: i32) -> Option<NumberClass> {
        self.numbers.find(number, day)
    }

    /// The prefix table.
    pub fn prefixes(&self) -> &PrefixTable {
        &self.zones
    }

    /// What amounts in other currencies are worth.
    pub fn exchange(&self) -> &ExchangeTable {
        &self.exchange
    }

    /// Attribute values and accounts that conditions name.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Which facts some condition looks at; the others need not be found out.
    #[inline]
    pub fn looks(&self) -> Looks {
        self.looks
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

    /// True when events show the use of a counter by themselves: a plain allowance, graduated tiers of a cycle.
    #[inline]
    pub fn is_said(&self, counter: CounterId) -> bool {
        self.said.get(counter.0 as usize).copied().unwrap_or(false)
    }

    /// The counter of a stable text.
    pub fn counter(&self, name: &str) -> Option<CounterId> {
        let index = self.counters.binary_search_by(|counter| counter.as_ref().cmp(name)).ok()?;
        u32::try_from(index).ok().map(CounterId)
    }

    /// Days before the current cycle over which a balance may still be asked for: the longest rollover or own period.
    pub fn lookback_days(&self) -> i32 {
        let versions = self.plans.iter().flat_map(|plan| &plan.versions);
        let days = versions.flat_map(|version| &version.allowances).map(Allowance::lookback_days).max();
        days.unwrap_or(0)
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
    /// Where its amounts are rounded.
    pub rounding: RoundingPoints,
    /// Dense index of the plan whose rates are tried when none here matches.
    pub base: Option<u32>,
    /// Its rates, in the order of the file.
    pub rates: Box<[Rate]>,
    /// Rates of accounts of their own, by service index, in the order in which they are tried.
    pub own_by_service: ByService,
    /// All other rates, likewise.
    pub by_service: ByService,
    /// Allowances in the order in which they are consumed, those of money among them.
    pub allowances: Box<[Allowance]>,
    /// True when the greatest weight comes first.
    pub by_weight: bool,
    /// True when allowances of one rank are refilled at different times, so that expiry decides between them.
    pub by_expiry: bool,
    /// Discounts in the order in which they are taken.
    pub discounts: Box<[Discount]>,
    /// Caps over several rates.
    pub caps: Box<[Cap]>,
    /// Promised minimums of a cycle.
    pub commitments: Box<[Commitment]>,
    /// Prices of a cycle by several meters.
    pub capacities: Box<[Capacity]>,
    /// Recurring charges. They are settled at the close of a cycle, not here.
    pub recurring: Box<[Recurring]>,
}

/// Indexes of rates by service index.
pub type ByService = [Box<[u16]>; 4];

/// Where amounts are rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoundingPoints {
    /// A charge line.
    pub line: Rounding,
    /// An event's sum; absent: the exact sum.
    pub event: Option<Rounding>,
    /// The total of a cycle.
    pub cycle: Rounding,
    /// An amount that comes from another currency.
    pub exchange: Rounding,
}

impl PlanVersion {
    /// The rates that may price a service, best first: the first whose conditions hold wins.
    #[inline]
    pub fn rates_for(&self, service: Service) -> impl Iterator<Item = &Rate> {
        listed(&self.rates, &self.by_service, service)
    }

    /// The rates for single accounts, likewise.
    #[inline]
    pub fn own_rates_for(&self, service: Service) -> impl Iterator<Item = &Rate> {
        listed(&self.rates, &self.own_by_service, service)
    }
}

fn listed<'v>(
    rates: &'v [Rate],
    lists: &'v ByService,
    service: Service,
) -> impl Iterator<Item = &'v Rate> + use<'v> {
    let order: &[u16] = lists.get(service.index()).map_or(&[], AsRef::as_ref);
    order.iter().filter_map(|&index| rates.get(usize::from(index)))
}

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

/// Over what something is counted before it begins anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Period {
    /// One event.
    Event,
    /// A local day.
    Day,
    /// A local week from Monday.
    Week,
    /// The account's cycle.
    Cycle,
    /// A stretch of its own, from a day.
    Every(Every, Date),
    /// It never begins anew.
    Ever,
}

/// Whose usage is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub enum Shared {
    #[default]
    Subscription,
    Group,
    Account,
}

/// How often something falls due.
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
