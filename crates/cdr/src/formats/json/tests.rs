use super::*;
use crate::formats::Format;
use crate::formats::delimited::{
    ColumnSource, Constants, DelimitedSpec, FieldSpec, FieldType, FilterSpec, PartialSpec, When,
};
use caudal_usage::{Fields, Timestamp};
use proptest::prelude::*;

fn field(to: &str, from: &str, kind: FieldType) -> FieldSpec {
    FieldSpec { to: to.into(), from: from.into(), kind, optional: false }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn spec() -> JsonSpec {
    let word = FieldType::Word { map: vec![("true".into(), "out".into()), ("false".into(), "in".into())] };
    JsonSpec {
        fields: vec![
            field("start", "time", FieldType::Time { format: "epoch_s".into() }),
            field("duration", "usage.seconds", FieldType::Duration { unit: "s".into() }),
            field("calling", "party.a", FieldType::Number),
            FieldSpec { optional: true, ..field("called", "party.b", FieldType::Number) },
            FieldSpec { optional: true, ..field("direction", "outgoing", word) },
            FieldSpec { optional: true, ..field("attribute.note", "note", FieldType::Text) },
        ],
        constants: Constants::default(),
        key: strings(&["node.name", "call", "part"]),
        billed: strings(&["start", "duration", "calling", "called"]),
        partial: Some(PartialSpec {
            session: strings(&["node.name", "call"]),
            sequence: "part".into(),
            last: vec![When { column: "cause".into(), values: strings(&["0"]) }],
        }),
        filters: vec![FilterSpec {
            when: vec![When { column: "answered".into(), values: strings(&["false"]) }],
            code: "unanswered".into(),
        }],
        day: None,
        node: None,
    }
}

fn read(record: &str) -> String {
    let format = Format::Json(spec().build().unwrap());
    let layout = format.open(b"").unwrap();
    let mut scratch = Scratch::default();
    let raw = match format.read(&layout, record.as_bytes(), &mut scratch) {
        Ok(raw) => raw,
        Err(fault) => return fault.to_string(),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let join = |fields: Fields<'_>| fields.iter().map(text).collect::<Vec<_>>().join("|");
    let mut out = format!(
        "{} {} {} {}>{} key={} session={} billed={}",
        raw.record_type.as_str(),
        Timestamp::utc(raw.start.local_ms),
        raw.quantity,
        text(raw.calling),
        text(raw.called),
        join(raw.key),
        join(raw.session),
        join(raw.billed),
    );
    if let Some(partial) = raw.partial {
        out += &format!(" {}{}", partial.sequence, if partial.last { " last" } else { "" });
    }
    if let Some(code) = raw.filter {
        out += &format!(" filter={code}");
    }
    for (name, value) in &raw.attributes {
        out += &format!(" {name}={}", text(value));
    }
    out
}

fn check(record: &str, expect: &str) {
    assert_eq!(read(record), expect, "{record}");
}

const TAIL: &str = r#""time":1790971170,"usage":{"seconds":92},"party":{"a":"915550123","b":"+331"}"#;

#[test]
fn records() {
    let head = r#"{"node":{"name":"m1"},"call":88121,"part":1,"cause":0,"#;
    check(
        &format!("{head}{TAIL}}}"),
        "moc 2026-10-02T19:59:30Z 92000 915550123>+331 key=m1|88121|1 session=m1|88121 billed=1790971170|92|915550123|+331 1 last",
    );
    // Order, space, members that nobody uses, a number as a text, escapes, null for what is optional.
    check(
        "\u{feff}{ \"x\" : [ {\"y\":[]} ], \"party\" : {\"z\":1,\"\\u0061\":\"915550123\",\"b\":null} , \"usage\":{\"seconds\":\"1.5\"},
          \"call\":\"88\\/1\",\"outgoing\":false,\"note\":\"a\\n\\u20ac\",\"time\":1790971170 } ",
        "mtc 2026-10-02T19:59:30Z 1500 915550123> key=|88/1| session=|88/1 billed=1790971170|1.5|915550123| note=a\n€",
    );
    // An object that is null holds nothing; what is dropped anyway may lack what is needed.
    check(
        r#"{"call":1,"answered":false,"time":1790971170,"party":null}"#,
        "moc 2026-10-02T19:59:30Z 0 > key=|1| session=|1 billed=1790971170||| filter=unanswered",
    );
}

#[test]
fn bad_records() {
    let tail = |change: (&str, &str)| read(&format!("{{\"call\":1,{TAIL}}}").replace(change.0, change.1));
    let check = |change, expect: &str| {
        let found = tail(change);
        assert!(found.starts_with(expect), "{change:?}: {found}");
    };
    check(("\"seconds\":92", "\"seconds\":9.2e1"), "decode: bad_field in duration, found \"9.2e1\"");
    check(("\"seconds\":92", "\"seconds\":null"), "decode: missing_field in duration, found \"\"");
    check(("\"seconds\":92", "\"seconds\":[92]"), "decode: bad_field in usage.seconds, found \"[92]\"");
    check(("\"seconds\":92", "\"seconds\":true"), "decode: bad_field in usage.seconds, found \"true\"");
    check(
        ("\"seconds\":92", "\"seconds\":9,\"seconds\":9"),
        "decode: bad_field in usage.seconds, found \"it occurs twice\"",
    );
    check(
        ("{\"seconds\":92}", "{\"seconds\":92},\"usage\":{}"),
        "decode: bad_field in usage, found \"it occurs twice\"",
    );
    check(("{\"seconds\":92}", "92"), "decode: bad_field in usage, found \"92\"");
    check(("\"915550123\"", "915550123"), "decode: bad_field in party.a, found \"915550123\"");
    check(("\"b\":\"+331\"}}", "\"b\":\"+331\""), r#"decode: truncated in json, found "{"#);
    check(("\"+331\"}}", "\"+331\"}},"), "decode: bad_field in json, found \",\"");
    check(("\"call\":1", "\"call\":01"), r#"decode: bad_field in json, found "1,"#);
    let long = "9".repeat(5000);
    assert!(tail(("915550123", &long)).starts_with("decode: bad_length in party.a"));
    super::tests::check("", "decode: truncated in json, found \"\"");
    super::tests::check("[]", "decode: bad_field in json, found \"[]\"");
    super::tests::check("{}", "decode: missing_field in start, found \"\"");
}

#[test]
fn every_mistake_in_a_description_is_told() {
    let check = |change: fn(&mut JsonSpec), expect: &str| {
        let mut spec = spec();
        change(&mut spec);
        let errors = spec.build().err().unwrap_or_default();
        assert!(errors.iter().any(|error| error.contains(expect)), "{expect}: {errors:?}");
    };
    check(|spec| spec.key.clear(), "key is empty");
    check(|spec| spec.key.push("usage".into()), "\"usage\" is used as a value and as an object");
    check(|spec| spec.key.push("call.id".into()), "\"call\" is used as a value and as an object");
    check(|spec| spec.key.push("x..id".into()), "expected a name on both sides");
    check(|spec| spec.key.push(["a"; 17].join(".")), "has 17 names, expected at most 16");
    check(
        |spec| {
            spec.fields
                .extend((0..256).map(|n| field(&format!("attribute.{n}"), &n.to_string(), FieldType::Text)))
        },
        "expected at most 256",
    );
}

#[test]
fn the_key_rule_has_a_name_of_its_own() {
    let format = Format::Json(JsonSpec { node: Some("n1".into()), ..spec() }.build().unwrap());
    assert_eq!((format.key_rule().name.as_slice(), format.name()), (&b"json/1 n1"[..], "json"));
    let fields = format.fields(&format.open(b"").unwrap(), br#"{"a":{"b":1}}"#).unwrap();
    assert_eq!(fields, [("a.b".to_owned(), b"1".to_vec())]);
}

/// The same values as a delimited line and as an object give the same usage, but for the name of the key rule.
fn twins() -> (Format, Format) {
    let JsonSpec { fields, constants, key, billed, partial, filters, day, node } = spec();
    let columns = [
        "time",
        "usage.seconds",
        "party.a",
        "party.b",
        "outgoing",
        "note",
        "node.name",
        "call",
        "part",
        "cause",
        "answered",
    ];
    let spec_of = DelimitedSpec {
        separator: b';',
        quote: None,
        columns: ColumnSource::Named(strings(&columns)),
        fields,
        constants,
        key,
        billed,
        partial,
        filters,
        day,
        node,
    };
    (Format::Delimited(spec_of.build().unwrap()), Format::Json(spec().build().unwrap()))
}

proptest! {
    #[test]
    fn delimited_and_json_agree(
        seconds in 0u32..5000, a in "[0-9]{1,9}", b in "[0-9]{0,3}", note in "[^;\n\r\u{feff}]{0,5}",
        (part, cause, answered, order) in (0u32..3, 0u32..2, any::<bool>(), any::<bool>()),
    ) {
        let (delimited, json) = twins();
        let line = format!("1790971170;{seconds};{a};{b};true;{note};m1;c1;{part};{cause};{answered}");
        let quoted = serde_json::to_string(&note).unwrap();
        let nested = [
            format!(r#""usage":{{"seconds":{seconds}}}"#),
            format!(r#""party":{{"b":"{b}","a":"{a}"}}"#),
            format!(r#""call":"c1","part":{part},"time":1790971170,"note":{quoted}"#),
            format!(r#""cause":"{cause}","answered":{answered},"outgoing":true,"node":{{"name":"m1"}}"#),
        ];
        let members: Vec<_> = if order { nested.iter().rev().cloned().collect() } else { nested.to_vec() };
        let object = format!("{{{}}}", members.join(","));
        let (mut one, mut two) = (Scratch::default(), Scratch::default());
        let layouts = (delimited.open(b"").unwrap(), json.open(b"").unwrap());
        let left = delimited.read(&layouts.0, line.as_bytes(), &mut one).map(|raw| format!("{raw:?}"));
        let right = json.read(&layouts.1, object.as_bytes(), &mut two).map(|raw| format!("{raw:?}"));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(prop::sample::select(b"{}[]\":,a.usecondtim\\ 0129-\xFF".to_vec()), 0..120)) {
        let format = Format::Json(spec().build().unwrap());
        let layout = format.open(b"").unwrap();
        let _ = format.read(&layout, &bytes, &mut Scratch::default());
        let _ = format.fields(&layout, &bytes);
    }
}
