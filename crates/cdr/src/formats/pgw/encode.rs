//! PGWRecords as a gateway writes them: for generators and tests.
//! Relies on digits and texts of their type; what cannot be written is a mistake of the caller's.
//! Never used on the line: it is the inverse of the decoder.

use super::decode::{PGW_RECORD, RECORD_TYPE};
use crate::ber::{Tag, Writer};
use caudal_usage::LocalTime;
use core::net::{IpAddr, Ipv4Addr};

/// Charging characteristics of a subscriber with normal billing.
const CHARACTERISTICS: [u8; 2] = [0x08, 0x00];

/// `changeCondition` and the bit of `serviceConditionChange` for a record that was closed.
const RECORD_CLOSURE: i64 = 2;
const RECORD_CLOSURE_BIT: usize = 21;

/// A time before anything was charged.
const NO_TIME: LocalTime = LocalTime { local_ms: 0, offset_s: Some(0) };

/// One record. What is `None` or empty is not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Record<'a> {
    /// 6 to 15 digits.
    pub imsi: Option<&'a str>,
    pub gateway: IpAddr,
    pub charging_id: u32,
    pub serving_node: IpAddr,
    pub apn: Option<&'a str>,
    /// Address of the subscriber.
    pub address: Option<IpAddr>,
    pub traffic_volumes: &'a [TrafficVolume],
    pub opened: LocalTime,
    pub duration_s: u32,
    /// `causeForRecClosing`: 0 normal, 16 volume limit, 17 time limit, …
    pub cause: u8,
    /// Place among the records of one bearer, where there are several.
    pub sequence: Option<u32>,
    pub node: Option<&'a str>,
    pub local_sequence: Option<u32>,
    /// Digits of an international number, without a plus.
    pub msisdn: Option<&'a str>,
    /// MCC and MNC of the serving node.
    pub plmn: Option<&'a str>,
    /// 15 or 16 digits.
    pub imei: Option<&'a str>,
    pub rat_type: Option<u8>,
    /// `UserLocationInformation` of TS 29.274.
    pub location: &'a [u8],
    pub services: &'a [ServiceData],
    pub retransmission: bool,
}

impl Default for Record<'_> {
    /// The least that is a record: what the standard makes mandatory.
    fn default() -> Self {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            imsi: None,
            gateway: nowhere,
            charging_id: 0,
            serving_node: nowhere,
            apn: None,
            address: None,
            traffic_volumes: &[],
            opened: NO_TIME,
            duration_s: 0,
            cause: 0,
            sequence: None,
            node: None,
            local_sequence: None,
            msisdn: None,
            plmn: None,
            imei: None,
            rat_type: None,
            location: &[],
            services: &[],
            retransmission: false,
        }
    }
}

/// A container of `listOfTrafficVolumes`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct TrafficVolume {
    /// Octets; `None` is not written.
    pub up: Option<u64>,
    pub down: Option<u64>,
    pub changed: LocalTime,
}

/// A container of `listOfServiceData`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct ServiceData {
    pub rating_group: u32,
    pub service: Option<u32>,
    pub local_sequence: Option<u32>,
    pub first_usage: Option<LocalTime>,
    pub last_usage: Option<LocalTime>,
    /// Seconds.
    pub time_usage: Option<u32>,
    /// Octets; `None` is not written.
    pub up: Option<u64>,
    pub down: Option<u64>,
    pub reported: LocalTime,
}

/// Appends one record.
pub fn write_record(record: &Record<'_>, out: &mut Vec<u8>) {
    let mut writer = Writer::onto(std::mem::take(out));
    writer.nested(PGW_RECORD, |set| {
        head(record, set);
        tail(record, set);
    });
    *out = writer.into_bytes();
}

/// Fields up to `[20]`.
fn head(record: &Record<'_>, set: &mut Writer) {
    let tag = Tag::context;
    set.integer(tag(0), RECORD_TYPE);
    if let Some(imsi) = record.imsi {
        set.tbcd(tag(3), imsi.as_bytes());
    }
    set.ip(tag(4), record.gateway).unsigned(tag(5), u64::from(record.charging_id));
    set.nested(tag(6), |list| {
        list.ip_choice(record.serving_node);
    });
    if let Some(apn) = record.apn {
        set.text(tag(7), apn);
    }
    if let Some(address) = record.address {
        let kind = if address.is_ipv4() { 0x21 } else { 0x57 };
        set.octets(tag(8), &[0xF1, kind]);
        set.nested(tag(9), |choice| {
            choice.ip(tag(0), address);
        });
        set.boolean(tag(11), true);
    }
    if !record.traffic_volumes.is_empty() {
        set.nested(tag(12), |list| record.traffic_volumes.iter().for_each(|item| traffic_volume(item, list)));
    }
    set.timestamp(tag(13), record.opened).unsigned(tag(14), u64::from(record.duration_s));
    set.unsigned(tag(15), u64::from(record.cause));
    if let Some(sequence) = record.sequence {
        set.unsigned(tag(17), u64::from(sequence));
    }
    if let Some(node) = record.node {
        set.text(tag(18), node);
    }
    if let Some(sequence) = record.local_sequence {
        set.unsigned(tag(20), u64::from(sequence));
    }
}

/// Fields from `[22]` on.
fn tail(record: &Record<'_>, set: &mut Writer) {
    const INTERNATIONAL_E164: u8 = 0x91;
    const GTP_SGW: i64 = 2;
    let tag = Tag::context;
    if let Some(msisdn) = record.msisdn {
        set.address(tag(22), INTERNATIONAL_E164, msisdn.as_bytes());
    }
    set.octets(tag(23), &CHARACTERISTICS);
    if let Some(plmn) = record.plmn {
        set.plmn(tag(27), plmn.as_bytes());
    }
    if let Some(imei) = record.imei {
        set.tbcd(tag(29), imei.as_bytes());
    }
    if let Some(rat) = record.rat_type {
        set.unsigned(tag(30), u64::from(rat));
    }
    if !record.location.is_empty() {
        set.octets(tag(32), record.location);
    }
    if !record.services.is_empty() {
        set.nested(tag(34), |list| record.services.iter().for_each(|item| service_data(item, list)));
    }
    set.nested(tag(35), |list| {
        list.integer(Tag::ENUMERATED, GTP_SGW);
    });
    if record.retransmission {
        set.octets(tag(52), &[]);
    }
}

fn traffic_volume(item: &TrafficVolume, list: &mut Writer) {
    let tag = Tag::context;
    list.nested(Tag::SEQUENCE, |fields| {
        volumes([(3, item.up), (4, item.down)], fields);
        fields.integer(tag(5), RECORD_CLOSURE).timestamp(tag(6), item.changed);
    });
}

fn service_data(item: &ServiceData, list: &mut Writer) {
    let tag = Tag::context;
    list.nested(Tag::SEQUENCE, |fields| {
        fields.unsigned(tag(1), u64::from(item.rating_group));
        if let Some(sequence) = item.local_sequence {
            fields.unsigned(tag(4), u64::from(sequence));
        }
        for (number, time) in [(5, item.first_usage), (6, item.last_usage)] {
            if let Some(time) = time {
                fields.timestamp(tag(number), time);
            }
        }
        if let Some(seconds) = item.time_usage {
            fields.unsigned(tag(7), u64::from(seconds));
        }
        fields.bits(tag(8), &[RECORD_CLOSURE_BIT]);
        volumes([(12, item.up), (13, item.down)], fields);
        fields.timestamp(tag(14), item.reported);
        if let Some(service) = item.service {
            fields.unsigned(tag(17), u64::from(service));
        }
    });
}

fn volumes(volumes: [(u32, Option<u64>); 2], fields: &mut Writer) {
    for (number, volume) in volumes {
        if let Some(octets) = volume {
            fields.unsigned(Tag::context(number), octets);
        }
    }
}
