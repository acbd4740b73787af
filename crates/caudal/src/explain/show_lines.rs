//! Charge lines and allowance uses to aligned columns: what, how much, at what price, where it stands, what it makes.
//! Relies on base units: milliseconds, octets, events.
//! Never rounds what is shown.

use super::show::field;
use crate::print::{count, signed};
use serde_json::Value;

/// Columns of a charge line: word, band, quantity, price, row, amount.
const COLUMNS: usize = 6;

/// The charge lines, aligned.
pub fn charges(event: &Value) -> Vec<String> {
    let unit = &event["unit"];
    let rows: Vec<[String; COLUMNS]> =
        event["lines"].as_array().into_iter().flatten().map(|line| charge(line, unit)).collect();
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.iter().map(|row| align(row, &widths)).collect()
}

fn align(row: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let last = COLUMNS - 1;
    let cells = row.iter().zip(widths).enumerate().map(|(index, (cell, &width))| match index {
        0 => format!("{cell:<6}"),
        // Amounts stand under each other.
        _ if index == last => format!("{cell:>width$}"),
        _ => format!("{cell:<width$}"),
    });
    format!("  {}", cells.collect::<Vec<_>>().join(" ").replace('\n', " "))
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
        (None, Some(group)) => format!("rating group {group}"),
        (None, None) => field(&line["band"]),
    };
    let amount = field(&line["amount"]);
    let row = line["row"].as_u64().map_or_else(String::new, |row| format!("r.{row}"));
    let (measured, price) =
        if fee { (String::new(), String::new()) } else { (portions(line, unit), price(line, unit)) };
    [word.into(), band, measured, price, row, amount]
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
pub fn covers(event: &Value) -> Vec<String> {
    let uses: Vec<_> = event["allowance_uses"].as_array().into_iter().flatten().collect();
    if uses.is_empty() {
        return vec!["  cover  none".into()];
    }
    let text = |used: &&Value| {
        let of = |name: &str| quantity(used[name].as_i64(), &used["unit"]);
        format!(
            "  cover  {} gives {}: {} before, {} after (cycle of {})",
            field(&used["allowance"]),
            of("quantity"),
            of("before"),
            of("after"),
            field(&used["cycle"])
        )
    };
    uses.iter().map(text).collect()
}

/// The total, and how it comes to be where it is not the sum of one line.
pub fn amount(event: &Value) -> String {
    let discounts: Vec<_> = event["discounts"].as_array().into_iter().flatten().collect();
    let discounts: Vec<_> = discounts
        .iter()
        .map(|taken| format!(" less {} ({})", field(&taken["amount"]), field(&taken["discount"])))
        .collect();
    format!(
        "  amount {} {}{}   billed in the cycle of {}",
        field(&event["currency"]),
        field(&event["amount"]),
        discounts.concat(),
        field(&event["cycle"])
    )
}
