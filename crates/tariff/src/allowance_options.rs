//! What few allowances say: a price of their own, rollover, over-use, expiry, a floor, thresholds.
//! Relies on the allowance's size and refill being read before.
//! Never lets an option stand that its refill or its unit makes meaningless.

use crate::allowance::{Reading, Refill, Size};
use crate::charges::read_thresholds;
use crate::conditions::Applies;
use crate::grammar;
use crate::model::Period;
use crate::rate::calls_only;
use crate::read::{Fields, Report};
use caudal_usage::{Decimal, Price, Unit};

/// Most periods over which a rest may be carried.
const ROLLOVER_MAX: i64 = 24;

/// What few allowances say.
#[derive(Clone, Debug, Default)]
pub struct AllowanceOptions {
    /// What covered units cost.
    pub price: Option<Price>,
    /// Fee of a call whose first portion is covered.
    pub connection_fee: Option<Decimal>,
    /// True when the rest of a partly covered usage is priced from its beginning.
    pub restarts: bool,
    /// True when a part of a cycle counts by its days.
    pub prorated: bool,
    /// What is carried to the next periods.
    pub rollover: Option<Rollover>,
    /// What may be taken from the next refill.
    pub over_use: Option<Decimal>,
    /// Milliseconds for which a top-up lasts.
    pub expires_ms: Option<i64>,
    /// How far below zero money may go: zero or less.
    pub floor: Decimal,
    /// Percents used at which a notification is due, rising.
    pub thresholds: Box<[u32]>,
}

/// What is carried to the next periods.
#[derive(Clone, Copy, Debug)]
pub struct Rollover {
    /// At least so much.
    pub min: Decimal,
    /// At most so much.
    pub max: Decimal,
    /// For how many periods.
    pub cycles: u32,
}

const OPTIONS: [&str; 9] =
    ["price", "connection_fee", "rest", "prorated", "rollover", "over_use", "expires", "floor", "thresholds"];

/// Reads what few allowances say; `None` where nothing is said.
pub fn read_options(
    report: &mut Report,
    item: &mut Fields,
    (size, refill): (&Size, Refill),
    (applies, reading): (&Applies, &Reading),
) -> Option<Box<AllowanceOptions>> {
    let said = OPTIONS.into_iter().any(|key| item.has(key));
    let rest_at = item.place("rest");
    let restarts = item.choice(report, "rest", &[("goes_on", false), ("restarts", true)]).unwrap_or(false);
    if restarts && applies.bands.is_some() {
        report.error(rest_at, "`rest` beside `band`: what is left has more than one beginning");
    }
    let options = AllowanceOptions {
        price: read_price(report, item, (size, applies), reading),
        connection_fee: read_fee(report, item, applies),
        restarts,
        prorated: item.flag(report, "prorated").is_some_and(|flag| flag.value),
        rollover: read_rollover(report, item, (size, refill)),
        over_use: read_over_use(report, item, (size, refill)),
        expires_ms: read_expires(report, item),
        floor: read_floor(report, item, size),
        thresholds: read_thresholds(report, item),
    };
    said.then(|| Box::new(options))
}

fn read_price(
    report: &mut Report,
    item: &mut Fields,
    (size, applies): (&Size, &Applies),
    reading: &Reading,
) -> Option<Price> {
    let price = item.parsed(report, "price", grammar::price)?;
    let (price, unit, at) = (price.value.0, price.value.1, price.at);
    if applies.unit.is_some_and(|counted| counted != unit) || size.unit.is_none() {
        let expected = applies.unit.map_or("event", Unit::as_str);
        report.error(at, format!("`price` is per {}, expected {expected} for these services", unit.as_str()));
    }
    if price.amount.is_sign_negative() && !price.amount.is_zero() && !reading.signed {
        report.hinted(at, "`price` is below zero", "allow_negative = true takes it: a reward");
    }
    Some(price)
}

fn read_fee(report: &mut Report, item: &mut Fields, applies: &Applies) -> Option<Decimal> {
    let fee = item.parsed(report, "connection_fee", grammar::decimal)?;
    if fee.value.is_sign_negative() {
        report.error(fee.at, "`connection_fee` is below zero");
    }
    if !calls_only(applies) {
        report.error(fee.at, "`connection_fee` never applies here, expected it for calls only");
    }
    Some(fee.value)
}

/// A quantity in the allowance's unit, zero included, or an amount.
fn read_share(report: &mut Report, table: &mut Fields, key: &'static str, size: &Size) -> Option<Decimal> {
    let at = table.place(key);
    let text = table.text(report, key)?.value;
    let found = match size.unit {
        None => grammar::decimal(text).ok().filter(|amount| !amount.is_sign_negative()),
        Some(unit) => grammar::quantity_or_zero(text)
            .ok()
            .filter(|amount| amount.unit == unit)
            .map(|amount| Decimal::from(amount.units)),
    };
    if found.is_none() {
        let shown: String = text.chars().take(60).collect();
        let expected = size.unit.map_or("amount", Unit::as_str);
        report.error(
            at,
            format!("`{key}` is {shown:?}, expected {expected} of zero or more, as the allowance counts"),
        );
    }
    found
}

fn periodic(refill: Refill) -> bool {
    matches!(refill, Refill::Each(Period::Cycle | Period::Day | Period::Week | Period::Every(..)))
}

fn read_rollover(
    report: &mut Report,
    item: &mut Fields,
    (size, refill): (&Size, Refill),
) -> Option<Rollover> {
    let at = item.place("rollover");
    let mut table = item.table(report, "rollover")?;
    if !periodic(refill) {
        report.error(at, "`rollover` of an allowance that is not refilled");
    }
    let min = read_share(report, &mut table, "min", size).unwrap_or_default();
    let max = read_share(report, &mut table, "max", size).unwrap_or(size.quantity);
    let cycles = table.number(report, "cycles", 1..=ROLLOVER_MAX).map_or(1, |number| number.value);
    table.finish(report, &[]);
    if min > max {
        report.error(at, "`rollover` has a `min` above its `max`");
    }
    Some(Rollover { min, max, cycles: u32::try_from(cycles).unwrap_or(1) })
}

fn read_over_use(report: &mut Report, item: &mut Fields, (size, refill): (&Size, Refill)) -> Option<Decimal> {
    let at = item.place("over_use");
    let over = read_share(report, item, "over_use", size)?;
    if !periodic(refill) || over > size.quantity {
        report.error(at, "`over_use` is more than one refill, or nothing refills it");
    }
    if item.has("rollover") {
        report.error(at, "`over_use` beside `rollover`, expected one of them");
    }
    Some(over)
}

fn read_expires(report: &mut Report, item: &mut Fields) -> Option<i64> {
    let text = item.text(report, "expires")?;
    let days = text.value.split_once(' ').and_then(|(count, unit)| {
        let worth = match unit {
            "hour" | "hours" | "h" => 3_600_000,
            "day" | "days" => 86_400_000,
            "week" | "weeks" => 7 * 86_400_000,
            _ => return None,
        };
        count.parse::<i64>().ok().filter(|count| (1..=100_000).contains(count)).map(|count| count * worth)
    });
    if days.is_none() {
        let found: String = text.value.chars().take(40).collect();
        report.error(
            text.at,
            format!("`expires` is {found:?}, expected a time such as \"30 days\" or \"24 hours\""),
        );
    }
    days
}

fn read_floor(report: &mut Report, item: &mut Fields, size: &Size) -> Decimal {
    let Some(floor) = item.parsed(report, "floor", grammar::decimal) else { return Decimal::ZERO };
    if size.unit.is_some() {
        report.error(floor.at, "`floor` of a quantity, expected it for money only");
    }
    if !floor.value.is_sign_negative() && !floor.value.is_zero() {
        report.error(floor.at, "`floor` is above zero, expected zero or less");
    }
    floor.value
}
