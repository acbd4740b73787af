//! Charge lines and allowance uses to aligned columns: what, how much, at what price, where it stands, what it makes.
//! Relies on base units: milliseconds, octets, events.
//! Never rounds what is shown.

use super::show::field;
use crate::print::{count, signed};
use caudal_usage::Timestamp;
use serde_json::Value;

/// Columns of a charge line: word, band, hours, quantity, price, row, amount.
const COLUMNS: usize = 7;

/// The charge lines and their total, aligned.
pub fn charges(event: &Value) -> Vec<String> {
    let unit = &event["unit"];
    let lines: Vec<_> = event["lines"].as_array().into_iter().flatten().collect();
    let mut rows: Vec<[String; COLUMNS]> = lines.iter().map(|line| charge(line, unit)).collect();
    for (row, hours) in rows.iter_mut().zip(hours(event, &lines)) {
        row[2] = hours;
    }
    let covers = covers(event);
    let total = format!("{} {}", field(&event["currency"]), field(&event["amount"]));
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths[0] = widths[0].max(5);
    widths[COLUMNS - 1] = widths[COLUMNS - 1].max(total.chars().count());
    let mut text: Vec<_> = rows.iter().map(|row| align(row, &widths)).collect();
    text.extend(covers);
    let filled = widths.iter().filter(|width| **width > 0);
    let end = filled.map(|width| width + 2).sum::<usize>() - 2;
    let room = end.saturating_sub(6);
    text.push(format!("  amount{total:>room$}{}", less(event)));
    text
}

/// Columns that no line fills are left out; amounts stand under each other.
fn align(row: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let cells = row.iter().zip(widths).enumerate().filter(|(_, (_, width))| **width > 0);
    let cells = cells.map(|(index, (cell, &width))| match index + 1 {
        COLUMNS => format!("{cell:>width$}"),
        _ => format!("{cell:<width$}"),
    });
    format!("  {}", cells.collect::<Vec<_>>().join("  "))
}

/// When each line's portions lie, for a call of several bands that no allowance covered: they follow one another.
fn hours(event: &Value, lines: &[&Value]) -> Vec<String> {
    let banded = |line: &&&Value| line["kind"] == "usage" && line["band"].is_string();
    let covered = event["allowance_uses"].as_array().is_none_or(|uses| !uses.is_empty());
    let start = event["start"].as_str().and_then(Timestamp::parse_rfc3339);
    let several = lines.iter().filter(banded).count() > 1;
    let Some(mut at) = start.filter(|_| several && !covered && event["service"] == "voice") else {
        return Vec::new();
    };
    let mut clock = |line: &&Value| {
        let quantity = line["quantity"].as_i64().filter(|_| banded(&line))?;
        let from = at;
        at = at.plus_ms(quantity);
        Some(format!("{}–{}", of_day(from), of_day(at)))
    };
    lines.iter().map(|line| clock(line).unwrap_or_default()).collect()
}

/// `19:59:30`.
fn of_day(at: Timestamp) -> String {
    let mut text = Vec::new();
    at.write_rfc3339(&mut text);
    String::from_utf8_lossy(text.get(11..19).unwrap_or_default()).into_owned()
}

fn charge(line: &Value, unit: &Value) -> [String; COLUMNS] {
    let kind = field(&line["kind"]);
    let fee = kind == "connection_fee";
    let word = match kind.as_str() {
        "connection_fee" => "fee",
        "usage" if line["band"].is_string() => "band",
        "usage" => "rate",
        other => other,
    };
    let band = match (line["step"].as_u64(), line["rating_group"].as_u64()) {
        _ if fee => "connection".into(),
        (Some(step), Some(group)) => format!("step {step}, rating group {group}"),
        (Some(step), None) => format!("step {step}"),
        (None, Some(group)) if line["band"].is_string() => {
            format!("{}, rating group {group}", field(&line["band"]))
        }
        (None, Some(group)) => format!("rating group {group}"),
        (None, None) => field(&line["band"]),
    };
    let amount = field(&line["amount"]);
    let row = line["row"].as_u64().map_or_else(String::new, |row| format!("r.{row}"));
    let (measured, price) = match kind.as_str() {
        "connection_fee" | "minimum" | "maximum" | "cap" | "fixed" | "flat_fee" => {
            (String::new(), String::new())
        }
        "pass_through" | "markup" | "percentage" => (basis(&line["basis"]), String::new()),
        "metered" => (quantity(line["quantity"].as_i64(), unit), "priced at the close of the cycle".into()),
        _ => (portions(line, unit), price(line, unit)),
    };
    [word.into(), band, String::new(), measured, price, row, amount]
}

/// `2.5 % of 38.40 (40.00 USD at 0.96, exchange.csv r.2)`.
fn basis(basis: &Value) -> String {
    let mut text = match basis["percent"].as_str() {
        Some(percent) => format!("{percent} % of {}", field(&basis["amount"])),
        None => field(&basis["amount"]),
    };
    if basis["rate"].is_string() {
        let (from, currency, rate) =
            (field(&basis["from"]), field(&basis["currency"]), field(&basis["rate"]));
        text.push_str(&format!(" ({from} {currency} at {rate}, exchange.csv r.{})", basis["row"]));
    }
    text
}

/// `96 s = 16 × 6 s`, or in how many increments where they are not alike.
fn portions(line: &Value, unit: &Value) -> String {
    let billed = line["quantity"].as_i64();
    let text = quantity(billed, unit);
    match (billed, line["increments"].as_i64()) {
        (Some(billed), Some(number)) if number > 0 && billed % number == 0 => {
            format!("{text} = {} × {}", signed(number), quantity(Some(billed / number), unit))
        }
        (_, Some(number)) => format!("{text} in {} increments", signed(number)),
        (_, None) => text,
    }
}

/// `0.60 per 60 s`.
fn price(line: &Value, unit: &Value) -> String {
    let per = line["per"].as_i64();
    let per = match (per, unit.as_str()) {
        (Some(1), Some("event")) => "event".to_owned(),
        (Some(octets), Some("octet")) => round_size(octets),
        _ => quantity(per, unit),
    };
    format!("{} per {per}", field(&line["unit_price"]))
}

/// Octets as they are priced: 1 MB, 100 kB.
fn round_size(octets: i64) -> String {
    for (size, name) in [
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ] {
        if octets > 0 && octets % size == 0 {
            return format!("{} {name}", signed(octets / size));
        }
    }
    format!("{} octets", signed(octets))
}

/// A quantity with its unit: seconds for milliseconds, `92 s`, `0.5 s`.
pub fn quantity(value: Option<i64>, unit: &Value) -> String {
    let Some(value) = value else { return String::new() };
    match unit.as_str() {
        Some("ms") => {
            let (sign, seconds, ms) =
                (if value < 0 { "-" } else { "" }, value.unsigned_abs() / 1000, value.unsigned_abs() % 1000);
            match ms {
                0 => format!("{sign}{} s", count(seconds)),
                _ => format!("{sign}{}.{ms:03} s", count(seconds)),
            }
        }
        Some("octet") => format!("{} octets", signed(value)),
        Some("event") if value == 1 => "1 event".into(),
        Some(other) => format!("{} {other}s", signed(value)),
        None => signed(value),
    }
}

/// What allowances gave.
fn covers(event: &Value) -> Vec<String> {
    let uses: Vec<_> = event["allowance_uses"].as_array().into_iter().flatten().collect();
    if uses.is_empty() {
        return vec!["  cover  none".into()];
    }
    let text = |used: &&Value| {
        let of = |name: &str| balance(&used[name], &used["unit"]);
        let period = match used["cycle"].as_str() {
            Some(_) => format!(" (period from {})", field(&used["cycle"])),
            None => String::new(),
        };
        let word = if used["unit"] == "money" { "pays" } else { "gives" };
        let (id, quantity) = (field(&used["allowance"]), of("quantity"));
        format!("  cover  {id} {word} {quantity}: {} before, {} after{period}", of("before"), of("after"))
    };
    let notes = event["notifications"].as_array().into_iter().flatten().map(|note| {
        let (kind, id) = (field(&note["kind"]), field(&note["id"]));
        format!("  notify {kind} {id} passed {} %", note["percent"])
    });
    uses.iter().map(text).chain(notes).collect()
}

/// A balance: base units with their unit, or an amount.
fn balance(value: &Value, unit: &Value) -> String {
    match (value.as_i64(), value.as_str()) {
        (Some(units), _) => quantity(Some(units), unit),
        (None, Some(_)) if unit == "money" => field(value),
        (None, Some(_)) => format!("{} {}", field(value), field(unit)),
        (None, None) => String::new(),
    }
}

/// What discounts took off, and in which cycle the total is billed.
fn less(event: &Value) -> String {
    let discounts = event["discounts"].as_array().into_iter().flatten();
    let discounts: Vec<_> = discounts
        .map(|taken| format!("   less {} ({})", field(&taken["amount"]), field(&taken["discount"])))
        .collect();
    format!("{}   billed in the cycle of {}", discounts.concat(), field(&event["cycle"]))
}
