//! The BER of one PGWRecord (TS 32.298, `[79]`) to its fields: contents in place, containers as parts.
//! Relies on one table of the tags that are read; the record is a SET, so its elements come in any order.
//! Never stops at a tag that it does not know: such are counted and passed over.

use super::refused::{self, Refused};
use crate::ber::{BadValue, Children, OTHERWISE, Tag, Tlv, put_short, time, value};
use caudal_usage::LocalTime;

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

/// The place of an element with this number and form; [`OTHERWISE`] where it is unknown or of the other form, and for the
/// lists, for where they stand is kept too.
const fn place(number: usize, constructed: bool) -> u8 {
    const VOLUMES: u8 = Field::TrafficVolumes as u8;
    const SERVICES: u8 = Field::ServiceData as u8;
    match SLOTS[number] {
        UNKNOWN | VOLUMES | SERVICES => OTHERWISE,
        KNOWN => KNOWN,
        slot if FIELDS[slot as usize].2 == constructed => slot,
        _ => OTHERWISE,
    }
}

/// Places by the octet of a tag of one octet.
const PLACES_BY_OCTET: [u8; 256] = places_by_octet();

const fn places_by_octet() -> [u8; 256] {
    let mut places = [OTHERWISE; 256];
    let mut number = 0;
    while number < 0x1F {
        places[0x80 | number] = place(number, false);
        places[0xA0 | number] = place(number, true);
        number += 1;
    }
    places
}

/// Places by the number in a tag of two octets: of primitive elements, then of constructed ones.
const PLACES_BY_NUMBER: [[u8; 128]; 2] = places_by_number();

const fn places_by_number() -> [[u8; 128]; 2] {
    let mut places = [[OTHERWISE; 128]; 2];
    let mut number = 0x1F;
    while number < TAGS_END as usize {
        places[0][number] = place(number, false);
        places[1][number] = place(number, true);
        number += 1;
    }
    places
}

/// One record: the contents of its fields.
pub(super) struct PgwRecord<'a> {
    contents: [Option<&'a [u8]>; PLACES],
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
        Self { contents: [None; PLACES], seen: [0; 2], volumes: None, services: None, unknown: 0 };

    /// The content of a field; `None` when it is absent.
    #[inline]
    pub(super) const fn find(&self, field: Field) -> Option<&'a [u8]> {
        self.contents[field as usize]
    }

    /// The content of a field; empty when it is absent.
    #[inline]
    pub(super) fn get(&self, field: Field) -> &'a [u8] {
        self.find(field).unwrap_or_default()
    }

    /// The content of a field that the standard makes mandatory.
    #[inline]
    pub(super) fn need(&self, field: Field) -> Result<&'a [u8], Refused> {
        self.find(field).ok_or_else(|| refused::missing(name(field)))
    }
}

/// The standard's name of a field.
pub(super) const fn name(field: Field) -> &'static str {
    FIELDS[field as usize].1
}

/// Reads one record into an empty one: the whole element, nothing before or behind it.
#[inline]
pub(super) fn decode<'a>(record: &'a [u8], cdr: &mut PgwRecord<'a>) -> Result<(), Refused> {
    let mut roots = Children::of(record);
    let root = match roots.next() {
        Some(Ok(root)) => root,
        Some(Err(error)) => return Err(refused::bad_element(&error, "record")),
        None => return Err(refused::empty()),
    };
    if !root.tag.is(PGW_RECORD) || !root.tag.is_constructed() {
        return Err(refused::other_record(record));
    }
    // Writers that pad to a border, or end a definite length as well, leave octets that are nothing.
    if !roots.rest().iter().all(|octet| matches!(octet, 0 | 0xFF)) {
        return Err(refused::behind(roots.rest()));
    }
    fields(root.children(), cdr)
}

/// Puts each element in its place.
#[inline]
fn fields<'a>(elements: Children<'a>, cdr: &mut PgwRecord<'a>) -> Result<(), Refused> {
    let (mut rest, end) = (elements.rest(), elements.end());
    let mut seen = 0;
    loop {
        (rest, seen) = put_short((rest, seen), &PLACES_BY_OCTET, &mut cdr.contents);
        if let Some(behind) = put_two_octet_tag(rest, cdr) {
            rest = behind;
            continue;
        }
        if rest.is_empty() {
            return Ok(());
        }
        cdr.seen[0] |= u64::from(seen);
        rest = other(Children::ending_at(rest, end), cdr)?;
        seen = cdr.seen[0] as u32;
    }
}

/// Puts the element at the front in its place, where its tag has two octets and its length one: what is behind it. `None`,
/// with nothing read, for any other.
#[inline(always)]
fn put_two_octet_tag<'a>(input: &'a [u8], cdr: &mut PgwRecord<'a>) -> Option<&'a [u8]> {
    let [tag @ (0x9F | 0xBF), number @ ..0x80, len @ ..0x80, behind @ ..] = input else { return None };
    let places = &PLACES_BY_NUMBER[usize::from(tag >> 5 & 1)];
    let place = cdr.contents.get_mut(usize::from(places[usize::from(*number)]))?;
    let (content, behind) = behind.split_at_checked(usize::from(*len))?;
    let (seen, bit) = (&mut cdr.seen[usize::from(number / 64)], 1 << (number % 64));
    if *seen & bit != 0 {
        return None;
    }
    *seen |= bit;
    *place = Some(content);
    Some(behind)
}

/// An element with a longer tag or length, a list, or one that is not as it should be; what is behind it.
#[inline(never)]
fn other<'a>(mut elements: Children<'a>, cdr: &mut PgwRecord<'a>) -> Result<&'a [u8], Refused> {
    let Some(element) = elements.next() else { return Ok(&[]) };
    let element = element.map_err(|error| refused::bad_element(&error, "record"))?;
    let number = element.tag.in_context().unwrap_or(u32::MAX);
    let slot = SLOTS.get(number as usize).copied().unwrap_or(UNKNOWN);
    let (index, bit) = (usize::from(slot), 1 << (number % 64));
    let (Some(place), Some(seen)) = (cdr.contents.get_mut(index), cdr.seen.get_mut(number as usize / 64))
    else {
        cdr.unknown = cdr.unknown.saturating_add(1);
        return Ok(elements.rest());
    };
    let field = FIELDS.get(index);
    if *seen & bit != 0 {
        return Err(refused::again(field.map_or("record", |field| field.1), number));
    }
    *seen |= bit;
    *place = Some(element.content);
    if let Some(&(_, name, constructed)) = field
        && element.tag.is_constructed() != constructed
    {
        return Err(refused::wrong_form(name, constructed));
    }
    if index == Field::TrafficVolumes as usize {
        cdr.volumes = Some(element);
    } else if index == Field::ServiceData as usize {
        cdr.services = Some(element);
    }
    Ok(elements.rest())
}

/// What is wrong with a field. Inlined, into a call that is not: where a field is read its name is a constant.
#[inline(always)]
pub(super) fn bad_value(bad: BadValue, field: Field, content: &[u8]) -> Refused {
    refused::bad_value(bad, name(field), content)
}

#[inline(always)]
pub(super) fn out_of_range(field: Field, content: &[u8]) -> Refused {
    refused::out_of_range(name(field), content)
}

/// Reads a time stamp.
#[inline]
pub(super) fn read_time(field: Field, content: &[u8]) -> Result<LocalTime, Refused> {
    time::timestamp(content).map_err(|bad| bad_value(bad, field, content))
}

/// Reads a number of 32 bits that the standard defines from 0 on. One of 4 or 8 octets with the top bit set was meant so
/// too.
#[inline(always)]
pub(super) fn unsigned_32(field: Field, content: &[u8], reinterpreted: &mut bool) -> Result<u32, Refused> {
    let number = value::unsigned(content).map_err(|bad| bad_value(bad, field, content))?;
    *reinterpreted |= number.reinterpreted;
    u32::try_from(number.value).map_err(|_| out_of_range(field, content))
}
