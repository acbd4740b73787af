//! `caudal audit`: the state's books by file, source and day.
//! Relies on the ledger, read from snapshot and log beside a run that may be going on; nothing is changed.
//! Never adds up what it does not show.

mod checks;

use crate::cli::StateArgs;
use crate::commands::topics;
use crate::failure::Failure;
use crate::print::{json, signed};
use caudal_engine::ledger::Ledger;
use caudal_runtime::peek::{self, Peeked};
use caudal_store::{RealDisk, SharedDisk};
use caudal_usage::{BookKey, Counts, Date, FileEntry, FileOrdinal, Run, RunCounts};
use checks::{Audit, Folders, shown};
use std::path::Path;
use std::sync::Arc;

/// Files that the table shows: the newest. JSON lines show all.
const FILES_SHOWN: usize = 40;

/// Runs the command. Exit code 1 when a book does not balance.
pub fn audit(args: &StateArgs) -> Result<(), Failure> {
    let peeked = read(&args.state)?;
    let audit = match topics::reader(&args.state)? {
        Some(kafka) => checks::audit_topics(&peeked, &kafka)?,
        None => checks::audit(&peeked, Folders { state: &args.state, out: &args.out }),
    };
    let lines = if args.json { json_lines(&audit, &peeked.ledger) } else { table(&audit, &peeked.ledger) };
    print(&lines)?;
    if audit.findings.is_empty() { Ok(()) } else { Err(Failure::Found) }
}

/// Reads the ledger; a folder that is no state is wrong usage.
pub fn read(state: &Path) -> Result<Peeked, Failure> {
    if !state.join("IDENTITY").is_file() {
        let message = format!(
            "{} holds no state: run a pipeline first (`caudal run PIPELINE --once --state {0}`), or name its state folder by --state",
            state.display()
        );
        return Err(Failure::usage(message));
    }
    let disk: SharedDisk = Arc::new(RealDisk::new());
    Ok(peek::ledger(&disk, state)?)
}

/// Prints lines; a reader that has seen enough is no failure.
pub fn print(lines: &[String]) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let result = lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn table(audit: &Audit, ledger: &Ledger) -> Vec<String> {
    let mut lines = vec![format!("books after commit {}", ledger.epoch), String::new()];
    let left_out = audit.files.len().saturating_sub(FILES_SHOWN);
    let names: Vec<_> = audit.files.keys().map(|&file| label(ledger, file)).collect();
    let all = names.iter().skip(left_out).chain(audit.sources.keys());
    let width = all.map(|name| name.chars().count()).max().unwrap_or(0).clamp(12, 60);
    lines.push(head("file", width));
    if left_out > 0 {
        lines.push(format!(
            "  … {} earlier files are left out here; --json shows all",
            signed(left_out as i64)
        ));
    }
    for (name, counts) in names.iter().zip(audit.files.values()).skip(left_out) {
        lines.push(row(name, counts, width));
    }
    lines.extend([String::new(), head("source", width)]);
    lines.extend(audit.sources.iter().map(|(name, counts)| row(name, counts, width)));
    lines.extend([String::new(), head("day", width)]);
    lines.extend(audit.days.iter().map(|(&day, counts)| row(&day_name(day), counts, width)));
    lines.extend([String::new(), head("", width), row("total", &audit.total, width), String::new()]);
    lines.extend(ledger.runs.iter().map(|(run, counts)| other_run(*run, counts)));
    lines.extend(audit.findings.iter().map(|finding| format!("  {finding}")));
    lines.push(verdict(audit));
    lines
}

/// The book of a run beside the primary one, in usages: no record counts in it.
fn other_run(run: Run, counts: &RunCounts) -> String {
    let RunCounts { usages, rated, suspended, events, .. } = *counts;
    format!(
        "  {} beside: {} usages in = {} rated + {} suspended, {} events",
        run.as_str(),
        signed(usages),
        signed(rated),
        signed(suspended),
        signed(events)
    )
}

fn verdict(audit: &Audit) -> String {
    let (total, findings) = (&audit.total, audit.findings.len());
    if findings > 0 {
        return format!("  BOOKS DO NOT BALANCE: {} found", signed(findings as i64));
    }
    let parts = [
        total.rated,
        total.merged,
        total.filtered(),
        total.duplicate,
        total.suspended(),
        total.written_off,
        total.held,
    ];
    let parts: Vec<_> = parts.map(signed).into();
    format!("  books balance: {} in = {}", signed(total.entered), parts.join(" + "))
}

const COLUMNS: [&str; 8] =
    ["in", "rated", "merged", "filtered", "duplicate", "suspended", "held", "balanced"];

fn head(name: &str, width: usize) -> String {
    let columns: Vec<_> = COLUMNS.iter().map(|column| format!("{column:>11}")).collect();
    format!("  {name:<width$}{}", columns.concat())
}

fn row(name: &str, counts: &Counts, width: usize) -> String {
    let numbers = [
        counts.entered,
        counts.rated,
        counts.merged,
        counts.filtered(),
        counts.duplicate,
        counts.suspended(),
        counts.held,
    ];
    let numbers: Vec<_> = numbers.iter().map(|number| format!("{:>11}", signed(*number))).collect();
    let balanced = if counts.balances() { "yes" } else { "NO" };
    format!("  {name:<width$}{}{balanced:>11}", numbers.concat())
}

/// A file's name with what must be known of it.
fn label(ledger: &Ledger, file: FileOrdinal) -> String {
    let Some(entry) = ledger.files.get(&file) else { return format!("file {}", file.0) };
    let name = shown(&entry.display_name());
    match (same_content(ledger, file, entry), entry.finished) {
        (Some(first), _) => format!("{name} (same content as {})", first.0),
        (None, None) => format!("{name} (being read)"),
        (None, Some(_)) => name,
    }
}

fn same_content(ledger: &Ledger, file: FileOrdinal, entry: &FileEntry) -> Option<FileOrdinal> {
    ledger.same_content(&entry.finished?).filter(|first| *first != file)
}

fn day_name(day: i32) -> String {
    if day == BookKey::NO_DAY { "no day".into() } else { Date::from_days(day).to_string() }
}

fn json_lines(audit: &Audit, ledger: &Ledger) -> Vec<String> {
    let mut lines = Vec::new();
    for (&file, counts) in &audit.files {
        lines.push(json::object(|out| {
            json::text(out, "type", "file");
            json::number(out, "file_id", i64::from(file.0));
            if let Some(entry) = ledger.files.get(&file) {
                json::text(out, "file", &entry.display_name());
                json::truth(out, "finished", entry.finished.is_some());
                if let Some(first) = same_content(ledger, file, entry) {
                    json::number(out, "same_content_as", i64::from(first.0));
                }
            }
            numbers(out, counts);
        }));
    }
    lines.extend(audit.sources.iter().map(|(name, counts)| named("source", name, counts)));
    lines.extend(audit.days.iter().map(|(&day, counts)| named("day", &day_name(day), counts)));
    lines.extend(ledger.runs.iter().map(|(run, counts)| {
        json::object(|out| {
            json::text(out, "type", "run");
            json::text(out, "run", run.as_str());
            json::number(out, "usages", counts.usages);
            json::number(out, "rated", counts.rated);
            json::number(out, "suspended", counts.suspended);
            json::number(out, "events", counts.events);
            json::truth(out, "balanced", counts.balances());
        })
    }));
    lines.extend(audit.findings.iter().map(|finding| {
        json::object(|out| {
            json::text(out, "type", "finding");
            json::text(out, "message", finding);
        })
    }));
    lines.push(json::object(|out| {
        json::text(out, "type", "total");
        json::number(out, "commit", i64::try_from(ledger.epoch).unwrap_or(i64::MAX));
        json::number(out, "files", audit.files.len() as i64);
        numbers(out, &audit.total);
        json::number(out, "findings", audit.findings.len() as i64);
    }));
    lines
}

fn named(kind: &str, name: &str, counts: &Counts) -> String {
    json::object(|out| {
        json::text(out, "type", kind);
        json::text(out, kind, name);
        numbers(out, counts);
    })
}

fn numbers(out: &mut Vec<u8>, counts: &Counts) {
    for (name, number) in [
        ("records_in", counts.entered),
        ("rated", counts.rated),
        ("merged", counts.merged),
        ("filtered", counts.filtered()),
        ("duplicate", counts.duplicate),
        ("suspended", counts.suspended()),
        ("held", counts.held),
        ("written_off", counts.written_off),
        ("replayed", counts.replayed),
    ] {
        json::number(out, name, number);
    }
    json::truth(out, "balanced", counts.balances());
}

#[cfg(test)]
mod tests;
