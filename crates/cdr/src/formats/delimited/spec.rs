//! What a pipeline says about a delimited feed, as plain data.
//! Relies on whoever parses the pipeline for syntax; [`DelimitedSpec::build`] checks the meaning, all of it at once.
//! Never read on the hot path.

use caudal_usage::{Direction, RecordType, Role, Service};

/// A delimited feed.
///
/// Names in `key`, `billed`, `partial`, `filters` and `day` mean a mapped field (its `to`) first, else a column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DelimitedSpec {
    /// Octet between columns.
    pub separator: u8,
    /// Octet around columns, doubled inside; `None` when the feed has no quotes (faster).
    pub quote: Option<u8>,
    /// Where column names come from.
    pub columns: ColumnSource,
    /// The columns that are read.
    pub fields: Vec<FieldSpec>,
    /// What holds for every record of the source.
    pub constants: Constants,
    /// What makes a record itself.
    pub key: Vec<String>,
    /// What is billed; empty: every mapped field that is not in the key.
    pub billed: Vec<String>,
    /// How partial records belong together.
    pub partial: Option<PartialSpec>,
    /// What is known not to be billed; the first rule that holds decides.
    pub filters: Vec<FilterSpec>,
    /// The time field that picks the dedup day; `start` unless said.
    pub day: Option<String>,
    /// The originating node, for feeds that do not write it; part of the key.
    pub node: Option<String>,
}

/// Where column names come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ColumnSource {
    /// The first line of each file.
    Header,
    /// The pipeline, by position.
    Named(Vec<String>),
}

/// One column that is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldSpec {
    /// Where it goes: `start`, `duration`, `calling`, …, or `attribute.NAME`.
    pub to: String,
    /// Name of the column.
    pub from: String,
    /// How it is written.
    pub kind: FieldType,
    /// True when it may be empty, or absent from the header.
    pub optional: bool,
}

/// How a column is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// A clock reading; see [`crate::time_format::TimeFormat::compile`].
    Time {
        /// The format.
        format: String,
    },
    /// A decimal number of `ms`, `s`, `min` or `h`.
    Duration {
        /// The unit.
        unit: String,
    },
    /// A decimal number of `B`, `kB`, `KiB`, …
    Volume {
        /// The unit.
        unit: String,
    },
    /// A whole number of events.
    Count,
    /// A telephone number, as dialled or as routed.
    Number,
    /// 6 to 15 digits.
    Imsi,
    /// Any text.
    Text,
    /// A word of the feed for a word of Caudal.
    Word {
        /// (found, meant) pairs; empty when the feed writes Caudal's own words.
        map: Vec<(String, String)>,
    },
    /// A whole number.
    Integer,
    /// A decimal amount.
    Amount {
        /// ISO 4217 code.
        currency: String,
    },
}

/// What holds for every record of a source. What is absent is derived: the service from the mapped quantity, the type
/// from service and direction, the direction from the type, the role from the direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Constants {
    /// The service.
    pub service: Option<Service>,
    /// What is recorded.
    pub record_type: Option<RecordType>,
    /// The served party's view.
    pub direction: Option<Direction>,
    /// Who pays.
    pub role: Option<Role>,
}

/// How partial records belong together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartialSpec {
    /// What a session's records have in common; all of it is in the key.
    pub session: Vec<String>,
    /// The column that counts; in the key. A record where it is empty is whole by itself.
    pub sequence: String,
    /// What marks the closing record; all must hold.
    pub last: Vec<When>,
}

/// A column with one of some values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    /// The field or column.
    pub column: String,
    /// Values, compared as written.
    pub values: Vec<String>,
}

/// A rule for what is not billed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterSpec {
    /// All must hold.
    pub when: Vec<When>,
    /// A filter code: `unanswered`, `zero_duration` or `not_billable`.
    pub code: String,
}
