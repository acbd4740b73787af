//! `[[cap]]`, `[[commitment]]` and `[[capacity]]`: what is charged, or not, over a period beside the rates.
//! Relies on rates being known by their ids, those of base plans included.
//! Never prices usage by itself.

use crate::conditions::read_table;
use crate::grammar;
use crate::model::{Period, Shared};
use crate::plan::{Context, ITEMS_MAX, Ids};
use crate::rate_model::TimeBase;
use crate::read::{Fields, Report};
use crate::sets::Conditions;
use crate::tiers::{SHARED, TIERS_MAX};
use caudal_usage::{CounterId, Decimal, Unit};

/// Most thresholds of one item.
const THRESHOLDS_MAX: usize = 10;

/// Most meters of one capacity price.
const METERS_MAX: usize = 16;

/// Ids of rates; absent: all of them.
pub type Scope = Option<Box<[Box<str>]>>;

/// True when a rate is in the scope.
pub fn in_scope(scope: &Scope, rate: &str) -> bool {
    scope.as_ref().is_none_or(|ids| ids.iter().any(|id| id.as_ref() == rate))
}

/// A bound of what is charged in a period.
#[derive(Clone, Debug)]
pub struct Cap {
    /// Its id; of a rate's own cap, the rate's.
    pub id: Box<str>,
    /// The bound.
    pub amount: Decimal,
    /// Over what.
    pub per: Period,
    /// Charges of which rates.
    pub scope: Scope,
    /// Whose charges are summed.
    pub shared: Shared,
    /// True when it changes no price and only notifies.
    pub notify_only: bool,
    /// Percents of the bound at which a notification is due, rising.
    pub thresholds: Box<[u32]>,
    /// Sums what was charged.
    pub counter: CounterId,
}

/// A promised minimum of a cycle.
#[derive(Clone, Debug)]
pub struct Commitment {
    /// Its id.
    pub id: Box<str>,
    /// What is promised for a full cycle.
    pub amount: Decimal,
    /// Charges of which rates count.
    pub scope: Scope,
    /// Whose charges are summed.
    pub shared: Shared,
    /// True when a part of a cycle counts by its days.
    pub prorated: bool,
    /// Sums what was charged.
    pub counter: CounterId,
}

/// One price of a cycle by several meters.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Its id.
    pub id: Box<str>,
    /// What is metered.
    pub meters: Box<[Meter]>,
    /// Steps, the last one open.
    pub steps: Box<[CapacityStep]>,
    /// Whose usage is summed.
    pub shared: Shared,
}

/// One meter.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Its name.
    pub name: Box<str>,
    /// What it counts.
    pub when: Conditions,
    /// In which unit.
    pub unit: Unit,
    /// Counts billed units.
    pub counter: CounterId,
}

/// What a step holds of each meter, by index (absent: any number), and its price.
#[derive(Clone, Debug)]
pub struct CapacityStep {
    /// Greatest sum of each meter.
    pub holds: Box<[Option<i64>]>,
    /// Price of the cycle.
    pub price: Decimal,
}

/// Where an item of a plan stands: its plan and its own id name its counters.
type Named<'n, 'c> = (&'n Context<'c>, &'n str, &'n str);

/// Reads `cap` of a rate.
pub fn read_cap_of_rate(report: &mut Report, item: &mut Fields, (context, plan, rate): Named) -> Option<Cap> {
    let mut table = item.table(report, "cap")?;
    let mut cap = read_cap(report, &mut table, (context, plan, rate), "rate_cap")?;
    table.finish(report, &[]);
    cap.scope = Some([rate.into()].into());
    Some(cap)
}

fn read_cap(report: &mut Report, table: &mut Fields, (context, plan, id): Named, kind: &str) -> Option<Cap> {
    let amount = read_amount(report, table);
    let words = [("cycle", Period::Cycle), ("day", Period::Day), ("week", Period::Week)];
    let per = table.choice(report, "per", &words)?;
    let shared = table.choice(report, "shared", &SHARED)?;
    let notify_only = table.choice(report, "then", &[("free", false), ("notify", true)])?;
    let mut thresholds = read_thresholds(report, table);
    if notify_only && thresholds.is_empty() {
        thresholds = [100].into();
    }
    let counter = context.counter(plan, kind, id);
    Some(Cap { id: id.into(), amount: amount?, per, scope: None, shared, notify_only, thresholds, counter })
}

fn read_amount(report: &mut Report, table: &mut Fields) -> Option<Decimal> {
    if !table.has("amount") {
        report.error(table.at, "`amount` is missing, e.g. amount = \"20.00\"");
    }
    let amount = table.parsed(report, "amount", grammar::decimal)?;
    if amount.value.is_sign_negative() && !amount.value.is_zero() {
        report.error(amount.at, "`amount` is below zero, expected zero or more");
    }
    Some(amount.value)
}

/// Percents at which notifications are due, sorted.
pub fn read_thresholds(report: &mut Report, table: &mut Fields) -> Box<[u32]> {
    let at = table.place("thresholds");
    let Some(mut list) = table.numbers(report, "thresholds") else { return Box::default() };
    list.sort_unstable();
    list.dedup();
    if list.len() > THRESHOLDS_MAX || list.iter().any(|percent| !(1..=1000).contains(percent)) {
        report.error(at, "`thresholds` are not at most 10 percents from 1 to 1000");
    }
    list.into_boxed_slice()
}

/// `scope`: ids of rates, looked up once all plans are read.
pub fn read_scope(report: &mut Report, table: &mut Fields, ids: &mut Ids) -> Scope {
    let words = table.words(report, "scope")?;
    ids.name_rates(&words);
    Some(words.iter().map(|word| word.value.into()).collect())
}

/// Reads all caps of the plan.
pub fn read_caps(report: &mut Report, fields: &mut Fields, ids: &mut Ids, context: &Context) -> Vec<Cap> {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "cap", ITEMS_MAX) {
        let id = ids.read(report, &mut item, "cap").map_or("", |id| id.value);
        let cap = read_cap(report, &mut item, (context, ids.plan, id), "cap");
        let scope = read_scope(report, &mut item, ids);
        item.finish(report, &[]);
        list.extend(cap.map(|cap| Cap { scope, ..cap }));
    }
    list
}

/// Reads all commitments.
pub fn read_commitments(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    context: &Context,
) -> Vec<Commitment> {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "commitment", ITEMS_MAX) {
        let id = ids.read(report, &mut item, "commitment").map_or("", |id| id.value);
        let amount = read_amount(report, &mut item);
        let scope = read_scope(report, &mut item, ids);
        let shared = item.choice(report, "shared", &SHARED);
        let prorated = item.flag(report, "prorated").is_some_and(|flag| flag.value);
        item.finish(report, &[]);
        let counter = context.counter(ids.plan, "commitment", id);
        if let (Some(amount), Some(shared)) = (amount, shared) {
            list.push(Commitment { id: id.into(), amount, scope, shared, prorated, counter });
        }
    }
    list
}

/// Reads all capacity prices.
pub fn read_capacities(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    (context, time): (&Context, TimeBase),
) -> Vec<Capacity> {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "capacity", ITEMS_MAX) {
        let id = ids.read(report, &mut item, "capacity").map_or("", |id| id.value);
        let meters = read_meters(report, &mut item, (context, ids.plan, id), time);
        let shared = item.choice(report, "shared", &SHARED);
        let steps_at = item.place("steps");
        let steps = read_capacity_steps(report, &mut item, &meters);
        if steps.is_empty() {
            report.error(steps_at, "no steps, expected at least one");
        }
        item.finish(report, &[]);
        if let Some(shared) = shared {
            list.push(Capacity { id: id.into(), meters: meters.into(), steps: steps.into(), shared });
        }
    }
    list
}

fn read_meters(
    report: &mut Report,
    item: &mut Fields,
    (context, plan, id): Named,
    time: TimeBase,
) -> Vec<Meter> {
    let at = item.at;
    let Some(table) = item.table(report, "meters") else {
        report.error(at, "`meters` is missing, e.g. meters = { calls = { service = \"voice\" } }");
        return Vec::new();
    };
    let mut meters = Vec::new();
    for (name, conditions) in table.every_table(report, METERS_MAX) {
        let here = conditions.at;
        let Some(applies) = read_table(report, conditions, context, time) else { continue };
        let Some(unit) = applies.unit else {
            report.error(here, "a meter of services that count in different units");
            continue;
        };
        let counter = context.counter(plan, "capacity", &format!("{id}/{name}"));
        meters.push(Meter { name: name.into(), when: applies.when, unit, counter });
    }
    meters
}

fn read_capacity_steps(report: &mut Report, item: &mut Fields, meters: &[Meter]) -> Vec<CapacityStep> {
    let list = item.tables(report, "steps", TIERS_MAX);
    let count = list.len();
    let mut steps = Vec::<CapacityStep>::new();
    for (index, mut step) in list.into_iter().enumerate() {
        let at = step.at;
        let mut holds = vec![None; meters.len()];
        let said = step.has("holds");
        if let Some(bounds) = step.table(report, "holds") {
            for (name, words) in bounds.every_words(report, METERS_MAX) {
                let meter = meters.iter().position(|meter| meter.name.as_ref() == name);
                let bound = words.first().and_then(|word| grammar::quantity(word.value).ok());
                match (meter, bound) {
                    (Some(meter), Some(bound)) if meters.get(meter).is_some_and(|m| m.unit == bound.unit) => {
                        if let Some(slot) = holds.get_mut(meter) {
                            *slot = Some(bound.units);
                        }
                    }
                    _ => {
                        let shown: String = name.chars().take(60).collect();
                        report.error(
                            at,
                            format!("`holds` says {shown:?}, expected a meter and a quantity of its unit"),
                        );
                    }
                }
            }
        }
        if said == (index + 1 == count) {
            report.error(at, "expected `holds` in all but the last step");
        }
        if !step.has("price") {
            report.error(at, "`price` is missing");
        }
        let price =
            step.parsed(report, "price", grammar::decimal).map(|price| price.value).unwrap_or_default();
        step.finish(report, &[]);
        check_rise(report, at, steps.last(), &holds);
        steps.push(CapacityStep { holds: holds.into(), price });
    }
    steps
}

/// A later step holds at least as much of every meter.
fn check_rise(report: &mut Report, at: usize, before: Option<&CapacityStep>, holds: &[Option<i64>]) {
    let Some(before) = before else { return };
    let less = before.holds.iter().zip(holds).any(|(low, high)| match (low, high) {
        (Some(low), Some(high)) => high < low,
        (None, Some(_)) => true,
        (_, None) => false,
    });
    if less {
        report.error(at, "out of order, expected it to hold no less of any meter than the step before");
    }
}
