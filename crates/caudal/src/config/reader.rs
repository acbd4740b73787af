//! A TOML file, key by key, into checked values or findings with line and column.
//! Relies on toml's spans; reading goes on after a finding, so one run shows them all.
//! Never ignores a key that it does not know: the nearest known one is named.

use caudal_usage::{Diagnostic, Severity};
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Findings kept of one file; more repeat one mistake.
const FINDINGS_MAX: usize = 200;

/// Characters of a value that a message shows.
const SHOWN: usize = 60;

/// Findings of one file while it is read.
pub(super) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    pub findings: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, findings: Vec::new() }
    }

    pub fn push(&mut self, finding: Diagnostic) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// Adds an error at a byte of the text.
    pub fn error(&mut self, at: usize, message: impl Into<String>) {
        self.push(Diagnostic::error(self.file, self.text, at, message));
    }

    /// Adds an error with advice.
    pub fn hinted(&mut self, at: usize, message: impl Into<String>, hint: &str) {
        self.push(Diagnostic::error(self.file, self.text, at, message).hint(hint));
    }

    /// Adds a warning with advice.
    pub fn warning(&mut self, at: usize, message: impl Into<String>, hint: &str) {
        self.push(Diagnostic::error(self.file, self.text, at, message).hint(hint).as_warning());
    }

    /// True when an error was found.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    pub fn wrong(&mut self, key: &str, value: &Spanned<DeValue>, expected: &str) {
        let raw = self.text.get(value.span()).unwrap_or_default();
        let message = format!("`{key}` is {}, expected {expected}", cut(raw));
        self.error(value.span().start, message);
    }
}

/// The first characters of a value, on one line.
fn cut(text: &str) -> String {
    text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A value with the byte where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<T> {
    pub at: usize,
    pub value: T,
}

/// The keys of one table, taken one by one; what is left at the end is unknown.
pub(super) struct Keys<'t, 'i> {
    table: &'t DeTable<'i>,
    /// Where the table begins.
    pub at: usize,
    known: Vec<&'static str>,
}

impl<'t, 'i> Keys<'t, 'i> {
    pub fn new(table: &'t DeTable<'i>, at: usize) -> Self {
        Self { table, at, known: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// True when the key is there. Does not take it.
    pub fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// Where the key's value stands, or the table.
    pub fn place(&self, key: &str) -> usize {
        let value = self.table.iter().find(|(name, _)| name.get_ref() == key);
        value.map_or(self.at, |(_, value)| value.span().start)
    }

    /// A text that may be absent.
    pub fn text(&mut self, report: &mut Report, key: &'static str) -> Option<At<&'t str>> {
        let value = self.take(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            report.wrong(key, value, "a text in quotes");
        }
        text.map(|text| At { at: value.span().start, value: text })
    }

    /// A text that must be there and not be empty.
    pub fn needed(&mut self, report: &mut Report, key: &'static str) -> Option<At<&'t str>> {
        if !self.has(key) {
            self.known.push(key);
            report.error(self.at, format!("`{key}` is missing"));
            return None;
        }
        let text = self.text(report, key)?;
        if text.value.trim().is_empty() {
            report.error(text.at, format!("`{key}` is empty"));
            return None;
        }
        Some(text)
    }

    /// A text that `grammar` reads.
    pub fn parsed<T>(
        &mut self,
        report: &mut Report,
        key: &'static str,
        (expected, grammar): (&str, impl Fn(&str) -> Option<T>),
    ) -> Option<T> {
        let text = self.text(report, key)?;
        let parsed = grammar(text.value);
        if parsed.is_none() {
            report.error(text.at, format!("`{key}` is {:?}, expected {expected}", cut(text.value)));
        }
        parsed
    }

    /// One of some words.
    pub fn word<T: Copy>(
        &mut self,
        report: &mut Report,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let list: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let find = |text: &str| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        self.parsed(report, key, (&list.join(" or "), find))
    }

    /// `true` or `false`; `false` when absent.
    pub fn flag(&mut self, report: &mut Report, key: &'static str) -> bool {
        let Some(value) = self.take(key) else { return false };
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            report.wrong(key, value, "true or false");
        }
        flag.unwrap_or(false)
    }

    /// A whole number in `range`.
    pub fn number(
        &mut self,
        report: &mut Report,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let value = self.take(key)?;
        let integer = value.get_ref().as_integer();
        let number = integer.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            report.wrong(key, value, &format!("a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// A list of texts, or one text; empty when absent.
    pub fn words(&mut self, report: &mut Report, key: &'static str) -> Vec<String> {
        self.take(key).map_or(Vec::new(), |value| texts(report, key, value))
    }

    /// A table.
    pub fn table(&mut self, report: &mut Report, key: &'static str) -> Option<Keys<'t, 'i>> {
        let value = self.take(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            report.wrong(key, value, "a table");
        }
        table.map(|table| Keys::new(table, value.span().start))
    }

    /// A list of at most `max` tables; empty when absent.
    pub fn tables(&mut self, report: &mut Report, key: &'static str, max: usize) -> Vec<Keys<'t, 'i>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            report.wrong(key, value, "a list of tables");
            return Vec::new();
        };
        if list.len() > max {
            report.error(
                value.span().start,
                format!("found {} of `{key}`, expected at most {max}", list.len()),
            );
            return Vec::new();
        }
        let mut tables = Vec::with_capacity(list.len());
        for item in list {
            match item.get_ref().as_table() {
                Some(table) => tables.push(Keys::new(table, item.span().start)),
                None => report.wrong(key, item, "a table"),
            }
        }
        tables
    }

    /// A table of names that the user chooses, each with a text or a list of texts, in order of the names.
    pub fn named(&mut self, report: &mut Report, key: &'static str) -> Vec<(String, Vec<String>)> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            report.wrong(key, value, "a table in braces");
            return Vec::new();
        };
        table
            .iter()
            .map(|(name, value)| (name.get_ref().to_string(), texts(report, name.get_ref(), value)))
            .collect()
    }

    /// Every key with its value, in order of the names.
    pub fn entries(&self) -> impl Iterator<Item = (&'t str, &'t Spanned<DeValue<'i>>)> {
        self.table.iter().map(|(name, value)| (name.get_ref().as_ref(), value))
    }

    /// The value of a key whatever its type.
    pub fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.take(key)
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self, report: &mut Report) {
        for (name, _) in self.table {
            let key: &str = name.get_ref();
            if self.known.contains(&key) {
                continue;
            }
            let message = format!("unknown key {:?}", cut(key));
            match nearest(key, &self.known) {
                Some(known) => report.hinted(name.span().start, message, &format!("did you mean `{known}`?")),
                None => report.error(
                    name.span().start,
                    format!("{message}, expected one of: {}", self.known.join(", ")),
                ),
            }
        }
    }
}

fn texts(report: &mut Report, key: &str, value: &Spanned<DeValue>) -> Vec<String> {
    let list: Vec<_> = match value.get_ref().as_array() {
        Some(list) => list.iter().collect(),
        None => vec![value],
    };
    let mut found = Vec::with_capacity(list.len());
    for item in list {
        match item.get_ref().as_str() {
            Some(text) => found.push(text.to_owned()),
            None => report.wrong(key, item, "a text in quotes, or a list of texts"),
        }
    }
    found
}

/// The known name that is at most two edits away, the nearest first.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    // Names longer than this are no slips of the pen.
    const LONG: usize = 40;
    if name.chars().count() > LONG {
        return None;
    }
    let scored = known.iter().map(|known| (edits(name, known), *known));
    scored.min().filter(|&(edits, known)| edits <= 2 && edits < known.len()).map(|(_, known)| known)
}

/// Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(before);
        for (b, &above) in right.iter().zip(row.iter().skip(1)) {
            let cost = (diagonal + usize::from(a != *b)).min(before + 1).min(above + 1);
            diagonal = above;
            before = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen() {
        let known = ["directory", "format", "name", "time_zone"];
        for (written, meant) in [
            ("directry", Some("directory")),
            ("timezone", Some("time_zone")),
            ("nmae", Some("name")),
            ("formats", Some("format")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, &known), meant, "{written}");
        }
        assert_eq!((edits("kitten", "sitting"), edits("", "abc"), edits("abc", "")), (3, 3, 3));
    }
}
