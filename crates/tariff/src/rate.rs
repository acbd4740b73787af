//! The `[[rate]]` tables of a plan: conditions, price or table, increments, bands, tiers.
//! Relies on the grammar for every text and on the week for gaps and overlaps of bands.
//! Never mixes two ways of pricing: a rate has a price, a table or tiers.

use crate::bands::{BANDS_MAX, BandTimes, Week, WeekFault};
use crate::conditions::{read_conditions, read_priority};
use crate::grammar::{self, DayKinds, Increments};
use crate::model::{BandTerms, Pricing, Rate, TableBand, Terms, TierStep, Tiers};
use crate::plan::{Context, ITEMS_MAX, Ids};
use crate::read::{At, Fields, Report};
use crate::table::default_increments;
use caudal_usage::{Decimal, Price, Unit};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most tiers of one rate.
pub const TIERS_MAX: usize = 100;

/// The rates of one plan file.
#[derive(Default)]
pub struct Rates {
    /// In the order of the file.
    pub list: Vec<Rate>,
    /// Where each stands.
    pub at: Vec<usize>,
    /// Rate tables used.
    pub tables: BTreeSet<u32>,
    /// True when a band names holidays.
    pub uses_calendar: bool,
}

const LATER: &[&str] = &[
    "cap",
    "discount",
    "minimum",
    "maximum",
    "grace",
    "minimum_quantity",
    "minimum_duration",
    "round_over",
    "steps",
    "free",
    "split",
    "time_zone",
    "markup",
    "allow_negative",
    "percent",
    "fixed",
];

/// Reads all rates.
pub fn read_all(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    context: &Context,
    holidays: &Option<Arc<[i32]>>,
) -> Rates {
    let mut rates = Rates::default();
    for mut item in fields.tables(report, "rate", ITEMS_MAX) {
        let at = item.at;
        let mut reading = Reading { report, context, holidays, rates: &mut rates };
        let rate = reading.rate(&mut item, ids);
        item.finish(report, LATER);
        if let Some(rate) = rate {
            rates.list.push(rate);
            rates.at.push(at);
        }
    }
    rates
}

/// What is at hand while one rate is read.
struct Reading<'a, 'r, 'c> {
    report: &'a mut Report<'r>,
    context: &'a Context<'c>,
    holidays: &'a Option<Arc<[i32]>>,
    rates: &'a mut Rates,
}

/// What every band of a rate has unless it says otherwise.
struct Common {
    unit: Unit,
    price: Option<Price>,
    increments: Increments,
    connection_fee: Decimal,
}

/// One entry of `bands`.
struct Band {
    at: usize,
    name: Box<str>,
    times: BandTimes,
    terms: Option<Terms>,
}

impl Reading<'_, '_, '_> {
    fn rate(&mut self, item: &mut Fields, ids: &mut Ids) -> Option<Rate> {
        let id = ids.read(self.report, item, "rate");
        let conditions = read_conditions(self.report, item, self.context);
        let priority = read_priority(self.report, item);
        // Without a service the unit is unknown, and everything else would be a finding that means nothing.
        let Some((mut when, unit)) = conditions else {
            for key in ["price", "table", "increments", "connection_fee", "bands", "tiers"] {
                item.skip(key);
            }
            return None;
        };
        self.one_way(item);
        let table = self.table(item, unit);
        let common = self.common(item, unit);
        let bands = self.bands(item, &common, table.is_some());
        let tiers = self.tiers(item, unit, (ids.plan, id.as_ref()?.value));
        let week = self.week(&bands)?;
        if let Some(index) = table {
            let rates = self.context.tables.get(usize::try_from(index).ok()?)?;
            when.zones = Some(match &when.zones {
                Some(zones) => zones.and(&rates.zones),
                None => rates.zones.clone(),
            });
            self.rates.tables.insert(index);
        }
        let pricing = match table {
            Some(table) => self.table_bands(item.at, table, &bands)?,
            None => Pricing::Plan(plan_bands(&common, &bands, tiers.as_ref())?),
        };
        Some(Rate { id: id?.value.into(), when, priority, week, pricing, tiers })
    }

    /// A rate has a price, a table or tiers, and nothing that would be without effect beside it.
    fn one_way(&mut self, item: &Fields) {
        let clash = |keys: [&str; 2]| keys.iter().all(|key| item.has(key));
        let clashes = [["price", "table"], ["price", "tiers"], ["table", "tiers"], ["bands", "tiers"]];
        for [first, second] in clashes.into_iter().filter(|keys| clash(*keys)) {
            self.report
                .error(item.place(second), format!("`{second}` beside `{first}`, expected one of them"));
        }
        for key in ["increments", "connection_fee"].into_iter().filter(|key| clash(["table", key])) {
            let message = format!("`{key}` beside `table`, expected it in the table's own columns");
            self.report.error(item.place(key), message);
        }
        if !["price", "table", "tiers", "bands"].iter().any(|key| item.has(key)) {
            self.report.error(
                item.at,
                "no price, expected one of: price, table, tiers, or a price in each of bands",
            );
        }
    }

    fn table(&mut self, item: &mut Fields, unit: Unit) -> Option<u32> {
        let path = item.text(self.report, "table")?;
        let found = self.context.tables.iter().position(|table| table.path.as_ref() == path.value);
        let Some(table) = found.and_then(|index| self.context.tables.get(index)) else {
            let shown: String = path.value.chars().take(80).collect();
            let known: Vec<_> = self.context.tables.iter().map(|table| table.path.as_ref()).collect();
            let message =
                format!("`table` is {shown:?}, expected a rate table of the pipeline: {}", known.join(", "));
            self.report.error(path.at, message);
            return None;
        };
        if table.unit != unit {
            let (found, expected) = (table.unit.as_str(), unit.as_str());
            self.report
                .error(path.at, format!("`table` prices {found}, expected {expected} for these services"));
        }
        found.and_then(|index| u32::try_from(index).ok())
    }

    fn common(&mut self, item: &mut Fields, unit: Unit) -> Common {
        let price = self.price(item, unit);
        let increments = self.increments(item, unit).unwrap_or_else(|| default_increments(unit));
        let connection_fee = self.fee(item, unit).unwrap_or_default();
        Common { unit, price, increments, connection_fee }
    }

    fn price(&mut self, item: &mut Fields, unit: Unit) -> Option<Price> {
        let at = item.place("price");
        let (price, found) = item.parsed(self.report, "price", grammar::price)?.value;
        if found != unit {
            let (found, expected) = (found.as_str(), unit.as_str());
            self.report.error(at, format!("`price` is per {found}, expected {expected} for these services"));
        } else if price.amount.is_sign_negative() {
            self.report.error(at, "`price` is below zero, which is not supported yet");
        }
        Some(price)
    }

    fn increments(&mut self, item: &mut Fields, unit: Unit) -> Option<Increments> {
        let at = item.place("increments");
        let (increments, found) = item.parsed(self.report, "increments", grammar::increments)?.value;
        if found != unit {
            let (found, expected) = (found.as_str(), unit.as_str());
            let message = format!("`increments` counts {found}, expected {expected} for these services");
            self.report.error(at, message);
        }
        Some(increments)
    }

    fn fee(&mut self, item: &mut Fields, unit: Unit) -> Option<Decimal> {
        let fee = item.parsed(self.report, "connection_fee", grammar::decimal)?;
        if fee.value.is_sign_negative() {
            self.report.error(fee.at, "`connection_fee` is below zero, which is not supported yet");
        }
        if unit != Unit::Millisecond {
            self.report.error(fee.at, "`connection_fee` never applies here, expected it for calls only");
        }
        Some(fee.value)
    }

    fn bands(&mut self, item: &mut Fields, common: &Common, from_table: bool) -> Vec<Band> {
        let at = item.place("bands");
        let (has, mut list) = (item.has("bands"), Vec::<Band>::new());
        for mut entry in item.tables(self.report, "bands", BANDS_MAX) {
            let name = entry.needed(self.report, "name");
            let times = BandTimes {
                days: entry.parsed(self.report, "days", grammar::days).map(|days| days.value),
                hours: entry.parsed(self.report, "hours", grammar::hours).map(|hours| hours.value),
            };
            let said = ["price", "increments", "connection_fee"].into_iter().find(|key| entry.has(key));
            if let Some(key) = said.filter(|_| from_table) {
                self.report.error(
                    entry.place(key),
                    format!("`{key}` in a band beside `table`, which has the prices"),
                );
            }
            let price = self.price(&mut entry, common.unit).or(common.price);
            let increments = self.increments(&mut entry, common.unit).unwrap_or(common.increments);
            let connection_fee = self.fee(&mut entry, common.unit).unwrap_or(common.connection_fee);
            if price.is_none() && !from_table {
                self.report.error(entry.at, "neither the band nor its rate has a `price`");
            }
            let terms = price.map(|price| Terms { price, increments, connection_fee });
            let at = entry.at;
            entry.finish(self.report, &["dates", "time_zone", "percent"]);
            let Some(name) = name else { continue };
            if list.iter().any(|known| known.name.as_ref() == name.value) {
                self.report.error(name.at, format!("band {:?} stands twice", clip(name.value)));
            }
            list.push(Band { at, name: name.value.into(), times, terms });
        }
        if has && list.is_empty() {
            self.report.error(at, "`bands` is empty, expected at least one band");
        }
        let last = list.len().saturating_sub(1);
        for band in list.iter().take(last).filter(|band| band.times.is_otherwise()) {
            self.report.error(band.at, "a band without days and hours, expected it at the end only");
        }
        list
    }

    /// The compiled week; findings name the stretch and the bands.
    fn week(&mut self, bands: &[Band]) -> Option<Week> {
        if bands.is_empty() {
            return Some(Week::constant());
        }
        let times: Vec<_> = bands.iter().map(|band| band.times.clone()).collect();
        let named = Week::names_holidays(&times);
        let first_at = bands.first().map_or(0, |band| band.at);
        if named && self.holidays.is_none() {
            let hint = "name the calendar in the plan: holidays = \"…\"";
            self.report.hinted(first_at, "bands name holidays, but no calendar is chosen", hint);
        }
        self.rates.uses_calendar |= named;
        let faults = match Week::compile(&times, self.holidays.as_deref().unwrap_or(&[])) {
            Ok(week) => return Some(week),
            Err(faults) => faults,
        };
        for fault in faults {
            match fault {
                WeekFault::Gap { kind, minutes } => {
                    let (from, to) = (clock(minutes.start), clock(minutes.end));
                    let message = format!("no band on {} from {from} to {to}", day_word(kind));
                    let hint = "a last band without days and hours takes what is left";
                    self.report.hinted(first_at, message, hint);
                }
                WeekFault::Overlap { kind, minute, bands: (one, other) } => {
                    let name = |index: usize| bands.get(index).map_or("", |band| band.name.as_ref());
                    let at = bands.get(other).map_or(first_at, |band| band.at);
                    let (time, first, second) = (clock(minute), clip(name(one)), clip(name(other)));
                    let when = day_word(kind);
                    self.report
                        .error(at, format!("bands {first:?} and {second:?} overlap on {when} from {time}"));
                }
            }
        }
        None
    }

    /// Joins the bands of a rate with those of its table: every zone must have a price in every band.
    fn table_bands(&mut self, at: usize, table: u32, bands: &[Band]) -> Option<Pricing> {
        let rates = self.context.tables.get(usize::try_from(table).ok()?)?;
        let index = |name: &str| rates.bands.iter().position(|known| known.as_ref() == name);
        for name in rates.bands.iter().filter(|name| !bands.iter().any(|band| band.name == **name)) {
            let message =
                format!("{} has rows for band {:?}, which the rate does not name", rates.path, clip(name));
            self.report.hinted(at, message, "add it to the rate's `bands` with its days and hours");
        }
        let joined: Vec<_> = bands
            .iter()
            .map(|band| TableBand {
                name: Some(band.name.clone()),
                in_table: index(&band.name).and_then(|index| u32::try_from(index).ok()),
            })
            .collect();
        let joined = if bands.is_empty() { vec![TableBand { name: None, in_table: None }] } else { joined };
        for (zone, name) in self.context.zones.names.iter().enumerate() {
            let zone = crate::model::ZoneId(u32::try_from(zone).ok()?);
            let rows = rates.rows_of(zone);
            let priced =
                |band: &TableBand| rows.iter().any(|row| row.band.is_none() || row.band == band.in_table);
            for band in joined.iter().filter(|band| !rows.is_empty() && !priced(band)) {
                let band = clip(band.name.as_deref().unwrap_or_default());
                self.report.error(at, format!("{} has no row for zone {name} in band {band:?}", rates.path));
            }
        }
        Some(Pricing::Table { table, bands: joined.into_boxed_slice() })
    }

    fn tiers(&mut self, item: &mut Fields, unit: Unit, (plan, id): (&str, &str)) -> Option<Tiers> {
        let mut table = item.table(self.report, "tiers")?;
        for (key, only) in [("model", "graduated"), ("over", "cycle")] {
            let found = table.needed(self.report, key);
            if let Some(found) = found.filter(|found| found.value != only) {
                let shown = clip(found.value);
                let message =
                    format!("`{key}` is {shown:?}, expected {only:?}; others are not supported yet");
                self.report.error(found.at, message);
            }
        }
        let at = table.place("steps");
        let mut steps = Vec::new();
        for mut step in table.tables(self.report, "steps", TIERS_MAX) {
            let price = self.price(&mut step, unit);
            if !step.has("price") {
                self.report.error(step.at, "`price` is missing");
            }
            let up_to = step.parsed(self.report, "up_to", grammar::quantity);
            if let Some(up_to) = up_to.as_ref().filter(|up_to| up_to.value.unit != unit) {
                let (found, expected) = (up_to.value.unit.as_str(), unit.as_str());
                self.report.error(
                    up_to.at,
                    format!("`up_to` counts {found}, expected {expected} for these services"),
                );
            }
            let at = step.at;
            step.finish(self.report, &["flat_fee", "minimum", "maximum"]);
            let zero = Price { amount: Decimal::ZERO, per: 1 };
            let up_to = up_to.map(|up_to| up_to.value.units);
            steps.push(At { at, value: TierStep { up_to, price: price.unwrap_or(zero) } });
        }
        table.finish(self.report, &["free", "maximum_in"]);
        self.tier_order(at, &steps);
        let counter = self.context.counter(plan, "tier", id);
        Some(Tiers { counter, steps: steps.into_iter().map(|step| step.value).collect() })
    }

    /// Bounds must rise, and the last tier must be open.
    fn tier_order(&mut self, at: usize, steps: &[At<TierStep>]) {
        if steps.is_empty() {
            self.report.error(at, "no tiers, expected at least one step");
        }
        for pair in steps.windows(2) {
            let [lower, upper] = pair else { continue };
            let risen = match (lower.value.up_to, upper.value.up_to) {
                (Some(low), Some(high)) => low < high,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if !risen {
                self.report
                    .error(upper.at, "tiers out of order, expected `up_to` above that of the step before");
            }
        }
        if let Some(last) = steps.last().filter(|last| last.value.up_to.is_some()) {
            self.report.error(last.at, "the last tier has `up_to`, expected an open last tier");
        }
    }
}

fn plan_bands(common: &Common, bands: &[Band], tiers: Option<&Tiers>) -> Option<Box<[BandTerms]>> {
    let (increments, connection_fee) = (common.increments, common.connection_fee);
    if bands.is_empty() {
        let first = tiers.and_then(|tiers| tiers.steps.first()).map(|step| step.price);
        let price = common.price.or(first)?;
        return Some([BandTerms { name: None, terms: Terms { price, increments, connection_fee } }].into());
    }
    let named = |band: &Band| Some(BandTerms { name: Some(band.name.clone()), terms: band.terms? });
    bands.iter().map(named).collect()
}

fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn day_word(kind: usize) -> &'static str {
    DayKinds::WORDS.get(kind).copied().unwrap_or_default()
}
