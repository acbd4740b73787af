//! The summary of a run, for a person and as the JSON line.
//! Relies on the report, which counts commits only.
//! Never rounds what it prints as JSON.

use super::{amount, count, json, signed};
use caudal_runtime::{Report, RunSums};
use caudal_usage::code::Ends;
use caudal_usage::{Counts, Run};
use std::path::Path;

/// What stands around the figures.
pub struct Place<'a> {
    /// Name of the pipeline.
    pub name: &'a str,
    /// Output folder.
    pub out: &'a Path,
    /// State folder.
    pub state: &'a Path,
    /// The topic of commits, where events go to Kafka and not to the output folder.
    pub log_topic: Option<&'a str>,
}

impl Place<'_> {
    /// What to add to another command so that it finds these folders: nothing where they are the usual ones.
    fn flags(&self) -> String {
        let mut flags = String::new();
        for (name, folder) in [("state", self.state), ("out", self.out)] {
            if folder != Path::new(name) {
                flags.push_str(&format!(" --{name} {}", folder.display()));
            }
        }
        flags
    }
}

/// The summary that a person reads.
pub fn text(report: &Report, place: &Place<'_>) -> String {
    let counts = &report.counts;
    let mut lines = vec![head(report, place), String::new()];
    let mut row = |name: &str, value: i64, note: String| {
        lines.push(format!("  {name:<10} {:>12}     {}", signed(value), folded(&note)).trim_end().to_owned());
    };
    row("rated", counts.rated, amounts(report));
    row("merged", counts.merged, merged(counts));
    row("filtered", counts.filtered(), by_code(counts, Ends::Filtered));
    let first = if counts.duplicate > 0 { "every one points to its first" } else { "" };
    row("duplicate", counts.duplicate, first.into());
    row("suspended", counts.suspended(), by_code(counts, Ends::Suspended));
    row("held", report.held(), held(report));
    if counts.replayed > 0 {
        row("replayed", counts.replayed, "read again, no new outcome".into());
    }
    lines.push(String::new());
    lines.push(format!("  {}", balance(report)));
    lines.extend(report.runs.iter().map(|(run, sums)| format!("  {}", other_run(*run, sums))));
    lines.extend(pointers(report, place));
    lines.join("\n")
}

fn head(report: &Report, place: &Place<'_>) -> String {
    let records = report.counts.entered.unsigned_abs();
    let seconds = report.elapsed.as_millis();
    let plural = if report.files == 1 { "file" } else { "files" };
    format!(
        "caudal · {} · {} {plural}, {} records in {}.{:02} s ({} records/s)",
        place.name,
        count(report.files),
        count(records),
        seconds / 1000,
        seconds % 1000 / 10,
        count(report.records_per_second())
    )
}

fn amounts(report: &Report) -> String {
    let mut parts = Vec::new();
    for (currency, total) in report.totals() {
        let services = report.amounts.iter().filter(|((other, _), _)| *other == currency);
        let services: Vec<_> = services
            .map(|((_, service), sum)| format!("{} {}", service.as_str(), amount(*sum, currency.places())))
            .collect();
        parts.push(format!("{currency} {}   {}", amount(total, currency.places()), services.join(" · ")));
    }
    parts.join("\n")
}

/// Columns before the note of a row.
const NOTE_AT: usize = 30;

/// Widest note, in characters: a row fits a terminal of 120 columns.
const NOTE_WIDTH: usize = 88;

/// A note in lines of its own column: a new one at each line end, and where the next item would be too much.
fn folded(note: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in note.lines() {
        let mut line = String::new();
        for item in paragraph.split(" · ") {
            if line.is_empty() {
                line = item.to_owned();
            } else if line.chars().count() + item.chars().count() + 3 > NOTE_WIDTH {
                lines.push(std::mem::replace(&mut line, item.to_owned()));
            } else {
                line = format!("{line} · {item}");
            }
        }
        lines.push(line);
    }
    lines.join(&format!("\n{:NOTE_AT$}", ""))
}

fn merged(counts: &Counts) -> String {
    if counts.merged == 0 { String::new() } else { "absorbed into the call that they are part of".into() }
}

fn by_code(counts: &Counts, ends: Ends) -> String {
    let mut codes: Vec<_> = counts.by_code(ends).collect();
    codes.sort_by_key(|(code, count)| (-count, code.as_str()));
    let codes: Vec<_> = codes.iter().map(|(code, value)| format!("{code} {}", signed(*value))).collect();
    codes.join(" · ")
}

fn held(report: &Report) -> String {
    match (report.held(), report.counts.held) {
        (0, 0) => String::new(),
        (_, 0) => "waiting for the rest of the session".into(),
        (_, change) => {
            format!("waiting for the rest of the session ({}{} in this run)", plus(change), signed(change))
        }
    }
}

const fn plus(value: i64) -> &'static str {
    if value >= 0 { "+" } else { "" }
}

fn balance(report: &Report) -> String {
    let counts = &report.counts;
    if counts.entered == 0 && counts.held == 0 {
        return "nothing new: every file is known already".into();
    }
    let word = if report.balances() { "books balance" } else { "BOOKS DO NOT BALANCE" };
    let parts =
        [counts.rated, counts.merged, counts.filtered(), counts.duplicate, counts.suspended(), counts.held];
    let parts: Vec<_> = parts.iter().map(|part| signed(*part)).collect();
    format!("{word}: {} in = {}", signed(counts.entered), parts.join(" + "))
}

/// A run beside the primary one, which is not in the figures above.
fn other_run(run: Run, sums: &RunSums) -> String {
    let counts = &sums.counts;
    let mut parts = vec![format!("{} events", signed(counts.events))];
    parts.extend(
        sums.totals()
            .iter()
            .map(|(currency, total)| format!("{currency} {}", amount(*total, currency.places()))),
    );
    if counts.suspended != 0 {
        parts.push(format!("suspended {}", signed(counts.suspended)));
    }
    format!("{} beside: {}", run.as_str(), parts.join(" · "))
}

fn pointers(report: &Report, place: &Place<'_>) -> Vec<String> {
    let out = place.out.display();
    let mut lines = match place.log_topic {
        Some(_) => {
            let name = place.name;
            vec![
                format!(
                    "  events in topic {name}.rated · suspense in {name}.suspense · audit in {name}.audit"
                ),
                "  consumers must read with isolation.level=read_committed".into(),
            ]
        }
        None => vec![format!("  events in {out}/rated · suspense in {out}/suspense · audit in {out}/audit")],
    };
    if let Some((_, id)) = report.dearest {
        lines.push(format!("  why the dearest cost what it did: caudal explain {id}{}", place.flags()));
    }
    if report.counts.suspended() > 0 {
        lines.push("  what each code means, and what to do: docs/codes.md".into());
    }
    lines
}

/// The JSON line.
pub fn json(report: &Report) -> String {
    let counts = &report.counts;
    json::object(|out| {
        json::number(out, "files", report.files as i64);
        json::number(out, "records_in", counts.entered);
        json::number(out, "rated", counts.rated);
        json::number(out, "merged", counts.merged);
        json::number(out, "held_before", report.held_before);
        json::number(out, "held", report.held());
        json::number(out, "duplicate", counts.duplicate);
        json::number(out, "filtered", counts.filtered());
        json::number(out, "suspended_before", report.suspended_before);
        json::number(out, "suspended", report.suspended());
        json::number(out, "written_off", counts.written_off);
        json::number(out, "replayed", counts.replayed);
        json::nested(out, "amounts", |out| {
            for (currency, total) in report.totals() {
                json::key(out, currency.code());
                json::decimal(out, total);
            }
        });
        json::truth(out, "balanced", report.balances());
        json::key(out, "seconds");
        let micros = report.elapsed.as_micros();
        out.extend_from_slice(format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000).as_bytes());
        details(out, report);
        if !report.runs.is_empty() {
            json::nested(out, "runs", |out| {
                report.runs.iter().for_each(|(run, sums)| write_run(out, *run, sums))
            });
        }
    })
}

/// A run beside the primary one: usages by what became of them, events and amounts.
fn write_run(out: &mut Vec<u8>, run: Run, sums: &RunSums) {
    let counts = &sums.counts;
    json::nested(out, run.as_str(), |out| {
        json::number(out, "usages", counts.usages);
        json::number(out, "rated", counts.rated);
        json::number(out, "suspended", counts.suspended);
        json::number(out, "events", counts.events);
        json::nested(out, "amounts", |out| {
            for (currency, total) in sums.totals() {
                json::key(out, currency.code());
                json::decimal(out, total);
            }
        });
    });
}

/// What the contract does not name: codes, services, and what the benchmark prints.
fn details(out: &mut Vec<u8>, report: &Report) {
    for (name, ends) in [("filtered_codes", Ends::Filtered), ("suspended_codes", Ends::Suspended)] {
        json::nested(out, name, |out| {
            report.counts.by_code(ends).for_each(|(code, count)| json::number(out, code.as_str(), count));
        });
    }
    json::nested(out, "services", |out| {
        for ((currency, service), amount) in &report.amounts {
            json::key(out, &format!("{currency} {}", service.as_str()));
            json::decimal(out, *amount);
        }
    });
    json::number(out, "events", report.events as i64);
    json::number(out, "commits", report.epochs as i64);
    json::number(out, "fsyncs", report.fsyncs as i64);
    let stages = &report.stages;
    json::nested(out, "stages", |out| {
        for (name, time) in [
            ("read_ns_per_record", stages.read),
            ("parse_ns_per_record", stages.parse),
            ("record_shards_ns_per_record", stages.record),
            ("account_shards_ns_per_record", stages.account),
            ("books_ns_per_record", stages.books),
            ("commit_wait_ns_per_record", stages.wait),
            ("snapshot_ns_per_record", stages.snapshot),
        ] {
            let records = u128::from(report.counts.entered.unsigned_abs().max(1));
            json::number(out, name, i64::try_from(time.as_nanos() / records).unwrap_or(i64::MAX));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_goes_on_in_its_own_column() {
        for note in ["", "voice 1.00 · sms 2.00"] {
            assert_eq!(folded(note), note);
        }
        let codes: Vec<_> = (10..20).map(|number| format!("no_subscription {number}")).collect();
        let folded = folded(&codes.join(" · "));
        let lines: Vec<_> = folded.lines().collect();
        assert_eq!(lines.len(), 3, "{folded}");
        assert!(lines.iter().all(|line| line.trim_start().chars().count() <= NOTE_WIDTH), "{folded}");
        assert!(lines[1].starts_with(&format!("{:NOTE_AT$}no_sub", "")), "{folded}");
        assert_eq!(super::folded("EUR 1.00\nUSD 2.00"), format!("EUR 1.00\n{:NOTE_AT$}USD 2.00", ""));
    }
}
