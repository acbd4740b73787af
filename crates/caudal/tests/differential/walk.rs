//! CHF records: the tree of elements as a walk by `openssl asn1parse` finds it.
//! Relies on its lines: offset, depth, octets of header and content, whether constructed, tag.
//! Never looks at a value: what the elements mean is for the unit tests.

use crate::tools;
use caudal_cdr::ber::{Children, Class, Form, Tlv};
use std::fmt::Write;
use std::fs;
use std::process::Command;

/// One line for an element, as both sides are compared.
fn line(element: &Tlv<'_>, depth: usize, out: &mut String) {
    let tag = match (element.tag.class(), element.tag.number()) {
        (Class::Universal, 4) => "OCTET STRING".to_owned(),
        (Class::Universal, 16) => "SEQUENCE".to_owned(),
        (Class::Context, number) => format!("cont [ {number} ]"),
        (class, number) => format!("{class:?} {number}"),
    };
    let kind = if element.tag.is_constructed() { "cons" } else { "prim" };
    let length = match element.form {
        Form::Definite => element.content.len().to_string(),
        Form::Indefinite => "inf".to_owned(),
    };
    writeln!(out, "{} d={depth} hl={} l={length} {kind} {tag}", element.at, element.header).unwrap();
}

fn walk(elements: Children<'_>, depth: usize, out: &mut String) {
    for element in elements {
        let element = element.unwrap();
        line(&element, depth, out);
        if element.tag.is_constructed() {
            walk(element.children(), depth + 1, out);
        }
    }
}

/// `   46:d=1  hl=2 l=  20 cons: cont [ 2 ]        ` as [`line`] writes it; nothing for an end-of-contents.
fn theirs(said: &str) -> Option<String> {
    let (offset, rest) = said.trim().split_once(':')?;
    let (lengths, tag) = rest.split_once(": ")?;
    let tag = tag.split("[HEX DUMP]").next()?.split(':').next()?.trim();
    let lengths = lengths.replace("l= ", "l=");
    let words: Vec<&str> = lengths.split_whitespace().collect();
    let lengths = words.join(" ").replace("l= ", "l=");
    (tag != "EOC").then(|| format!("{offset} {lengths} {tag}"))
}

#[test]
fn chf_elements_are_those_of_openssl() {
    let tools = tools::openssl().and_then(|openssl| Ok((openssl, tools::python()?)));
    let (openssl, python) = match tools {
        Ok(tools) => tools,
        Err(why) => return tools::missing(&why),
    };
    let folder = tools::generated(&python, "chf.py");
    let file = folder.path().join("records.ber");
    let said =
        tools::run(Command::new(openssl).args(["asn1parse", "-inform", "DER", "-in"]).arg(&file)).unwrap();
    let records = fs::read(&file).unwrap();
    let mut ours = String::new();
    walk(Children::of(&records), 0, &mut ours);
    let theirs: Vec<String> = said.lines().filter_map(theirs).collect();
    for (ours, theirs) in ours.lines().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.lines().count(), theirs.len());
    println!("cases: {}", Children::of(&records).count());
}
