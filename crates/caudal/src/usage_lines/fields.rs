//! One line of JSON to its fields, each as it was written.
//! Relies on serde_json for the grammar; values stay text, so numbers keep every digit and depth costs no stack.
//! Never passes over a key that it does not know: a slip of the pen would change a price in silence.

use caudal_usage::{Code, Fault, Stage};
use compact_str::CompactString;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

macro_rules! fields {
    ($($variant:ident $name:literal)*) => {
        /// A field of a line.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Field { $($variant),* }

        impl Field {
            const ALL: &[Self] = &[$(Self::$variant),*];
            const COUNT: usize = Self::ALL.len();

            /// Its key.
            pub(super) const fn name(self) -> &'static str { match self { $(Self::$variant => $name),* } }

            fn find(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

fields! {
    Id "id"
    Type "type"
    Service "service"
    Served "served"
    Subscription "subscription"
    Account "account"
    From "from"
    To "to"
    Start "start"
    Quantity "quantity"
    Unit "unit"
    Amount "amount"
    Currency "currency"
    Attributes "attributes"
    Direction "direction"
    Role "role"
    RecordType "record_type"
    RatingGroup "rating_group"
    ServingNetwork "serving_network"
    Imsi "imsi"
    Allowance "allowance"
    Expires "expires"
    Voids "voids"
    RedeemCode "code"
}

impl Field {
    /// True for what may stand in `attributes` as well as in the line itself.
    const fn may_be_attribute(self) -> bool {
        matches!(
            self,
            Self::Direction
                | Self::Role
                | Self::RecordType
                | Self::RatingGroup
                | Self::ServingNetwork
                | Self::Imsi
        )
    }

    /// A fault of this field.
    #[cold]
    pub(super) fn fault(self, code: Code, found: &str) -> Fault {
        Fault::new(code, self.name(), found.as_bytes()).at(Stage::Decode)
    }
}

/// The fields of one line, as written.
pub(super) struct Fields<'a> {
    values: [Option<&'a str>; Field::COUNT],
    /// Attributes that are no field: name and value.
    pub(super) attributes: Vec<(CompactString, CompactString)>,
    /// The first key that is unknown or there twice.
    odd: Option<Fault>,
}

impl<'a> Fields<'a> {
    /// Reads a line. The fault, `bad_field` in `line`, says where it is no JSON object.
    pub(super) fn read(line: &'a str) -> Result<Self, Fault> {
        let mut fields = serde_json::from_str::<Self>(line).map_err(|error| no_json(&error))?;
        if let Some(raw) = fields.raw(Field::Attributes) {
            fields.read_attributes(raw);
        }
        Ok(fields)
    }

    const fn empty() -> Self {
        Self { values: [None; Field::COUNT], attributes: Vec::new(), odd: None }
    }

    /// What a key the line should not have amounts to.
    pub(super) fn odd(&mut self) -> Option<Fault> {
        self.odd.take()
    }

    /// The value as written; `None` when it is absent or null.
    pub(super) fn raw(&self, field: Field) -> Option<&'a str> {
        self.values.get(field as usize).copied().flatten()
    }

    /// A text that may be absent.
    pub(super) fn text(&self, field: Field) -> Result<Option<Cow<'a, str>>, Fault> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        text(raw).map(Some).ok_or_else(|| field.fault(Code::BadField, raw))
    }

    /// A text, or the digits of a number: ids and numbers are written either way.
    pub(super) fn text_or_number(&self, field: Field) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.raw(field) {
            Some(raw) if raw.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(Cow::Borrowed(raw))),
            _ => self.text(field),
        }
    }

    /// A number as written, bare or in quotes.
    pub(super) fn number(&self, field: Field) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.raw(field) {
            Some(raw) if !raw.starts_with('"') => Ok(Some(Cow::Borrowed(raw))),
            _ => self.text(field),
        }
    }

    fn take(&mut self, field: Field, value: &'a str) {
        let Some(slot) = self.values.get_mut(field as usize) else { return };
        if slot.is_some() {
            self.odd.get_or_insert_with(|| field.fault(Code::BadField, "there twice"));
        } else if value != "null" {
            *slot = Some(value);
        }
    }

    #[cold]
    fn unknown(&mut self, name: &str) {
        self.odd.get_or_insert_with(|| {
            Fault::new(Code::BadField, &shown(name), b"unknown field").at(Stage::Decode)
        });
    }

    fn read_attributes(&mut self, raw: &'a str) {
        let Ok(Pairs(pairs)) = serde_json::from_str(raw) else {
            self.odd.get_or_insert_with(|| Field::Attributes.fault(Code::BadField, raw));
            return;
        };
        for (name, value) in pairs {
            let known = Field::find(&name).filter(|field| field.may_be_attribute());
            if let Some(field) = known {
                self.take(field, value);
                continue;
            }
            match scalar(value) {
                Some(_) if value == "null" => {}
                Some(text) => self.attributes.push((name, CompactString::from(text))),
                None => {
                    let field = format!("attributes.{}", shown(&name));
                    self.odd.get_or_insert_with(|| {
                        Fault::new(Code::BadField, &field, value.as_bytes()).at(Stage::Decode)
                    });
                }
            }
        }
    }
}

/// The first characters of a name that somebody else chose.
fn shown(name: &str) -> CompactString {
    const SHOWN: usize = 40;
    name.chars().take(SHOWN).collect()
}

#[cold]
fn no_json(error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or_default();
    // A value of another type has no place of its own: it is the whole line.
    let found = match error.column() {
        0 => format!("no JSON object: {what}"),
        column => format!("no JSON object: {what} at column {column}"),
    };
    Fault::new(Code::BadField, "line", found.as_bytes()).at(Stage::Decode)
}

/// The text of a JSON string; `None` when the value is none.
fn text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// A text, a number, true, false or null, as text.
fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => text(raw),
        b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// A key: a field, or a name of its own.
enum Key {
    Field(Field),
    Other(CompactString),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
                Ok(Field::find(name).map_or_else(|| Key::Other(name.into()), Key::Field))
            }
        }
        from.deserialize_str(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::empty();
                while let Some((key, value)) = map.next_entry::<Key, &RawValue>()? {
                    match key {
                        Key::Field(field) => fields.take(field, value.get()),
                        Key::Other(name) => fields.unknown(&name),
                    }
                }
                Ok(fields)
            }
        }
        from.deserialize_map(FieldsVisitor)
    }
}

/// The entries of any object.
struct Pairs<'a>(Vec<(CompactString, &'a str)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    pairs.push((CompactString::from(name), value.get()));
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(PairsVisitor)
    }
}
