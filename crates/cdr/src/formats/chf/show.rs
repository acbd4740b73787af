//! The fields of a record that are read, as text: for `explain` and for the notes of a suspended record.
//! Relies on the numbers of the elements; what does not read as its type is shown in hex.
//! Never the whole record: `inspect` shows that.

use super::decode;
use crate::ber::{Tlv, time, value};
use crate::texts::push_hex;
use caudal_usage::{Fault, Timestamp};

/// How a field is shown.
#[derive(Clone, Copy)]
enum Kind {
    Number,
    Text,
    Time,
    Subscriber,
    List,
    Octets,
}

/// Number, the standard's name, and how the field is shown.
const FIELDS: [(u32, &str, Kind); 13] = [
    (0, "recordType", Kind::Number),
    (1, "recordingNetworkFunctionID", Kind::Text),
    (2, "subscriberIdentifier", Kind::Subscriber),
    (5, "listOfMultipleUnitUsage", Kind::List),
    (6, "recordOpeningTime", Kind::Time),
    (7, "duration", Kind::Number),
    (8, "recordSequenceNumber", Kind::Number),
    (9, "causeForRecClosing", Kind::Number),
    (11, "localRecordSequenceNumber", Kind::Number),
    (13, "pDUSessionChargingInformation", Kind::Octets),
    (16, "chargingSessionIdentifier", Kind::Text),
    (22, "incompleteCDRIndication", Kind::Octets),
    (27, "chargingID", Kind::Number),
];

/// The fields by name, those that are there, in the order of the record.
pub(in crate::formats) fn fields(record: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let mut shown = Vec::new();
    for element in decode::root(record)?.children() {
        let element = element.map_err(|error| error.fault("chargingFunctionRecord"))?;
        let field = FIELDS.iter().find(|(number, ..)| element.tag.in_context() == Some(*number));
        if let Some((_, name, kind)) = field {
            let text = text(*kind, &element).unwrap_or_else(|| hex(element.content));
            shown.push(((*name).to_owned(), text));
        }
    }
    Ok(shown)
}

fn text(kind: Kind, element: &Tlv<'_>) -> Option<Vec<u8>> {
    let content = element.content;
    match kind {
        Kind::Number => value::unsigned(content).ok().map(|number| number.value.to_string().into_bytes()),
        Kind::Text => value::utf8(content).ok().map(|text| text.as_bytes().to_vec()),
        Kind::Subscriber => {
            let data = element.children().filter_map(Result::ok).find(|it| it.tag.in_context() == Some(1))?;
            Some(data.content.to_vec())
        }
        Kind::Time => {
            let time = time::timestamp(content).ok()?;
            let offset_s = time.offset_s?;
            let utc_ms = time.local_ms - i64::from(offset_s) * 1000;
            Some(Timestamp { utc_ms, offset_s }.to_string().into_bytes())
        }
        Kind::List => Some(format!("rating groups: {}", element.children().count()).into_bytes()),
        Kind::Octets => None,
    }
}

fn hex(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_hex(&mut out, content);
    out
}
