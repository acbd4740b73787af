//! What `caudal rate --cycle-close` answers to the short lines of a recipe.
//! Relies on the event's contract; amounts lose zeros at their end, but never below the currency's own places.
//! Never rounds.

use caudal_usage::{Currency, Decimal};
use serde_json::Value;

/// How lines begin that a recipe shows only where they matter: charge lines, cycles, what discounts cost.
const OPTIONAL: [&str; 3] = ["  ", "cycle ", "discount "];

/// The optional kinds that a recipe does not show.
pub fn kinds_missing_in(expected: &str) -> Vec<&'static str> {
    OPTIONAL.into_iter().filter(|kind| !expected.lines().any(|line| line.starts_with(kind))).collect()
}

/// The short lines of all answers.
pub fn answers(said: &str) -> Vec<String> {
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.flat_map(|line| answer(&line)).collect()
}

fn answer(line: &Value) -> Vec<String> {
    match (text(line, "type"), text(line, "outcome")) {
        ("cycle", _) => vec![cycle(line)],
        ("discount", _) => {
            let [off, before] = ["amount", "before"].map(|key| money(text(line, key), "EUR"));
            vec![format!("discount {} · {off} off {before}", text(line, "discount"))]
        }
        (_, "rated") => list(line, "events").iter().flat_map(rated).collect(),
        (_, "accepted") => vec!["accepted".into()],
        (_, "suspended") => vec![format!("suspended {} ({})", text(line, "code"), text(line, "field"))],
        (_, outcome) => vec![format!("{outcome} {}", text(line, "code"))],
    }
}

fn cycle(line: &Value) -> String {
    let currency = text(line, "currency");
    let mut parts = vec![format!("cycle {}", text(line, "cycle")), text(line, "account").into()];
    parts.push(match line["amount"].as_str() {
        Some(amount) => format!("{} {currency}", money(amount, currency)),
        None => text(line, "code").into(),
    });
    for charge in list(line, "charges") {
        let amount = money(text(charge, "amount"), currency);
        parts.push(format!("{} {} {amount}", text(charge, "kind"), text(charge, "id")));
    }
    if line["rounding"].as_str().is_some_and(|rounding| !decimal(rounding).is_zero()) {
        parts.push(format!("rounding {}", money(text(line, "rounding"), currency)));
    }
    parts.join(" · ")
}

/// One event: the amount, what was billed, allowances, discounts, notifications; then its charge lines.
fn rated(event: &Value) -> Vec<String> {
    let currency = text(event, "currency");
    let run = Some(text(event, "run"))
        .filter(|run| *run != "retail")
        .map(|run| format!("{run} "))
        .unwrap_or_default();
    let mut parts = vec![format!("{run}{} {currency}", money(text(event, "amount"), currency))];
    if text(event, "service") != "content" {
        parts.push(quantity(event["billed_quantity"].to_string().as_str(), unit(event)));
    }
    for used in list(event, "allowance_uses") {
        let after = used["after"].as_str().map_or_else(|| used["after"].to_string(), str::to_owned);
        let left = match text(used, "unit") {
            "money" => format!("{} {currency}", money(&after, currency)),
            unit => quantity(&after, unit),
        };
        parts.push(format!("{} left {left}", text(used, "allowance")));
    }
    for off in list(event, "discounts") {
        parts.push(format!("{} -{}", text(off, "discount"), money(text(off, "amount"), currency)));
    }
    for note in list(event, "notifications") {
        parts.push(format!("{} {} {} %", text(note, "kind"), text(note, "id"), note["percent"]));
    }
    let lines = list(event, "lines").iter().map(|line| charge_line(line, unit(event), currency));
    [parts.join(" · ")].into_iter().chain(lines).collect()
}

/// What the event counts: of a price per event, events, whatever the service.
fn unit(event: &Value) -> &str {
    let per_event = |line: &Value| text(line, "kind") == "usage" && line["per"] == 1;
    if list(event, "lines").iter().any(per_event) { "event" } else { text(event, "unit") }
}

fn charge_line(line: &Value, unit: &str, currency: &str) -> String {
    let mut said = format!("  {}", text(line, "kind"));
    if let Some(band) = line["band"].as_str() {
        said += &format!(" {band}");
    }
    if let Some(step) = line["step"].as_i64() {
        said += &format!(" step {step}");
    }
    if ["usage", "covered", "tier"].contains(&text(line, "kind")) {
        said += &format!(" {}", quantity(line["quantity"].to_string().as_str(), unit));
    }
    format!("{said} = {}", money(text(line, "amount"), currency))
}

/// An amount at the places it needs, and at least those of its currency.
fn money(amount: &str, currency: &str) -> String {
    let mut amount = decimal(amount).normalize();
    let places = Currency::parse(currency).unwrap().places().unsigned_abs();
    if amount.scale() < places {
        amount.rescale(places);
    }
    amount.to_string()
}

/// A quantity as a person says it: seconds, the largest unit of volume that fits, events.
fn quantity(base: &str, unit: &str) -> String {
    let base = decimal(base);
    let (worth, word) = match unit {
        "ms" => (1_000, "s"),
        "octet" => {
            let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
            units.into_iter().find(|(worth, _)| base.abs() >= Decimal::from(*worth)).unwrap_or((1, "B"))
        }
        _ if base == Decimal::ONE => (1, "event"),
        _ => (1, "events"),
    };
    format!("{} {word}", (base / Decimal::from(worth)).normalize())
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}
