//! The BER of one PGWRecord (TS 32.298, `[79]`) to its fields: contents in place, containers as parts.
//! Relies on one table of the tags that are read; the record is a SET, so its elements come in any order.
//! Never stops at a tag that it does not know: such are counted and passed over.

use crate::ber::{BadValue, Children, OTHERWISE, Tag, Tlv, time, value};
use caudal_usage::{Code, Fault, LocalTime, Stage};

/// The tag of the record.
pub(super) const PGW_RECORD: Tag = Tag::context(79).constructed();

/// `recordType` of a PGWRecord.
pub(super) const RECORD_TYPE: i64 = 85;

/// First tag behind those of the record in TS 32.298 V18.8.0.
pub(super) const TAGS_END: u32 = 74;

/// Numbers below [`TAGS_END`] that the record does not have.
const UNASSIGNED: [u32; 6] = [1, 2, 10, 26, 48, 63];

/// A field that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub(super) enum Field {
    RecordType,
    ServedImsi,
    GatewayAddress,
    ChargingId,
    AccessPointName,
    TrafficVolumes,
    RecordOpeningTime,
    Duration,
    RecordSequenceNumber,
    NodeId,
    LocalSequenceNumber,
    ServedMsisdn,
    ServingPlmn,
    ServedImei,
    RatType,
    UserLocation,
    ServiceData,
    Retransmission,
}

impl Field {
    /// All, in the order of their tags.
    pub(super) const ALL: [Self; FIELDS.len()] = [
        Self::RecordType,
        Self::ServedImsi,
        Self::GatewayAddress,
        Self::ChargingId,
        Self::AccessPointName,
        Self::TrafficVolumes,
        Self::RecordOpeningTime,
        Self::Duration,
        Self::RecordSequenceNumber,
        Self::NodeId,
        Self::LocalSequenceNumber,
        Self::ServedMsisdn,
        Self::ServingPlmn,
        Self::ServedImei,
        Self::RatType,
        Self::UserLocation,
        Self::ServiceData,
        Self::Retransmission,
    ];
}

/// Tag, the standard's name, and whether the field is made of further elements, in the order of [`Field`].
const FIELDS: [(u32, &str, bool); 18] = [
    (0, "recordType", false),
    (3, "servedIMSI", false),
    (4, "p-GWAddress", true),
    (5, "chargingID", false),
    (7, "accessPointNameNI", false),
    (12, "listOfTrafficVolumes", true),
    (13, "recordOpeningTime", false),
    (14, "duration", false),
    (17, "recordSequenceNumber", false),
    (18, "nodeID", false),
    (20, "localSequenceNumber", false),
    (22, "servedMSISDN", false),
    (27, "servingNodePLMNIdentifier", false),
    (29, "servedIMEI", false),
    (30, "rATType", false),
    (32, "userLocationInformation", false),
    (34, "listOfServiceData", true),
    (52, "retransmission", false),
];

/// The fields that are made of further elements, by bits.
const CONSTRUCTED: u32 = constructed_fields();

const fn constructed_fields() -> u32 {
    let (mut bits, mut field) = (0, 0);
    while field < FIELDS.len() {
        bits |= (FIELDS[field].2 as u32) << field;
        field += 1;
    }
    bits
}

/// What a tag number means: an index into [`FIELDS`], or one of these.
const KNOWN: u8 = FIELDS.len() as u8;
const UNKNOWN: u8 = 0xFF;

/// Places for contents: one for each field, and one for those that are not read.
const PLACES: usize = FIELDS.len() + 1;

const SLOTS: [u8; TAGS_END as usize] = slots();

const fn slots() -> [u8; TAGS_END as usize] {
    let mut slots = [KNOWN; TAGS_END as usize];
    let mut at = 0;
    while at < UNASSIGNED.len() {
        slots[UNASSIGNED[at] as usize] = UNKNOWN;
        at += 1;
    }
    let mut field = 0;
    while field < FIELDS.len() {
        slots[FIELDS[field].0 as usize] = field as u8;
        field += 1;
    }
    slots
}

/// Places by the octet of a tag: of the record's primitive elements with a tag of one octet. Lists are not among them,
/// for where they stand is kept too.
const PLACES_BY_OCTET: [u8; 256] = places_by_octet();

const fn places_by_octet() -> [u8; 256] {
    let mut places = [OTHERWISE; 256];
    let mut number = 0;
    while number < 0x1F {
        let slot = SLOTS[number];
        if slot == KNOWN {
            places[0x80 | number] = slot;
            places[0xA0 | number] = slot;
        } else if slot != UNKNOWN && slot as usize != Field::TrafficVolumes as usize {
            places[(0x80 | number) | (FIELDS[slot as usize].2 as usize) << 5] = slot;
        }
        number += 1;
    }
    places
}

/// One record: the contents of its fields, empty where they are absent.
pub(super) struct PgwRecord<'a> {
    contents: [&'a [u8]; PLACES],
    /// A bit for each tag that is there, so that one that is not read is not there twice either.
    seen: [u64; 2],
    /// The two lists of containers, with their places for what is wrong in them.
    pub(super) volumes: Option<Tlv<'a>>,
    pub(super) services: Option<Tlv<'a>>,
    /// Elements whose tag the standard does not have here.
    pub(super) unknown: u32,
}

impl<'a> PgwRecord<'a> {
    /// One without any field.
    pub(super) const EMPTY: Self =
        Self { contents: [&[]; PLACES], seen: [0; 2], volumes: None, services: None, unknown: 0 };

    /// The content of a field; empty when it is absent.
    #[inline]
    pub(super) const fn get(&self, field: Field) -> &'a [u8] {
        self.contents[field as usize]
    }

    /// The content of a field; `None` when it is absent.
    #[inline]
    pub(super) fn find(&self, field: Field) -> Option<&'a [u8]> {
        let number = FIELDS[field as usize].0;
        let there = self.seen[number as usize / 64] & 1 << (number % 64) != 0;
        there.then(|| self.get(field))
    }

    /// The content of a field that the standard makes mandatory.
    #[inline]
    pub(super) fn need(&self, field: Field) -> Result<&'a [u8], Fault> {
        self.find(field).ok_or_else(|| missing(name(field)))
    }
}

/// The standard's name of a field.
pub(super) const fn name(field: Field) -> &'static str {
    FIELDS[field as usize].1
}

/// Reads one record into an empty one: the whole element, nothing before or behind it.
#[inline]
pub(super) fn decode<'a>(record: &'a [u8], cdr: &mut PgwRecord<'a>) -> Result<(), Fault> {
    let mut roots = Children::of(record);
    let root = match roots.next() {
        Some(Ok(root)) => root,
        Some(Err(error)) => return Err(error.fault("record")),
        None => return Err(Fault::new(Code::Truncated, "record", b"").at(Stage::Decode)),
    };
    if !root.tag.is(PGW_RECORD) || !root.tag.is_constructed() {
        return Err(other_record(record));
    }
    // Writers that pad to a border, or end a definite length as well, leave octets that are nothing.
    if !roots.rest().iter().all(|octet| matches!(octet, 0 | 0xFF)) {
        return Err(behind(roots.rest()));
    }
    fields(root.children(), cdr)
}

/// Puts each element in its place.
#[inline]
fn fields<'a>(mut elements: Children<'a>, cdr: &mut PgwRecord<'a>) -> Result<(), Fault> {
    loop {
        while let Some((octet, slot, content)) = elements.next_short(&PLACES_BY_OCTET) {
            let (number, [seen, _]) = (u32::from(octet & 0x1F), &mut cdr.seen);
            let (bit, place) = (1 << number, cdr.contents.get_mut(usize::from(slot)));
            let (0, Some(place)) = (*seen & bit, place) else { return Err(twice(number, slot)) };
            *seen |= bit;
            *place = content;
        }
        match elements.next() {
            Some(element) => other(&element.map_err(|error| error.fault("record"))?, cdr)?,
            None => return Ok(()),
        }
    }
}

/// An element with a longer tag or length, a list, or one that is not as it should be.
#[inline(never)]
fn other<'a>(element: &Tlv<'a>, cdr: &mut PgwRecord<'a>) -> Result<(), Fault> {
    let number = element.tag.in_context().unwrap_or(u32::MAX);
    let slot = SLOTS.get(number as usize).copied().unwrap_or(UNKNOWN);
    let (index, bit) = (usize::from(slot), 1 << (number % 64));
    let (Some(content), Some(seen)) = (cdr.contents.get_mut(index), cdr.seen.get_mut(number as usize / 64))
    else {
        cdr.unknown = cdr.unknown.saturating_add(1);
        return Ok(());
    };
    if *seen & bit != 0 {
        return Err(twice(number, slot));
    }
    *seen |= bit;
    *content = element.content;
    let constructed = CONSTRUCTED >> slot & 1 != 0;
    if element.tag.is_constructed() != constructed && slot != KNOWN {
        return Err(wrong_form(slot, constructed));
    }
    if index == Field::TrafficVolumes as usize {
        cdr.volumes = Some(*element);
    } else if index == Field::ServiceData as usize {
        cdr.services = Some(*element);
    }
    Ok(())
}

/// Reads a time stamp.
#[inline]
pub(super) fn read_time(name: &str, content: &[u8]) -> Result<LocalTime, Fault> {
    time::timestamp(content).map_err(|bad| bad.fault(name, content))
}

/// Reads a number that the standard defines from 0 on. One of 4 or 8 octets with the top bit set was meant so too.
#[inline]
pub(super) fn unsigned(name: &str, content: &[u8], reinterpreted: &mut bool) -> Result<u64, Fault> {
    let number = value::unsigned(content).map_err(|bad| bad.fault(name, content))?;
    *reinterpreted |= number.reinterpreted;
    Ok(number.value)
}

/// The same of 32 bits.
#[inline]
pub(super) fn unsigned_32(name: &str, content: &[u8], reinterpreted: &mut bool) -> Result<u32, Fault> {
    u32::try_from(unsigned(name, content, reinterpreted)?).map_err(|_| out_of_range(name, content))
}

#[cold]
pub(super) fn missing(name: &str) -> Fault {
    Fault::new(Code::MissingField, name, b"").at(Stage::Decode)
}

#[cold]
pub(super) fn out_of_range(name: &str, content: &[u8]) -> Fault {
    BadValue("an integer from 0 to 4294967295").fault(name, content)
}

#[cold]
fn other_record(record: &[u8]) -> Fault {
    let head = record.get(..8).unwrap_or(record);
    let found: String = head.iter().map(|octet| format!("{octet:02X} ")).collect();
    let found = format!("{}…, expected BF 4F, a PGWRecord", found.trim_end());
    Fault::new(Code::UnknownFormat, "record", found.as_bytes()).at(Stage::Decode)
}

#[cold]
fn behind(rest: &[u8]) -> Fault {
    let found = format!("{} octets behind the record, expected none but fill", rest.len());
    Fault::new(Code::BadLength, "record", found.as_bytes()).at(Stage::Decode)
}

#[cold]
fn twice(number: u32, slot: u8) -> Fault {
    let name = FIELDS.get(usize::from(slot)).map_or("record", |field| field.1);
    again(name, number)
}

#[cold]
pub(super) fn again(name: &str, number: u32) -> Fault {
    let found = format!("[{number}] twice, expected once");
    Fault::new(Code::BadField, name, found.as_bytes()).at(Stage::Decode)
}

#[cold]
fn wrong_form(slot: u8, constructed: bool) -> Fault {
    let name = FIELDS.get(usize::from(slot)).map_or("record", |field| field.1);
    let found = match constructed {
        true => "a primitive element, expected a constructed one",
        false => "a constructed element, expected a primitive one",
    };
    Fault::new(Code::BadField, name, found.as_bytes()).at(Stage::Decode)
}
