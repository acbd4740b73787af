//! The root element to the charging record's own fields, by tag; contents stay as they are written.
//! Relies on TS 32.298 clause 5.1.5.0: [200] IMPLICIT SET, each element at most once.
//! Never looks into a list: containers are read once the record's own times are known.

use crate::ber::{BadValue, Children, Tag, Tlv, value};
use caudal_usage::{Code, Fault, Stage};

/// Number of the record's tag.
pub(super) const TAG: u32 = 200;

/// `recordType` of a charging function record.
pub(super) const RECORD_TYPE: i64 = 200;

/// A charging record. Contents are those of the elements; absent ones are `None`.
#[derive(Debug, Default)]
pub(super) struct ChargingRecord<'a> {
    /// recordingNetworkFunctionID.
    pub function_id: &'a [u8],
    pub subscriber: Option<Tlv<'a>>,
    pub consumer: Option<Tlv<'a>>,
    /// listOfMultipleUnitUsage.
    pub units: Option<Tlv<'a>>,
    pub opening: &'a [u8],
    pub duration: &'a [u8],
    /// recordSequenceNumber.
    pub sequence: &'a [u8],
    pub local_sequence: &'a [u8],
    pub pdu_session: Option<Tlv<'a>>,
    /// roamingQBCInformation.
    pub roaming: Option<Tlv<'a>>,
    /// chargingSessionIdentifier.
    pub session_id: &'a [u8],
    pub incomplete: Option<Tlv<'a>>,
    pub charging_id: &'a [u8],
    /// Name of the service information of a kind that is not billed here.
    pub other: Option<&'static str>,
    /// Elements whose tag the standard does not have here.
    pub unknown: u32,
}

/// First number behind those of the record in TS 32.298 V18.8.0.
const TAGS_END: u32 = 46;

/// Elements of service information other than that of a PDU session, by number.
const OTHER: [(u32, &str); 15] = [
    (15, "sMSChargingInformation"),
    (18, "exposureFunctionAPIInformation"),
    (19, "registrationChargingInformation"),
    (20, "n2ConnectionChargingInformation"),
    (21, "locationReportingChargingInformation"),
    (25, "nSMChargingInformation"),
    (26, "nSPAChargingInformation"),
    (28, "iMSChargingInformation"),
    (29, "mMTelChargingInformation"),
    (30, "edgeInfrastructureUsageChargingInformation"),
    (31, "eASDeploymentChargingInformation"),
    (32, "directEdgeEnablingServiceChargingInformation"),
    (33, "exposedEdgeEnablingServiceChargingInformation"),
    (34, "proSeChargingInformation"),
    (38, "mMSChargingInformation"),
];

/// Reads the root.
#[inline]
pub(super) fn decode(record: &[u8]) -> Result<ChargingRecord<'_>, Fault> {
    let root = root(record)?;
    let mut found = ChargingRecord::default();
    let mut seen = 0u64;
    let mut record_type: &[u8] = &[];
    for element in root.children() {
        let element = element.map_err(|error| error.fault("chargingFunctionRecord"))?;
        let number = element.tag.in_context().unwrap_or(TAGS_END);
        if number >= TAGS_END {
            found.unknown = found.unknown.saturating_add(1);
            continue;
        }
        let bit = 1u64 << number;
        if seen & bit != 0 {
            return Err(twice(&element));
        }
        seen |= bit;
        let content = element.content;
        match number {
            0 => record_type = content,
            1 => found.function_id = content,
            2 => found.subscriber = Some(element),
            3 => found.consumer = Some(element),
            5 => found.units = Some(element),
            6 => found.opening = content,
            7 => found.duration = content,
            8 => found.sequence = content,
            11 => found.local_sequence = content,
            13 => found.pdu_session = Some(element),
            14 => found.roaming = Some(element),
            16 => found.session_id = content,
            22 => found.incomplete = Some(element),
            27 => found.charging_id = content,
            _ => found.other = found.other.or_else(|| other(number)),
        }
    }
    match value::integer(record_type) {
        Ok(RECORD_TYPE) => Ok(found),
        Ok(_) => Err(BadValue("200, a charging function record").fault("recordType", record_type)),
        Err(_) if seen & 1 == 0 => Err(missing("recordType")),
        Err(bad) => Err(bad.fault("recordType", record_type)),
    }
}

pub(super) fn root(record: &[u8]) -> Result<Tlv<'_>, Fault> {
    let mut elements = Children::of(record);
    match elements.next() {
        Some(Ok(root)) if root.tag == Tag::context(TAG).constructed() => Ok(root),
        Some(Ok(root)) => Err(unknown(&format!("{}, expected [{TAG}]", root.tag))),
        Some(Err(error)) => Err(error.fault("chargingFunctionRecord")),
        None => Err(missing("chargingFunctionRecord")),
    }
}

#[cold]
fn other(number: u32) -> Option<&'static str> {
    OTHER.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cold]
fn unknown(found: &str) -> Fault {
    Fault::new(Code::UnknownFormat, "chargingFunctionRecord", found.as_bytes()).at(Stage::Decode)
}

/// Two elements of one kind: whichever were taken, the other would be lost.
#[cold]
fn twice(element: &Tlv<'_>) -> Fault {
    let found = format!("{} twice, the second at offset {}", element.tag, element.at);
    Fault::new(Code::BadField, "chargingFunctionRecord", found.as_bytes()).at(Stage::Decode)
}

/// An element that is needed is not there.
#[cold]
pub(super) fn missing(field: &str) -> Fault {
    Fault::new(Code::MissingField, field, b"").at(Stage::Decode)
}
