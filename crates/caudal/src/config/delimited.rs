//! The keys of a source of delimited text or JSON objects to the format's own description.
//! Relies on `DelimitedSpec::build` and `JsonSpec::build` for the meaning of names, units and words.
//! Never reads a column.

use super::reader::{Keys, Report};
use super::source::{Made, node};
use super::units;
use caudal_cdr::{
    ColumnSource, Constants, DelimitedSpec, FieldSpec, FieldType, FilterSpec, Format, JsonSpec, PartialSpec,
    When,
};
use caudal_mediation::assemble::{OnGap, Rule};
use caudal_usage::{Direction, RecordType, Role, Service};

/// Entries of `fields` and of `filter`; records have at most 256 columns.
const ENTRIES_MAX: usize = 256;

/// Longest hold of a session: 366 days, in milliseconds.
const HOLD_MAX_MS: i64 = 366 * 86_400_000;

/// Reads the keys that only a delimited source has.
pub(super) fn read(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<Made> {
    let before = report.findings.len();
    let separator = octet(report, keys, "separator").flatten().unwrap_or(b',');
    let quote = octet(report, keys, "quote").flatten();
    let columns = columns(report, keys);
    let described = Described::read(report, keys);
    let JsonSpec { fields, constants, key, billed, partial, filters, day, node } = described.spec.clone();
    let spec = DelimitedSpec {
        separator,
        quote,
        columns,
        fields,
        constants,
        key,
        billed,
        partial,
        filters,
        day,
        node,
    };
    described.made(report, (keys.at, before), || spec.build().map(Format::Delimited))
}

/// Reads the keys that only a source of JSON objects has.
pub(super) fn read_json(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<Made> {
    let before = report.findings.len();
    let described = Described::read(report, keys);
    let spec = described.spec.clone();
    described.made(report, (keys.at, before), || spec.build().map(Format::Json))
}

/// What delimited sources and those of JSON objects say alike.
struct Described {
    spec: JsonSpec,
    assembly: Option<Rule>,
    zoned: bool,
}

impl Described {
    fn read(report: &mut Report, keys: &mut Keys<'_, '_>) -> Self {
        let fields = fields(report, keys);
        let (partial, assembly) = partial(report, keys).unzip();
        let zoned = fields.iter().all(|field| match &field.kind {
            FieldType::Time { format } => {
                format.contains("%z") || format == "rfc3339" || format.starts_with("epoch_")
            }
            _ => true,
        });
        let spec = JsonSpec {
            fields,
            constants: constants(report, keys),
            key: keys.words(report, "key"),
            billed: keys.words(report, "billed"),
            partial,
            filters: filters(report, keys),
            day: keys.text(report, "day").map(|text| text.value.to_owned()),
            node: node(report, keys),
        };
        Self { spec, assembly, zoned }
    }

    /// The format; `None` when there are findings behind `before`. What could not be read would be missing in the
    /// description: its findings are enough.
    fn made(
        self,
        report: &mut Report,
        (at, before): (usize, usize),
        build: impl FnOnce() -> Result<Format, Vec<String>>,
    ) -> Option<Made> {
        if report.findings.len() > before {
            return None;
        }
        match build() {
            Ok(format) => {
                let key = self.spec.key.join(", ");
                Some(Made { format, assembly: self.assembly, key, zoned: self.zoned })
            }
            Err(errors) => {
                errors.into_iter().for_each(|error| report.error(at, error));
                None
            }
        }
    }
}

/// One ASCII character; `Some(None)` when it is empty.
fn octet(report: &mut Report, keys: &mut Keys<'_, '_>, key: &'static str) -> Option<Option<u8>> {
    keys.parsed(
        report,
        key,
        ("one ASCII character", |text| match text.as_bytes() {
            [] if key == "quote" => Some(None),
            [octet] if octet.is_ascii() => Some(Some(*octet)),
            _ => None,
        }),
    )
}

fn columns(report: &mut Report, keys: &mut Keys<'_, '_>) -> ColumnSource {
    let header = keys.flag(report, "header");
    let at = keys.place("columns");
    let names = keys.words(report, "columns");
    match (header, names.is_empty()) {
        (true, true) => ColumnSource::Header,
        (false, false) => ColumnSource::Named(names),
        (true, false) => {
            report.error(at, "`columns` is given, expected none with `header = true`");
            ColumnSource::Header
        }
        (false, true) => {
            report.hinted(
                keys.at,
                "the columns have no names",
                "say `header = true`, or name them by position in `columns = [...]`",
            );
            ColumnSource::Header
        }
    }
}

fn constants(report: &mut Report, keys: &mut Keys<'_, '_>) -> Constants {
    Constants {
        service: keys.parsed(report, "service", ("voice, sms, data or content", Service::parse)),
        record_type: keys.parsed(
            report,
            "record_type",
            (&words(RecordType::ALL, RecordType::as_str), RecordType::parse),
        ),
        direction: keys.parsed(
            report,
            "direction",
            (&words(Direction::ALL, Direction::as_str), Direction::parse),
        ),
        role: keys.parsed(report, "role", (&words(Role::ALL, Role::as_str), Role::parse)),
    }
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> String {
    all.iter().map(|item| word(*item)).collect::<Vec<_>>().join(", ")
}

fn fields(report: &mut Report, keys: &mut Keys<'_, '_>) -> Vec<FieldSpec> {
    if !keys.has("fields") {
        report.error(keys.at, "`fields` is missing: expected the columns that are read");
    }
    let tables = keys.tables(report, "fields", ENTRIES_MAX);
    tables.into_iter().filter_map(|table| field(report, table)).collect()
}

fn field(report: &mut Report, mut keys: Keys<'_, '_>) -> Option<FieldSpec> {
    const TYPES: [&str; 10] =
        ["time", "duration", "volume", "count", "number", "imsi", "text", "word", "integer", "amount"];
    let to = keys.needed(report, "to");
    let from = keys.needed(report, "from");
    let optional = keys.flag(report, "optional");
    let word = keys.needed(report, "type");
    let kind = word.and_then(|word| match word.value {
        "time" => Some(FieldType::Time { format: needed(report, &mut keys, "format")? }),
        "duration" => Some(FieldType::Duration { unit: needed(report, &mut keys, "unit")? }),
        "volume" => Some(FieldType::Volume { unit: needed(report, &mut keys, "unit")? }),
        "amount" => Some(FieldType::Amount { currency: needed(report, &mut keys, "currency")? }),
        "count" => Some(FieldType::Count),
        "number" => Some(FieldType::Number),
        "imsi" => Some(FieldType::Imsi),
        "text" => Some(FieldType::Text),
        "integer" => Some(FieldType::Integer),
        "word" => Some(FieldType::Word { map: map(report, &mut keys) }),
        other => {
            let list = TYPES.join(", ");
            report.error(word.at, format!("`type` is {other:?}, expected one of: {list}"));
            None
        }
    });
    // With an unknown type, its keys are unknown too: one finding is enough.
    if kind.is_some() {
        keys.finish(report);
    }
    Some(FieldSpec { to: to?.value.into(), from: from?.value.into(), kind: kind?, optional })
}

fn needed(report: &mut Report, keys: &mut Keys<'_, '_>, key: &'static str) -> Option<String> {
    keys.needed(report, key).map(|text| text.value.to_owned())
}

fn map(report: &mut Report, keys: &mut Keys<'_, '_>) -> Vec<(String, String)> {
    let at = keys.place("map");
    let mut pairs = Vec::new();
    for (found, meant) in keys.named(report, "map") {
        match <[String; 1]>::try_from(meant) {
            Ok([meant]) => pairs.push((found, meant)),
            Err(_) => report.error(at, format!("`map` gives {found:?} a list, expected one word")),
        }
    }
    pairs
}

fn partial(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<(PartialSpec, Rule)> {
    let mut table = keys.table(report, "partial")?;
    let session = table.words(report, "session");
    let sequence = table.needed(report, "sequence").map(|text| text.value.to_owned());
    let last = when(report, &mut table, "last");
    let first =
        table.number(report, "first", 0..=i64::from(u32::MAX)).and_then(|first| u32::try_from(first).ok());
    let hold = table.parsed(
        report,
        "longest_hold",
        ("a duration such as \"24 h\", at most 366 days", |text| {
            units::duration_ms(text).filter(|ms| (1..=HOLD_MAX_MS).contains(ms))
        }),
    );
    let on_gap = table.word(report, "on_gap", &[("suspend", OnGap::Suspend), ("rate", OnGap::Rate)]);
    let default = Rule::default();
    let rule = Rule {
        first_sequence: first.unwrap_or(default.first_sequence),
        longest_hold_ms: hold.unwrap_or(default.longest_hold_ms),
        on_gap: on_gap.unwrap_or(default.on_gap),
    };
    table.finish(report);
    Some((PartialSpec { session, sequence: sequence?, last }, rule))
}

fn filters(report: &mut Report, keys: &mut Keys<'_, '_>) -> Vec<FilterSpec> {
    let mut filters = Vec::new();
    for mut table in keys.tables(report, "filter", ENTRIES_MAX) {
        let when = when(report, &mut table, "when");
        let code = table.needed(report, "code").map(|text| text.value.to_owned());
        table.finish(report);
        filters.extend(code.map(|code| FilterSpec { when, code }));
    }
    filters
}

fn when(report: &mut Report, keys: &mut Keys<'_, '_>, key: &'static str) -> Vec<When> {
    if !keys.has(key) {
        report.error(keys.at, format!("`{key}` is missing: expected {{ column = \"value\" }}"));
    }
    keys.named(report, key).into_iter().map(|(column, values)| When { column, values }).collect()
}
