//! The columns of one record to typed values, each in its place.
//! Relies on the compiled fields: one pass, one match a field.
//! Never converts what it could not convert back: a value that does not parse is a fault, not a default.

use super::key::Row;
use super::{Action, Amount, AttributeKind, Delimited, Field, Need, Slot};
use crate::values::{amount, scaled};
use caudal_usage::time::DAY_MS;
use caudal_usage::{Code, Direction, Fault, LocalTime, Money, RecordType, Role, Service};
use smallvec::SmallVec;

/// Values of a record before they are put together.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) start: Option<LocalTime>,
    pub(super) end: Option<LocalTime>,
    pub(super) day: i32,
    quantities: [Option<i64>; 5],
    texts: [&'a [u8]; 7],
    pub(super) rating_group: Option<u32>,
    pub(super) charged: Option<Money>,
    pub(super) service: Option<Service>,
    pub(super) record_type: Option<RecordType>,
    pub(super) direction: Option<Direction>,
    pub(super) role: Option<Role>,
    pub(super) attributes: SmallVec<[(&'a str, &'a [u8]); 4]>,
    pub(super) filter: Option<Code>,
}

impl<'a> Draft<'a> {
    /// An empty one, of a record for which this filter rule holds.
    #[inline]
    pub(super) fn new(filter: Option<Code>) -> Self {
        Self { filter, ..Self::default() }
    }

    pub(super) fn quantity(&self, place: Amount) -> Option<i64> {
        self.quantities.get(place as usize).copied().flatten()
    }

    pub(super) fn text(&self, place: Slot) -> &'a [u8] {
        self.texts.get(place as usize).copied().unwrap_or_default()
    }
}

/// Reads every mapped field. A record that a filter drops anyway may lack fields, but none may be malformed.
/// Into an empty draft: moved about, it would cost as much as reading it.
#[inline]
pub(super) fn decode<'a>(format: &'a Delimited, row: &Row<'a>, draft: &mut Draft<'a>) -> Result<(), Fault> {
    for (field, column) in format.fields.iter().zip(&row.bound.fields) {
        let text = row.columns.get(*column);
        if text.is_empty() {
            if field.need == Need::Required && draft.filter.is_none() {
                return Err(fault(field, Code::MissingField, text));
            }
            continue;
        }
        let time = read(field, text, draft)?;
        if field.picks_day
            && let Some(time) = time
        {
            let day = i32::try_from(time.local_ms.div_euclid(DAY_MS));
            draft.day = day.map_err(|_| fault(field, Code::BadField, text))?;
        }
    }
    Ok(())
}

#[cold]
fn fault(field: &Field, code: Code, text: &[u8]) -> Fault {
    Fault::new(code, &field.to, text).at(caudal_usage::Stage::Decode)
}

/// Reads one value into its place; gives it back when it is a time.
#[inline]
fn read<'a>(field: &'a Field, text: &'a [u8], draft: &mut Draft<'a>) -> Result<Option<LocalTime>, Fault> {
    let bad = || fault(field, Code::BadField, text);
    match &field.action {
        Action::Start(format) => {
            draft.start = Some(format.read(text).ok_or_else(bad)?);
            return Ok(draft.start);
        }
        Action::End(format) => {
            draft.end = Some(format.read(text).ok_or_else(bad)?);
            return Ok(draft.end);
        }
        Action::Quantity(place, worth) => {
            let value = scaled(text, *worth).map_err(|code| fault(field, code, text))?;
            if let Some(quantity) = draft.quantities.get_mut(*place as usize) {
                *quantity = Some(value);
            }
        }
        Action::Text(place) => {
            if let Some(slot) = draft.texts.get_mut(*place as usize) {
                *slot = text;
            }
        }
        Action::RatingGroup => {
            let value = scaled(text, 1).ok().and_then(|value| u32::try_from(value).ok());
            draft.rating_group = Some(value.ok_or_else(bad)?);
        }
        Action::Charged(currency) => {
            draft.charged = Some(Money::new(amount(text).ok_or_else(bad)?, *currency));
        }
        Action::Service(words) => draft.service = Some(*words.get(text).ok_or_else(bad)?),
        Action::RecordType(words) => draft.record_type = Some(*words.get(text).ok_or_else(bad)?),
        Action::Direction(words) => draft.direction = Some(*words.get(text).ok_or_else(bad)?),
        Action::Role(words) => draft.role = Some(*words.get(text).ok_or_else(bad)?),
        Action::Attribute(name, kind) => return attribute(name, kind, text, draft).map_err(|()| bad()),
    }
    Ok(None)
}

fn attribute<'a>(
    name: &'a str,
    kind: &'a AttributeKind,
    text: &'a [u8],
    draft: &mut Draft<'a>,
) -> Result<Option<LocalTime>, ()> {
    let mut time = None;
    let value = match kind {
        AttributeKind::Text => text,
        AttributeKind::Integer => scaled(text, 1).map(|_| text).map_err(|_| ())?,
        AttributeKind::Time(format) => {
            time = Some(format.read(text).ok_or(())?);
            text
        }
        AttributeKind::Word(words) => words.get(text).ok_or(())?.as_bytes(),
    };
    draft.attributes.push((name, value));
    Ok(time)
}
