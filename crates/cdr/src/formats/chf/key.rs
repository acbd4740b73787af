//! The key rule of CHF records.
//! Relies on the id of the function and of the charging session, and on what tells its records apart.
//! Never uses a decoded value: the octets of the elements are the key, however they were written.

use super::decode::ChargingRecord;
use crate::ber::Tlv;
use crate::formats::KeyRule;
use crate::keys::{Keys, Written};

/// Name and version. A change of the fields below needs a new version.
const NAME: &str = "chf/1";

/// The fields in words; of session identifier and charging id, the first that is there.
pub(super) const FIELDS: &str = "recordingNetworkFunctionID, chargingSessionIdentifier, chargingID, recordSequenceNumber, \
     recordOpeningTime, localRecordSequenceNumber";

pub(super) fn rule(node: Option<&str>) -> KeyRule {
    let name = node.map_or_else(|| NAME.to_owned(), |node| format!("{NAME} {node}"));
    // recordOpeningTime picks the day, and is part of the key.
    KeyRule { name: name.into_bytes(), has_time: true }
}

/// Writes key, session and billed fields. The charging session is the chargingSessionIdentifier; without one, the
/// chargingID of the record; without that, the chargingID of its PDU session.
#[inline]
pub(super) fn write<'k>(record: &ChargingRecord<'_>, keys: &'k mut Keys) -> Written<'k> {
    let charging = match (record.session_id, record.charging_id) {
        ([], []) => record.pdu_session.as_ref().map_or(&[][..], charging_id),
        ([], id) | (id, _) => id,
    };
    let function = record.function_id;
    keys.write_shared(
        [function, charging, record.sequence, record.opening, record.local_sequence],
        2,
        [record.units.map_or(&[][..], |list| list.content)],
    )
}

/// chargingID of pDUSessionChargingInformation; empty when it has none.
fn charging_id<'a>(pdu_session: &Tlv<'a>) -> &'a [u8] {
    let id =
        pdu_session.children().find_map(|element| element.ok().filter(|it| it.tag.in_context() == Some(0)));
    id.map_or(&[], |id| id.content)
}
