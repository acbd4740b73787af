//! PGW records: every value as pycrate's decoder reads it, in records that pycrate's encoder made.
//! Relies on the tags that lead to a value being all that is needed to find it.
//! Never compares text that both sides took from one source: each writes its own reading of the octets.

use crate::tools;
use caudal_cdr::ber::{Children, Class, Tlv, value};
use serde_json::Value;
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

#[test]
fn pgw_values_are_those_of_pycrate() {
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
        values += expected["values"].as_array().unwrap().len();
    }
    assert!(elements.next().is_none());
    println!("{values} values compared");
    println!("cases: {}", expected.lines().count());
}
