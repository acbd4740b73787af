//! The table of formats: one room each, all with the same doors.
//! Relies on the rooms for every decision about a format; only this file lists them.
//! Never guesses the format of a source: the pipeline names it.

pub mod asterisk;
pub mod chf;
pub mod delimited;
pub mod json;
pub mod pgw;

use crate::ber::Tag;
use crate::ber::schema::RecordTable;
use crate::framing::Framing;
use crate::roots::root_of;
use crate::split::Scratch;
use asterisk::Asterisk;
use caudal_usage::{Code, Fault, RawUsage, Stage};
use chf::Chf;
use delimited::Delimited;
use json::Json;
use pgw::Pgw;

/// The tables of fields by kind of record: what `inspect` shows by name.
const RECORD_TABLES: [&RecordTable; 2] = [&pgw::fields::TABLE, &chf::fields::TABLE];

/// The table of a record, by its tag and the type in it.
pub fn record_table(tag: Tag, content: &[u8]) -> Option<&'static RecordTable> {
    let root = root_of(tag, content)?;
    RECORD_TABLES.into_iter().find(|table| table.name == root.name)
}

/// What makes a record of a format itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRule {
    /// Name and version, and the constant node if the source has one. Part of every identity and fingerprint.
    pub name: Vec<u8>,
    /// True when the key holds the field that picks the day bucket, so that only that day can have the first.
    pub has_time: bool,
}

/// A format as a source of the pipeline uses it.
#[derive(Clone, Debug)]
pub enum Format {
    /// Asterisk `Master.csv`.
    Asterisk(Asterisk),
    /// CHFRecords of TS 32.298.
    Chf(Chf),
    /// Text in columns, described in the pipeline.
    Delimited(Delimited),
    /// JSON objects, described in the pipeline.
    Json(Json),
    /// PGWRecords of TS 32.298.
    Pgw(Pgw),
}

/// What the head of one file says about the records in it.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Framed records at the start of the file that are headers, not usage.
    pub skip_records: u32,
    /// What `validate` and `inspect` say where the file makes the key weaker than it could be.
    pub warning: Option<&'static str>,
    /// Where the columns are.
    pub(crate) shape: Shape,
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A file without records: nothing to bind to.
    Empty,
    Asterisk(asterisk::Order),
    Delimited(delimited::Bound),
    /// Members say their names.
    Json,
    /// Records that say all that is needed by themselves.
    Pgw,
    Chf,
}

impl Layout {
    pub(crate) const EMPTY: Self = Self { skip_records: 0, warning: None, shape: Shape::Empty };
}

impl Format {
    /// The word used in the pipeline.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asterisk(_) => "asterisk",
            Self::Chf(_) => "chf",
            Self::Delimited(_) => "delimited",
            Self::Json(_) => "json",
            Self::Pgw(_) => "pgw",
        }
    }

    /// How records stand in the file.
    pub const fn framing(&self) -> Framing {
        match self {
            Self::Asterisk(_) | Self::Delimited(_) | Self::Json(_) => Framing::Lines,
            Self::Chf(format) => format.container().framing(),
            Self::Pgw(format) => format.container().framing(),
        }
    }

    /// The format's key rule.
    pub const fn key_rule(&self) -> &KeyRule {
        match self {
            Self::Asterisk(format) => format.key_rule(),
            Self::Chf(format) => format.key_rule(),
            Self::Delimited(format) => format.key_rule(),
            Self::Json(format) => format.key_rule(),
            Self::Pgw(format) => format.key_rule(),
        }
    }

    /// Reads the head of a file (its first octets, up to [`crate::HEAD_MAX`]): header names or column order.
    /// A fault, `unknown_format`, concerns the file as a whole.
    pub fn open(&self, head: &[u8]) -> Result<Layout, Fault> {
        match self {
            Self::Asterisk(format) => format.open(head),
            Self::Chf(format) => Ok(format.open()),
            Self::Pgw(format) => Ok(format.open()),
            Self::Delimited(format) => format.open(head),
            Self::Json(format) => Ok(format.open()),
        }
    }

    /// Reads one record: its bytes to the field's common words.
    #[inline]
    pub fn read<'a>(
        &'a self,
        layout: &'a Layout,
        record: &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Result<RawUsage<'a>, Fault> {
        match (self, &layout.shape) {
            (Self::Delimited(format), Shape::Delimited(bound)) => format.read(bound, record, scratch),
            (Self::Json(format), Shape::Json) => format.read(record, scratch),
            (Self::Asterisk(format), Shape::Asterisk(order)) => format.read(*order, record, scratch),
            (Self::Pgw(format), Shape::Pgw) => format.read(record, scratch),
            (Self::Chf(format), Shape::Chf) => format.read(record, scratch),
            (
                _,
                Shape::Empty
                | Shape::Asterisk(_)
                | Shape::Delimited(_)
                | Shape::Json
                | Shape::Pgw
                | Shape::Chf,
            ) => Err(wrong_layout(record)),
        }
    }

    /// The columns of one record by name, as written: for people to read.
    pub fn fields(&self, layout: &Layout, record: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let mut scratch = Scratch::default();
        match (self, &layout.shape) {
            (Self::Delimited(format), Shape::Delimited(bound)) => format.fields(bound, record, &mut scratch),
            (Self::Json(format), Shape::Json) => format.fields(record),
            (Self::Asterisk(format), Shape::Asterisk(order)) => format.fields(*order, record, &mut scratch),
            (Self::Pgw(format), Shape::Pgw) => format.fields(record),
            (Self::Chf(format), Shape::Chf) => format.fields(record),
            (
                _,
                Shape::Empty
                | Shape::Asterisk(_)
                | Shape::Delimited(_)
                | Shape::Json
                | Shape::Pgw
                | Shape::Chf,
            ) => Err(wrong_layout(record)),
        }
    }
}

/// The layout is that of another format, or of a file that had no records when its head was read.
#[cold]
fn wrong_layout(record: &[u8]) -> Fault {
    Fault::new(Code::UnknownFormat, "layout", record).at(Stage::Decode)
}

/// Names columns by position where there is no name: "column 7", from 1.
pub(crate) fn named<'a>(
    names: impl Fn(usize) -> Option<&'a str>,
    columns: crate::split::Columns<'_>,
) -> Vec<(String, Vec<u8>)> {
    let name = |index: usize| names(index).map_or_else(|| format!("column {}", index + 1), str::to_owned);
    columns.iter().enumerate().map(|(index, value)| (name(index), value.to_vec())).collect()
}
