//! A TOML table or a CSV file, field by field, into checked values or findings with line and column.
//! Relies on toml's spans and csv's positions; reading goes on after a finding, so one run shows them all.
//! Never ignores a key or a column that it does not know.

use crate::grammar::Refused;
use caudal_usage::diagnostic::line_column;
use caudal_usage::{Date, Diagnostic, Severity};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Most findings kept of one file: a table of a million bad rows needs no million messages.
pub const FINDINGS_MAX: usize = 100;

/// Findings of one file while it is read.
pub struct Report<'a> {
    /// The file, relative to the pipeline folder.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    findings: Vec<Diagnostic>,
    more: usize,
}

impl<'a> Report<'a> {
    /// Nothing found yet.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, findings: Vec::new(), more: 0 }
    }

    /// Adds a finding.
    pub fn push(&mut self, finding: Diagnostic) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Adds an error at a byte of the text.
    pub fn error(&mut self, at: usize, message: impl Into<String>) {
        self.hinted(at, message, "");
    }

    /// Adds an error with advice.
    pub fn hinted(&mut self, at: usize, message: impl Into<String>, hint: &str) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Diagnostic::error(self.file, self.text, at, message).hint(hint));
        } else {
            self.more += 1;
        }
    }

    /// Adds a warning at a byte of the text.
    pub fn warning(&mut self, at: usize, message: impl Into<String>, hint: &str) {
        self.push(Diagnostic::error(self.file, self.text, at, message).hint(hint).as_warning());
    }

    /// True when an error was found.
    pub fn failed(&self) -> bool {
        self.more > 0 || self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        if self.more > 0 {
            let message = format!("{} more findings are not shown", self.more);
            self.findings.push(Diagnostic::error_in_line(self.file, 0, message));
        }
        self.findings
    }
}

/// A value with the byte where it stands.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// Byte offset in the file.
    pub at: usize,
    /// The value.
    pub value: T,
}

/// The fields of one table, taken one by one; what is left at the end is unknown.
pub struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    /// Where the table begins.
    pub at: usize,
    taken: Vec<&'static str>,
}

impl<'t, 'i> Fields<'t, 'i> {
    /// Begins to read `table`, which stands at byte `at`.
    pub fn new(table: &'t DeTable<'i>, at: usize) -> Self {
        Self { table, at, taken: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.taken.push(key);
        self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
    }

    /// Takes a key without reading it, where another finding already says enough.
    pub fn skip(&mut self, key: &'static str) {
        self.taken.push(key);
    }

    /// Where the value of `key` stands, or the table.
    pub fn place(&self, key: &str) -> usize {
        let found = self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key);
        found.map_or(self.at, |(_, value)| value.span().start)
    }

    /// True when the key is there. Does not take it.
    pub fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref().as_ref() == key)
    }

    fn missing(&self, report: &mut Report, key: &str) {
        report.error(self.at, format!("`{key}` is missing"));
    }

    /// A text that may be absent.
    pub fn text(&mut self, report: &mut Report, key: &'static str) -> Option<At<&'t str>> {
        let value = self.take(key)?;
        let at = value.span().start;
        let found = value.get_ref().as_str();
        if found.is_none() {
            wrong(report, key, value, "a text in quotes");
        }
        found.map(|value| At { at, value })
    }

    /// A text that must be there and may not be empty.
    pub fn needed(&mut self, report: &mut Report, key: &'static str) -> Option<At<&'t str>> {
        if !self.has(key) {
            self.taken.push(key);
            self.missing(report, key);
            return None;
        }
        let text = self.text(report, key)?;
        if text.value.trim().is_empty() {
            report.error(text.at, format!("`{key}` is empty"));
            return None;
        }
        Some(text)
    }

    /// A text read by a grammar.
    pub fn parsed<T>(
        &mut self,
        report: &mut Report,
        key: &'static str,
        grammar: impl Fn(&str) -> Result<T, Refused>,
    ) -> Option<At<T>> {
        let text = self.text(report, key)?;
        match grammar(text.value) {
            Ok(value) => Some(At { at: text.at, value }),
            Err(refused) => {
                // One for the opening quote.
                let (at, expected) = (text.at + 1 + refused.at, refused.expected);
                let found: String = text.value.chars().take(60).collect();
                report.error(at, format!("`{key}` is {found:?}, expected {expected} here"));
                None
            }
        }
    }

    /// A calendar day.
    pub fn date(&mut self, report: &mut Report, key: &'static str) -> Option<At<Date>> {
        let value = self.take(key)?;
        let day = value.get_ref().as_datetime().filter(|time| time.time.is_none() && time.offset.is_none());
        let date = day
            .and_then(|day| day.date)
            .and_then(|date| Date::new(i32::from(date.year), date.month, date.day))
            .filter(|date| (1970..2200).contains(&date.year));
        if date.is_none() {
            wrong(report, key, value, "a day without quotes such as 2026-01-01, from 1970 to 2199");
        }
        date.map(|date| At { at: value.span().start, value: date })
    }

    /// A whole number in `range`.
    pub fn number(
        &mut self,
        report: &mut Report,
        key: &'static str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<At<i64>> {
        let value = self.take(key)?;
        let number = integer(value).filter(|number| range.contains(number));
        if number.is_none() {
            wrong(report, key, value, &format!("a whole number from {} to {}", range.start(), range.end()));
        }
        number.map(|number| At { at: value.span().start, value: number })
    }

    /// A text or a list of texts.
    pub fn words(&mut self, report: &mut Report, key: &'static str) -> Option<Vec<At<&'t str>>> {
        let value = self.take(key)?;
        let list = one_or_many(value);
        let mut words = Vec::with_capacity(list.len());
        for item in &list {
            match item.get_ref().as_str() {
                Some(word) => words.push(At { at: item.span().start, value: word }),
                None => wrong(report, key, item, "a text in quotes, or a list of texts"),
            }
        }
        if list.is_empty() {
            wrong(report, key, value, "at least one text");
        }
        Some(words)
    }

    /// A number or a list of numbers, 0 to 4,294,967,295.
    pub fn numbers(&mut self, report: &mut Report, key: &'static str) -> Option<Vec<u32>> {
        let value = self.take(key)?;
        let list = one_or_many(value);
        let mut numbers = Vec::with_capacity(list.len());
        for item in &list {
            match integer(item).and_then(|number| u32::try_from(number).ok()) {
                Some(number) => numbers.push(number),
                None => wrong(report, key, item, "a whole number from 0 to 4294967295, or a list of them"),
            }
        }
        if list.is_empty() {
            wrong(report, key, value, "at least one number");
        }
        Some(numbers)
    }

    /// A table.
    pub fn table(&mut self, report: &mut Report, key: &'static str) -> Option<Fields<'t, 'i>> {
        let value = self.take(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            wrong(report, key, value, "a table in braces");
        }
        table.map(|table| Fields::new(table, value.span().start))
    }

    /// A list of at most `max` tables; empty when absent.
    pub fn tables(&mut self, report: &mut Report, key: &'static str, max: usize) -> Vec<Fields<'t, 'i>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            wrong(report, key, value, "a list of tables");
            return Vec::new();
        };
        if list.len() > max {
            report.error(value.span().start, format!("{} `{key}` found, expected at most {max}", list.len()));
            return Vec::new();
        }
        let mut tables = Vec::with_capacity(list.len());
        for item in list {
            match item.get_ref().as_table() {
                Some(table) => tables.push(Fields::new(table, item.span().start)),
                None => wrong(report, key, item, "a table"),
            }
        }
        tables
    }

    /// Reports every key that was not taken: those of `later` as known but not supported yet.
    pub fn finish(self, report: &mut Report, later: &[&str]) {
        for (name, _) in self.table {
            let key = name.get_ref().as_ref();
            if self.taken.contains(&key) {
                continue;
            }
            let at = name.span().start;
            if later.contains(&key) {
                let hint = "leave it out: a plan is refused rather than priced without it";
                report.hinted(at, format!("`{key}` is not supported yet"), hint);
            } else {
                let shown: String = key.chars().take(60).collect();
                report
                    .error(at, format!("unknown key {shown:?}, expected one of: {}", self.taken.join(", ")));
            }
        }
    }
}

fn integer(value: &Spanned<DeValue>) -> Option<i64> {
    let number = value.get_ref().as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn one_or_many<'t, 'i>(value: &'t Spanned<DeValue<'i>>) -> Vec<&'t Spanned<DeValue<'i>>> {
    match value.get_ref().as_array() {
        Some(list) => list.iter().collect(),
        None => vec![value],
    }
}

fn wrong(report: &mut Report, key: &str, value: &Spanned<DeValue>, expected: &str) {
    let Range { start, end } = value.span();
    let raw = report.text.get(start..end).unwrap_or_default();
    let found: String = raw.chars().take(40).collect();
    report.error(start, format!("`{key}` is {found}, expected {expected}"));
}

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
    pub fn days(&self, report: &mut Report) -> crate::model::Days {
        let (from, to) = (self.date(report, "valid_from"), self.date(report, "valid_to"));
        let days = crate::model::Days::new(from, to);
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
    line_column(text, 0).1
}
