//! Match: which rate prices a usage. The account's own, then the plan's, then its base plan's, and theirs.
//! Relies on the tariff's order of rates: the first whose conditions hold is the most specific.
//! Never falls to a price of zero: where nothing matches, the usage is suspended `no_rate`.

use crate::clock::InBand;
use crate::facts::far_party;
use caudal_tariff::{
    Facts, Increments, PlanVersion, Pricing, Rate, RateTable, Step, Tariff, Terms, TimeBase, Week, ZoneId,
};
use caudal_usage::{Code, Fault, Party, Price, UsageRecord};

/// Longest chain of base plans that is followed; `compile` refuses circles.
const BASES_MAX: usize = 8;

/// The rate that won, and where its prices stand.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'t> {
    /// The rate.
    pub rate: &'t Rate,
    /// Version of the plan that has the rate: the subscription's own or a base plan's.
    pub version: &'t PlanVersion,
    /// Its table, where it has one.
    table: Option<&'t RateTable>,
    zone: Option<ZoneId>,
    origin: Option<ZoneId>,
    day: i32,
}

/// Terms of one band, with the names that a charge line shows.
#[derive(Clone, Copy, Debug)]
pub struct BandPrice<'t> {
    /// What is charged.
    pub terms: &'t Terms,
    /// Row of the table.
    pub row: Option<u32>,
    /// Name of the band.
    pub band: Option<&'t str>,
    /// Prices by position; empty where one holds throughout.
    steps: &'t [Step],
    /// First units that cost nothing.
    free: i64,
}

/// What holds where a part starts.
#[derive(Clone, Copy, Debug)]
pub struct Start<'t> {
    /// The band, and until when it holds.
    pub here: InBand,
    /// Its terms.
    pub price: BandPrice<'t>,
}

/// What holds at a position in a usage.
#[derive(Clone, Copy, Debug)]
pub struct AtPosition {
    /// Number of the step, from 1; 0 where there are none.
    pub step: u16,
    /// Portions that begin here.
    pub increments: Increments,
    /// First position at which something else holds.
    pub until: i64,
}

impl BandPrice<'_> {
    /// True when positions matter.
    #[inline]
    pub const fn has_steps(&self) -> bool {
        !self.steps.is_empty() || self.free > 0
    }

    /// The price of a step by its number, from 1.
    pub fn step_price(&self, number: u16) -> Price {
        if self.free > 0 {
            let zero = Price { amount: caudal_usage::Decimal::ZERO, per: self.terms.price.per };
            return if number == 1 { zero } else { self.terms.price };
        }
        let index = usize::from(number).saturating_sub(1);
        self.steps.get(index).map_or(self.terms.price, |step| step.price)
    }

    /// What holds at a position.
    pub fn at(&self, position: i64) -> AtPosition {
        let number = |index: usize| u16::try_from(index + 1).unwrap_or(u16::MAX);
        let Terms { increments, .. } = *self.terms;
        if self.free > 0 {
            return if position < self.free {
                AtPosition { step: 1, increments, until: self.free }
            } else {
                AtPosition { step: 2, increments, until: i64::MAX }
            };
        }
        let index = self.steps.partition_point(|step| step.up_to <= position);
        match self.steps.get(index).or(self.steps.last()) {
            Some(step) => AtPosition {
                step: number(index.min(self.steps.len() - 1)),
                increments: step.increments,
                until: if index + 1 >= self.steps.len() { i64::MAX } else { step.up_to },
            },
            None => AtPosition { step: 0, increments, until: i64::MAX },
        }
    }
}

impl<'t> Matched<'t> {
    /// A rate by itself, for what the close of a cycle charges: it has no table.
    pub fn of_rate(rate: &'t Rate, version: &'t PlanVersion) -> Self {
        Self { rate, version, table: None, zone: None, origin: None, day: version.days.from }
    }

    /// A rate with the table that it names.
    #[inline]
    fn new(
        tariff: &'t Tariff,
        (rate, version): (&'t Rate, &'t PlanVersion),
        (facts, day): (&Facts, i32),
    ) -> Self {
        let table = match &rate.pricing {
            Pricing::Plan(_) | Pricing::Amount(_) => None,
            Pricing::Table { table, .. } => tariff.table(*table),
        };
        Self { rate, version, table, zone: facts.zone, origin: facts.origin, day }
    }

    /// Name for charge lines: the table's file, or the rate's id.
    pub fn table_name(&self) -> &'t str {
        self.table.map_or(&self.rate.id, |table| &table.path)
    }

    /// Terms of a band on the day of the usage. Nothing for rates of amounts.
    #[inline(always)]
    pub fn band(&self, band: u16) -> Option<BandPrice<'t>> {
        let index = usize::from(band);
        let free = self.rate.more.as_ref().map_or(0, |more| more.free);
        match &self.rate.pricing {
            Pricing::Plan(bands) => {
                let band = bands.get(index)?;
                let (steps, name) = (band.steps.as_ref(), band.name.as_deref());
                Some(BandPrice { terms: &band.terms, row: None, band: name, steps, free })
            }
            Pricing::Table { bands, .. } => {
                let band = bands.get(index)?;
                let row = self.table?.row(self.zone?, self.origin, band.in_table, self.day)?;
                let name = band.name.as_deref();
                Some(BandPrice { terms: &row.terms, row: Some(row.line), band: name, steps: &[], free })
            }
            Pricing::Amount(_) => None,
        }
    }

    /// True when every band has a price on the day of the usage.
    fn is_priced(&self) -> bool {
        match &self.rate.pricing {
            Pricing::Plan(_) | Pricing::Amount(_) => true,
            Pricing::Table { bands, .. } => {
                (0..bands.len()).all(|band| u16::try_from(band).is_ok_and(|band| self.band(band).is_some()))
            }
        }
    }
}

/// A version of a plan, then those of the plans that it falls back to, as of a day.
pub fn levels<'t>(
    tariff: &'t Tariff,
    version: &'t PlanVersion,
    day: i32,
) -> impl Iterator<Item = &'t PlanVersion> {
    let below = move |of: &&'t PlanVersion| of.base.and_then(|base| tariff.plan_version(base, day));
    std::iter::successors(Some(version), below).take(BASES_MAX)
}

/// The first rate whose conditions hold and which has a price that day: of the account's own, from the plan down to its
/// last base; then of all others, likewise. `starts_in` says whether the usage starts in band 0 of a week.
#[inline]
pub fn match_rate<'t>(
    tariff: &'t Tariff,
    version: &'t PlanVersion,
    (facts, day): (&Facts, i32),
    starts_in: &mut dyn FnMut(TimeBase, &Week) -> bool,
) -> Option<Matched<'t>> {
    // What is handed on are two pointers; the rest of the match is put together where it stays.
    let mut won = None;
    if facts.account.is_some() {
        won = levels(tariff, version, day).find_map(|version| {
            first(tariff, (version, version.own_rates_for(facts.service)), (facts, day), starts_in)
        });
    }
    if won.is_none() {
        won = levels(tariff, version, day).find_map(|version| {
            first(tariff, (version, version.rates_for(facts.service)), (facts, day), starts_in)
        });
    }
    let (rate, version) = won?;
    Some(Matched::new(tariff, (rate, version), (facts, day)))
}

#[inline]
fn first<'t>(
    tariff: &'t Tariff,
    (version, mut rates): (&'t PlanVersion, impl Iterator<Item = &'t Rate>),
    (facts, day): (&Facts, i32),
    starts_in: &mut dyn FnMut(TimeBase, &Week) -> bool,
) -> Option<(&'t Rate, &'t PlanVersion)> {
    let is_priced = |rate| Matched::new(tariff, (rate, version), (facts, day)).is_priced();
    let rate =
        rates.find(|rate| rate.when.hold(facts, |base, week| starts_in(base, week)) && is_priced(rate))?;
    Some((rate, version))
}

/// What was looked for in vain. Numbers appear as their first digits only.
#[cold]
pub fn no_rate(tariff: &Tariff, usage: &UsageRecord, facts: &Facts) -> Fault {
    let (service, direction) = (facts.service.as_str(), facts.direction.as_str());
    if let Some(group) = facts.rating_group {
        let found = format!("{service}, rating group {group}");
        return Fault::new(Code::NoRate, "rating_group", found.as_bytes());
    }
    let zone = match (facts.zone, far_party(usage)) {
        (Some(zone), _) => format!("zone {}", tariff.zone_name(zone)),
        (None, Party::E164(number)) => format!("no zone for {}…", number.prefix(5)),
        (None, Party::Absent | Party::Other(_)) => "no zone: the far party is no number".to_owned(),
    };
    Fault::new(Code::NoRate, "zone", format!("{service} {direction}, {zone}").as_bytes())
}
