//! A record to a tree of named, decoded fields: for people, and for tools that compare.
//! Relies on one table of fields per kind of record; what no table knows is shown by its tag.
//! Never on the line: it allocates for every field.

use super::time::timestamp;
use super::value::{self, DIGITS_MAX};
use super::{BadValue, BerError, Children, DEPTH_MAX, Tag, Tlv, Wrong};
use caudal_usage::Timestamp;
use std::fmt::Write;

/// One field of a SET or SEQUENCE, or one alternative of a CHOICE.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FieldTable {
    /// Number of its context tag.
    pub tag: u32,
    /// Name in the standard.
    pub name: &'static str,
    /// What its content is, with the tables of what stands in it.
    pub kind: Kind,
}

impl FieldTable {
    /// A row.
    pub const fn new(tag: u32, name: &'static str, kind: Kind) -> Self {
        Self { tag, name, kind }
    }
}

/// What a content is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// INTEGER.
    Integer,
    /// INTEGER from 0 on, under the policy of [`value::unsigned`].
    Unsigned,
    /// INTEGER or ENUMERATED with names.
    Named(&'static [(i64, &'static str)]),
    /// BOOLEAN.
    Boolean,
    /// NULL: its presence is what it says.
    Null,
    /// IA5String.
    Ia5,
    /// UTF8String.
    Utf8,
    /// OCTET STRING, shown in hex.
    Octets,
    /// Decimal digits in TBCD.
    Tbcd,
    /// AddressString.
    Address,
    /// TimeStamp.
    Time,
    /// PLMN-Id.
    Plmn,
    /// IPAddress, a CHOICE: one more tag inside.
    Ip,
    /// PDPAddress, a CHOICE of which `[0]` holds an IPAddress: two more tags inside.
    PdpAddress,
    /// BIT STRING with names by number, from the most significant bit.
    Bits(&'static [&'static str]),
    /// SET, SEQUENCE or CHOICE of tagged fields.
    Fields(&'static [FieldTable]),
    /// SEQUENCE OF or SET OF. Its elements have tags of their own, which say nothing of the field.
    List(&'static Kind),
    /// SEQUENCE OF IPAddress: the elements are alternatives of the CHOICE.
    Addresses,
    /// What the table leaves open: shown by the tags inside.
    Open,
}

/// The table of one kind of record.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RecordTable {
    /// Number of its context tag.
    pub root: u32,
    /// Its name in the CHOICE of records.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [FieldTable],
}

/// An element with its name and value.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// Octets before it, from the start of the record.
    pub at: usize,
    /// Octets of it, tag and length included.
    pub len: usize,
    /// Its tag.
    pub tag: Tag,
    /// Its name, where a table knows it.
    pub name: Option<&'static str>,
    /// Its value.
    pub value: Value,
}

/// A value as it is shown.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Number(i128),
    /// A whole number that was written as negative and is taken as meant.
    Reinterpreted(u64),
    /// A number with its name.
    Named(i64, &'static str),
    /// True or false.
    Truth(bool),
    /// Text: digits, addresses, times, names of bits.
    Text(String),
    /// Octets.
    Octets(Vec<u8>),
    /// Named fields.
    Fields(Vec<Node>),
    /// Elements of a list.
    List(Vec<Node>),
    /// Octets that are no value of their type, and what was expected.
    Wrong(Vec<u8>, &'static str),
}

impl std::fmt::Debug for Value {
    /// Without what was read: it may be a subscriber's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// What was met while a tree was made.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Notes {
    /// Tags that the tables do not know: the path to each, and the element.
    pub unknown: Vec<(String, Node)>,
    /// Paths of values that do not read as their type.
    pub wrong: Vec<String>,
    /// Paths of values that were written as negative and are taken as meant.
    pub reinterpreted: Vec<String>,
}

/// A record to its tree. Without a table every element is shown by its tag.
pub fn tree(record: &[u8], table: Option<&RecordTable>) -> Result<(Node, Notes), BerError> {
    let root = super::first(record)?;
    let mut maker = Maker { notes: Notes::default(), path: Vec::new() };
    let (name, kind) = match table {
        Some(table) => (Some(table.name), Kind::Fields(table.fields)),
        None => (None, Kind::Open),
    };
    let node = maker.node(&root, name, kind)?;
    Ok((node, maker.notes))
}

struct Maker {
    notes: Notes,
    path: Vec<String>,
}

impl Maker {
    fn node(&mut self, element: &Tlv<'_>, name: Option<&'static str>, kind: Kind) -> Result<Node, BerError> {
        if self.path.len() >= DEPTH_MAX {
            return Err(BerError { offset: element.at, wrong: Wrong::TooDeep });
        }
        let value = match kind {
            Kind::Fields(table) if element.tag.is_constructed() => {
                Value::Fields(self.fields(element, table)?)
            }
            Kind::List(item) if element.tag.is_constructed() => {
                Value::List(self.items(element, |_| (None, *item))?)
            }
            Kind::Addresses if element.tag.is_constructed() => {
                Value::List(self.items(element, |_| (None, Kind::Ip))?)
            }
            Kind::Open if element.tag.is_constructed() => Value::Fields(self.items(element, open)?),
            Kind::Fields(_) | Kind::List(_) | Kind::Addresses => {
                self.wrong(element, BadValue("elements with tags of their own"))
            }
            Kind::Open => open_value(element),
            Kind::Octets if element.tag.is_constructed() => Value::Fields(self.items(element, open)?),
            simple => self.simple(element, simple),
        };
        Ok(Node { at: element.at, len: element.len(), tag: element.tag, name, value })
    }

    fn fields(&mut self, element: &Tlv<'_>, table: &'static [FieldTable]) -> Result<Vec<Node>, BerError> {
        let mut nodes = Vec::new();
        for child in element.children() {
            let child = child?;
            let row = child.tag.in_context().and_then(|tag| table.iter().find(|row| row.tag == tag));
            let name = row.map_or_else(|| child.tag.to_string(), |row| row.name.to_owned());
            self.path.push(name);
            let kind = row.map_or(Kind::Open, |row| row.kind);
            let node = self.node(&child, row.map(|row| row.name), kind)?;
            if row.is_none() {
                self.notes.unknown.push((self.path.join("."), node.clone()));
            }
            self.path.pop();
            nodes.push(node);
        }
        Ok(nodes)
    }

    fn items(
        &mut self,
        element: &Tlv<'_>,
        kind: impl Fn(&Tlv<'_>) -> (Option<&'static str>, Kind),
    ) -> Result<Vec<Node>, BerError> {
        let mut nodes = Vec::new();
        for child in element.children() {
            let child = child?;
            self.path.push(nodes.len().to_string());
            let (name, kind) = kind(&child);
            nodes.push(self.node(&child, name, kind)?);
            self.path.pop();
        }
        Ok(nodes)
    }

    fn simple(&mut self, element: &Tlv<'_>, kind: Kind) -> Value {
        match read(element, kind) {
            Ok(value) => {
                if let Value::Reinterpreted(_) = value {
                    self.notes.reinterpreted.push(self.path.join("."));
                }
                value
            }
            Err(bad) => self.wrong(element, bad),
        }
    }

    fn wrong(&mut self, element: &Tlv<'_>, bad: BadValue) -> Value {
        self.notes.wrong.push(self.path.join("."));
        Value::Wrong(element.content.to_vec(), bad.0)
    }
}

/// What an element without a table is, by its universal tag.
fn open(element: &Tlv<'_>) -> (Option<&'static str>, Kind) {
    const TYPES: [(Tag, &str); 8] = [
        (Tag::BOOLEAN, "BOOLEAN"),
        (Tag::INTEGER, "INTEGER"),
        (Tag::OCTET_STRING, "OCTET STRING"),
        (Tag::ENUMERATED, "ENUMERATED"),
        (Tag::UTF8_STRING, "UTF8String"),
        (Tag::SEQUENCE, "SEQUENCE"),
        (Tag::SET, "SET"),
        (Tag::IA5_STRING, "IA5String"),
    ];
    (TYPES.iter().find(|(tag, _)| tag.is(element.tag)).map(|(_, name)| *name), Kind::Open)
}

/// A primitive of which only the tag is known: numbers and texts by their universal types, octets otherwise.
fn open_value(element: &Tlv<'_>) -> Value {
    let content = element.content;
    let is = |tag: Tag| tag.is(element.tag);
    let read = if is(Tag::INTEGER) || is(Tag::ENUMERATED) {
        value::integer(content).ok().map(|number| Value::Number(number.into()))
    } else if is(Tag::BOOLEAN) {
        value::boolean(content).ok().map(Value::Truth)
    } else if is(Tag::UTF8_STRING) || is(Tag::IA5_STRING) {
        value::utf8(content).ok().map(|text| Value::Text(text.to_owned()))
    } else {
        None
    };
    read.unwrap_or_else(|| Value::Octets(content.to_vec()))
}

fn read(element: &Tlv<'_>, kind: Kind) -> Result<Value, BadValue> {
    let content = element.content;
    let mut digits = [0; DIGITS_MAX];
    Ok(match kind {
        Kind::Integer => Value::Number(value::integer(content)?.into()),
        Kind::Unsigned => match value::unsigned(content)? {
            number if number.reinterpreted => Value::Reinterpreted(number.value),
            number => Value::Number(number.value.into()),
        },
        Kind::Named(names) => {
            let number = value::integer(content)?;
            match names.iter().find(|(known, _)| *known == number) {
                Some((_, name)) => Value::Named(number, name),
                None => Value::Number(number.into()),
            }
        }
        Kind::Boolean => Value::Truth(value::boolean(content)?),
        Kind::Null if content.is_empty() => Value::Truth(true),
        Kind::Null => return Err(BadValue("no content")),
        Kind::Ia5 => Value::Text(value::ia5(content)?.to_owned()),
        Kind::Utf8 => Value::Text(value::utf8(content)?.to_owned()),
        Kind::Tbcd => Value::Text(text(value::tbcd_decimal(content, &mut digits)?)),
        Kind::Address => Value::Text(address(&value::address(content, &mut digits)?)),
        Kind::Time => Value::Text(time(content)?),
        Kind::Plmn => {
            let plmn = value::plmn(content)?;
            Value::Text(format!("{}-{}", text(plmn.mcc()), text(plmn.mnc())))
        }
        Kind::Ip => Value::Text(ip(element)?),
        Kind::PdpAddress => {
            let inner = element.only_child().map_err(|_| BadValue("an address inside"))?;
            if inner.tag.in_context() != Some(0) {
                return Ok(Value::Octets(content.to_vec()));
            }
            Value::Text(ip(&inner)?)
        }
        Kind::Bits(names) => Value::Text(bits(&value::bits(content)?, names)),
        Kind::Octets | Kind::Fields(_) | Kind::List(_) | Kind::Addresses | Kind::Open => {
            Value::Octets(content.to_vec())
        }
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An international number with its plus; another with its nature.
fn address(number: &value::Address<'_>) -> String {
    let digits = text(number.digits);
    match (number.nature, number.plan) {
        (1, 1) => format!("+{digits}"),
        (nature, plan) => format!("{digits} (nature {nature}, plan {plan})"),
    }
}

fn time(content: &[u8]) -> Result<String, BadValue> {
    let time = timestamp(content)?;
    let offset_s = time.offset_s.unwrap_or(0);
    let utc_ms = time.local_ms - i64::from(offset_s) * 1000;
    Ok(Timestamp { utc_ms, offset_s }.to_string())
}

/// The address in a CHOICE, whether the element is the alternative itself or holds it.
fn ip(element: &Tlv<'_>) -> Result<String, BadValue> {
    let inside = Children::of(element.content).next().and_then(Result::ok);
    // `[4]` of the CHOICE is constructed too; it begins with an OCTET STRING.
    let alternative = match inside {
        Some(inner) if element.tag.is_constructed() && inner.tag.in_context().is_some() => value::ip(&inner),
        Some(_) | None => value::ip(element),
    };
    alternative.map(|address| address.to_string())
}

fn bits(read: &value::Bits<'_>, names: &[&str]) -> String {
    let mut shown = String::new();
    for bit in (0..read.count()).filter(|bit| read.is_set(*bit)) {
        let comma = if shown.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = match names.get(bit) {
            Some(name) => write!(shown, "{comma}{name}"),
            None => write!(shown, "{comma}bit {bit}"),
        };
    }
    if shown.is_empty() { "none".into() } else { shown }
}

#[cfg(test)]
mod tests;
