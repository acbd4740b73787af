//! Prices of a rate in the plan or in a table: by band, by step, with increments and connection fees.
//! Relies on the grammar for every text and on the week for gaps and overlaps of bands.
//! Never lets a band without a price pass.

use crate::bands::{BANDS_MAX, BandTimes, Week, WeekFault};
use crate::conditions::Applies;
use crate::grammar::{self, DayKinds, Increments};
use crate::model::ZoneId;
use crate::rate::{Priced, Reading, calls_only, measure};
use crate::rate_model::{BandTerms, Pricing, Step, TableBand, Terms};
use crate::read::{At, Fields};
use crate::table::default_increments;
use caudal_usage::{Decimal, Price, Unit};

/// Most steps of one band.
pub const STEPS_MAX: usize = 100;

/// What every band of a rate has unless it says otherwise, and what its prices count.
struct Common {
    /// What usage counts; absent where its services differ.
    usage: Option<Unit>,
    /// What prices count; known once the first was read.
    unit: Option<Unit>,
    calls: bool,
    price: Option<Price>,
    steps: Vec<StepRead>,
    increments: Option<Increments>,
    connection_fee: Decimal,
}

/// A step as read; one without portions of its own has those of its band, else of its rate.
#[derive(Clone)]
struct StepRead {
    up_to: i64,
    price: Price,
    increments: Option<Increments>,
}

/// One entry of `bands`.
struct Band {
    at: usize,
    name: Box<str>,
    times: BandTimes,
    terms: Option<(Terms, Box<[Step]>)>,
}

/// Reads price, table, steps and bands.
pub fn read(reading: &mut Reading, item: &mut Fields, applies: &mut Applies) -> Option<Priced> {
    let table = reading.table(item, applies.unit);
    let mut common = Common {
        usage: applies.unit,
        unit: table.as_ref().map(|(_, unit)| *unit),
        calls: calls_only(applies),
        price: None,
        steps: Vec::new(),
        increments: None,
        connection_fee: Decimal::ZERO,
    };
    reading.common(item, &mut common);
    let bands = reading.bands(item, &mut common, table.is_some());
    let week = reading.week(&bands)?;
    let unit = common.unit?;
    let measure = measure(applies.unit, unit)?;
    let pricing = match table {
        Some((index, _)) => {
            let rates = reading.context.tables.get(usize::try_from(index).ok()?)?;
            applies.when.zones = Some(match &applies.when.zones {
                Some(zones) => zones.and(&rates.zones),
                None => rates.zones.clone(),
            });
            reading.rates.tables.insert(index);
            reading.table_bands(item.at, index, &bands)?
        }
        None => Pricing::Plan(plan_bands(&common, &bands)?),
    };
    Some(Priced { measure, unit, pricing, tiers: None, week })
}

impl Reading<'_, '_, '_> {
    fn table(&mut self, item: &mut Fields, usage: Option<Unit>) -> Option<(u32, Unit)> {
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
        if measure(usage, table.unit).is_none() {
            let (found, expected) = (table.unit.as_str(), usage.map_or("event", Unit::as_str));
            self.report
                .error(path.at, format!("`table` prices {found}, expected {expected} for these services"));
        }
        if table.has_negative && !self.signed {
            let message = format!("{} has prices below zero", table.path);
            self.report.hinted(path.at, message, "allow_negative = true takes them");
        }
        found.and_then(|index| u32::try_from(index).ok()).map(|index| (index, table.unit))
    }

    fn common(&mut self, item: &mut Fields, common: &mut Common) {
        common.price = self.price(item, "price", common);
        // Prices of steps and bands may stand alone: the first of them says what is counted.
        if common.unit.is_none() {
            let within =
                ["steps", "bands"].into_iter().find_map(|list| item.first_text_within(list, "price"));
            let counted = within.and_then(|text| grammar::price(text).ok()).map(|(_, unit)| unit);
            common.unit = counted.filter(|unit| measure(common.usage, *unit).is_some()).or(common.usage);
        }
        common.increments = self.increments(item, common.unit);
        common.steps = self.steps(item, common);
        common.connection_fee = self.fee(item, common.calls).unwrap_or_default();
    }

    fn price(&mut self, item: &mut Fields, key: &'static str, common: &mut Common) -> Option<Price> {
        let at = item.place(key);
        let (price, found) = item.parsed(self.report, key, grammar::price)?.value;
        self.check_price(at, (price, found), (common.usage, &mut common.unit));
        Some(price)
    }

    /// A price must count what the usage counts, and what the prices before it count; or events.
    pub fn check_price(
        &mut self,
        at: usize,
        (price, found): (Price, Unit),
        (usage, unit): (Option<Unit>, &mut Option<Unit>),
    ) {
        let expected = unit.or(usage).unwrap_or(Unit::Event);
        if measure(usage, found).is_none() || unit.is_some_and(|unit| unit != found) {
            let (found, expected) = (found.as_str(), expected.as_str());
            self.report.error(at, format!("`price` is per {found}, expected {expected} for these services"));
        } else if price.amount.is_sign_negative() && !price.amount.is_zero() && !self.signed {
            self.report.hinted(at, "`price` is below zero", "allow_negative = true takes it: a reward");
        }
        unit.get_or_insert(found);
    }

    /// Portions, which must count what prices count.
    pub fn increments(&mut self, item: &mut Fields, unit: Option<Unit>) -> Option<Increments> {
        let at = item.place("increments");
        let (increments, found) = item.parsed(self.report, "increments", grammar::increments)?.value;
        if let Some(unit) = unit.filter(|unit| *unit != found) {
            let (found, expected) = (found.as_str(), unit.as_str());
            let message = format!("`increments` counts {found}, expected {expected} for these services");
            self.report.error(at, message);
        }
        Some(increments)
    }

    /// A connection fee, of calls only.
    pub fn fee(&mut self, item: &mut Fields, calls: bool) -> Option<Decimal> {
        let fee = item.parsed(self.report, "connection_fee", grammar::decimal)?;
        if fee.value.is_sign_negative() && !fee.value.is_zero() && !self.signed {
            self.report.hinted(fee.at, "`connection_fee` is below zero", "allow_negative = true takes it");
        }
        if !calls {
            self.report.error(fee.at, "`connection_fee` never applies here, expected it for calls only");
        }
        Some(fee.value)
    }

    /// `steps` of a rate or a band: bounds rise, the last is open.
    fn steps(&mut self, item: &mut Fields, common: &mut Common) -> Vec<StepRead> {
        let (at, said) = (item.place("steps"), item.has("steps"));
        let mut steps = Vec::<At<StepRead>>::new();
        let list = item.tables(self.report, "steps", STEPS_MAX);
        let count = list.len();
        for (index, mut step) in list.into_iter().enumerate() {
            let here = step.at;
            let price = self.price(&mut step, "price", common);
            if price.is_none() && !step.has("price") {
                self.report.error(here, "`price` is missing");
            }
            let increments = self.increments(&mut step, common.unit);
            let up_to = self.bound(&mut step, common.unit);
            self.bound_order(&step, (index + 1 == count, up_to), steps.last().map(|step| step.value.up_to));
            step.finish(self.report, &[]);
            let (up_to, price) =
                (up_to.unwrap_or(i64::MAX), price.unwrap_or(Price { amount: Decimal::ZERO, per: 1 }));
            steps.push(At { at: here, value: StepRead { up_to, price, increments } });
        }
        if said && steps.is_empty() {
            self.report.error(at, "no steps, expected at least one");
        }
        steps.into_iter().map(|step| step.value).collect()
    }

    /// `up_to` of a step or a tier, which counts what prices count.
    pub fn bound(&mut self, step: &mut Fields, unit: Option<Unit>) -> Option<i64> {
        let up_to = step.parsed(self.report, "up_to", grammar::quantity)?;
        if let Some(unit) = unit.filter(|unit| *unit != up_to.value.unit) {
            let (found, expected) = (up_to.value.unit.as_str(), unit.as_str());
            self.report
                .error(up_to.at, format!("`up_to` counts {found}, expected {expected} for these services"));
        }
        Some(up_to.value.units)
    }

    /// Bounds rise, and only the last is open.
    pub fn bound_order(&mut self, step: &Fields, (last, up_to): (bool, Option<i64>), before: Option<i64>) {
        let at = step.at;
        if let (Some(up_to), Some(before)) = (up_to, before)
            && up_to <= before
        {
            self.report.error(at, "out of order, expected `up_to` above that of the step before");
        }
        match (last, up_to.is_some() || step.has("up_to")) {
            (true, true) => self.report.error(at, "the last step has `up_to`, expected it open"),
            (false, false) => {
                self.report.error(at, "`up_to` is missing, expected it in all but the last step")
            }
            _ => {}
        }
    }

    fn bands(&mut self, item: &mut Fields, common: &mut Common, from_table: bool) -> Vec<Band> {
        let at = item.place("bands");
        let (has, mut list) = (item.has("bands"), Vec::<Band>::new());
        for mut entry in item.tables(self.report, "bands", BANDS_MAX) {
            let name = entry.needed(self.report, "name");
            let times = BandTimes {
                days: entry.parsed(self.report, "days", grammar::days).map(|days| days.value),
                hours: entry.parsed(self.report, "hours", grammar::hours).map(|hours| hours.value),
            };
            let said =
                ["price", "steps", "increments", "connection_fee"].into_iter().find(|key| entry.has(key));
            if let Some(key) = said.filter(|_| from_table) {
                self.report.error(
                    entry.place(key),
                    format!("`{key}` in a band beside `table`, which has the prices"),
                );
            }
            let terms = self.band_terms(&mut entry, common, from_table);
            let at = entry.at;
            entry.finish(self.report, &[]);
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

    /// Terms of one band: its own, else those of the rate.
    fn band_terms(
        &mut self,
        entry: &mut Fields,
        common: &mut Common,
        from_table: bool,
    ) -> Option<(Terms, Box<[Step]>)> {
        let own = self.price(entry, "price", common);
        let mut steps = self.steps(entry, common);
        if own.is_some() && !steps.is_empty() {
            self.report.error(entry.place("steps"), "`steps` beside `price`, expected one of them");
        }
        if own.is_none() && steps.is_empty() {
            steps.clone_from(&common.steps);
        }
        let price = own.or(common.price).or(steps.first().map(|step| step.price));
        let increments = self.increments(entry, common.unit);
        let connection_fee = self.fee(entry, common.calls).unwrap_or(common.connection_fee);
        if price.is_none() && !from_table {
            self.report.error(entry.at, "neither the band nor its rate has a `price`");
        }
        let unit = common.unit.unwrap_or(Unit::Event);
        let increments = increments.or(common.increments).unwrap_or_else(|| default_increments(unit));
        let steps = filled(&steps, increments);
        Some((with_steps(price?, increments, connection_fee, &steps), steps))
    }

    /// The compiled week; findings name the stretch and the bands.
    fn week(&mut self, bands: &[Band]) -> Option<Week> {
        if bands.is_empty() {
            return Some(Week::constant());
        }
        let times: Vec<_> = bands.iter().map(|band| band.times.clone()).collect();
        let named = Week::names_holidays(&times);
        let first_at = bands.first().map_or(0, |band| band.at);
        let holidays = self.context.holidays.as_deref();
        if named && holidays.is_none() {
            let hint = "name the calendar in the plan: holidays = \"…\"";
            self.report.hinted(first_at, "bands name holidays, but no calendar is chosen", hint);
        }
        self.context.uses_calendar.set(self.context.uses_calendar.get() | named);
        match Week::compile(&times, holidays.unwrap_or(&[])) {
            Ok(week) => Some(week),
            Err(faults) => {
                faults.iter().for_each(|fault| self.week_fault(bands, fault));
                None
            }
        }
    }

    fn week_fault(&mut self, bands: &[Band], fault: &WeekFault) {
        let first_at = bands.first().map_or(0, |band| band.at);
        match fault {
            WeekFault::Gap { kind, minutes } => {
                let (from, to) = (clock(minutes.start), clock(minutes.end));
                let message = format!("no band on {} from {from} to {to}", day_word(*kind));
                let hint = "a last band without days and hours takes what is left";
                self.report.hinted(first_at, message, hint);
            }
            WeekFault::Overlap { kind, minute, bands: (one, other) } => {
                let name = |index: &usize| bands.get(*index).map_or("", |band| band.name.as_ref());
                let at = bands.get(*other).map_or(first_at, |band| band.at);
                let (time, first, second) = (clock(*minute), clip(name(one)), clip(name(other)));
                let when = day_word(*kind);
                self.report
                    .error(at, format!("bands {first:?} and {second:?} overlap on {when} from {time}"));
            }
        }
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
            let rows = rates.rows_of(ZoneId(u32::try_from(zone).ok()?));
            let priced =
                |band: &TableBand| rows.iter().any(|row| row.band.is_none() || row.band == band.in_table);
            for band in joined.iter().filter(|band| !rows.is_empty() && !priced(band)) {
                let band = clip(band.name.as_deref().unwrap_or_default());
                self.report.error(at, format!("{} has no row for zone {name} in band {band:?}", rates.path));
            }
        }
        Some(Pricing::Table { table, bands: joined.into_boxed_slice() })
    }
}

fn plan_bands(common: &Common, bands: &[Band]) -> Option<Box<[BandTerms]>> {
    if bands.is_empty() {
        let price = common.price.or(common.steps.first().map(|step| step.price))?;
        let increments =
            common.increments.unwrap_or_else(|| default_increments(common.unit.unwrap_or(Unit::Event)));
        let steps = filled(&common.steps, increments);
        let terms = with_steps(price, increments, common.connection_fee, &steps);
        return Some([BandTerms { name: None, terms, steps }].into());
    }
    let named = |band: &Band| {
        let (terms, steps) = band.terms.clone()?;
        Some(BandTerms { name: Some(band.name.clone()), terms, steps })
    };
    bands.iter().map(named).collect()
}

/// Steps with the portions of their band where they say none.
fn filled(steps: &[StepRead], increments: Increments) -> Box<[Step]> {
    let full = |step: &StepRead| Step {
        up_to: step.up_to,
        price: step.price,
        increments: step.increments.unwrap_or(increments),
    };
    steps.iter().map(full).collect()
}

/// Terms of a band; where it has steps, price and portions are those of the first.
fn with_steps(price: Price, increments: Increments, connection_fee: Decimal, steps: &[Step]) -> Terms {
    match steps.first() {
        Some(first) => Terms { price: first.price, increments: first.increments, connection_fee },
        None => Terms { price, increments, connection_fee },
    }
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
