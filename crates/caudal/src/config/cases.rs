//! `tests/*.toml` to cases: usage as JSON lines, and what is expected of it.
//! Relies on the reader for where a finding stands; what the usage itself may say is for its own reader.
//! Never runs a case.
//!
//! ```toml
//! [[case]]
//! name = "the minutes end inside a call"
//! usage = [ { service = "voice", served = "+34600000101", … }, … ]      # the fields of `caudal rate`
//! expect = { amount = "0.31", allowance_left = { minutes = "0 s" } }
//! ```
//!
//! Balances are empty at the start of each case. One amount, number of events or lines, or quantity is the sum over the
//! usage; one word is that of the last usage. A list has one value for each usage. Usage of which nothing else is
//! expected must be rated.

use super::folder;
use super::reader::{Keys, Report};
use super::units;
use caudal_usage::{Decimal, Diagnostic, Severity, quantity};
use caudal_wire::json::string;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Folder of the cases beneath the pipeline.
pub const FOLDER: &str = "tests";

/// Cases of one file, and usage of one case.
const ENTRIES_MAX: usize = 10_000;

/// What can be expected of usage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum What {
    Outcome,
    Code,
    Field,
    Amount,
    Currency,
    Events,
    Lines,
    RawQuantity,
    BilledQuantity,
    Plan,
    Zone,
}

impl What {
    const ALL: [Self; 11] = [
        Self::Outcome,
        Self::Code,
        Self::Field,
        Self::Amount,
        Self::Currency,
        Self::Events,
        Self::Lines,
        Self::RawQuantity,
        Self::BilledQuantity,
        Self::Plan,
        Self::Zone,
    ];

    /// Its key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Code => "code",
            Self::Field => "field",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Events => "events",
            Self::Lines => "lines",
            Self::RawQuantity => "raw_quantity",
            Self::BilledQuantity => "billed_quantity",
            Self::Plan => "plan",
            Self::Zone => "zone",
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Amount => "an amount such as \"0.15\"",
            Self::Events | Self::Lines => "a whole number",
            Self::RawQuantity | Self::BilledQuantity => "a quantity such as \"96 s\", or base units",
            Self::Outcome => "\"rated\", \"suspended\", \"filtered\" or \"accepted\"",
            Self::Code | Self::Field | Self::Currency | Self::Plan | Self::Zone => "a text in quotes",
        }
    }
}

/// A value that is expected or found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A word.
    Text(String),
    /// An amount, a count, or base units.
    Number(Decimal),
}

/// What is expected of one thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Want {
    /// Of the sum, or of the last usage.
    One(Value),
    /// Of each usage.
    Each(Vec<Value>),
}

/// One case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// File, relative to the pipeline.
    pub file: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// The usage, one JSON object each.
    pub usage: Vec<String>,
    /// What is expected.
    pub wants: Vec<(What, Want)>,
    /// Base units that must be left of allowances, by their ids.
    pub left: Vec<(String, i64)>,
    /// What all cycles must come to at their close.
    pub cycle_total: Option<Decimal>,
}

/// Reads every case of a pipeline, in order of files and places; or everything that is not understood. The second
/// list holds warnings.
pub fn read(folder: &Path) -> Result<(Vec<Case>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let mut cases = Vec::new();
    for file in folder::list(folder, (FOLDER, ".toml"), &mut findings) {
        match std::str::from_utf8(&file.bytes) {
            Ok(text) => cases.extend(read_file(&file.path, text, &mut findings)),
            Err(_) => findings.push(Diagnostic::error_in_line(&file.path, 0, "is not UTF-8")),
        }
    }
    match findings.iter().any(|finding| finding.severity == Severity::Error) {
        true => Err(findings),
        false => Ok((cases, findings)),
    }
}

fn read_file(file: &str, text: &str, findings: &mut Vec<Diagnostic>) -> Vec<Case> {
    let mut report = Report::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let message = error.message().lines().next().unwrap_or_default();
        report.error(error.span().map_or(0, |span| span.start), format!("is no TOML: {message}"));
    }
    let mut cases = Vec::new();
    if errors.is_empty() {
        let mut keys = Keys::new(document.get_ref(), 0);
        for table in keys.tables(&mut report, "case", ENTRIES_MAX) {
            let (line, _) = caudal_usage::diagnostic::line_column(text, table.at);
            cases.extend(read_case(&mut report, table, (file, line)));
        }
        keys.finish(&mut report);
    }
    findings.append(&mut report.findings);
    cases
}

fn read_case(report: &mut Report, mut keys: Keys<'_, '_>, (file, line): (&str, usize)) -> Option<Case> {
    let name = keys.needed(report, "name").map(|text| text.value.to_owned());
    let at = keys.place("usage");
    let tables = keys.tables(report, "usage", ENTRIES_MAX);
    let usage: Vec<_> = tables.iter().map(|table| object(table.entries())).collect();
    if usage.is_empty() {
        report.error(at, "the case has no `usage`, expected at least one");
    }
    let at = keys.place("expect");
    let expect = keys.table(report, "expect");
    let expects_something = expect.as_ref().is_some_and(|expect| expect.entries().next().is_some());
    if !expects_something {
        report.hinted(at, "the case expects nothing", "say `expect = { amount = \"0.15\" }`");
    }
    keys.finish(report);
    let (wants, left, cycle_total) =
        expect.map(|expect| read_expect(report, expect, usage.len())).unwrap_or_default();
    Some(Case { name: name?, file: file.to_owned(), line, usage, wants, left, cycle_total })
}

type Expect = (Vec<(What, Want)>, Vec<(String, i64)>, Option<Decimal>);

fn read_expect(report: &mut Report, mut keys: Keys<'_, '_>, usages: usize) -> Expect {
    let mut wants = Vec::new();
    for what in What::ALL {
        let Some(found) = keys.value(what.name()) else { continue };
        let want = match found.get_ref().as_array() {
            Some(list) if list.len() != usages => {
                let expected = format!("one value or a list of {usages}: one for each usage");
                report.wrong(what.name(), found, &expected);
                continue;
            }
            Some(list) => list.iter().map(|item| value(what, item)).collect::<Option<_>>().map(Want::Each),
            None => value(what, found).map(Want::One),
        };
        match want {
            Some(want) => wants.push((what, want)),
            None => report.wrong(what.name(), found, what.expected()),
        }
    }
    let mut left = Vec::new();
    if let Some(table) = keys.table(report, "allowance_left") {
        for (name, found) in table.entries() {
            match units_of(found) {
                Some(units) => left.push((name.to_owned(), units)),
                None => report.wrong(name, found, "a quantity such as \"30 s\", or base units"),
            }
        }
    }
    let total = keys.value("cycle_total").map(|found| (found, value(What::Amount, found)));
    let cycle_total = match total {
        Some((_, Some(Value::Number(total)))) => Some(total),
        Some((found, _)) => {
            report.wrong("cycle_total", found, What::Amount.expected());
            None
        }
        None => None,
    };
    keys.finish(report);
    (wants, left, cycle_total)
}

fn value(what: What, found: &Spanned<DeValue<'_>>) -> Option<Value> {
    match what {
        What::Amount => {
            let text = plain_number(found.get_ref())?;
            Decimal::from_str_exact(&text).ok().map(Value::Number)
        }
        What::Events | What::Lines => whole(found.get_ref()).map(|number| Value::Number(number.into())),
        What::RawQuantity | What::BilledQuantity => units_of(found).map(|units| Value::Number(units.into())),
        What::Outcome => {
            let word = found.get_ref().as_str()?;
            ["rated", "suspended", "filtered", "accepted"].contains(&word).then(|| Value::Text(word.into()))
        }
        What::Code | What::Field | What::Currency | What::Plan | What::Zone => {
            found.get_ref().as_str().map(|text| Value::Text(text.into()))
        }
    }
}

/// Base units: a whole number, or a text with its unit.
fn units_of(found: &Spanned<DeValue<'_>>) -> Option<i64> {
    let Some(text) = found.get_ref().as_str() else { return whole(found.get_ref()) };
    let events = || {
        let (number, word) = text.split_once(' ')?;
        let (_, worth) = quantity::unit(word)?;
        number.parse::<i64>().ok()?.checked_mul(worth)
    };
    units::duration_ms(text)
        .or_else(|| units::octets(text).and_then(|octets| i64::try_from(octets).ok()))
        .or_else(events)
}

fn whole(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The text of a number, bare or in quotes, without TOML's decoration.
fn plain_number(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(_) => whole(value).map(|number| number.to_string()),
        DeValue::Float(float) => {
            let text = float.as_str().replace('_', "");
            Some(text.strip_prefix('+').map_or(text.clone(), str::to_owned))
        }
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// A table as one line of JSON; numbers keep the digits they were written with.
fn object<'t, 'i: 't>(entries: impl Iterator<Item = (&'t str, &'t Spanned<DeValue<'i>>)>) -> String {
    let mut out = Vec::new();
    put_object(&mut out, entries);
    String::from_utf8_lossy(&out).into_owned()
}

fn put_object<'t, 'i: 't>(
    out: &mut Vec<u8>,
    entries: impl Iterator<Item = (&'t str, &'t Spanned<DeValue<'i>>)>,
) {
    out.push(b'{');
    for (index, (name, value)) in entries.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(out, name);
        out.push(b':');
        put(out, value.get_ref());
    }
    out.push(b'}');
}

fn put(out: &mut Vec<u8>, value: &DeValue<'_>) {
    match value {
        DeValue::String(text) => string(out, text),
        DeValue::Boolean(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        DeValue::Datetime(time) => string(out, &time.to_string()),
        DeValue::Integer(_) | DeValue::Float(_) => match plain_number(value) {
            Some(text) if text.ends_with(|c: char| c.is_ascii_digit()) => {
                out.extend_from_slice(text.as_bytes());
            }
            // Infinity, or beyond 64 bits: no number of JSON's, so its reader shall say so.
            _ => string(out, "no finite number"),
        },
        DeValue::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                put(out, item.get_ref());
            }
            out.push(b']');
        }
        DeValue::Table(table) => {
            put_object(out, table.iter().map(|(name, value)| (name.get_ref().as_ref(), value)));
        }
    }
}
