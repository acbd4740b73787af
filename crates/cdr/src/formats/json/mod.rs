//! One JSON object per record, as the pipeline describes it, to `RawUsage`.
//! Relies on the description of delimited feeds: a used member is a column, named by its path, `usage.seconds`.
//! Never builds a tree: one pass over the record, in which only the members that are used are kept.
//!
//! | member | means |
//! |---|---|
//! | absent, `null`, `""` | an empty column |
//! | text | its characters, unescaped |
//! | number, `true`, `false` | its characters as written |
//! | object, array where a value is used | `bad_field` |
//! | a used name twice in one object | `bad_field`: which of the two was meant is not ours to say |
//!
//! Members that nobody uses may be of any kind; they are checked for syntax and passed over.

mod scan;
mod spec;
mod tree;

pub use spec::JsonSpec;

use super::delimited::{Bound, Delimited};
use super::{KeyRule, Layout, Shape};
use crate::split::{Buffers, Columns, MAX_FIELD, Scratch};
use caudal_usage::{Code, Fault, RawUsage, Stage};
use scan::{Scan, Value, Wrong};
use spec::Accepts;
use tree::{Node, Target};

/// Most names of one path.
const PATH_MAX: usize = 16;

/// The format, ready to read.
#[derive(Clone, Debug)]
pub struct Json {
    /// What is done with the columns.
    columns: Delimited,
    /// Where they are: each at its own index.
    bound: Box<Bound>,
    /// The kinds of value that each may have.
    accepts: Vec<Accepts>,
    /// Which members they are.
    root: Node,
    /// Objects on the way to used members, each with a mark of having been seen.
    marks: usize,
}

/// The column of a member that has not been met.
const UNSEEN: (u32, u32) = (u32::MAX, u32::MAX);

/// What has been met.
const SEEN: (u32, u32) = (0, 0);

impl Json {
    pub(super) const fn key_rule(&self) -> &KeyRule {
        self.columns.key_rule()
    }

    #[allow(clippy::unused_self)]
    pub(super) const fn open(&self) -> Layout {
        Layout { skip_records: 0, warning: None, shape: Shape::Json }
    }

    #[inline]
    pub(super) fn read<'a>(
        &'a self,
        record: &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Result<RawUsage<'a>, Fault> {
        let Scratch { columns, keys, .. } = scratch;
        self.pick(record, columns)?;
        let columns = Columns { text: &columns.text, spans: &columns.spans };
        self.columns.read_columns(&self.bound, columns, keys)
    }

    /// The used members of a record into the scratch, in order of their columns.
    fn pick(&self, record: &[u8], scratch: &mut Buffers) -> Result<(), Fault> {
        let record = unmarked(record);
        if std::str::from_utf8(record).is_err() {
            return Err(fault(Code::BadField, "json", record));
        }
        let count = self.bound.len();
        scratch.text.clear();
        scratch.spans.clear();
        scratch.spans.resize(count + self.marks, UNSEEN);
        let mut scan = Scan::new(record);
        let outcome = Picker { format: self, scan: &mut scan, scratch }.record();
        outcome.map_err(|stopped| match stopped {
            Stopped::Syntax(Wrong::Cut) => fault(Code::Truncated, "json", record),
            Stopped::Syntax(Wrong::Here) => fault(Code::BadField, "json", scan.rest()),
            Stopped::Field(fault) => fault,
        })?;
        scratch.spans.truncate(count);
        for span in scratch.spans.iter_mut().filter(|span| **span == UNSEEN) {
            *span = SEEN;
        }
        Ok(())
    }

    /// Every member of a record by its path, objects opened: for people to read.
    #[allow(clippy::unused_self)]
    pub(super) fn fields(&self, record: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let mut fields = Vec::new();
        let mut scan = Scan::new(unmarked(record));
        match scan.flatten(&mut fields) {
            Ok(()) => Ok(fields),
            Err(Wrong::Cut) => Err(fault(Code::Truncated, "json", record)),
            Err(Wrong::Here) => Err(fault(Code::BadField, "json", scan.rest())),
        }
    }
}

/// Without the byte order mark that some writers begin a file with.
fn unmarked(record: &[u8]) -> &[u8] {
    record.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(record)
}

#[cold]
fn fault(code: Code, field: &str, found: &[u8]) -> Fault {
    Fault::new(code, field, found).at(Stage::Decode)
}

/// Why a record is not read.
enum Stopped {
    /// It is no JSON.
    Syntax(Wrong),
    /// A used member is not what it should be.
    Field(Fault),
}

impl From<Wrong> for Stopped {
    fn from(wrong: Wrong) -> Self {
        Self::Syntax(wrong)
    }
}

/// One record on its way into the scratch.
struct Picker<'p, 's, 'r> {
    format: &'p Json,
    scan: &'p mut Scan<'r>,
    scratch: &'s mut Buffers,
}

impl Picker<'_, '_, '_> {
    fn record(&mut self) -> Result<(), Stopped> {
        let format = self.format;
        self.scan.open_object()?;
        self.members(&format.root)?;
        Ok(self.scan.end()?)
    }

    /// The members of an object whose brace has been read. The paths of the description bound the recursion.
    fn members(&mut self, node: &Node) -> Result<(), Stopped> {
        let mut hint = 0;
        let mut more = self.scan.first_member()?;
        while more {
            let name = self.scan.name()?;
            match node.find(&name.bytes(), &mut hint) {
                None => self.scan.skip_value()?,
                Some(Target::Value(column)) => self.value(*column)?,
                Some(Target::Object(mark, inner)) => self.inner(*mark, inner)?,
            }
            more = self.scan.next_member()?;
        }
        Ok(())
    }

    fn inner(&mut self, mark: usize, node: &Node) -> Result<(), Stopped> {
        self.mark(self.format.bound.len() + mark, &node.name, SEEN)?;
        if self.scan.is_object() {
            self.scan.open_object()?;
            return self.members(node);
        }
        let from = self.scan.place();
        self.scan.skip_value()?;
        match self.scan.since(from) {
            b"null" => Ok(()),
            found => Err(Stopped::Field(fault(Code::BadField, &node.name, found))),
        }
    }

    fn value(&mut self, column: usize) -> Result<(), Stopped> {
        let format = self.format;
        let name = format.bound.name(column);
        let from = self.scan.place();
        let start = self.scratch.text.len();
        match self.scan.value()? {
            Value::Null => {}
            Value::Nested => {
                return Err(Stopped::Field(fault(Code::BadField, name, self.scan.since(from))));
            }
            Value::Scalar(kind, value) => {
                if !format.accepts.get(column).is_none_or(|accepts| accepts.has(kind)) {
                    return Err(Stopped::Field(fault(Code::BadField, name, self.scan.since(from))));
                }
                value.append_to(&mut self.scratch.text);
            }
        }
        let end = self.scratch.text.len();
        if end - start > MAX_FIELD {
            return Err(Stopped::Field(fault(Code::BadLength, name, self.scan.since(from))));
        }
        // A record is far shorter than 4 GiB, and unescaping makes it no longer.
        let span = u32::try_from(start).ok().zip(u32::try_from(end).ok());
        self.mark(column, name, span.unwrap_or(SEEN))
    }

    /// Notes where a member was put, the first time that it is met.
    fn mark(&mut self, index: usize, name: &str, span: (u32, u32)) -> Result<(), Stopped> {
        match self.scratch.spans.get_mut(index) {
            Some(place) if *place == UNSEEN => *place = span,
            _ => return Err(Stopped::Field(fault(Code::BadField, name, b"it occurs twice"))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
