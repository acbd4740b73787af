//! The fields of a line to a usage record, as normalisation would have made it.
//! Relies on numbers being international, with `+`, `00` or bare; times carry their offset.
//! Never guesses a quantity, a unit or a start: without them the line is suspended.

use super::fields::{Field, Fields};
use super::number::{self, Wrong};
use caudal_mediation::numbers::{NumberRules, PARTY_MAX};
use caudal_mediation::validate::validate;
use caudal_usage::record::{Attributes, ByteSpan};
use caudal_usage::time::RANGE_MS;
use caudal_usage::{
    Claim, Code, Currency, Digits, Direction, Fault, Identity, Money, Part, Party, Position, RecordType,
    Role, Served, Service, Slot, Timestamp, Unit, UsageRecord, quantity,
};
use compact_str::CompactString;
use smallvec::smallvec;

/// Rule names under which ids and line numbers become identities. Versioned: event ids derive from them.
const ID_RULE: &[u8] = b"rate/id/1";
const LINE_RULE: &[u8] = b"rate/line/1";

/// Reads numbers of lines.
pub(super) struct Reader {
    numbers: NumberRules,
}

/// What is said of the kind of usage.
struct Kind {
    record_type: RecordType,
    direction: Direction,
    role: Role,
}

impl Reader {
    /// Numbers are international: with `+`, with `00`, or bare.
    pub(super) fn new() -> Self {
        Self { numbers: NumberRules::default() }
    }

    /// The record of line `line`; or why there is none.
    pub(super) fn record(&self, fields: &mut Fields<'_>, line: u32) -> Result<UsageRecord, Fault> {
        if let Some(fault) = fields.odd() {
            return Err(fault);
        }
        let foreign = [Field::Allowance, Field::Expires, Field::Voids, Field::RedeemCode];
        if let Some((field, found)) = foreign.into_iter().find_map(|field| Some((field, fields.raw(field)?)))
        {
            return Err(field.fault(Code::BadField, found));
        }
        let service = word(fields, Field::Service, Service::parse)?.ok_or_else(|| missing(Field::Service))?;
        let quantity = base_units(fields, service)?;
        let start = word(fields, Field::Start, Timestamp::parse_rfc3339)?;
        let start = start.ok_or_else(|| missing(Field::Start))?;
        let end = end(start, service, quantity)?;
        let (calling, called) = (self.party(fields, Field::From)?, self.party(fields, Field::To)?);
        let number = self.party(fields, Field::Served)?;
        let kind =
            kind(fields, service, || number != Party::Absent && number == called && number != calling)?;
        let served = served(
            fields,
            number,
            match kind.role {
                Role::Terminating => &called,
                Role::Originating | Role::Forwarding => &calling,
            },
        )?;
        let rating_group = rating_group(fields)?;
        let record = UsageRecord {
            claim: claim(start, line),
            identity: identity(fields, line),
            session: [0; 2],
            partial: None,
            bytes: ByteSpan::default(),
            source: 0,
            filter: (service == Service::Voice && quantity == 0).then_some(Code::ZeroDuration),
            record_type: kind.record_type,
            service,
            direction: kind.direction,
            role: kind.role,
            unit: service.unit(),
            start,
            end,
            parts: smallvec![Part { start, end, quantity, rating_group }],
            calling,
            called,
            served,
            serving_network: digits(fields, Field::ServingNetwork, 5..=6)?,
            charged: charged(fields)?,
            attributes: attributes(fields),
        };
        // Nothing arrives here, so nothing can be too far in the future. What is taken back has a quantity below zero,
        // which no network element may write.
        if quantity < 0 {
            let mut mirrored = record.clone();
            mirrored.parts.iter_mut().for_each(|part| part.quantity = part.quantity.saturating_abs());
            validate(&mirrored, i64::MAX, 0)?;
        } else {
            validate(&record, i64::MAX, 0)?;
        }
        Ok(record)
    }

    /// Who a purchase or a redemption is for, as a usage of nothing at its time: it is guided as usage is.
    pub(super) fn bearer(&self, fields: &mut Fields<'_>, line: u32) -> Result<UsageRecord, Fault> {
        if let Some(fault) = fields.odd() {
            return Err(fault);
        }
        let start = word(fields, Field::Start, Timestamp::parse_rfc3339)?;
        let start = start.ok_or_else(|| missing(Field::Start))?;
        let number = self.party(fields, Field::Served)?;
        let served = served(fields, number, &Party::Absent)?;
        Ok(UsageRecord {
            claim: claim(start, line),
            identity: identity(fields, line),
            session: [0; 2],
            partial: None,
            bytes: ByteSpan::default(),
            source: 0,
            filter: None,
            record_type: RecordType::Content,
            service: Service::Content,
            direction: Direction::Out,
            role: Role::Originating,
            unit: Unit::Event,
            start,
            end: start,
            parts: smallvec![Part { start, end: start, quantity: 0, rating_group: None }],
            calling: Party::Absent,
            called: Party::Absent,
            served,
            serving_network: None,
            charged: None,
            attributes: None,
        })
    }

    fn party(&self, fields: &Fields<'_>, field: Field) -> Result<Party, Fault> {
        let Some(text) = fields.text_or_number(field)? else { return Ok(Party::Absent) };
        let fits = text.len() <= PARTY_MAX;
        let party = fits.then(|| self.numbers.party(text.trim().as_bytes())).flatten();
        party.ok_or_else(|| field.fault(Code::BadField, &text))
    }
}

#[cold]
pub(super) fn missing(field: Field) -> Fault {
    field.fault(Code::MissingField, "")
}

/// A word or a text with a grammar, that may be absent.
pub(super) fn word<T>(
    fields: &Fields<'_>,
    field: Field,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(text) = fields.text(field)? else { return Ok(None) };
    parse(&text).map(Some).ok_or_else(|| field.fault(Code::BadField, &text))
}

/// The quantity in the service's base unit. Messages and content count one unless they say more.
fn base_units(fields: &Fields<'_>, service: Service) -> Result<i64, Fault> {
    let counted = service.unit() == Unit::Event;
    let unit = fields.text(Field::Unit)?;
    let worth = match &unit {
        None if counted => 1,
        None => return Err(missing(Field::Unit)),
        Some(word) => match quantity::unit(word) {
            Some((unit, worth)) if unit == service.unit() => worth,
            Some(_) | None => {
                let found = format!("{word}: no unit of {}", service.as_str());
                return Err(Field::Unit.fault(Code::BadField, &found));
            }
        },
    };
    let Some(number) = fields.number(Field::Quantity)? else {
        return if counted { Ok(1) } else { Err(missing(Field::Quantity)) };
    };
    number::base_units(&number, worth).map_err(|wrong| match wrong {
        Wrong::NoNumber => Field::Quantity.fault(Code::BadField, &number),
        Wrong::TooLarge => Field::Quantity.fault(Code::Overflow, &number),
        Wrong::Fraction => {
            let head: String = number.chars().take(30).collect();
            let found = format!("{head}: no whole number of {}", service.unit().as_str());
            Field::Quantity.fault(Code::BadField, &found)
        }
    })
}

/// Calls end after their duration; other usage is a point in time here.
fn end(start: Timestamp, service: Service, quantity: i64) -> Result<Timestamp, Fault> {
    if service.unit() != Unit::Millisecond || quantity < 0 {
        return Ok(start);
    }
    let utc_ms = start.utc_ms.checked_add(quantity).filter(|utc_ms| RANGE_MS.contains(utc_ms));
    let utc_ms = utc_ms.ok_or_else(|| Field::Quantity.fault(Code::Overflow, &format!("{quantity} ms")))?;
    Ok(Timestamp { utc_ms, ..start })
}

/// What the element would have recorded: said, or told by who is served.
fn kind(fields: &Fields<'_>, service: Service, is_called: impl Fn() -> bool) -> Result<Kind, Fault> {
    let said_type = word(fields, Field::RecordType, RecordType::parse)?;
    let said_direction = word(fields, Field::Direction, Direction::parse)?;
    let direction = said_direction.unwrap_or_else(|| match said_type {
        Some(RecordType::Mtc | RecordType::SmsMt) => Direction::In,
        None if is_called() => Direction::In,
        _ => Direction::Out,
    });
    let record_type = said_type.unwrap_or(match (service, direction) {
        (Service::Voice, Direction::Out) => RecordType::Moc,
        (Service::Voice, Direction::In) => RecordType::Mtc,
        (Service::Sms, Direction::Out) => RecordType::SmsMo,
        (Service::Sms, Direction::In) => RecordType::SmsMt,
        (Service::Data, _) => RecordType::Data,
        (Service::Content, _) => RecordType::Content,
    });
    if service_of(record_type) != service {
        let found = format!("{} of {}", record_type.as_str(), service.as_str());
        return Err(Field::RecordType.fault(Code::Contradictory, &found));
    }
    let role = word(fields, Field::Role, Role::parse)?.unwrap_or(match (record_type, direction) {
        (RecordType::Forwarded, _) => Role::Forwarding,
        (_, Direction::In) => Role::Terminating,
        (_, Direction::Out) => Role::Originating,
    });
    Ok(Kind { record_type, direction, role })
}

const fn service_of(record_type: RecordType) -> Service {
    match record_type {
        RecordType::Moc | RecordType::Mtc | RecordType::Forwarded | RecordType::Transit => Service::Voice,
        RecordType::SmsMo | RecordType::SmsMt => Service::Sms,
        RecordType::Data => Service::Data,
        RecordType::Content => Service::Content,
    }
}

/// Who is served: said, else the party of the paying role. An account alone is for the desk to resolve.
fn served(fields: &Fields<'_>, number: Party, paying: &Party) -> Result<Served, Fault> {
    let subscription = fields.text_or_number(Field::Subscription)?.map(CompactString::from);
    let imsi = digits(fields, Field::Imsi, 6..=15)?;
    let mut served = Served { subscription, imsi, number };
    let named = served.subscription.is_some() || served.imsi.is_some() || served.number != Party::Absent;
    if !named && fields.raw(Field::Account).is_none() {
        if *paying == Party::Absent {
            return Err(missing(Field::Served));
        }
        served.number = paying.clone();
    }
    Ok(served)
}

fn digits(
    fields: &Fields<'_>,
    field: Field,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<Option<Digits>, Fault> {
    let Some(text) = fields.text_or_number(field)? else { return Ok(None) };
    let digits = Digits::parse(text.as_bytes()).filter(|digits| lengths.contains(&digits.len()));
    digits.map(Some).ok_or_else(|| field.fault(Code::BadField, &text))
}

fn rating_group(fields: &Fields<'_>) -> Result<Option<u32>, Fault> {
    let Some(number) = fields.number(Field::RatingGroup)? else { return Ok(None) };
    let group = number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()));
    group.map(Some).ok_or_else(|| Field::RatingGroup.fault(Code::BadField, &number))
}

/// An amount that somebody else charged already, or that is paid in.
pub(super) fn charged(fields: &Fields<'_>) -> Result<Option<Money>, Fault> {
    let currency = word(fields, Field::Currency, Currency::parse)?;
    let Some(number) = fields.number(Field::Amount)? else { return Ok(None) };
    let amount = number::amount(&number).ok_or_else(|| Field::Amount.fault(Code::BadField, &number))?;
    let currency = currency.ok_or_else(|| missing(Field::Currency))?;
    Ok(Some(Money::new(amount, currency)))
}

fn attributes(fields: &mut Fields<'_>) -> Attributes {
    let attributes = std::mem::take(&mut fields.attributes);
    (!attributes.is_empty()).then(|| attributes.into_iter().collect())
}

/// The identity of what an id names.
pub(super) fn identity_of(id: &str) -> Identity {
    Identity::of(ID_RULE, &[id.as_bytes()])
}

/// From the id, so that a usage has the same event ids wherever it stands; else from the line's number.
fn identity(fields: &Fields<'_>, line: u32) -> Identity {
    match fields.text_or_number(Field::Id) {
        Ok(Some(id)) => identity_of(&id),
        Ok(None) | Err(_) => Identity::of(LINE_RULE, &[&line.to_be_bytes()]),
    }
}

/// There is no dedup here: the claim only says where the record stands.
fn claim(start: Timestamp, line: u32) -> Claim {
    let day = start.utc_ms.div_euclid(caudal_usage::time::DAY_MS);
    Claim {
        fingerprint: [0; 2],
        billed: 0,
        at: Position { record: line, ..Position::default() },
        day: i32::try_from(day).unwrap_or(i32::MAX),
        slot: Slot(0),
        attempt: 0,
    }
}
