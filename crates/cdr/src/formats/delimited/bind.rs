//! The head of one file to the places of the columns that the format uses.
//! Relies on the names of a header line, or on the pipeline's order.
//! Never binds a name that occurs twice: which of the two was meant is not ours to say.

use super::{ColumnSource, Delimited, NameIndex, Need};
use crate::formats::{Layout, Shape};
use crate::framing::{Framing, Place};
use crate::split::{Scratch, split};
use caudal_usage::{Code, Fault};

/// Where the columns of one file are.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// Columns of every record.
    pub(super) count: usize,
    /// Their names.
    pub(super) names: Vec<String>,
    /// By the format's name index: the column; past the end where an optional one is absent.
    places: Vec<usize>,
    /// The columns of the format's fields, and of its lists of raw fields, in their order.
    pub(super) fields: Vec<usize>,
    pub(super) key: Vec<usize>,
    /// How many of the key's first are the session; 0 where it has columns of its own.
    pub(super) shared: usize,
    pub(super) session: Vec<usize>,
    pub(super) billed: Vec<usize>,
}

impl Bound {
    fn new(format: &Delimited, names: Vec<String>, places: Vec<usize>) -> Self {
        let place = |name: &NameIndex| places.get(*name).copied().unwrap_or(usize::MAX);
        let list = |list: &[NameIndex]| list.iter().map(place).collect();
        let shared = if format.key.starts_with(&format.session) { format.session.len() } else { 0 };
        let session = if shared == 0 { list(&format.session) } else { Vec::new() };
        Self {
            count: names.len(),
            names,
            fields: format.fields.iter().map(|field| place(&field.from)).collect(),
            key: list(&format.key),
            shared,
            session,
            billed: list(&format.billed),
            places,
        }
    }

    /// Columns that stand in the order of the names that the format uses.
    pub(in crate::formats) fn in_order(format: &Delimited, names: Vec<String>) -> Self {
        let places = (0..names.len()).collect();
        Self::new(format, names, places)
    }

    /// Columns of every record.
    pub(in crate::formats) const fn len(&self) -> usize {
        self.count
    }

    /// The name of a column.
    pub(in crate::formats) fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    /// The column of a name.
    #[inline]
    pub(super) fn place(&self, name: NameIndex) -> usize {
        self.places.get(name).copied().unwrap_or(usize::MAX)
    }
}

/// Binds the format to a file by its first octets.
pub(super) fn open(format: &Delimited, head: &[u8]) -> Result<Layout, Fault> {
    match &format.columns {
        ColumnSource::Named(names) => bind(format, names.clone(), 0, head),
        ColumnSource::Header => {
            let Some(line) = Framing::Lines.records(Place::FileStart, head).next() else {
                return Ok(Layout::EMPTY);
            };
            let mut scratch = Scratch::default();
            let columns = split(format.dialect, line.bytes, &mut scratch)
                .map_err(|_| Fault::new(Code::UnknownFormat, "header", line.bytes))?;
            let names = columns.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
            bind(format, names, 1, line.bytes)
        }
    }
}

fn bind(format: &Delimited, names: Vec<String>, skip_records: u32, line: &[u8]) -> Result<Layout, Fault> {
    let mut places = Vec::with_capacity(format.names.len());
    for (name, need) in &format.names {
        let mut found = names.iter().enumerate().filter(|(_, other)| *other == name).map(|(place, _)| place);
        match (found.next(), found.next(), need) {
            (Some(place), None, _) => places.push(place),
            (None, _, Need::Optional) => places.push(usize::MAX),
            (None, _, Need::Required) | (Some(_), Some(_), _) => {
                return Err(Fault::new(Code::UnknownFormat, &format!("column {name}"), line));
            }
        }
    }
    let bound = Bound::new(format, names, places);
    Ok(Layout { skip_records, warning: None, shape: Shape::Delimited(bound) })
}
