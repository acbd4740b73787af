//! What is known of an event to the text that a person reads, and to JSON.
//! Relies on the stored line for every figure; what was computed anew only confirms or contradicts it.
//! Never lets a field of a record drive the terminal.

use super::show_lines::{charges, quantity};
use super::{Difference, Explained};
use crate::inspect::visible;
use crate::print::count;
use serde_json::{Value, json as object};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Differences that are shown; more say no more.
const DIFFERENCES_SHOWN: usize = 20;

/// The text.
pub fn text(explained: &Explained) -> Vec<String> {
    let event = &explained.event;
    let mut lines = vec![head(event), String::new()];
    lines.extend(records(explained));
    lines.push(key(explained));
    lines.push(guided(explained));
    lines.push(String::new());
    lines.push(matched(explained));
    lines.extend(charges(event));
    lines.push(String::new());
    lines.extend(verdict(explained));
    lines
}

/// A text field, safe to show.
pub fn field(value: &Value) -> String {
    value.as_str().map_or_else(String::new, |text| visible(text.as_bytes()))
}

fn head(event: &Value) -> String {
    let parties = &event["parties"];
    let parties: Vec<_> = ["calling", "called"]
        .iter()
        .map(|party| field(&parties[*party]))
        .filter(|party| !party.is_empty())
        .collect();
    let raw = quantity(event["raw_quantity"].as_i64(), &event["unit"]);
    let billed = quantity(event["billed_quantity"].as_i64(), &event["unit"]);
    let measured = if raw == billed { raw } else { format!("{raw} (billed {billed})") };
    let parts =
        [field(&event["id"]), field(&event["service"]), parties.join(" → "), when(&event["start"]), measured];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// `2026-10-02 19:59:30 +02:00`.
fn when(value: &Value) -> String {
    let text = field(value);
    match (text.get(..10), text.get(11..19), text.get(19..)) {
        (Some(date), Some(clock), Some(offset)) => format!("{date} {clock} {offset}").replace(" Z", " UTC"),
        _ => text,
    }
}

fn records(explained: &Explained) -> Vec<String> {
    let Some(recomputed) = &explained.recomputed else {
        let places = super::originals::places(&explained.event);
        let numbers: Vec<_> = places.iter().map(|(_, record)| count(u64::from(*record))).collect();
        let file = field(&explained.event["source"]["file"]);
        return vec![format!("  from   {file}, record {}", numbers.join(", "))];
    };
    let line = |index: usize, original: &super::originals::Original| {
        let span = original.usage.bytes;
        let last = span.offset + u64::from(span.len).saturating_sub(1);
        format!(
            "  {:<6} {}, record {}, bytes {}–{}",
            if index == 0 { "from" } else { "and" },
            visible(near(&original.path).as_os_str().as_encoded_bytes()),
            count(u64::from(original.record)),
            count(span.offset),
            count(last)
        )
    };
    recomputed.records.iter().enumerate().map(|(index, original)| line(index, original)).collect()
}

/// A path as a person would write it here: without detours, below the working folder where it lies there.
fn near(path: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned)).unwrap_or(path)
}

fn key(explained: &Explained) -> String {
    let first =
        explained.recomputed.as_ref().and_then(|recomputed| Some((recomputed, recomputed.records.first()?)));
    let fields = first.map_or_else(Vec::new, |(recomputed, original)| {
        let named = original.fields.iter().filter(|(name, _)| recomputed.keys.contains(name));
        named.map(|(name, value)| format!("{}={}", visible(name.as_bytes()), visible(value))).collect()
    });
    let fields = match (first, fields.is_empty()) {
        (None, _) => "not known without the original".to_owned(),
        (Some(_), true) => "the whole record".to_owned(),
        (Some(_), false) => fields.join(" "),
    };
    let seen = match explained.duplicates.as_slice() {
        [] => "first seen here; no duplicates".to_owned(),
        list => {
            let list: Vec<_> = list
                .iter()
                .map(|(file, record)| format!("{} record {}", visible(file.as_bytes()), count(*record)))
                .collect();
            format!("first seen here; again in {}", list.join(", "))
        }
    };
    format!("  key    {fields}        {seen}")
}

fn guided(explained: &Explained) -> String {
    let event = &explained.event;
    let clock = field(&event["start"]).get(11..19).unwrap_or_default().to_owned();
    let mut line = format!(
        "  guided to subscription {} ({}), account {}, as of {clock}",
        field(&event["subscription"]),
        field(&event["plan"]),
        field(&event["account"])
    );
    if let Some(recomputed) = &explained.recomputed {
        let guided = &recomputed.guided;
        let since = guided.since.as_ref().map_or_else(|| "always".into(), |since| format!("since {since}"));
        line.push_str(&format!(": {} valid {since}", visible(guided.by.as_bytes())));
    }
    line
}

fn matched(explained: &Explained) -> String {
    let event = &explained.event;
    let mut tables: Vec<String> = Vec::new();
    let lines: Vec<&Value> = event["lines"].as_array().into_iter().flatten().collect();
    for table in lines.iter().map(|line| field(&line["table"])) {
        let rows: BTreeSet<_> = lines
            .iter()
            .filter(|line| line["table"] == table.as_str())
            .filter_map(|line| line["row"].as_u64())
            .collect();
        let rows: Vec<_> = rows.iter().map(ToString::to_string).collect();
        let text = match rows.len() {
            0 => table,
            1 => format!("{table} row {}", rows.concat()),
            _ => format!("{table} rows {}", rows.join(", ")),
        };
        if !tables.contains(&text) {
            tables.push(text);
        }
    }
    let mut parts = vec![if tables.is_empty() {
        "no rate needed: an allowance covered all of it".into()
    } else {
        tables.join(" · ")
    }];
    let zone = field(&event["zone"]);
    let prefix = explained.recomputed.as_ref().and_then(|recomputed| recomputed.prefix.clone());
    match (zone.is_empty(), prefix) {
        (true, _) => {}
        (false, Some(prefix)) => parts.push(format!("zone {zone}, longest prefix {prefix}")),
        (false, None) => parts.push(format!("zone {zone}")),
    }
    parts.push(format!("plan {} version {}", field(&event["plan"]), field(&event["plan_version"])));
    format!("  match  {}", parts.join(" · "))
}

fn verdict(explained: &Explained) -> Vec<String> {
    let mut lines: Vec<_> =
        explained.notes.iter().map(|note| format!("  note   {}", visible(note.as_bytes()))).collect();
    if let Some(recomputed) = explained.recomputed.as_ref().filter(|recomputed| recomputed.gone > 0) {
        lines.push(format!(
            "  note   {} earlier data files are gone: balances may be incomplete",
            recomputed.gone
        ));
    }
    let shown = explained.differences.iter().take(DIFFERENCES_SHOWN);
    lines.extend(shown.map(|Difference { field, stored, computed }| {
        format!(
            "  DIFFERS {field}: stored {}, computed {}",
            visible(stored.as_bytes()),
            visible(computed.as_bytes())
        )
    }));
    lines.push(match (&explained.recomputed, explained.differences.len()) {
        (Some(recomputed), 0) => {
            format!(
                "  computed anew from the original bytes with version {}: the same, octet for octet",
                recomputed.version
            )
        }
        (None, 0) => "  not computed anew; the arithmetic of the stored lines is right".into(),
        (_, 1) => "  ONE DIFFERENCE".into(),
        (_, more) => format!("  {more} DIFFERENCES"),
    });
    lines
}

/// The same as one JSON object.
pub fn json(explained: &Explained) -> String {
    let records = explained.recomputed.iter().flat_map(|recomputed| &recomputed.records);
    let records: Vec<_> = records
        .map(|original| {
            let fields: serde_json::Map<String, Value> = original
                .fields
                .iter()
                .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into()))
                .collect();
            object!({
                "file": near(&original.path).to_string_lossy(),
                "record": original.record,
                "offset": original.usage.bytes.offset,
                "length": original.usage.bytes.len,
                "fields": fields,
            })
        })
        .collect();
    let recomputed = explained.recomputed.as_ref();
    let duplicates: Vec<_> = explained
        .duplicates
        .iter()
        .map(|(file, record)| object!({ "file": file, "record": record }))
        .collect();
    let differences: Vec<_> = explained
        .differences
        .iter()
        .map(|found| object!({ "field": found.field, "stored": found.stored, "computed": found.computed }))
        .collect();
    let report = object!({
        "records": records,
        "duplicates": duplicates,
        "guided_by": recomputed.map(|recomputed| &recomputed.guided.by),
        "guided_since": recomputed.and_then(|recomputed| recomputed.guided.since.as_ref()),
        "prefix": recomputed.and_then(|recomputed| recomputed.prefix.as_ref()),
        "version": recomputed.map(|recomputed| &recomputed.version),
        "recomputed": recomputed.is_some(),
        "same": recomputed.is_some() && explained.differences.is_empty(),
        "differences": differences,
        "notes": explained.notes,
    });
    // The stored line stands as it is, octet for octet.
    let report = report.to_string();
    let stored = String::from_utf8_lossy(&explained.line);
    format!("{{\"event\":{stored},{}", report.strip_prefix('{').unwrap_or(&report))
}
