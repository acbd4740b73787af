//! The `[[discount]]` tables of a plan, in the order in which they are taken.
//! Relies on conditions and scopes being read next door.
//! Never says what a discount takes off: that depends on the charges at hand.

use crate::charges::{Scope, read_scope};
use crate::conditions::{read_optional, read_priority};
use crate::grammar;
use crate::plan::{Context, ITEMS_MAX, Ids};
use crate::rate_model::TimeBase;
use crate::read::{Fields, Report};
use crate::sets::Conditions;
use caudal_usage::{CounterId, Decimal, Price, Unit};

/// Most cycles that a discount may be said to last.
const CYCLES_MAX: u32 = 1_200;

/// One discount.
#[derive(Clone, Debug)]
pub struct Discount {
    /// Its id.
    pub id: Box<str>,
    /// What it takes off.
    pub kind: DiscountKind,
    /// What it counts, of a price or of free units: charges that count otherwise it leaves alone.
    pub unit: Option<Unit>,
    /// Charges of which rates.
    pub scope: Scope,
    /// Of which usage.
    pub when: Conditions,
    /// Only in these bands.
    pub bands: Option<Box<[Box<str>]>>,
    /// True when it names accounts: general ones of the same scope do not hold beside it.
    pub of_accounts: bool,
    /// The smaller number is taken first.
    pub priority: u32,
    /// Age of the subscription from which it holds.
    pub tenure_months: u32,
    /// What its scope must have charged in the cycle before.
    pub after_spend: Option<Decimal>,
    /// What its scope must have billed in the cycle before.
    pub after_quantity: Option<(i64, Unit)>,
    /// Cycles for which it holds; absent: for ever.
    pub cycles: Option<u32>,
    /// True when an unused rest of an amount goes on to the next cycle.
    pub carries: bool,
    /// The code that redeems it; absent: it holds by itself.
    pub code: Option<Box<str>>,
    /// How often one account may redeem it.
    pub per_customer: Option<u32>,
    /// How often it may be redeemed in all.
    pub in_total: Option<u32>,
    /// Amount or free units used.
    pub used: CounterId,
    /// What its scope has charged in the cycle.
    pub spend: CounterId,
    /// What its scope has billed in the cycle.
    pub quantity: CounterId,
    /// Redemptions.
    pub redeemed: CounterId,
}

/// What a discount takes off.
#[derive(Clone, Copy, Debug)]
pub enum DiscountKind {
    /// Percent of what is due.
    Percent(Decimal),
    /// An amount each cycle.
    Amount(Decimal),
    /// Another price for the units.
    Price(Price),
    /// Units of each cycle that cost nothing.
    Free(i64),
}

/// Reads all discounts; those of smaller priority first, then in the order of the file.
pub fn read_all(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    (context, time): (&Context, TimeBase),
) -> Vec<Discount> {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "discount", ITEMS_MAX) {
        let discount = read(report, &mut item, ids, (context, time));
        item.finish(report, &[]);
        list.extend(discount);
    }
    list.sort_by_key(|discount| discount.priority);
    list
}

fn read(
    report: &mut Report,
    item: &mut Fields,
    ids: &mut Ids,
    (context, time): (&Context, TimeBase),
) -> Option<Discount> {
    let id = ids.read(report, item, "discount").map_or("", |id| id.value);
    let (kind, unit) = read_kind(report, item);
    let scope = read_scope(report, item, ids);
    let applies = read_optional(report, item, context, time);
    let accounts_at = item.place("account");
    let accounts = item.words(report, "account");
    let priority = read_priority(report, item);
    let condition = read_condition(report, item);
    let cycles = read_lasts(report, item);
    let carries = item.flag(report, "carries").is_none_or(|flag| flag.value);
    let code = item.text(report, "code").map(|code| code.value.into());
    let redemptions = read_redemptions(report, item, code.is_some());
    let mut applies = applies?;
    if let (Some(unit), Some(counted)) = (unit, applies.unit)
        && unit != counted
    {
        let (found, expected) = (unit.as_str(), counted.as_str());
        report.error(item.at, format!("the discount counts {found}, expected {expected} for these services"));
    }
    if let Some(accounts) = &accounts {
        let mut known = context.words.borrow_mut();
        let mut numbers: Vec<u32> = accounts.iter().map(|word| known.account(word.value)).collect();
        numbers.sort_unstable();
        let more = applies.when.more.get_or_insert_with(Box::default);
        if more.accounts.is_some() {
            report.error(accounts_at, "`account` stands in `applies_to` too, expected it once");
        }
        more.accounts = Some(numbers.into());
    }
    let counter = |kind: &str| context.counter(ids.plan, kind, id);
    Some(Discount {
        id: id.into(),
        kind: kind?,
        unit,
        scope,
        bands: applies.bands,
        of_accounts: applies.when.of_accounts(),
        when: applies.when,
        priority,
        tenure_months: condition.tenure_months,
        after_spend: condition.spend,
        after_quantity: condition.quantity,
        cycles,
        carries,
        code,
        per_customer: redemptions.0,
        in_total: redemptions.1,
        used: counter("discount"),
        spend: counter("discount_spend"),
        quantity: counter("discount_quantity"),
        redeemed: counter("redeemed"),
    })
}

fn read_kind(report: &mut Report, item: &mut Fields) -> (Option<DiscountKind>, Option<Unit>) {
    let keys = ["percent", "amount", "price", "free"];
    let said: Vec<_> = keys.into_iter().filter(|key| item.has(key)).collect();
    if said.len() != 1 {
        let found = if said.is_empty() { "nothing".to_owned() } else { said.join(" and ") };
        report.error(item.at, format!("{found} to take off, expected one of: {}", keys.join(", ")));
    }
    let hundred = Decimal::ONE_HUNDRED;
    let percent = item.parsed(report, "percent", grammar::decimal);
    if let Some(percent) =
        percent.as_ref().filter(|percent| percent.value.is_sign_negative() || percent.value > hundred)
    {
        report.error(percent.at, "`percent` is not from 0 to 100");
    }
    let amount = item.parsed(report, "amount", grammar::decimal);
    if let Some(amount) = amount.as_ref().filter(|amount| amount.value.is_sign_negative()) {
        report.error(amount.at, "`amount` is below zero, expected what is taken off");
    }
    let price = item.parsed(report, "price", grammar::price);
    let free = item.parsed(report, "free", grammar::quantity);
    match (percent, amount, price, free) {
        (Some(percent), ..) => (Some(DiscountKind::Percent(percent.value)), None),
        (_, Some(amount), ..) => (Some(DiscountKind::Amount(amount.value)), None),
        (_, _, Some(price), _) => (Some(DiscountKind::Price(price.value.0)), Some(price.value.1)),
        (_, _, _, Some(free)) => (Some(DiscountKind::Free(free.value.units)), Some(free.value.unit)),
        (None, None, None, None) => (None, None),
    }
}

#[derive(Default)]
struct Condition {
    tenure_months: u32,
    spend: Option<Decimal>,
    quantity: Option<(i64, Unit)>,
}

fn read_condition(report: &mut Report, item: &mut Fields) -> Condition {
    let Some(mut table) = item.table(report, "when") else { return Condition::default() };
    let months = table.number(report, "tenure_months", 1..=1_200).map_or(0, |number| number.value);
    let spend = table.parsed(report, "spend", grammar::decimal).map(|spend| spend.value);
    let quantity = table.parsed(report, "quantity", grammar::quantity);
    let quantity = quantity.map(|quantity| (quantity.value.units, quantity.value.unit));
    table.finish(report, &[]);
    Condition { tenure_months: u32::try_from(months).unwrap_or(0), spend, quantity }
}

/// `for_ever`, `once`, or a number of cycles.
fn read_lasts(report: &mut Report, item: &mut Fields) -> Option<u32> {
    let text = item.text(report, "lasts")?;
    let cycles = match text.value {
        "for_ever" => return None,
        "once" => Some(1),
        other => other
            .split_once(' ')
            .filter(|(_, unit)| matches!(*unit, "cycle" | "cycles"))
            .and_then(|(count, _)| count.parse().ok())
            .filter(|count| (1..=CYCLES_MAX).contains(count)),
    };
    if cycles.is_none() {
        let found: String = text.value.chars().take(40).collect();
        report
            .error(text.at, format!("`lasts` is {found:?}, expected \"for_ever\", \"once\" or \"3 cycles\""));
    }
    cycles
}

fn read_redemptions(report: &mut Report, item: &mut Fields, coded: bool) -> (Option<u32>, Option<u32>) {
    let at = item.place("redemptions");
    let Some(mut table) = item.table(report, "redemptions") else { return (None, None) };
    if !coded {
        report.hinted(at, "`redemptions` without a `code`", "only what is redeemed by a code can be counted");
    }
    let mut count = |key| {
        let number = table.number(report, key, 1..=4_000_000_000)?;
        u32::try_from(number.value).ok()
    };
    let counts = (count("per_customer"), count("total"));
    table.finish(report, &[]);
    counts
}
