//! A PGWRecord's fields to the field's common words.
//! Relies on the volumes being those since the last record: a record is rated by itself and never held, whatever closed
//! it; its session is known by the charging id and the gateway.
//! Never adds flow volumes and bearer volumes: they count the same octets.

use super::containers::{self, Containers, Parts, SERVICE_DATA, TRAFFIC_VOLUMES};
use super::decode::{self, Field, PgwRecord};
use super::key;
use super::refused::Refused;
use crate::ber::{BadValue, value};
use crate::keys::{Keys, Written};
use crate::texts::{Texts, push_decimal, push_hex};
use caudal_usage::time::DAY_MS;
use caudal_usage::{Direction, Fault, LocalTime, RawUsage, RecordType, Role, Service, Unit};
use smallvec::SmallVec;

/// Names of what was negative by its octets, by bits: 1 charging id, 2 local sequence number, 4 containers.
const REINTERPRETED: [&str; 8] = [
    "",
    "chargingID",
    "localSequenceNumber",
    "chargingID localSequenceNumber",
    "containers",
    "chargingID containers",
    "localSequenceNumber containers",
    "chargingID localSequenceNumber containers",
];

#[inline]
pub(super) fn map<'a>(
    cdr: &PgwRecord<'a>,
    (texts, keys): (&'a mut Texts, &'a mut Keys),
) -> Result<RawUsage<'a>, Fault> {
    check_type(cdr)?;
    let Written { key, session, billed } = key::write(cdr, keys)?;
    let opened = decode::read_time(Field::RecordOpeningTime, cdr.get(Field::RecordOpeningTime))?;
    let end = closed(cdr, opened)?;
    let (mut charging, mut local) = (false, false);
    number(cdr, Field::ChargingId, &mut charging)?;
    let sequence = number(cdr, Field::LocalSequenceNumber, &mut local)?;
    let Texts { imsi, imei, number, network, others, parts } = texts;
    let found = volumes(cdr, (opened, parts))?;
    let reinterpreted =
        usize::from(charging) | usize::from(local) << 1 | usize::from(found.reinterpreted) << 2;
    let notes = Notes { reinterpreted, without_volume: found.without_volume };
    let served_number = served_number(cdr, number)?;
    let served_imsi = digits(cdr, Field::ServedImsi, imsi)?;
    let serving_network = serving_network(cdr, network)?;
    let attributes = attributes(cdr, &notes, (imei, others))?;
    Ok(RawUsage {
        record_type: RecordType::Data,
        service: Service::Data,
        direction: Direction::Out,
        role: Role::Originating,
        start: opened,
        end: Some(end),
        quantity: 0,
        unit: Unit::Octet,
        calling: b"",
        called: b"",
        forwarding: b"",
        served_number,
        served_imsi,
        served_subscription: b"",
        serving_network,
        rating_group: None,
        parts,
        charged: None,
        attributes,
        key,
        billed,
        session,
        // The instants of time stamps are at most two centuries from 1970.
        day: i32::try_from(opened.local_ms.div_euclid(DAY_MS)).unwrap_or_default(),
        sequence,
        node: cdr.find(Field::NodeId).unwrap_or(cdr.get(Field::GatewayAddress)),
        partial: None,
        filter: None,
    })
}

fn check_type(cdr: &PgwRecord<'_>) -> Result<(), Refused> {
    let content = cdr.need(Field::RecordType)?;
    match value::integer(content) {
        Ok(decode::RECORD_TYPE) => Ok(()),
        _ => Err(decode::bad_value(BadValue("85, a PGWRecord"), Field::RecordType, content)),
    }
}

/// Opening and duration. What its octets say is below zero was never a duration.
fn closed(cdr: &PgwRecord<'_>, opened: LocalTime) -> Result<LocalTime, Refused> {
    let content = cdr.need(Field::Duration)?;
    let seconds = value::integer(content).ok().filter(|seconds| (0..=i64::from(u32::MAX)).contains(seconds));
    let seconds = seconds.ok_or_else(|| decode::out_of_range(Field::Duration, content))?;
    Ok(LocalTime { local_ms: opened.local_ms + seconds * 1000, ..opened })
}

/// A number of 32 bits; `None` where the record does not have it.
#[inline]
fn number(cdr: &PgwRecord<'_>, field: Field, reinterpreted: &mut bool) -> Result<Option<u32>, Refused> {
    let Some(content) = cdr.find(field) else { return Ok(None) };
    decode::unsigned_32(field, content, reinterpreted).map(Some)
}

/// The containers of flows, unless none of them has a volume and there are some of bearers.
#[inline]
fn volumes(cdr: &PgwRecord<'_>, (opened, parts): (LocalTime, &mut Parts)) -> Result<Containers, Refused> {
    let mut found = Containers::default();
    parts.clear();
    if let Some(list) = &cdr.services {
        found = containers::read(list, &SERVICE_DATA, (opened, parts))?;
    }
    match &cdr.volumes {
        Some(list) if !found.has_volume() => containers::read(list, &TRAFFIC_VOLUMES, (opened, parts)),
        Some(_) | None => Ok(found),
    }
}

/// IMSI or IMEI; empty where the record does not have it.
#[inline]
fn digits<'b>(
    cdr: &PgwRecord<'_>,
    field: Field,
    into: &'b mut [u8; value::DIGITS_MAX],
) -> Result<&'b [u8], Refused> {
    let Some(content) = cdr.find(field) else { return Ok(b"") };
    value::tbcd_decimal(content, into).map_err(|bad| decode::bad_value(bad, field, content))
}

/// The MSISDN, with a plus where it says that it is international.
#[inline]
fn served_number<'b>(
    cdr: &PgwRecord<'_>,
    into: &'b mut [u8; crate::texts::NUMBER_MAX],
) -> Result<&'b [u8], Refused> {
    const INTERNATIONAL: u8 = 1;
    let Some(content) = cdr.find(Field::ServedMsisdn) else { return Ok(b"") };
    let Some((plus, buffer)) = into.split_first_chunk_mut::<1>() else { return Ok(b"") };
    let Some(buffer) = buffer.first_chunk_mut::<{ value::DIGITS_MAX }>() else { return Ok(b"") };
    let address =
        value::isdn(content, buffer).map_err(|bad| decode::bad_value(bad, Field::ServedMsisdn, content))?;
    let (nature, count) = (address.nature, address.digits.len());
    *plus = *b"+";
    let from = usize::from(nature != INTERNATIONAL);
    Ok(into.get(from..=count).unwrap_or_default())
}

/// MCC and MNC.
#[inline]
fn serving_network<'b>(
    cdr: &PgwRecord<'_>,
    into: &'b mut [u8; value::DIGITS_MAX],
) -> Result<&'b [u8], Refused> {
    let Some(content) = cdr.find(Field::ServingPlmn) else { return Ok(b"") };
    let plmn = value::plmn(content).map_err(|bad| decode::bad_value(bad, Field::ServingPlmn, content))?;
    let (digits, count) = plmn.padded();
    let Some(place) = into.first_chunk_mut() else { return Ok(b"") };
    *place = digits;
    Ok(place.get(..count).unwrap_or_default())
}

/// What is to be said of a record besides its fields.
struct Notes {
    /// Index into [`REINTERPRETED`].
    reinterpreted: usize,
    /// Containers of time or events only.
    without_volume: u32,
}

type Attributes<'a> = SmallVec<[(&'a str, &'a [u8]); 4]>;

/// What plans may ask for besides, present only.
#[inline]
fn attributes<'a>(
    cdr: &PgwRecord<'a>,
    notes: &Notes,
    (imei, others): (&'a mut [u8; value::DIGITS_MAX], &'a mut Vec<u8>),
) -> Result<Attributes<'a>, Refused> {
    let rat = rat_type(cdr)?;
    let location = cdr.get(Field::UserLocation);
    // Written one behind the other; where each ends is enough to find it again.
    others.clear();
    push_hex(others, location);
    let located = others.len();
    if let Some(rat) = rat {
        push_decimal(others, rat);
    }
    let mut ends = [others.len(); 3];
    let counts = [cdr.unknown, notes.without_volume];
    if counts != [0, 0] {
        for (end, count) in ends.iter_mut().skip(1).zip(counts) {
            push_decimal(others, u64::from(count));
            *end = others.len();
        }
    }
    let others: &'a [u8] = others;
    let imei = digits(cdr, Field::ServedImei, imei)?;
    let mut attributes = Attributes::new();
    if let Some(apn) = cdr.find(Field::AccessPointName) {
        attributes.push(("apn", access_point(apn)?));
    }
    if let Some(rat) = rat.and(others.get(located..ends[0])) {
        attributes.push(("rat_type", rat));
    }
    if !location.is_empty() {
        attributes.push(("user_location", others.get(..located).unwrap_or_default()));
    }
    if !imei.is_empty() {
        attributes.push(("imei", imei));
    }
    let [start, unknown, without_volume] = ends;
    for (name, count, at) in [
        ("unknown_tags", cdr.unknown, start..unknown),
        ("containers_without_volume", notes.without_volume, unknown..without_volume),
    ] {
        if count > 0 {
            attributes.push((name, others.get(at).unwrap_or_default()));
        }
    }
    if cdr.find(Field::Retransmission).is_some() {
        attributes.push(("retransmission", b"1"));
    }
    if let Some(names) = REINTERPRETED.get(notes.reinterpreted).filter(|names| !names.is_empty()) {
        attributes.push(("read_as_unsigned", names.as_bytes()));
    }
    Ok(attributes)
}

/// The radio access technology by its number in TS 29.061.
fn rat_type(cdr: &PgwRecord<'_>) -> Result<Option<u64>, Refused> {
    let Some(content) = cdr.find(Field::RatType) else { return Ok(None) };
    let number = value::integer(content).ok().and_then(|number| u64::try_from(number).ok());
    number.map(Some).ok_or_else(|| decode::out_of_range(Field::RatType, content))
}

/// The access point's name: IA5 text.
fn access_point(content: &[u8]) -> Result<&[u8], Refused> {
    let text = content.is_ascii().then_some(content);
    text.ok_or_else(|| decode::bad_value(BadValue("7-bit text"), Field::AccessPointName, content))
}
