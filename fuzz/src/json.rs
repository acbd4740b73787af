//! JSON objects with every type of member, as lines of a file and as messages of a topic.
//! Relies on `intake` for what must hold, and on `delimited` for the fields.
//! Never takes members in one order: the fuzzer has its own.

use super::intake::Source;
use super::{account, delimited};
use caudal_cdr::{Constants, FieldSpec, Format, Framing, JsonSpec};
use std::sync::OnceLock;

/// Any octets.
pub fn check(octets: &[u8]) {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    let format = FORMAT.get_or_init(build);
    let mut source = Source::new(format);
    source.file(octets);
    account::check(Framing::Values, octets, |_, _| {});
    if let Ok(layout) = format.open(octets) {
        source.record(&layout, octets);
    }
}

fn build() -> Format {
    let (partial, filters) = delimited::rules();
    // Members of members, for some.
    let path = |field: FieldSpec| match field.to.as_str() {
        "calling" | "called" => FieldSpec { from: format!("party.{}", field.from), ..field },
        "volume_up" | "volume_down" => FieldSpec { from: format!("usage.data.{}", field.from), ..field },
        _ => field,
    };
    let spec = JsonSpec {
        fields: delimited::fields().into_iter().map(path).collect(),
        constants: Constants::default(),
        key: delimited::KEY.map(str::to_owned).to_vec(),
        billed: Vec::new(),
        partial: Some(partial),
        filters,
        day: None,
        node: None,
    };
    match spec.build() {
        Ok(format) => Format::Json(format),
        Err(errors) => panic!("{errors:?}"),
    }
}
