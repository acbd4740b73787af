//! Text in columns, as the pipeline describes it, to `RawUsage`.
//! Relies on a description that was checked as a whole when it was built: reading asks no name.
//! Never takes a record with another number of columns than the file has.

mod bind;
mod build;
mod decode;
mod encode;
mod key;
mod map;
mod spec;
mod words;

pub(crate) use bind::Bound;
pub use spec::{ColumnSource, Constants, DelimitedSpec, FieldSpec, FieldType, FilterSpec, PartialSpec, When};

use super::{KeyRule, Layout, named};
use crate::keys::Keys;
use crate::split::{self, Columns, Dialect, Scratch};
use crate::time_format::TimeFormat;
use caudal_usage::{Code, Currency, Direction, Fault, RawUsage, RecordType, Role, Service, Stage};
use decode::Draft;
use key::Row;
use words::Words;

/// Index into [`Delimited::names`].
type NameIndex = usize;

/// The format, ready to read.
#[derive(Clone, Debug)]
pub struct Delimited {
    dialect: Dialect,
    columns: ColumnSource,
    /// Column names that are used, and whether a header must have them.
    names: Vec<(String, Need)>,
    fields: Vec<Field>,
    constants: Constants,
    key: Vec<NameIndex>,
    billed: Vec<NameIndex>,
    session: Vec<NameIndex>,
    partial: Option<PartialRule>,
    filters: Vec<FilterRule>,
    rule: KeyRule,
}

/// Whether a value must be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need {
    Required,
    Optional,
}

#[derive(Clone, Debug)]
struct Field {
    /// What the pipeline calls it; faults name it so.
    to: String,
    from: NameIndex,
    need: Need,
    /// True for the time that picks the day.
    picks_day: bool,
    action: Action,
}

/// How a column is read, and where its value goes.
#[derive(Clone, Debug)]
enum Action {
    Start(TimeFormat),
    End(TimeFormat),
    Quantity(Amount, i64),
    Text(Slot),
    RatingGroup,
    Charged(Currency),
    Service(Words<Service>),
    RecordType(Words<RecordType>),
    Direction(Words<Direction>),
    Role(Words<Role>),
    Attribute(String, AttributeKind),
}

/// How an attribute is checked; its text is kept.
#[derive(Clone, Debug)]
enum AttributeKind {
    Text,
    Integer,
    Time(TimeFormat),
    Word(Words<String>),
}

/// Places for quantities.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Amount {
    Duration,
    Volume,
    VolumeUp,
    VolumeDown,
    Events,
}

/// Places for texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slot {
    Calling,
    Called,
    Forwarding,
    ServedNumber,
    ServedImsi,
    ServedSubscription,
    ServingNetwork,
}

/// A column with one of some values.
#[derive(Clone, Debug)]
struct Condition {
    column: NameIndex,
    values: Vec<Box<[u8]>>,
}

#[derive(Clone, Debug)]
struct FilterRule {
    when: Vec<Condition>,
    code: Code,
}

#[derive(Clone, Debug)]
struct PartialRule {
    sequence: NameIndex,
    last: Vec<Condition>,
}

impl Delimited {
    pub(super) const fn key_rule(&self) -> &KeyRule {
        &self.rule
    }

    /// The names that are used, by their index.
    pub(super) fn used(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn open(&self, head: &[u8]) -> Result<Layout, Fault> {
        bind::open(self, head)
    }

    #[inline]
    pub(super) fn read<'a>(
        &'a self,
        bound: &'a Bound,
        record: &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Result<RawUsage<'a>, Fault> {
        let Scratch { columns, keys, .. } = scratch;
        let columns = split::columns(self.dialect, record, columns)?;
        if columns.len() != bound.count {
            return Err(wrong_count(columns.len(), bound.count));
        }
        self.read_columns(bound, columns, keys)
    }

    /// Reads one record whose columns are told apart.
    #[inline]
    pub(super) fn read_columns<'a>(
        &'a self,
        bound: &'a Bound,
        columns: Columns<'a>,
        keys: &'a mut Keys,
    ) -> Result<RawUsage<'a>, Fault> {
        let row = Row { bound, columns };
        let mut draft = Draft::new(key::filter(&self.filters, &row));
        decode::decode(self, &row, &mut draft)?;
        map::map(self, &row, (&mut draft, keys))
    }

    pub(super) fn fields(
        &self,
        bound: &Bound,
        record: &[u8],
        scratch: &mut Scratch,
    ) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let columns = split::split(self.dialect, record, scratch)?;
        Ok(named(|index| bound.names.get(index).map(String::as_str), columns))
    }
}

#[cold]
fn wrong_count(count: usize, expected: usize) -> Fault {
    let code = if count < expected { Code::Truncated } else { Code::BadField };
    let found = format!("{count} columns, expected {expected}");
    Fault::new(code, "columns", found.as_bytes()).at(Stage::Decode)
}

#[cfg(test)]
mod tests;
