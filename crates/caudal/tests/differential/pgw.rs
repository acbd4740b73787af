//! PGW records: every value, and the usage in them, as pycrate's decoder reads it, in records of pycrate's encoder.
//! Relies on the tags that lead to a value being all that is needed to find it.
//! Never compares text that both sides took from one source: each writes its own reading of the octets.

use crate::tools;
use caudal_cdr::ber::{Children, Class, Tlv, value};
use caudal_cdr::{Format, Pgw, PgwContainer, PgwOptions, Scratch};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// Contents by the tags that lead to them, in the order of the record.
type Contents<'a> = BTreeMap<String, Vec<&'a [u8]>>;

fn collect<'a>(element: &Tlv<'a>, above: &str, into: &mut Contents<'a>) {
    let class = if element.tag.class() == Class::Universal { "u" } else { "" };
    let dot = if above.is_empty() { "" } else { "." };
    let tags = format!("{above}{dot}{class}{}", element.tag.number());
    if !element.tag.is_constructed() {
        into.entry(tags).or_default().push(element.content);
        return;
    }
    for inner in element.children() {
        collect(&inner.unwrap(), &tags, into);
    }
}

/// The value of a content, by the name of its type.
fn read(kind: &str, content: &[u8]) -> String {
    match kind {
        "INTEGER" | "ENUMERATED" => value::integer(content).unwrap().to_string(),
        "BOOLEAN" => value::boolean(content).unwrap().to_string(),
        "NULL" => String::from_utf8(content.to_vec()).unwrap(),
        "OCTET STRING" => content.iter().fold(String::new(), |mut text, octet| {
            write!(text, "{octet:02x}").unwrap();
            text
        }),
        "BIT STRING" => {
            let bits = value::bits(content).unwrap();
            (0..bits.count()).map(|bit| if bits.is_set(bit) { '1' } else { '0' }).collect()
        }
        "IA5String" => value::ia5(content).unwrap().to_owned(),
        "UTF8String" | "GraphicString" => value::utf8(content).unwrap().to_owned(),
        other => panic!("{other}: no such type among the fields of a record"),
    }
}

/// Compares one record. The values of the other side are taken away one by one; none may be left on either.
fn check(record: &Tlv<'_>, expected: &Value) {
    let mut ours = Contents::new();
    for element in record.children() {
        let element = element.unwrap();
        let number = u64::from(element.tag.number());
        let unknown = expected["unknown"].as_array().unwrap();
        if !unknown.iter().any(|known| known.as_u64() == Some(number)) {
            collect(&element, "", &mut ours);
        }
    }
    let mut theirs: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for value in expected["values"].as_array().unwrap() {
        let text = |at: usize| value[at].as_str().unwrap();
        theirs.entry(text(0)).or_default().push((text(2), text(3)));
    }
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (tags, contents) in &ours {
        let theirs = &theirs[tags.as_str()];
        assert_eq!(contents.len(), theirs.len(), "{tags}");
        for (content, (kind, text)) in contents.iter().zip(theirs) {
            assert_eq!(read(kind, content), *text, "{tags}");
        }
    }
}

/// Compares the usage of one record, as the line would take it in.
fn check_usage(octets: &[u8], expected: &Value) {
    let options = PgwOptions { container: PgwContainer::Ber, ..PgwOptions::default() };
    let (format, mut scratch) = (Format::Pgw(Pgw::new(&options)), Scratch::default());
    let layout = format.open(octets).unwrap();
    let usage = format.read(&layout, octets, &mut scratch).unwrap();
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    let attribute = |name: &str| {
        let found = usage.attributes.iter().find(|(known, _)| *known == name);
        found.map_or_else(String::new, |(_, value)| text(value))
    };
    let seconds = (usage.start.local_ms - YEAR_2000_MS) / 1000;
    let parts: Vec<_> = usage.parts.iter().map(|part| json!([part.rating_group, part.quantity])).collect();
    let ours = json!({
        "imsi": text(usage.served_imsi),
        "number": text(usage.served_number),
        "apn": attribute("apn"),
        "imei": attribute("imei"),
        "sequence": usage.sequence,
        "opened": [seconds, usage.start.offset_s],
        "duration": (usage.end.unwrap().local_ms - usage.start.local_ms) / 1000,
        "parts": parts,
    });
    assert_eq!(ours, *expected);
}

/// The beginning of 2000, milliseconds since 1970.
const YEAR_2000_MS: i64 = 946_684_800_000;

#[test]
fn pgw_values_and_usage_are_those_of_pycrate() {
    let python = match tools::python() {
        Ok(python) => python,
        Err(why) => return tools::missing(&why),
    };
    let folder = tools::generated(&python, "pgw.py");
    let records = fs::read(folder.path().join("records.ber")).unwrap();
    let expected = fs::read_to_string(folder.path().join("expected.jsonl")).unwrap();
    let mut elements = Children::of(&records);
    let mut values = 0;
    for line in expected.lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        let record = elements.next().unwrap().unwrap();
        assert_eq!(expected["offset"].as_u64(), Some(record.at as u64));
        assert_eq!(expected["length"].as_u64(), Some(record.len() as u64));
        check(&record, &expected);
        check_usage(&records[record.at..record.at + record.len()], &expected["usage"]);
        values += expected["values"].as_array().unwrap().len();
    }
    assert!(elements.next().is_none());
    println!("{values} values compared");
    println!("cases: {}", expected.lines().count());
}
