//! The `[[rate]]` tables of a plan: which usage, which way of pricing, and what few rates say besides.
//! Relies on the files next door for prices, bands, tiers and amounts rated elsewhere.
//! Never mixes two ways of pricing: a rate has a price, a table, steps, tiers, or is of an amount.

use crate::amounts;
use crate::bands::Week;
use crate::charges::read_cap_of_rate;
use crate::conditions::{Applies, read_needed, read_priority};
use crate::grammar;
use crate::plan::{Context, ITEMS_MAX, Ids, read_time};
use crate::prices;
use crate::rate_model::{Measure, Pricing, Rate, RateOptions, RoundOver, Split, TimeBase};
use crate::read::{Fields, Report};
use crate::tiers;
use caudal_usage::{Decimal, Service, Unit};
use std::collections::BTreeSet;

/// The rates of one plan file.
#[derive(Default)]
pub struct Rates {
    /// In the order of the file.
    pub list: Vec<Rate>,
    /// Where each stands.
    pub at: Vec<usize>,
    /// Rate tables used.
    pub tables: BTreeSet<u32>,
}

/// What rates inherit from the head of their plan.
#[derive(Clone, Copy)]
pub struct Defaults {
    /// In which zone bands lie.
    pub time: TimeBase,
    /// True when prices below zero are taken.
    pub signed: bool,
}

/// Reads all rates.
pub fn read_all(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    (context, defaults): (&Context, Defaults),
) -> Rates {
    let mut rates = Rates::default();
    for mut item in fields.tables(report, "rate", ITEMS_MAX) {
        let at = item.at;
        let signed = item.flag(report, "allow_negative").map_or(defaults.signed, |flag| flag.value);
        let time = read_time(report, &mut item).unwrap_or(defaults.time);
        let mut reading = Reading { report, context, rates: &mut rates, signed, time, plan: ids.plan };
        let rate = reading.rate(&mut item, ids);
        item.finish(report, &[]);
        if let Some(rate) = rate {
            rates.list.push(rate);
            rates.at.push(at);
        }
    }
    rates
}

/// What is at hand while one rate is read.
pub struct Reading<'a, 'r, 'c> {
    /// Findings.
    pub report: &'a mut Report<'r>,
    /// What the plan refers to.
    pub context: &'a Context<'c>,
    /// The rates so far.
    pub rates: &'a mut Rates,
    /// True when prices below zero are taken.
    pub signed: bool,
    /// In which zone bands lie.
    pub time: TimeBase,
    /// Id of the plan.
    pub plan: &'a str,
}

/// The keys of which a rate has exactly one; bands may have the prices instead.
const WAYS: [&str; 6] = ["price", "table", "steps", "tiers", "pass_through", "percentage"];

/// Every key of a rate besides, for one whose conditions are not understood.
const OTHERS: [&str; 13] = [
    "increments",
    "partial",
    "free",
    "grace",
    "minimum_quantity",
    "minimum_charge",
    "maximum_charge",
    "connection_fee",
    "fee_when_covered",
    "bands",
    "split",
    "round_over",
    "cap",
];

/// A way of pricing as read.
pub struct Priced {
    /// What is counted.
    pub measure: Measure,
    /// Base unit of prices and quantities.
    pub unit: Unit,
    /// The prices.
    pub pricing: Pricing,
    /// Tiers, where they replace the price.
    pub tiers: Option<tiers::Tiers>,
    /// When which band holds.
    pub week: Week,
}

impl Reading<'_, '_, '_> {
    fn rate(&mut self, item: &mut Fields, ids: &mut Ids) -> Option<Rate> {
        let id = ids.read(self.report, item, "rate");
        let applies = read_needed(self.report, item, self.context, self.time);
        let priority = read_priority(self.report, item);
        let Some(mut applies) = applies else {
            WAYS.into_iter().chain(OTHERS).for_each(|key| item.skip(key));
            return None;
        };
        if let Some(bands) = &applies.bands {
            let message =
                format!("`band` of a rate ({}), expected it in allowances and discounts", bands.join(", "));
            self.report.error(applies.at, message);
        }
        self.one_way(item);
        let id = id.map_or("", |id| id.value);
        let priced = self.priced(item, &mut applies, id)?;
        let more = self.options(item, &priced, id);
        let round_over = self.round_over(item, &priced, id);
        Some(Rate {
            id: id.into(),
            when: applies.when,
            priority,
            time: self.time,
            week: priced.week,
            measure: priced.measure,
            pricing: priced.pricing,
            tiers: priced.tiers,
            round_over: round_over?,
            more: more.map(Box::new),
        })
    }

    fn priced(&mut self, item: &mut Fields, applies: &mut Applies, id: &str) -> Option<Priced> {
        if item.has("pass_through") || item.has("percentage") {
            return amounts::read(self, item, applies, id);
        }
        if item.has("tiers") {
            return tiers::read_rate(self, item, applies, id);
        }
        prices::read(self, item, applies)
    }

    /// A rate has one way of pricing, and nothing that would be without effect beside it.
    fn one_way(&mut self, item: &Fields) {
        let ways: Vec<_> = WAYS.into_iter().filter(|key| item.has(key)).collect();
        if let [first, second, ..] = ways.as_slice() {
            self.report
                .error(item.place(second), format!("`{second}` beside `{first}`, expected one of them"));
        }
        if ways.is_empty() && !item.has("bands") {
            self.report.error(
                item.at,
                "no price, expected one of: price, table, steps, tiers, pass_through, percentage, or a price in each of bands",
            );
        }
        let clashes: &[(&str, &str)] = &[
            ("tiers", "bands"),
            ("tiers", "free"),
            ("tiers", "split"),
            ("steps", "free"),
            ("table", "increments"),
            ("table", "connection_fee"),
            ("pass_through", "bands"),
            ("percentage", "bands"),
        ];
        for (way, key) in clashes.iter().filter(|(way, key)| item.has(way) && item.has(key)) {
            let expected = match *way {
                "table" => "expected it in the table's own columns",
                _ => "expected one of them",
            };
            self.report.error(item.place(key), format!("`{key}` beside `{way}`, {expected}"));
        }
        for way in ["pass_through", "percentage"].into_iter().filter(|way| item.has(way)) {
            let quantity = ["increments", "partial", "free", "grace", "minimum_quantity", "connection_fee"];
            for key in quantity.into_iter().filter(|key| item.has(key)) {
                self.report
                    .error(item.place(key), format!("`{key}` beside `{way}`, which counts no quantity"));
            }
        }
    }

    /// What few rates say; `None` where nothing is said.
    fn options(&mut self, item: &mut Fields, priced: &Priced, id: &str) -> Option<RateOptions> {
        let keys = [
            "partial",
            "free",
            "grace",
            "minimum_quantity",
            "minimum_charge",
            "maximum_charge",
            "fee_when_covered",
            "split",
            "cap",
        ];
        let said = keys.into_iter().any(|key| item.has(key));
        let unit = priced.unit;
        let free = self.units(item, "free", unit);
        if free > 0 && has_steps(&priced.pricing) {
            let message = "`free` beside steps of a band, expected a first step at zero there";
            self.report.error(item.place("free"), message);
        }
        let grace = self.units(item, "grace", unit);
        let minimum_quantity = self.units(item, "minimum_quantity", unit);
        let pro_rata = item.choice(self.report, "partial", &[("whole", false), ("pro_rata", true)])?;
        let splits = [("by_increment", Split::ByIncrement), ("exact", Split::Exact), ("start", Split::Start)];
        let split = item.choice(self.report, "split", &splits)?;
        let minimum_charge = self.charge(item, "minimum_charge");
        let maximum_at = item.place("maximum_charge");
        let maximum_charge = self.charge(item, "maximum_charge");
        if minimum_charge.zip(maximum_charge).is_some_and(|(least, greatest)| least > greatest) {
            self.report.error(maximum_at, "`maximum_charge` is below `minimum_charge`");
        }
        let fee_when_covered = item.flag(self.report, "fee_when_covered").is_none_or(|flag| flag.value);
        let cap = read_cap_of_rate(self.report, item, (self.context, self.plan, id));
        said.then_some(RateOptions {
            free,
            grace,
            minimum_quantity,
            pro_rata,
            split,
            minimum_charge,
            maximum_charge,
            cap,
            fee_when_covered,
        })
    }

    /// Base units of a key that counts what the rate counts; 0 where nothing is said.
    fn units(&mut self, item: &mut Fields, key: &'static str, unit: Unit) -> i64 {
        let at = item.place(key);
        let Some(amount) = item.parsed(self.report, key, grammar::quantity) else { return 0 };
        if amount.value.unit != unit {
            let (found, expected) = (amount.value.unit.as_str(), unit.as_str());
            self.report.error(at, format!("`{key}` counts {found}, expected {expected} as the rate's price"));
        }
        amount.value.units
    }

    /// An amount of zero or more.
    pub fn charge(&mut self, item: &mut Fields, key: &'static str) -> Option<Decimal> {
        let amount = item.parsed(self.report, key, grammar::decimal)?;
        if amount.value.is_sign_negative() && !amount.value.is_zero() {
            self.report.error(amount.at, format!("`{key}` is {}, expected zero or more", amount.value));
        }
        Some(amount.value)
    }

    fn round_over(&mut self, item: &mut Fields, priced: &Priced, id: &str) -> Option<RoundOver> {
        let at = item.place("round_over");
        let said = item.has("round_over");
        let words = [("record", 0u8), ("part", 1), ("session", 2), ("day", 3), ("cycle", 4)];
        let choice = item.choice(self.report, "round_over", &words)?;
        if choice >= 3 && (has_steps(&priced.pricing) || item.has("free")) {
            let hint = "a position in the usage goes on over `record` and `session` only";
            self.report.hinted(at, "`round_over` of a day or a cycle beside steps", hint);
        }
        if said && choice >= 2 && priced.measure != Measure::Units {
            self.report.error(at, "`round_over` beside a price per event, which is never rounded up");
        }
        let meters = || ["measured", "billed"].map(|kind| self.context.counter(self.plan, kind, id));
        Some(match choice {
            1 => RoundOver::Part,
            2 => RoundOver::Session(meters()),
            3 => RoundOver::Day(meters()),
            4 => RoundOver::Cycle(meters()),
            _ => RoundOver::Record,
        })
    }
}

fn has_steps(pricing: &Pricing) -> bool {
    match pricing {
        Pricing::Plan(bands) => bands.iter().any(|band| !band.steps.is_empty()),
        Pricing::Table { .. } | Pricing::Amount(_) => false,
    }
}

/// True when the services of some conditions are calls only.
pub fn calls_only(applies: &Applies) -> bool {
    applies.when.services == crate::sets::Conditions::service_bit(Service::Voice)
}

/// What a price per `found` counts where usage counts `unit`; events may be counted of anything.
pub fn measure(unit: Option<Unit>, found: Unit) -> Option<Measure> {
    match (unit, found) {
        (Some(unit), found) if unit == found => Some(Measure::Units),
        (_, Unit::Event) => Some(Measure::Events),
        _ => None,
    }
}
