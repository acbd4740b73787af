//! The key rule of PGWRecords.
//! Relies on raw octets: an integer that is written in more octets than it needs is written so again.
//! Never uses the charging id alone: it is unique only together with the gateway's address, and repeats after a wrap.

use super::decode::{Field, PgwRecord};
use super::refused::Refused;
use crate::formats::KeyRule;
use crate::keys::{Keys, Written};

/// Name and version. A change of the fields below needs a new version.
const NAME: &str = "pgw/1";

/// The fields in words.
pub(super) const FIELDS: &str =
    "p-GWAddress, chargingID, recordSequenceNumber, recordOpeningTime, localSequenceNumber";

pub(super) fn rule(node: Option<&str>) -> KeyRule {
    let name = node.map_or_else(|| NAME.to_owned(), |node| format!("{NAME} {node}"));
    KeyRule { name: name.into_bytes(), has_time: true }
}

/// Writes key, session and billed fields. The session is the bearer of one gateway, so that its partial records meet in
/// one slot.
#[inline]
pub(super) fn write<'k>(cdr: &PgwRecord<'_>, keys: &'k mut Keys) -> Result<Written<'k>, Refused> {
    let key = [
        cdr.need(Field::GatewayAddress)?,
        cdr.need(Field::ChargingId)?,
        cdr.get(Field::RecordSequenceNumber),
        cdr.need(Field::RecordOpeningTime)?,
        cdr.get(Field::LocalSequenceNumber),
    ];
    let billed = [
        cdr.get(Field::ServedImsi),
        cdr.get(Field::ServedMsisdn),
        cdr.get(Field::TrafficVolumes),
        cdr.get(Field::ServiceData),
    ];
    Ok(keys.write_shared(key, 2, billed))
}
