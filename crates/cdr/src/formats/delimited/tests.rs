use super::*;
use crate::Format;
use caudal_usage::{Fields, Timestamp};
use proptest::prelude::*;

fn field(to: &str, from: &str, kind: FieldType) -> FieldSpec {
    FieldSpec { to: to.into(), from: from.into(), kind, optional: false }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn when(column: &str, values: &[&str]) -> When {
    When { column: column.into(), values: strings(values) }
}

/// The second example of the manual.
fn spec() -> DelimitedSpec {
    DelimitedSpec {
        separator: b';',
        quote: None,
        columns: ColumnSource::Header,
        fields: vec![
            field("start", "seizure_time", FieldType::Time { format: "%Y%m%d%H%M%S".into() }),
            field("duration", "dur_s", FieldType::Duration { unit: "s".into() }),
            field("calling", "a_number", FieldType::Number),
            FieldSpec { optional: true, ..field("called", "b_number", FieldType::Number) },
        ],
        constants: Constants::default(),
        key: strings(&["node", "call_id", "sequence"]),
        billed: strings(&["start", "duration", "calling", "called"]),
        partial: Some(PartialSpec {
            session: strings(&["node", "call_id"]),
            sequence: "sequence".into(),
            last: vec![when("cause", &["0"])],
        }),
        filters: vec![FilterSpec { when: vec![when("answered", &["0"])], code: "unanswered".into() }],
        day: None,
        node: None,
    }
}

const HEADER: &str = "node;call_id;sequence;cause;answered;seizure_time;dur_s;a_number;b_number";

fn show(raw: &RawUsage<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let join = |fields: Fields<'_>| fields.iter().map(text).collect::<Vec<_>>().join("|");
    let mut out = format!(
        "{} {} {} {} {} {} {}>{} key={} session={} billed={} day={}",
        raw.service.as_str(),
        raw.record_type.as_str(),
        raw.role.as_str(),
        Timestamp::utc(raw.start.local_ms),
        raw.quantity,
        raw.unit.as_str(),
        text(raw.calling),
        text(raw.called),
        join(raw.key),
        join(raw.session),
        join(raw.billed),
        raw.day
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

fn read(spec: DelimitedSpec, header: &str, line: &str) -> String {
    let format = Format::Delimited(spec.build().unwrap());
    let layout = match format.open(format!("{header}\n{line}\n").as_bytes()) {
        Ok(layout) => layout,
        Err(fault) => return fault.to_string(),
    };
    let mut scratch = Scratch::default();
    match format.read(&layout, line.as_bytes(), &mut scratch) {
        Ok(raw) => show(&raw),
        Err(fault) => fault.to_string(),
    }
}

fn check(line: &str, expect: &str) {
    assert_eq!(read(spec(), HEADER, line), expect, "{line}");
}

#[test]
fn the_example_of_the_manual() {
    let tail =
        "key=msc-1|88121|1 session=msc-1|88121 billed=20261002195930|92|915550123|0033155500199 day=20728";
    check(
        "msc-1;88121;1;0;1;20261002195930;92;915550123;0033155500199",
        &format!("voice moc originating 2026-10-02T19:59:30Z 92000 ms 915550123>0033155500199 {tail} 1 last"),
    );
    check(
        "msc-1;88121;1;4;1;20261002195930;92;915550123;0033155500199",
        &format!("voice moc originating 2026-10-02T19:59:30Z 92000 ms 915550123>0033155500199 {tail} 1"),
    );
    // Whole by itself, and of zero length.
    check(
        "msc-1;88121;;0;1;20261002195930;0;915550123;",
        "voice moc originating 2026-10-02T19:59:30Z 0 ms 915550123> key=msc-1|88121| session=msc-1|88121 \
         billed=20261002195930|0|915550123| day=20728 filter=zero_duration",
    );
    // What is dropped anyway may lack what is needed.
    check(
        "msc-1;88121;;0;0;20261002195930;;;",
        "voice moc originating 2026-10-02T19:59:30Z 0 ms > key=msc-1|88121| session=msc-1|88121 \
         billed=20261002195930||| day=20728 filter=unanswered",
    );
}

#[test]
fn bad_records() {
    check("msc-1;1;1;0;1;20261302195930;92;9;1", "decode: bad_field in start, found \"20261302195930\"");
    check("msc-1;1;1;0;1;20261002195930;x;9;1", "decode: bad_field in duration, found \"x\"");
    check("msc-1;1;1;0;1;20261002195930;0.0001;9;1", "decode: bad_field in duration, found \"0.0001\"");
    check(
        "msc-1;1;1;0;1;20261002195930;999999999999999999;9;1",
        "decode: overflow in duration, found \"999999999999999999\"",
    );
    check("msc-1;1;1;0;1;;92;9;1", "decode: missing_field in start, found \"\"");
    check("msc-1;1;1;0;1;20261002195930;92;;1", "decode: missing_field in calling, found \"\"");
    check("msc-1;1;-1;0;1;20261002195930;92;9;1", "decode: bad_field in sequence, found \"-1\"");
    check("msc-1;1;1;0;1;2026100", "decode: truncated in columns, found \"6 columns, expected 9\"");
    check(";;;;;;;;;;;", "decode: bad_field in columns, found \"12 columns, expected 9\"");
}

#[test]
fn files_that_are_another_feed() {
    let line = "msc-1;1;1;0;1;20261002195930;92;9;1";
    let check = |header: &str, expect: &str| assert_eq!(read(spec(), header, line), expect);
    check("a;b", "frame: unknown_format in column seizure_time, found \"a;b\"");
    let twice = HEADER.replace("cause", "node");
    check(&twice, &format!("frame: unknown_format in column node, found {twice:?}"));
    let format = Format::Delimited(spec().build().unwrap());
    assert_eq!(format.open(b"").unwrap().skip_records, 0);
    assert_eq!(format.open(HEADER.as_bytes()).unwrap().skip_records, 1);
}

fn data() -> DelimitedSpec {
    DelimitedSpec {
        separator: b',',
        quote: Some(b'"'),
        columns: ColumnSource::Named(strings(&["id", "t", "up", "down", "rg", "imsi", "plmn", "apn", "rat"])),
        fields: vec![
            field("start", "t", FieldType::Time { format: "rfc3339".into() }),
            FieldSpec { optional: true, ..field("volume_up", "up", FieldType::Volume { unit: "kB".into() }) },
            FieldSpec {
                optional: true,
                ..field("volume_down", "down", FieldType::Volume { unit: "B".into() })
            },
            field("rating_group", "rg", FieldType::Integer),
            field("served_imsi", "imsi", FieldType::Imsi),
            field("serving_network", "plmn", FieldType::Text),
            field("attribute.apn", "apn", FieldType::Text),
            field("attribute.rat", "rat", FieldType::Word { map: vec![("6".into(), "eutran".into())] }),
        ],
        constants: Constants::default(),
        key: strings(&["id"]),
        billed: vec![],
        partial: None,
        filters: vec![],
        day: None,
        node: Some("pgw-1".into()),
    }
}

#[test]
fn data_records() {
    let check = |line: &str, expect: &str| assert_eq!(read(data(), "", line), expect, "{line}");
    check(
        r#"7,2026-10-02T19:59:30+02:00,1.5,20,10,214070000000001,21407,"a,""b",6"#,
        "data data originating 2026-10-02T19:59:30Z 1520 octet > key=7 session=7 \
         billed=2026-10-02T19:59:30+02:00|1.5|20|10|214070000000001|21407|a,\"b|6 day=20728 apn=a,\"b rat=eutran",
    );
    check(
        "7,2026-10-02T19:59:30Z,,20,10,214070000000001,21407,internet,6",
        "data data originating 2026-10-02T19:59:30Z 20 octet > key=7 session=7 \
         billed=2026-10-02T19:59:30Z||20|10|214070000000001|21407|internet|6 day=20728 apn=internet rat=eutran",
    );
    check(
        "7,2026-10-02T19:59:30Z,1,1,10,2,21407,internet,5",
        "decode: bad_field in attribute.rat, found \"5\"",
    );
    check("7,2026-10-02T19:59:30Z,1,1,-1,2,21407,i,6", "decode: bad_field in rating_group, found \"-1\"");
    let format = data().build().unwrap();
    assert_eq!(format.key_rule(), &KeyRule { name: b"delimited/1 pgw-1".to_vec(), has_time: false });
}

#[test]
fn services_told_by_the_record() {
    let word = |pairs: &[(&str, &str)]| FieldType::Word {
        map: pairs.iter().map(|(found, meant)| ((*found).to_owned(), (*meant).to_owned())).collect(),
    };
    let spec = || DelimitedSpec {
        columns: ColumnSource::Named(strings(&["id", "t", "kind", "dir", "n", "a", "b", "eur"])),
        fields: vec![
            field("start", "t", FieldType::Time { format: "epoch_s".into() }),
            field("service", "kind", word(&[("S", "sms"), ("C", "content"), ("V", "voice")])),
            field("direction", "dir", word(&[("o", "out"), ("i", "in")])),
            FieldSpec { optional: true, ..field("events", "n", FieldType::Count) },
            field("calling", "a", FieldType::Number),
            field("called", "b", FieldType::Number),
            FieldSpec {
                optional: true,
                ..field("amount", "eur", FieldType::Amount { currency: "EUR".into() })
            },
        ],
        key: strings(&["id", "start"]),
        billed: strings(&["kind"]),
        partial: None,
        filters: vec![],
        ..spec()
    };
    let check = |line: &str, expect: &str| assert_eq!(read(spec(), "", line), expect, "{line}");
    check(
        "1;1790971170;S;o;;1;2;",
        "sms sms_mo originating 2026-10-02T19:59:30Z 1 event 1>2 key=1|1790971170 session=1|1790971170 billed=S day=20728",
    );
    check(
        "1;1790971170;S;i;3;1;2;",
        "sms sms_mt terminating 2026-10-02T19:59:30Z 3 event 1>2 key=1|1790971170 session=1|1790971170 billed=S day=20728",
    );
    check(
        "1;1790971170;C;o;1;1;2;1.50",
        "content content originating 2026-10-02T19:59:30Z 1 event 1>2 key=1|1790971170 session=1|1790971170 billed=C day=20728",
    );
    check("1;1790971170;V;o;1;1;2;", "decode: missing_field in duration, found \"\"");
    check("1;1790971170;X;o;1;1;2;", "decode: bad_field in service, found \"X\"");
    check("1;1790971170;C;o;1;1;2;1e3", "decode: bad_field in amount, found \"1e3\"");
    assert!(spec().build().unwrap().key_rule().has_time);
}

#[test]
fn every_mistake_in_a_description_is_told() {
    let check = |change: fn(&mut DelimitedSpec), expect: &str| {
        let mut spec = spec();
        change(&mut spec);
        let errors = spec.build().err().unwrap_or_default();
        assert!(errors.iter().any(|error| error.contains(expect)), "{expect}: {errors:?}");
    };
    check(|spec| spec.separator = b'\n', "separator: expected one ASCII character");
    check(|spec| spec.quote = Some(b';'), "separator and quote are the same");
    check(|spec| spec.key.clear(), "key is empty");
    check(|spec| spec.key.push("node".into()), "key: \"node\" occurs twice");
    check(|spec| spec.key.retain(|name| name != "sequence"), "sequence \"sequence\" is not in key");
    check(|spec| spec.key.retain(|name| name != "node"), "session: expected at least one field");
    check(|spec| spec.day = Some("calling".into()), "day \"calling\"");
    check(|spec| spec.filters[0].code = "gap".into(), "filter code \"gap\"");
    check(|spec| spec.filters[0].when.clear(), "expected a condition");
    check(|spec| spec.fields[0].kind = FieldType::Text, "field \"start\": expected type time");
    check(
        |spec| spec.fields[1].kind = FieldType::Duration { unit: "kB".into() },
        "unit \"kB\" is no unit of ms",
    );
    check(|spec| spec.fields[1].to = "durationn".into(), "field \"durationn\": expected start, end");
    check(|spec| spec.fields[1].to = "start".into(), "mapped twice");
    check(|spec| drop(spec.fields.remove(0)), "no field is mapped to \"start\"");
    check(|spec| drop(spec.fields.remove(1)), "expected service =");
    check(|spec| spec.constants.service = Some(Service::Data), "service data needs");
    check(|spec| spec.columns = ColumnSource::Named(strings(&["a", "a"])), "column \"a\" is named twice");
    check(|spec| spec.columns = ColumnSource::Named(strings(&["a"])), "\"node\" is neither");
}

proptest! {
    #[test]
    fn decode_inverts_encode(values in prop::collection::vec("[^\n\r]{0,8}", 9)) {
        let mut quoted = data();
        quoted.separator = b';';
        for format in [quoted.build().unwrap(), DelimitedSpec { columns: data().columns, partial: None, filters: vec![], key: strings(&["id"]), billed: strings(&["t"]), fields: data().fields, ..spec() }.build().unwrap()] {
            let mut line = Vec::new();
            let bytes: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
            if !format.write_row(&bytes, &mut line) {
                prop_assert!(values.iter().any(|value| value.contains(';')));
                continue;
            }
            line.pop();
            prop_assume!(!line.starts_with(b"\xEF\xBB\xBF"));
            let format = Format::Delimited(format);
            let layout = format.open(b"").unwrap();
            let fields = format.fields(&layout, &line).unwrap();
            let read: Vec<_> = fields.iter().map(|(_, value)| value.as_slice()).collect();
            prop_assert_eq!(read, bytes);
        }
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(prop::sample::select(b";,\"0129-: A\xFFTZ.".to_vec()), 1..200)) {
        for spec in [spec(), data()] {
            let format = Format::Delimited(spec.build().unwrap());
            let layout = format.open(HEADER.as_bytes()).unwrap();
            let _ = format.read(&layout, &bytes, &mut Scratch::default());
            let _ = format.open(&bytes);
        }
    }
}
