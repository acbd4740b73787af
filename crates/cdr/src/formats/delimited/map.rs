//! Typed values to the field's common words.
//! Relies on the source's constants where the record does not say something itself.
//! Never bills a call of zero length: answered, but zero in the unit of the record, is filtered.

use super::decode::Draft;
use super::key::{Row, partial};
use super::{Amount, Delimited, Slot};
use crate::keys::{Keys, Written};
use caudal_usage::{Code, Direction, Fault, RawUsage, RecordType, Role, Service, Stage};

#[inline]
pub(super) fn map<'a>(
    format: &Delimited,
    row: &Row<'a>,
    (draft, keys): (&mut Draft<'a>, &'a mut Keys),
) -> Result<RawUsage<'a>, Fault> {
    let constants = &format.constants;
    let start = draft.start.ok_or_else(|| missing("start"))?;
    let service = draft.service.or(constants.service).unwrap_or_else(|| derived_service(draft));
    let quantity = quantity(service, draft)?;
    let said_type = draft.record_type.or(constants.record_type);
    let direction = draft.direction.or(constants.direction).unwrap_or(match said_type {
        Some(RecordType::Mtc | RecordType::SmsMt) => Direction::In,
        _ => Direction::Out,
    });
    let record_type = said_type.unwrap_or_else(|| derived_type(service, direction));
    let role = draft.role.or(constants.role).unwrap_or(match (record_type, direction) {
        (RecordType::Forwarded, _) => Role::Forwarding,
        (_, Direction::In) => Role::Terminating,
        (_, Direction::Out) => Role::Originating,
    });
    let partial = match &format.partial {
        Some(rule) => partial(rule, row)?,
        None => None,
    };
    let Written { key, session, billed } = row.write(keys);
    let zero_call = service == Service::Voice && quantity == 0 && partial.is_none();
    Ok(RawUsage {
        record_type,
        service,
        direction,
        role,
        start,
        end: draft.end,
        quantity,
        unit: service.unit(),
        calling: draft.text(Slot::Calling),
        called: draft.text(Slot::Called),
        forwarding: draft.text(Slot::Forwarding),
        served_number: draft.text(Slot::ServedNumber),
        served_imsi: draft.text(Slot::ServedImsi),
        served_subscription: draft.text(Slot::ServedSubscription),
        serving_network: draft.text(Slot::ServingNetwork),
        rating_group: draft.rating_group,
        parts: &[],
        charged: draft.charged,
        attributes: std::mem::take(&mut draft.attributes),
        key,
        billed,
        session,
        day: draft.day,
        sequence: None,
        node: b"",
        partial,
        filter: draft.filter.or(zero_call.then_some(Code::ZeroDuration)),
    })
}

#[cold]
fn missing(field: &str) -> Fault {
    Fault::new(Code::MissingField, field, b"").at(Stage::Decode)
}

/// Without a word on the service, the mapped quantity tells it; the build made sure that only one is mapped.
fn derived_service(draft: &Draft<'_>) -> Service {
    let octets = [Amount::Volume, Amount::VolumeUp, Amount::VolumeDown];
    if octets.into_iter().any(|place| draft.quantity(place).is_some()) {
        Service::Data
    } else {
        Service::Voice
    }
}

fn derived_type(service: Service, direction: Direction) -> RecordType {
    match (service, direction) {
        (Service::Voice, Direction::Out) => RecordType::Moc,
        (Service::Voice, Direction::In) => RecordType::Mtc,
        (Service::Sms, Direction::Out) => RecordType::SmsMo,
        (Service::Sms, Direction::In) => RecordType::SmsMt,
        (Service::Data, _) => RecordType::Data,
        (Service::Content, _) => RecordType::Content,
    }
}

/// The quantity in the service's base unit. Only a record that is filtered may have none.
fn quantity(service: Service, draft: &Draft<'_>) -> Result<i64, Fault> {
    let (found, name) = match service {
        Service::Voice => (draft.quantity(Amount::Duration), "duration"),
        Service::Sms | Service::Content => (Some(draft.quantity(Amount::Events).unwrap_or(1)), "events"),
        Service::Data => (octets(draft)?, "volume"),
    };
    match found {
        Some(quantity) => Ok(quantity),
        None if draft.filter.is_some() => Ok(0),
        None => Err(missing(name)),
    }
}

/// Octets of both directions; one that is absent counts nothing, both absent is no volume.
fn octets(draft: &Draft<'_>) -> Result<Option<i64>, Fault> {
    let (up, down) = (draft.quantity(Amount::VolumeUp), draft.quantity(Amount::VolumeDown));
    match (draft.quantity(Amount::Volume), up, down) {
        (Some(volume), ..) => Ok(Some(volume)),
        (None, None, None) => Ok(None),
        (None, up, down) => {
            let sum = up.unwrap_or(0).checked_add(down.unwrap_or(0));
            let overflow = || Fault::new(Code::Overflow, "volume_up", b"").at(Stage::Decode);
            sum.map(Some).ok_or_else(overflow)
        }
    }
}
