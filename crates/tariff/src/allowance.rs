//! The `[[allowance]]` tables of a plan, in the order in which they are consumed.
//! Relies on `applies_to` being read next door.
//! Never accepts a refill or a rollover that the rating does not know.

use crate::conditions::{read_conditions, read_priority};
use crate::grammar;
use crate::model::Allowance;
use crate::plan::{Context, ITEMS_MAX, Ids};
use crate::read::{Fields, Report};

const ALLOWANCE_LATER: &[&str] = &[
    "rollover",
    "increments",
    "price",
    "connection_fee",
    "shared",
    "pooled",
    "ratio",
    "expires",
    "prorated",
    "over_use",
    "notify",
    "cap",
];

/// Reads all allowances, with where each stands.
pub fn read_all(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    context: &Context,
) -> (Vec<Allowance>, Vec<usize>) {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "allowance", ITEMS_MAX) {
        let at = item.at;
        if let Some(allowance) = read_allowance(report, &mut item, ids, context) {
            list.push((allowance, at));
        }
        item.finish(report, ALLOWANCE_LATER);
    }
    // A stable sort: equal priorities stay in the order of the plan.
    list.sort_by_key(|(allowance, _)| allowance.priority);
    list.into_iter().unzip()
}

fn read_allowance(
    report: &mut Report,
    item: &mut Fields,
    ids: &mut Ids,
    context: &Context,
) -> Option<Allowance> {
    let id = ids.read(report, item, "allowance");
    let quantity_at = item.place("quantity");
    if !item.has("quantity") {
        report.error(item.at, "`quantity` is missing, e.g. quantity = \"20 GB\"");
    }
    let quantity = item.parsed(report, "quantity", grammar::quantity);
    let when = read_conditions(report, item, context);
    if let Some(refill) = item.text(report, "refill").filter(|refill| refill.value != "cycle") {
        let found: String = refill.value.chars().take(40).collect();
        report.error(
            refill.at,
            format!("`refill` is {found:?}, expected \"cycle\"; others are not supported yet"),
        );
    }
    let priority = read_priority(report, item);
    let (id, quantity, (when, unit)) = (id?, quantity?.value, when?);
    if quantity.unit != unit {
        let (found, expected) = (quantity.unit.as_str(), unit.as_str());
        report
            .error(quantity_at, format!("`quantity` counts {found}, expected {expected} for these services"));
        return None;
    }
    let counter = context.counter(ids.plan, "allowance", id.value);
    Some(Allowance { id: id.value.into(), when, quantity: quantity.units, unit, counter, priority })
}
