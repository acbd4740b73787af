//! JSON objects with every type of member, as lines of a file and as messages of a topic.
//! Relies on `intake` for what must hold, and on `delimited` for the fields.
//! Never takes members in one order: the fuzzer has its own.

use super::intake::Source;
use super::{account, delimited};
use caudal_cdr::{Constants, FieldSpec, Format, Framing, JsonSpec};
use serde_json::Value;
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
        let ours = format.fields(&layout, octets).is_ok();
        assert!(is_object(octets).is_none_or(|theirs| ours == theirs), "an object is one for serde_json too");
    }
}

/// What serde_json says; `None` where the two may differ: beyond the bounds of its numbers or of either's nesting, and
/// where people are shown what is no UTF-8.
fn is_object(octets: &[u8]) -> Option<bool> {
    const DEPTH_MAX: usize = 64;
    let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
    std::str::from_utf8(octets).ok()?;
    let brackets = octets.iter().filter(|octet| matches!(octet, b'{' | b'[')).count();
    match serde_json::from_slice::<Value>(octets) {
        _ if brackets > DEPTH_MAX => None,
        Err(error) if error.to_string().starts_with("number out of range") => None,
        value => Some(value.is_ok_and(|value| value.is_object())),
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
