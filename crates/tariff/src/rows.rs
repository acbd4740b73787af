//! A CSV file with a header, row by row, into checked values or findings with line and column.
//! Relies on csv for quoting; columns may stand in any order, those that may be absent are said by the caller.
//! Never ignores a column that it does not know.

use crate::model::Days;
use crate::read::Report;
use caudal_usage::{Date, Diagnostic};

/// A CSV file with a header row, row by row.
pub struct Rows<'a> {
    reader: csv::Reader<&'a [u8]>,
    columns: Vec<Option<usize>>,
    names: &'static [&'static str],
    record: csv::StringRecord,
    start: usize,
    /// Line of the current row, from 1.
    pub line: u32,
}

impl<'a> Rows<'a> {
    /// Reads the header, which must name each of `names` once and nothing else; those of `optional` may be absent.
    pub fn open(report: &mut Report<'a>, names: &'static [&'static str], optional: &[&str]) -> Option<Self> {
        let text: &'a str = report.text;
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader =
            csv::ReaderBuilder::new().has_headers(true).flexible(false).from_reader(body.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => {
                report.push(Diagnostic::error_in_line(report.file, 1, error.to_string()));
                return None;
            }
        };
        let expected = names.join(",");
        let find = |name: &str| header.iter().position(|found| found.trim() == name);
        for name in names.iter().filter(|name| !optional.contains(*name) && find(name).is_none()) {
            report.error(0, format!("column `{name}` is missing, expected {expected}"));
        }
        for found in header.iter().filter(|found| !names.contains(&found.trim())) {
            report.error(0, format!("unknown column {found:?}, expected {expected}"));
        }
        let columns = names.iter().map(|name| find(name)).collect();
        let record = csv::StringRecord::new();
        (!report.failed()).then_some(Self { reader, columns, names, record, start: 0, line: 1 })
    }

    /// Moves to the next row. False at the end or when the file cannot be read on.
    pub fn next(&mut self, report: &mut Report) -> bool {
        match self.reader.read_record(&mut self.record) {
            Ok(false) => false,
            Ok(true) => {
                self.locate(report.text);
                true
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let line = usize::try_from(line).unwrap_or(0);
                report.push(Diagnostic::error_in_line(report.file, line, error.to_string()));
                !error.is_io_error() && !report.failed()
            }
        }
    }

    /// Line and start of the current row; csv counts blank lines before a row as part of it.
    fn locate(&mut self, text: &str) {
        let Some(position) = self.record.position() else { return };
        let bom = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
        let from = usize::try_from(position.byte()).unwrap_or(usize::MAX).saturating_add(bom);
        let blank = text.as_bytes().iter().skip(from).take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let (mut skipped, mut lines) = (0, 0u32);
        for byte in blank {
            skipped += 1;
            lines += u32::from(*byte == b'\n');
        }
        self.start = from.saturating_add(skipped);
        self.line = u32::try_from(position.line()).unwrap_or(u32::MAX).saturating_add(lines);
    }

    /// The text of a column, trimmed; empty when absent.
    pub fn get(&self, name: &'static str) -> &str {
        let column = self.names.iter().position(|known| *known == name);
        let index = column.and_then(|column| self.columns.get(column).copied().flatten());
        index.and_then(|index| self.record.get(index)).unwrap_or_default().trim()
    }

    /// Reports what is wrong with a column of the current row.
    pub fn wrong(&self, report: &mut Report, name: &'static str, expected: &str) {
        let found: String = self.get(name).chars().take(60).collect();
        self.say(report, name, format!("`{name}` is {found:?}, expected {expected}"));
    }

    /// Reports a message at a column of the current row.
    pub fn say(&self, report: &mut Report, name: &'static str, message: String) {
        let column = self.names.iter().position(|known| *known == name);
        let index = column.and_then(|column| self.columns.get(column).copied().flatten()).unwrap_or(0);
        let mut finding =
            Diagnostic::error_in_line(report.file, usize::try_from(self.line).unwrap_or(0), message);
        finding.column = field_column(report.text.get(self.start..).unwrap_or_default(), index);
        report.push(finding);
    }

    /// A day, or nothing where the column is empty.
    pub fn date(&self, report: &mut Report, name: &'static str) -> Option<Date> {
        let text = self.get(name);
        if text.is_empty() {
            return None;
        }
        let date = Date::parse(text).filter(|date| (1970..2200).contains(&date.year));
        if date.is_none() {
            self.wrong(report, name, "a day such as 2026-01-01, from 1970 to 2199, or nothing");
        }
        date
    }

    /// The validity of the row.
    pub fn days(&self, report: &mut Report) -> Days {
        let (from, to) = (self.date(report, "valid_from"), self.date(report, "valid_to"));
        let days = Days::new(from, to);
        if days.from >= days.to {
            self.wrong(report, "valid_to", "a day after valid_from");
        }
        days
    }
}

/// Column in characters, from 1, of the field of index `index` in the row with which `text` begins.
fn field_column(text: &str, index: usize) -> usize {
    let (mut quoted, mut field) = (false, 0);
    for (column, c) in text.chars().enumerate() {
        if field == index {
            return column + 1;
        }
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => field += 1,
            '\n' if !quoted => return 1,
            _ => {}
        }
    }
    1
}
