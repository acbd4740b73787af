//! A TOML table, field by field, into checked values or findings with line and column.
//! Relies on toml's spans; reading goes on after a finding, so one run shows them all.
//! Never ignores a key that it does not know.

use crate::grammar::Refused;
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

    /// The first text under `key` in the tables of the list `list`, or in their own `steps`. Takes nothing.
    pub fn first_text_within(&self, list: &str, key: &str) -> Option<&'t str> {
        let value =
            self.table.iter().find(|(name, _)| name.get_ref().as_ref() == list).map(|(_, value)| value)?;
        let tables = value.get_ref().as_array()?.iter().filter_map(|item| item.get_ref().as_table());
        let inner = |table: &'t DeTable<'i>| {
            let inner = Fields::new(table, 0);
            let own = table.iter().find(|(name, _)| name.get_ref().as_ref() == key);
            let nested = || (list != "steps").then(|| inner.first_text_within("steps", key)).flatten();
            own.and_then(|(_, value)| value.get_ref().as_str()).or_else(nested)
        };
        tables.into_iter().find_map(inner)
    }

    /// The text of a key, where it is one. Takes nothing.
    pub fn peek_text(&self, key: &str) -> Option<&'t str> {
        let value =
            self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)?;
        value.get_ref().as_str()
    }

    /// `true` or `false`.
    pub fn flag(&mut self, report: &mut Report, key: &'static str) -> Option<At<bool>> {
        let value = self.take(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            wrong(report, key, value, "true or false, without quotes");
        }
        flag.map(|flag| At { at: value.span().start, value: flag })
    }

    /// One of some words, the first where nothing is said.
    pub fn choice<T: Copy>(
        &mut self,
        report: &mut Report,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let Some(text) = self.text(report, key) else { return words.first().map(|(_, value)| *value) };
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let shown: String = text.value.chars().take(40).collect();
            let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            report.error(text.at, format!("`{key}` is {shown:?}, expected one of: {}", all.join(", ")));
        }
        found
    }

    /// Every key with its text or list of texts, at most `max`, in the order of the keys.
    pub fn every_words(self, report: &mut Report, max: usize) -> Vec<(&'t str, Vec<At<&'t str>>)> {
        if self.table.len() > max {
            report.error(self.at, format!("{} keys found, expected at most {max}", self.table.len()));
        }
        let mut list = Vec::new();
        for (name, value) in self.table.iter().take(max) {
            let mut words = Vec::new();
            for item in one_or_many(value) {
                match item.get_ref().as_str() {
                    Some(word) => words.push(At { at: item.span().start, value: word }),
                    None => wrong(report, name.get_ref(), item, "a text in quotes, or a list of texts"),
                }
            }
            list.push((name.get_ref().as_ref(), words));
        }
        list
    }

    /// Every key with its table, at most `max`, in the order of the keys.
    pub fn every_table(self, report: &mut Report, max: usize) -> Vec<(&'t str, Fields<'t, 'i>)> {
        if self.table.len() > max {
            report.error(self.at, format!("{} keys found, expected at most {max}", self.table.len()));
        }
        let mut list = Vec::new();
        for (name, value) in self.table.iter().take(max) {
            match value.get_ref().as_table() {
                Some(table) => list.push((name.get_ref().as_ref(), Fields::new(table, value.span().start))),
                None => wrong(report, name.get_ref(), value, "a table in braces"),
            }
        }
        list
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
