//! The columns of a `Master.csv` row to Asterisk's own fields.
//! Relies on the writer's column lists; how many columns a row has is the PBX's configuration.
//! Never guesses what the 17th of 17 columns is: the source says it.

use crate::split::{Columns, Dialect, Scratch, split};
use crate::time_format::{Part, TimeFormat};
use crate::values::scaled;
use caudal_usage::{Code, Fault, LocalTime};

/// Commas and doubled quotes.
pub(super) const DIALECT: Dialect = Dialect { separator: b',', quote: Some(b'"') };

/// What the 17th column is when there are 17 (or 20).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SeventeenthColumn {
    /// `loguniqueid = yes`.
    #[default]
    UniqueId,
    /// `loguserfield = yes`.
    UserField,
}

/// Order of the columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// That of `cdr_csv`: account code first.
    Csv,
    /// That of the sample `cdr_custom.conf`: caller id first.
    Custom,
}

const CSV_NAMES: [&str; 16] = [
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
];
const NEW_NAMES: [&str; 3] = ["peeraccount", "linkedid", "sequence"];
const CUSTOM_NAMES: [&str; 19] = [
    "clid",
    "src",
    "dst",
    "dcontext",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
    "accountcode",
    "uniqueid",
    "userfield",
    "sequence",
];

impl Order {
    /// Finds the order in the first line that shows one: where the times and the duration stand tells.
    /// With it, how many columns that line has.
    pub fn detect<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<(Self, usize)> {
        let mut scratch = Scratch::default();
        for line in lines {
            let Ok(columns) = split(DIALECT, line, &mut scratch) else { continue };
            let shows = |start: usize| {
                read_time(columns.get(start)).is_some()
                    && read_time(columns.get(start + 2)).is_some()
                    && scaled(columns.get(start + 3), 1000).is_ok()
            };
            match columns.len() {
                16..=21 if shows(9) => return Some((Self::Csv, columns.len())),
                18 | 19 if shows(8) => return Some((Self::Custom, columns.len())),
                _ => {}
            }
        }
        None
    }
}

/// Names of the columns of a row that has `count` of them.
pub(super) fn names(
    order: Order,
    seventeenth: SeventeenthColumn,
    count: usize,
) -> Result<Vec<&'static str>, Fault> {
    let one = match seventeenth {
        SeventeenthColumn::UniqueId => "uniqueid",
        SeventeenthColumn::UserField => "userfield",
    };
    let both = ["uniqueid", "userfield"];
    Ok(match (order, count) {
        (Order::Custom, 18 | 19) => CUSTOM_NAMES.iter().take(count).copied().collect(),
        (Order::Csv, 16) => CSV_NAMES.to_vec(),
        (Order::Csv, 17) => CSV_NAMES.into_iter().chain([one]).collect(),
        (Order::Csv, 18) => CSV_NAMES.into_iter().chain(both).collect(),
        (Order::Csv, 19) => CSV_NAMES.into_iter().chain(NEW_NAMES).collect(),
        (Order::Csv, 20) => CSV_NAMES.into_iter().chain([one]).chain(NEW_NAMES).collect(),
        (Order::Csv, 21) => CSV_NAMES.into_iter().chain(both).chain(NEW_NAMES).collect(),
        (Order::Csv | Order::Custom, _) => return Err(wrong_count(order, count)),
    })
}

#[cold]
fn wrong_count(order: Order, count: usize) -> Fault {
    let (least, expected) = match order {
        Order::Csv => (16, "16 to 21"),
        Order::Custom => (18, "18 or 19"),
    };
    let code = if count < least { Code::Truncated } else { Code::BadField };
    let found = format!("{count} columns, expected {expected}");
    Fault::new(code, "columns", found.as_bytes()).at(caudal_usage::Stage::Decode)
}

/// How a call ended, in Asterisk's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Disposition {
    Answered,
    NotAnswered,
}

/// One row in Asterisk's own fields. Texts as written, without quotes; empty when absent.
#[derive(Debug)]
pub(super) struct AsteriskCdr<'a> {
    pub accountcode: &'a [u8],
    pub src: &'a [u8],
    pub dst: &'a [u8],
    pub dcontext: &'a [u8],
    pub channel: &'a [u8],
    pub start: (LocalTime, &'a [u8]),
    pub answer: (Option<LocalTime>, &'a [u8]),
    pub end: Option<LocalTime>,
    /// Milliseconds.
    pub billsec: (i64, &'a [u8]),
    pub disposition: (Disposition, &'a [u8]),
    pub amaflags: &'a [u8],
    pub uniqueid: &'a [u8],
    pub userfield: &'a [u8],
    pub linkedid: &'a [u8],
    pub sequence: &'a [u8],
}

/// Reads a row's columns.
pub(super) fn decode(
    order: Order,
    seventeenth: SeventeenthColumn,
    columns: Columns<'_>,
) -> Result<AsteriskCdr<'_>, Fault> {
    let count = columns.len();
    let (first, extra) = match (order, count) {
        (Order::Csv, 16..=18) => (9, None),
        (Order::Csv, 19..=21) => (9, Some(count - 3)),
        (Order::Custom, 18 | 19) => (8, None),
        (Order::Csv | Order::Custom, _) => return Err(wrong_count(order, count)),
    };
    let (uniqueid, userfield) = match (order, count, seventeenth) {
        (Order::Custom, ..) | (Order::Csv, 18 | 21, _) => (16, 17),
        (Order::Csv, 17 | 20, SeventeenthColumn::UniqueId) => (16, count),
        (Order::Csv, 17 | 20, SeventeenthColumn::UserField) => (count, 16),
        (Order::Csv, ..) => (count, count),
    };
    // Past the end a column reads as empty.
    let (linkedid, sequence) = match order {
        Order::Csv => extra.map_or((count, count), |extra| (extra + 1, extra + 2)),
        Order::Custom => (count, 18),
    };
    let (accountcode, dcontext, channel, amaflags) = match order {
        Order::Csv => (0, 3, 5, 15),
        Order::Custom => (15, 3, 4, 14),
    };
    let start = columns.get(first);
    let answer = columns.get(first + 1);
    let end = columns.get(first + 2);
    let billsec = columns.get(first + 4);
    let disposition = columns.get(first + 5);
    Ok(AsteriskCdr {
        accountcode: columns.get(accountcode),
        src: columns.get(1),
        dst: columns.get(2),
        dcontext: columns.get(dcontext),
        channel: columns.get(channel),
        start: (needed_time("start", start)?, start),
        answer: (optional_time("answer", answer)?, answer),
        end: optional_time("end", end)?,
        billsec: (seconds("billsec", billsec)?, billsec),
        disposition: (read_disposition(disposition)?, disposition),
        amaflags: columns.get(amaflags),
        uniqueid: columns.get(uniqueid),
        userfield: columns.get(userfield),
        linkedid: columns.get(linkedid),
        sequence: columns.get(sequence),
    })
}

/// `YYYY-MM-DD hh:mm:ss`.
fn read_time(text: &[u8]) -> Option<LocalTime> {
    const PARTS: [Part; 11] = [
        Part::Year,
        Part::Literal(b'-'),
        Part::Month,
        Part::Literal(b'-'),
        Part::Day,
        Part::Literal(b' '),
        Part::Hour,
        Part::Literal(b':'),
        Part::Minute,
        Part::Literal(b':'),
        Part::Second,
    ];
    TimeFormat::read_parts(&PARTS, text)
}

fn optional_time(field: &str, text: &[u8]) -> Result<Option<LocalTime>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    read_time(text).map(Some).ok_or_else(|| Fault::new(Code::BadField, field, text))
}

fn needed_time(field: &str, text: &[u8]) -> Result<LocalTime, Fault> {
    optional_time(field, text)?.ok_or_else(|| Fault::new(Code::MissingField, field, text))
}

fn seconds(field: &str, text: &[u8]) -> Result<i64, Fault> {
    if text.is_empty() {
        return Err(Fault::new(Code::MissingField, field, text));
    }
    scaled(text, 1000).map_err(|code| Fault::new(code, field, text))
}

fn read_disposition(text: &[u8]) -> Result<Disposition, Fault> {
    match text {
        b"ANSWERED" => Ok(Disposition::Answered),
        b"NO ANSWER" | b"BUSY" | b"FAILED" | b"CONGESTION" => Ok(Disposition::NotAnswered),
        b"" => Err(Fault::new(Code::MissingField, "disposition", text)),
        _ => Err(Fault::new(Code::BadField, "disposition", text)),
    }
}
