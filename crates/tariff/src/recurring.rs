//! The `[[recurring]]` tables of a plan: charges of a period.
//! Relies on the cycle's close for charging them; here they are only checked and kept.
//! Never prices usage.

use crate::grammar;
use crate::model::{Every, Recurring};
use crate::plan::{ITEMS_MAX, Ids};
use crate::read::{Fields, Report};

const RECURRING_LATER: &[&str] =
    &["phases", "trial", "quantity", "per", "anchor", "at", "divisor", "cancel", "tax_category", "gl_code"];

/// Reads all recurring charges.
pub fn read_all(report: &mut Report, fields: &mut Fields, ids: &mut Ids) -> Vec<Recurring> {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "recurring", ITEMS_MAX) {
        let id = ids.read(report, &mut item, "recurring");
        for key in ["price", "every"] {
            if !item.has(key) {
                report.error(item.at, format!("`{key}` is missing"));
            }
        }
        let price_at = item.place("price");
        let price = item.parsed(report, "price", grammar::decimal);
        if price.as_ref().is_some_and(|price| price.value.is_sign_negative()) {
            report.error(price_at, "`price` is below zero, which is not supported yet");
        }
        let every = read_every_of(report, &mut item);
        let in_advance = read_choice(report, &mut item, "billed", ["in_advance", "in_arrears"]);
        let by_day = read_choice(report, &mut item, "proration", ["by_day", "none"]);
        item.finish(report, RECURRING_LATER);
        if let (Some(id), Some(price), Some(every)) = (id, price, every) {
            list.push(Recurring { id: id.value.into(), amount: price.value, every, in_advance, by_day });
        }
    }
    list
}

/// True for the first of two words, which is also the default.
fn read_choice(report: &mut Report, item: &mut Fields, key: &'static str, words: [&str; 2]) -> bool {
    let [first, second] = words;
    let Some(text) = item.text(report, key) else { return true };
    if text.value != first && text.value != second {
        let found: String = text.value.chars().take(40).collect();
        report.error(text.at, format!("`{key}` is {found:?}, expected {first:?} or {second:?}"));
    }
    text.value == first
}

/// Reads `every` of an item.
pub fn read_every_of(report: &mut Report, item: &mut Fields) -> Option<Every> {
    let text = item.text(report, "every")?;
    let every = read_every(text.value);
    if every.is_none() {
        let found: String = text.value.chars().take(40).collect();
        let message = format!("`every` is {found:?}, expected a period such as \"1 month\" or \"7 days\"");
        report.error(text.at, message);
    }
    every
}

fn read_every(text: &str) -> Option<Every> {
    let (count, unit) = text.split_once(' ')?;
    let count = count.parse::<u32>().ok().filter(|count| (1..=1000).contains(count))?;
    match unit {
        "day" | "days" => Some(Every::Days(count)),
        "week" | "weeks" => Some(Every::Weeks(count)),
        "month" | "months" => Some(Every::Months(count)),
        "year" | "years" => Some(Every::Years(count)),
        _ => None,
    }
}
