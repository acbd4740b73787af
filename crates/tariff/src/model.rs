//! The compiled tariff: plans by dense index, their rates and allowances with every name resolved.
//! Relies on `compile` having checked everything, so look-ups cannot fail for want of a reference.
//! Never changes once built, so all shards read one copy.

use crate::allowance::Allowance;
use crate::charges::{Cap, Capacity, Commitment};
use crate::discount::Discount;
use crate::exchange::ExchangeTable;
use crate::numbers::{NumberClass, NumberTable};
use crate::prefix::PrefixTable;
use crate::rate_model::Rate;
use crate::sets::{Looks, Words};
use crate::table::RateTable;
use caudal_usage::{CounterId, Currency, Date, Decimal, Digits, Rounding, Service};

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
    /// True when something follows the charges of every rate.
    pub(crate) adjusts: bool,
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

impl RoundingPoints {
    /// Zero at the places of a line, so that a sum has them even without lines.
    #[inline]
    pub fn zero(&self) -> Decimal {
        Decimal::from_parts(0, 0, 0, false, u32::try_from(self.line.places).unwrap_or(0))
    }
}

impl PlanVersion {
    /// True when something follows the charges of every rate: a discount, a cap, a commitment, money that pays.
    #[inline]
    pub fn adjusts(&self) -> bool {
        self.adjusts
    }

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
