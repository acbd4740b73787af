//! A CSV file with a header row, streamed row by row, hashed on the way.
//! Relies on the csv crate for quoting; columns are found by name, in any order.
//! Never holds more than a row, and never takes a file without the columns it needs.

use super::reader::nearest;
use caudal_usage::Diagnostic;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Findings kept of one table.
const FINDINGS_MAX: usize = 100;

/// Largest table, in octets: 100 million subscriptions of 80 octets.
const OCTETS_MAX: u64 = 8 << 30;

/// Longest value, in octets.
const VALUE_MAX: usize = 256;

/// Feeds everything that is read to a hash.
struct Hashing {
    file: io::Take<File>,
    hasher: blake3::Hasher,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Columns of a table: those it must have, and those it may have.
pub(super) struct Columns {
    pub needed: &'static [&'static str],
    pub optional: &'static [&'static str],
}

/// One row, with its values by the index of their column: needed ones first, then optional ones.
pub(super) struct Row<'a> {
    record: &'a csv::StringRecord,
    places: &'a [Option<usize>],
    /// Line in the file, from 1.
    pub line: u32,
}

impl Row<'_> {
    /// A value without blanks around it; empty when the file has no such column.
    pub fn get(&self, column: usize) -> &str {
        let place = self.places.get(column).copied().flatten();
        place.and_then(|place| self.record.get(place)).unwrap_or_default().trim()
    }
}

/// Findings of one table.
pub(super) struct TableReport<'a> {
    file: &'a str,
    pub findings: Vec<Diagnostic>,
}

impl TableReport<'_> {
    pub fn error(&mut self, line: u32, message: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Diagnostic::error_in_line(self.file, line as usize, message));
        }
    }

    /// `column` of a row holds `found`.
    pub fn wrong(&mut self, row: &Row<'_>, (column, found, expected): (&str, &str, &str)) {
        let found: String = found.chars().take(40).collect();
        self.error(row.line, format!("`{column}` is {found:?}, expected {expected}"));
    }

    fn full(&self) -> bool {
        self.findings.len() >= FINDINGS_MAX
    }
}

/// Reads the table at `path`, called `name` in messages, giving every row to `each`. Returns the hash of its content.
pub(super) fn read(
    path: &Path,
    (name, columns): (&str, &Columns),
    findings: &mut Vec<Diagnostic>,
    mut each: impl FnMut(&mut TableReport, &Row<'_>),
) -> Option<blake3::Hash> {
    let mut report = TableReport { file: name, findings: Vec::new() };
    let hash = rows(path, columns, &mut report, &mut each);
    if let Err(message) = &hash {
        report.findings.push(message.clone());
    }
    findings.append(&mut report.findings);
    hash.ok()
}

fn rows(
    path: &Path,
    columns: &Columns,
    report: &mut TableReport,
    each: &mut impl FnMut(&mut TableReport, &Row<'_>),
) -> Result<blake3::Hash, Diagnostic> {
    let failed = |line: u64, message: String| {
        Diagnostic::error_in_line(report.file, usize::try_from(line).unwrap_or(0), message)
    };
    let file = File::open(path).map_err(|error| failed(0, format!("cannot be read: {error}")))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if size > OCTETS_MAX {
        return Err(failed(0, format!("has {size} bytes, expected at most {OCTETS_MAX}")));
    }
    let hashing = Hashing { file: file.take(OCTETS_MAX), hasher: blake3::Hasher::new() };
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(hashing);
    let header = reader.headers().map_err(|error| failed(1, describe(&error)))?.clone();
    let places = places(&header, columns, report)?;
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                report.error(u32::try_from(line).unwrap_or(0), describe(&error));
                if report.full() || matches!(error.kind(), csv::ErrorKind::Io(_)) {
                    break;
                }
                continue;
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { record: &record, places: &places, line: u32::try_from(line).unwrap_or(u32::MAX) };
        match record.iter().position(|value| value.len() > VALUE_MAX) {
            Some(column) => {
                report.error(row.line, format!("column {} is longer than {VALUE_MAX} bytes", column + 1));
            }
            None => each(report, &row),
        }
        if report.full() {
            break;
        }
    }
    Ok(reader.into_inner().hasher.finalize())
}

/// Where each column stands.
fn places(
    header: &csv::StringRecord,
    columns: &Columns,
    report: &mut TableReport,
) -> Result<Vec<Option<usize>>, Diagnostic> {
    let known: Vec<&str> = columns.needed.iter().chain(columns.optional).copied().collect();
    let names: Vec<&str> = header.iter().map(|name| name.trim().trim_start_matches('\u{feff}')).collect();
    for (index, name) in names.iter().enumerate() {
        if names.iter().take(index).any(|other| other == name) {
            report.error(1, format!("column {name:?} is there twice"));
        } else if !known.contains(name)
            && let Some(meant) = nearest(name, &known).filter(|meant| !names.contains(meant))
        {
            let found = Diagnostic::error_in_line(report.file, 1, format!("unknown column {name:?}"));
            report.findings.push(found.hint(format!("did you mean `{meant}`?")));
        }
    }
    let missing: Vec<&str> = columns.needed.iter().filter(|name| !names.contains(name)).copied().collect();
    if !missing.is_empty() {
        let message = format!(
            "columns missing: {}; expected at least {}",
            missing.join(", "),
            columns.needed.join(",")
        );
        return Err(Diagnostic::error_in_line(report.file, 1, message));
    }
    Ok(known.iter().map(|known| names.iter().position(|name| name == known)).collect())
}

fn describe(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} columns, expected {expected_len} as in the header")
        }
        csv::ErrorKind::Utf8 { err, .. } => format!("column {} is not UTF-8", err.field() + 1),
        csv::ErrorKind::Io(error) => format!("cannot be read: {error}"),
        _ => "is no CSV".into(),
    }
}
