//! The key rule of PGWRecords.
//! Relies on raw octets: an integer that is written in more octets than it needs is written so again.
//! Never uses the charging id alone: it is unique only together with the gateway's address, and repeats after a wrap.

use super::decode::{Field, PgwRecord};
use crate::formats::KeyRule;
use caudal_usage::Fault;
use smallvec::SmallVec;

/// Name and version. A change of the fields below needs a new version.
const NAME: &str = "pgw/1";

/// The fields in words.
pub(super) const FIELDS: &str =
    "p-GWAddress, chargingID, recordSequenceNumber, recordOpeningTime, localSequenceNumber";

pub(super) fn rule(node: Option<&str>) -> KeyRule {
    let name = node.map_or_else(|| NAME.to_owned(), |node| format!("{NAME} {node}"));
    KeyRule { name: name.into_bytes(), has_time: true }
}

/// The raw fields that identify a record, its session, and what is billed of it.
pub(super) struct Keys<'a> {
    pub(super) key: SmallVec<[&'a [u8]; 8]>,
    pub(super) session: SmallVec<[&'a [u8]; 4]>,
    pub(super) billed: SmallVec<[&'a [u8]; 8]>,
}

/// Picks them. The session is the bearer of one gateway, so that its partial records meet in one slot.
#[inline]
pub(super) fn pick<'a>(cdr: &PgwRecord<'a>) -> Result<Keys<'a>, Fault> {
    const NONE: &[u8] = &[];
    let (gateway, charging) = (cdr.need(Field::GatewayAddress)?, cdr.need(Field::ChargingId)?);
    let key = [
        gateway,
        charging,
        cdr.get(Field::RecordSequenceNumber),
        cdr.need(Field::RecordOpeningTime)?,
        cdr.get(Field::LocalSequenceNumber),
        NONE,
        NONE,
        NONE,
    ];
    let billed = [
        cdr.get(Field::ServedImsi),
        cdr.get(Field::ServedMsisdn),
        cdr.get(Field::TrafficVolumes),
        cdr.get(Field::ServiceData),
        NONE,
        NONE,
        NONE,
        NONE,
    ];
    // Written in place: several times faster than one after the other.
    Ok(Keys {
        key: SmallVec::from_buf_and_len(key, 5),
        session: SmallVec::from_buf_and_len([gateway, charging, NONE, NONE], 2),
        billed: SmallVec::from_buf_and_len(billed, 4),
    })
}
