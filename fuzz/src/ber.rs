//! Raw BER: framing, the walk over elements, the trees that `inspect` shows, and the same elements written anew.
//! Relies on `account` for the octets of a file.
//! Never expects a value: any content is some value or none.

use super::account;
use caudal_cdr::ber::encode::{write_length, write_tag};
use caudal_cdr::ber::schema::{Node, RecordTable, Value, tree};
use caudal_cdr::ber::{Children, DEPTH_MAX, Tlv, first};
use caudal_cdr::formats::record_table;
use caudal_cdr::{Framing, detect};

/// A file of elements, and the same octets as one content.
pub fn check(octets: &[u8]) {
    let _ = detect(octets);
    account::check(Framing::Ber, octets, |_, record| {
        let Ok(element) = first(record) else { panic!("a framed record is an element") };
        assert_eq!(element.len(), record.len(), "a framed record is one element");
    });
    walk(Children::of(octets), 0..octets.len(), 0);
    if let Ok(element) = first(octets) {
        let record = &octets[..element.len()];
        trees(record, record_table(element.tag, element.content));
        let once = canonical(&element);
        let again = first(&once).map(|element| canonical(&element));
        assert_eq!(again.as_ref(), Ok(&once), "written anew, an element reads as itself");
    }
}

/// Holds that elements lie one behind the other in their content, and give the number of octets that they take.
fn walk(elements: Children<'_>, content: core::ops::Range<usize>, depth: usize) {
    let mut at = content.start;
    for element in elements {
        let element = match element {
            Ok(element) => element,
            Err(error) => {
                assert!((at..=content.end).contains(&error.offset), "{error} from {at}");
                return;
            }
        };
        assert_eq!(element.at, at, "an element begins where the one before it ends");
        at += element.len();
        let inside = element.at + element.header;
        if element.tag.is_constructed() && depth < DEPTH_MAX {
            walk(element.children(), inside..inside + element.content.len(), depth + 1);
        }
    }
    assert_eq!(at, content.end, "elements fill their content");
}

/// The record as a tree, by its table and without one.
pub fn trees(record: &[u8], table: Option<&RecordTable>) {
    for table in [None, table] {
        if let Ok((node, _)) = tree(record, table) {
            nested(&node, 0..record.len());
        }
    }
}

fn nested(node: &Node, within: core::ops::Range<usize>) {
    let end = node.at + node.len;
    assert!(within.start <= node.at && end <= within.end, "{} to {end} in {within:?}", node.at);
    if let Value::Fields(inside) | Value::List(inside) = &node.value {
        let mut at = node.at;
        for node in inside {
            nested(node, at..end);
            at = node.at + node.len;
        }
    }
}

/// The same element with every tag and length as short as can be, and no end-of-contents.
pub fn canonical(element: &Tlv<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    rewrite(element, 0, &mut out);
    out
}

fn rewrite(element: &Tlv<'_>, depth: usize, out: &mut Vec<u8>) {
    let mut inside = Vec::new();
    let nests = element.tag.is_constructed() && depth < DEPTH_MAX;
    if nests && element.children().all(|child| child.is_ok()) {
        element.children().flatten().for_each(|child| rewrite(&child, depth + 1, &mut inside));
    } else {
        inside.extend_from_slice(element.content);
    }
    write_tag(out, element.tag);
    write_length(out, inside.len());
    out.extend_from_slice(&inside);
}
