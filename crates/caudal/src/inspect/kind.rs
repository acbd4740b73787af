//! The head of a file to its kind, and one record of that kind to named fields.
//! Relies on the formats' own readers; text in columns has the names of its header, or numbers.
//! Never certain about text: the pipeline says what a column means.

use caudal_cdr::detect::{Detected, detect};
use caudal_cdr::split::{Dialect, split};
use caudal_cdr::{Asterisk, AsteriskOptions, Format, Framing, Layout, Place, Scratch};
use caudal_usage::{Code, Fault, Stage};
use std::collections::{BTreeMap, BTreeSet};

/// Formats that may be named.
pub const FORMATS: [&str; 4] = ["asterisk", "ber", "delimited", "ts32297"];

/// Lines of the head that say how many columns the file has.
const LINES: usize = 50;

/// What a file is.
pub enum Kind {
    /// Asterisk `Master.csv`.
    Asterisk(Box<(Format, Layout)>),
    /// Text in columns.
    Delimited(Columns),
    /// A file without records.
    Empty,
    /// No usage file that is known here; why.
    Unknown(&'static str),
}

/// Text in columns.
pub struct Columns {
    /// How they are told apart.
    pub dialect: Dialect,
    /// How many there should be.
    pub count: usize,
    /// Their names, where the first line has them.
    pub header: Option<Vec<String>>,
}

/// Named fields of a record, as written.
pub type Fields = Vec<(String, Vec<u8>)>;

impl Kind {
    /// The kind of a file by its first octets; `format` is what the user says it is, one of [`FORMATS`].
    pub fn of(head: &[u8], format: Option<&str>) -> Self {
        if Framing::Lines.records(Place::FileStart, head).next().is_none() {
            return Self::Empty;
        }
        match (format, detect(head)) {
            (Some("asterisk"), _) | (None, Some(Detected::Asterisk)) => asterisk(head),
            (Some(_), Some(Detected::Delimited(dialect))) | (None, Some(Detected::Delimited(dialect))) => {
                Self::Delimited(columns(dialect, head))
            }
            (Some(_), _) => Self::Delimited(columns(likely(head), head)),
            (None, Some(Detected::Gzip)) => Self::Unknown("compressed twice: unwrap it first"),
            (None, Some(Detected::Zstd)) => Self::Unknown("compressed twice: unwrap it first"),
            (None, Some(Detected::Ts32297 | Detected::Ber(_))) => Self::Unknown("a binary file"),
            (None, Some(Detected::Zip)) => Self::Unknown("a zip archive: unwrap it first"),
            (None, None) => Self::Unknown("neither a known format nor text in columns"),
        }
    }

    /// The word used in the pipeline.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asterisk(_) => "asterisk",
            Self::Delimited(_) => "delimited",
            Self::Empty => "empty",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Framed records at the start that are headers.
    pub fn headers(&self) -> u32 {
        match self {
            Self::Asterisk(read) => read.1.skip_records,
            Self::Delimited(columns) => u32::from(columns.header.is_some()),
            Self::Empty | Self::Unknown(_) => 0,
        }
    }

    /// What kind of record: the word that `inspect` shows.
    pub const fn record(&self) -> &'static str {
        match self {
            Self::Asterisk(_) => "row",
            Self::Delimited(_) | Self::Empty | Self::Unknown(_) => "line",
        }
    }

    /// One record's fields; a fault where a run would suspend it for its shape.
    pub fn fields(&self, record: &[u8], scratch: &mut Scratch) -> Result<Fields, Fault> {
        match self {
            Self::Asterisk(read) => {
                let (format, layout) = read.as_ref();
                format.read(layout, record, scratch)?;
                format.fields(layout, record)
            }
            Self::Delimited(columns) => columns.fields(record, scratch),
            Self::Empty | Self::Unknown(_) => Err(Fault::new(Code::UnknownFormat, "", record)),
        }
    }
}

fn asterisk(head: &[u8]) -> Kind {
    let format = Format::Asterisk(Asterisk::new(AsteriskOptions::default()));
    match format.open(head) {
        Ok(layout) => Kind::Asterisk(Box::new((format, layout))),
        Err(_) => Kind::Unknown("no row of it is one of Asterisk's Master.csv"),
    }
}

/// The separator that the first line has most of.
fn likely(head: &[u8]) -> Dialect {
    let line = Framing::Lines.records(Place::FileStart, head).next().map_or(&[][..], |record| record.bytes);
    let count = |separator: &u8| line.iter().filter(|octet| *octet == separator).count();
    let separator = b"|\t,;".iter().copied().max_by_key(count).unwrap_or(b';');
    Dialect { separator, quote: head.contains(&b'"').then_some(b'"') }
}

fn columns(dialect: Dialect, head: &[u8]) -> Columns {
    let mut scratch = Scratch::default();
    let mut lines: Vec<Vec<String>> = Vec::new();
    for record in Framing::Lines.records(Place::FileStart, head).take(LINES) {
        if let Ok(columns) = split(dialect, record.bytes, &mut scratch) {
            lines.push(
                columns.iter().map(|column| String::from_utf8_lossy(column).trim().to_owned()).collect(),
            );
        }
    }
    let header = lines.first().filter(|line| names(line)).cloned();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    lines.iter().for_each(|line| *counts.entry(line.len()).or_default() += 1);
    let most = counts.iter().max_by_key(|(_, lines)| **lines).map_or(1, |(count, _)| *count);
    Columns { dialect, count: header.as_ref().map_or(most, Vec::len), header }
}

/// True when a first line looks like names: none empty, none twice, every one begins with a letter.
fn names(line: &[String]) -> bool {
    let name = |text: &String| text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let distinct: BTreeSet<_> = line.iter().collect();
    line.len() > 1 && line.iter().all(name) && distinct.len() == line.len()
}

impl Columns {
    fn fields(&self, record: &[u8], scratch: &mut Scratch) -> Result<Fields, Fault> {
        let columns = split(self.dialect, record, scratch)?;
        if columns.len() != self.count {
            let code = if columns.len() < self.count { Code::Truncated } else { Code::BadField };
            let found = format!("{} columns, expected {}", columns.len(), self.count);
            return Err(Fault::new(code, "columns", found.as_bytes()).at(Stage::Decode));
        }
        let header = self.header.as_deref().unwrap_or_default();
        let name =
            |index: usize| header.get(index).cloned().unwrap_or_else(|| format!("column {}", index + 1));
        Ok(columns.iter().enumerate().map(|(index, value)| (name(index), value.to_vec())).collect())
    }
}
