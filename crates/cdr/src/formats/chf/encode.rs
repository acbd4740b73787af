//! Charging records to octets: for generators and tests.
//! Relies on the writer of BER; elements are written in the order of their tags, lengths in as few octets as can be.
//! Never used on the line: it is the inverse of reading.

use super::decode::{RECORD_TYPE, TAG};
use crate::ber::{Tag, Writer};
use caudal_usage::LocalTime;

/// The served party.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// 0 E.164, 1 IMSI, 2 SIP URI, 3 NAI, 4 private.
    pub kind: u8,
    /// Its text.
    pub data: String,
}

impl std::fmt::Debug for Subscriber {
    /// Without the text: it is a subscriber's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "subscriber of type {}", self.kind)
    }
}

/// UsedUnitContainer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UsedUnits {
    /// serviceIdentifier.
    pub service: Option<u32>,
    /// Seconds.
    pub time: Option<u32>,
    /// triggerTimeStamp.
    pub trigger: Option<LocalTime>,
    /// Octets of both directions.
    pub total: Option<u64>,
    /// Octets.
    pub uplink: Option<u64>,
    /// Octets.
    pub downlink: Option<u64>,
    /// localSequenceNumber.
    pub sequence: u32,
    /// timeOfFirstUsage and timeOfLastUsage.
    pub usage: Option<(LocalTime, LocalTime)>,
}

/// MultipleUnitUsage.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnitUsage {
    /// ratingGroup.
    pub rating_group: u32,
    /// Containers.
    pub used: Vec<UsedUnits>,
    /// uPFID.
    pub upf: Option<String>,
}

/// PDUSessionChargingInformation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PduSession {
    /// chargingID.
    pub charging_id: u32,
    /// pDUSessionId.
    pub session_id: u8,
    /// Slice or service type and slice differentiator.
    pub slice: Option<(u8, [u8; 3])>,
    /// rATType.
    pub rat: Option<u8>,
    /// dataNetworkNameIdentifier.
    pub dnn: Option<String>,
    /// servingCNPLMNID: five or six digits.
    pub plmn: Option<String>,
}

/// A charging record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChfRecord {
    /// recordingNetworkFunctionID.
    pub function_id: String,
    /// The served party.
    pub subscriber: Option<Subscriber>,
    /// networkFunctionality of the consumer: 1 SMF, 2 AMF, 3 SMSF.
    pub functionality: u8,
    /// listOfMultipleUnitUsage, where there is one.
    pub units: Option<Vec<UnitUsage>>,
    /// recordOpeningTime.
    pub opening: LocalTime,
    /// Seconds.
    pub duration_s: u32,
    /// recordSequenceNumber.
    pub sequence: Option<u32>,
    /// causeForRecClosing.
    pub cause: u8,
    /// localRecordSequenceNumber.
    pub local_sequence: Option<u32>,
    /// pDUSessionChargingInformation.
    pub pdu_session: Option<PduSession>,
    /// chargingSessionIdentifier.
    pub session_id: Option<String>,
    /// incompleteCDRIndication: initialLost, updateLost, terminationLost.
    pub incomplete: Option<[bool; 3]>,
}

const fn tag(number: u32) -> Tag {
    Tag::context(number)
}

impl ChfRecord {
    /// Appends the record's octets.
    pub fn write(&self, out: &mut Writer) {
        out.nested(tag(TAG), |out| self.write_fields(out));
    }

    fn write_fields(&self, out: &mut Writer) {
        out.integer(tag(0), RECORD_TYPE).text(tag(1), &self.function_id);
        if let Some(Subscriber { kind, data }) = &self.subscriber {
            out.nested(tag(2), |out| {
                out.integer(tag(0), i64::from(*kind)).text(tag(1), data);
            });
        }
        out.nested(tag(3), |out| {
            out.integer(tag(0), i64::from(self.functionality));
        });
        if let Some(units) = &self.units {
            out.nested(tag(5), |out| units.iter().for_each(|unit| unit.write(out)));
        }
        out.timestamp(tag(6), self.opening).unsigned(tag(7), u64::from(self.duration_s));
        unsigned(out, 8, self.sequence.map(u64::from));
        out.integer(tag(9), i64::from(self.cause));
        unsigned(out, 11, self.local_sequence.map(u64::from));
        if let Some(session) = &self.pdu_session {
            out.nested(tag(13), |out| session.write(out));
        }
        if let Some(id) = &self.session_id {
            out.text(tag(16), id);
        }
        if let Some(lost) = self.incomplete {
            out.nested(tag(22), |out| {
                for (number, lost) in (0..).zip(lost) {
                    out.boolean(tag(number), lost);
                }
            });
        }
    }
}

fn unsigned(out: &mut Writer, number: u32, value: Option<u64>) {
    if let Some(value) = value {
        out.unsigned(tag(number), value);
    }
}

fn timestamp(out: &mut Writer, number: u32, value: Option<LocalTime>) {
    if let Some(value) = value {
        out.timestamp(tag(number), value);
    }
}

impl UnitUsage {
    fn write(&self, out: &mut Writer) {
        out.nested(Tag::SEQUENCE, |out| {
            out.unsigned(tag(0), u64::from(self.rating_group));
            if !self.used.is_empty() {
                out.nested(tag(1), |out| self.used.iter().for_each(|used| used.write(out)));
            }
            if let Some(upf) = &self.upf {
                out.text(tag(2), upf);
            }
        });
    }
}

impl UsedUnits {
    fn write(&self, out: &mut Writer) {
        out.nested(Tag::SEQUENCE, |out| {
            unsigned(out, 0, self.service.map(u64::from));
            unsigned(out, 1, self.time.map(u64::from));
            timestamp(out, 3, self.trigger);
            unsigned(out, 4, self.total);
            unsigned(out, 5, self.uplink);
            unsigned(out, 6, self.downlink);
            unsigned(out, 9, Some(u64::from(self.sequence)));
            if let Some((first, last)) = self.usage {
                out.nested(tag(11), |out| {
                    out.timestamp(tag(2), first).timestamp(tag(3), last);
                });
            }
        });
    }
}

impl PduSession {
    fn write(&self, out: &mut Writer) {
        out.unsigned(tag(0), u64::from(self.charging_id)).integer(tag(6), i64::from(self.session_id));
        if let Some((kind, differentiator)) = self.slice {
            out.nested(tag(7), |out| {
                out.integer(tag(0), i64::from(kind)).octets(tag(1), &differentiator);
            });
        }
        if let Some(rat) = self.rat {
            out.integer(tag(12), i64::from(rat));
        }
        if let Some(dnn) = &self.dnn {
            out.text(tag(13), dnn);
        }
        if let Some(plmn) = &self.plmn {
            out.plmn(tag(27), plmn.as_bytes());
        }
    }
}
