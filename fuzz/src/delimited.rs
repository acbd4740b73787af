//! Text in columns: what it looks like, Asterisk's columns, and a feed with every type of field in two dialects.
//! Relies on `intake` for what must hold.
//! Never takes quotes for granted: one dialect has them, the other does not.

use super::intake::Source;
use caudal_cdr::{
    Asterisk, AsteriskOptions, ColumnSource, Constants, DelimitedSpec, FieldSpec, FieldType, FilterSpec,
    Format, PartialSpec, When, detect,
};
use std::sync::OnceLock;

/// Any octets.
pub fn check(octets: &[u8]) {
    static FORMATS: OnceLock<[Format; 3]> = OnceLock::new();
    let formats = FORMATS.get_or_init(|| {
        let named = ColumnSource::Named(columns());
        [
            Format::Asterisk(Asterisk::new(AsteriskOptions::default())),
            build(DelimitedSpec { separator: b';', quote: None, columns: named, ..spec() }),
            build(spec()),
        ]
    });
    let _ = detect(octets);
    for format in formats {
        Source::new(format).file(octets);
    }
}

fn build(spec: DelimitedSpec) -> Format {
    match spec.build() {
        Ok(format) => Format::Delimited(format),
        Err(errors) => panic!("{errors:?}"),
    }
}

/// Where each field goes, its column or member, and its type.
pub fn fields() -> Vec<FieldSpec> {
    let unit = str::to_owned;
    let own_words = || FieldType::Word { map: Vec::new() };
    let types = [
        ("start", FieldType::Time { format: unit("%Y%m%d%H%M%S") }),
        ("end", FieldType::Time { format: unit("rfc3339") }),
        ("duration", FieldType::Duration { unit: unit("s") }),
        ("volume_up", FieldType::Volume { unit: unit("B") }),
        ("volume_down", FieldType::Volume { unit: unit("KiB") }),
        ("events", FieldType::Count),
        ("calling", FieldType::Number),
        ("called", FieldType::Number),
        ("forwarding", FieldType::Number),
        ("served_number", FieldType::Number),
        ("served_imsi", FieldType::Imsi),
        ("served_subscription", FieldType::Text),
        ("serving_network", FieldType::Text),
        ("rating_group", FieldType::Integer),
        ("amount", FieldType::Amount { currency: unit("EUR") }),
        ("service", own_words()),
        ("record_type", FieldType::Word { map: vec![(unit("O"), unit("moc")), (unit("T"), unit("mtc"))] }),
        ("direction", own_words()),
        ("role", own_words()),
        ("attribute.apn", FieldType::Text),
        ("attribute.seen", FieldType::Time { format: unit("epoch_ms") }),
        ("attribute.count", FieldType::Integer),
        ("attribute.bytes", FieldType::Number),
    ];
    let field = |(to, kind): (&str, FieldType)| FieldSpec {
        to: to.to_owned(),
        from: to.trim_start_matches("attribute.").to_owned(),
        kind,
        optional: to != "start" && to != "service",
    };
    types.into_iter().map(field).collect()
}

/// What is in the key, besides `node`: columns that are no fields.
pub const KEY: [&str; 3] = ["node", "call", "part"];

/// What closes a session, and what is not billed.
pub fn rules() -> (PartialSpec, Vec<FilterSpec>) {
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let when = |column: &str, value: &str| When { column: column.to_owned(), values: strings(&[value]) };
    let partial = PartialSpec {
        session: strings(&KEY[..2]),
        sequence: KEY[2].to_owned(),
        last: vec![when("cause", "0")],
    };
    (partial, vec![FilterSpec { when: vec![when("answered", "0")], code: "unanswered".to_owned() }])
}

fn columns() -> Vec<String> {
    let fields = fields().into_iter().map(|field| field.from);
    KEY.into_iter().chain(["cause", "answered"]).map(str::to_owned).chain(fields).collect()
}

fn spec() -> DelimitedSpec {
    let (partial, filters) = rules();
    DelimitedSpec {
        separator: b',',
        quote: Some(b'"'),
        columns: ColumnSource::Header,
        fields: fields(),
        constants: Constants::default(),
        key: KEY.map(str::to_owned).to_vec(),
        billed: Vec::new(),
        partial: Some(partial),
        filters,
        day: None,
        node: None,
    }
}
