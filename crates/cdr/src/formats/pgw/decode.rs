//! The BER of one PGWRecord (TS 32.298, `[79]`) to its fields: contents in place, containers as parts.
//! Relies on one table of the tags that are read; the record is a SET, so its elements come in any order.
//! Never stops at a tag that it does not know: such are counted and passed over.

use crate::ber::{BadValue, Children, Tag, Tlv, time, value};
use caudal_usage::{Code, Fault, LocalTime, RawPart, Stage};

/// The tag of the record.
pub(super) const PGW_RECORD: Tag = Tag::context(79).constructed();

/// `recordType` of a PGWRecord.
pub(super) const RECORD_TYPE: i64 = 85;

/// Most containers of one record. Gateways close a record long before: at 50 or so.
pub(super) const CONTAINERS_MAX: usize = 1_024;

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

/// One record: the contents of its fields, empty where they are absent.
#[derive(Default)]
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
    for element in root.children() {
        let element = element.map_err(|error| error.fault("record"))?;
        let number = element.tag.in_context().unwrap_or(u32::MAX);
        let slot = SLOTS.get(number as usize).copied().unwrap_or(UNKNOWN);
        let (index, bit) = (usize::from(slot), 1 << (number % 64));
        let (Some(content), Some(seen)) =
            (cdr.contents.get_mut(index), cdr.seen.get_mut(number as usize / 64))
        else {
            cdr.unknown = cdr.unknown.saturating_add(1);
            continue;
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
            cdr.volumes = Some(element);
        } else if index == Field::ServiceData as usize {
            cdr.services = Some(element);
        }
    }
    Ok(())
}

/// One part for each container, in their order.
pub(super) type Parts = Vec<RawPart>;

/// What the containers of one list say besides their parts.
#[derive(Clone, Copy, Default)]
pub(super) struct Containers {
    /// All of them.
    pub(super) count: u32,
    /// Containers that have no volume.
    pub(super) without_volume: u32,
    /// True when a number was negative by its octets, and was taken as unsigned.
    pub(super) reinterpreted: bool,
}

impl Containers {
    /// True when one of them has a volume, be it zero.
    pub(super) fn has_volume(&self) -> bool {
        self.without_volume < self.count
    }
}

/// A field of a container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    RatingGroup,
    FirstUsage,
    LastUsage,
    /// When the container was closed.
    Closed,
    Up,
    Down,
    /// Anything else.
    Other,
}

/// Tags that a container may have: those of later releases are passed over.
const CONTAINER_TAGS: usize = 64;

/// Which numbers of a container mean what: the two lists hold the same things under other tags.
pub(super) struct ContainerRule {
    list: &'static str,
    grouped: bool,
    closed: &'static str,
    up: &'static str,
    down: &'static str,
    slots: [u8; CONTAINER_TAGS],
}

const fn container_slots<const N: usize>(tags: [(usize, Of); N]) -> [u8; CONTAINER_TAGS] {
    let mut slots = [Of::Other as u8; CONTAINER_TAGS];
    let mut at = 0;
    while at < N {
        slots[tags[at].0] = tags[at].1 as u8;
        at += 1;
    }
    slots
}

/// `ChangeOfServiceCondition`: the volumes of flows by rating group.
pub(super) static SERVICE_DATA: ContainerRule = ContainerRule {
    list: "listOfServiceData",
    grouped: true,
    closed: "timeOfReport",
    up: "datavolumeFBCUplink",
    down: "datavolumeFBCDownlink",
    slots: container_slots([
        (1, Of::RatingGroup),
        (5, Of::FirstUsage),
        (6, Of::LastUsage),
        (12, Of::Up),
        (13, Of::Down),
        (14, Of::Closed),
    ]),
};

/// `ChangeOfCharCondition`: the volumes of bearers.
pub(super) static TRAFFIC_VOLUMES: ContainerRule = ContainerRule {
    list: "listOfTrafficVolumes",
    grouped: false,
    closed: "changeTime",
    up: "dataVolumeGPRSUplink",
    down: "dataVolumeGPRSDownlink",
    slots: container_slots([(3, Of::Up), (4, Of::Down), (6, Of::Closed)]),
};

/// Reads the containers of a list. One without a time of first usage began where the one before it of its rating group
/// was closed, else with the record.
pub(super) fn containers(
    list: &Tlv<'_>,
    rule: &ContainerRule,
    (opened, parts): (LocalTime, &mut Parts),
) -> Result<Containers, Fault> {
    let mut found = Containers::default();
    parts.clear();
    for element in list.children() {
        let element = element.map_err(|error| error.fault(rule.list))?;
        if !element.tag.is(Tag::SEQUENCE) || !element.tag.is_constructed() {
            return Err(no_sequence(rule.list));
        }
        if parts.len() == CONTAINERS_MAX {
            return Err(too_many(rule.list));
        }
        let container = container(&element, rule)?;
        let (end, group) = (container.end, container.rating_group);
        let start = container.first.unwrap_or_else(|| began(parts, (end, group), opened));
        parts.push(RawPart { start, end, quantity: container.octets, rating_group: group });
        found.count += 1;
        found.without_volume += u32::from(!container.has_volume);
        found.reinterpreted |= container.reinterpreted;
    }
    Ok(found)
}

/// Where a container began that does not say it: the latest end of its rating group before its own.
fn began(parts: &[RawPart], (end, group): (LocalTime, Option<u32>), opened: LocalTime) -> LocalTime {
    let end_ms = instant_ms(end);
    let before = |part: &&RawPart| part.rating_group == group && instant_ms(part.end) < end_ms;
    parts.iter().rev().find(before).map_or(opened, |part| part.end)
}

/// Time stamps of charging records carry their offset.
fn instant_ms(time: LocalTime) -> i64 {
    time.local_ms - i64::from(time.offset_s.unwrap_or(0)) * 1000
}

struct Container {
    rating_group: Option<u32>,
    first: Option<LocalTime>,
    end: LocalTime,
    octets: i64,
    has_volume: bool,
    reinterpreted: bool,
}

#[inline]
fn container(element: &Tlv<'_>, rule: &ContainerRule) -> Result<Container, Fault> {
    let mut found = [None; Of::Other as usize + 1];
    let mut seen = 0u64;
    for field in element.children() {
        let field = field.map_err(|error| error.fault(rule.list))?;
        let number = field.tag.in_context().unwrap_or(u32::MAX);
        let Some(slot) = rule.slots.get(number as usize) else { continue };
        if seen & 1 << number != 0 {
            return Err(again(rule.list, number));
        }
        seen |= 1 << number;
        if let Some(place) = found.get_mut(usize::from(*slot)) {
            *place = Some(field.content);
        }
    }
    let [group, first, last, closed, up, down, _] = found;
    let mut reinterpreted = false;
    let rating_group = match group {
        Some(content) => Some(rating_group(content, &mut reinterpreted)?),
        None if rule.grouped => return Err(missing("ratingGroup")),
        None => None,
    };
    let first = match first {
        Some(content) => Some(read_time("timeOfFirstUsage", content)?),
        None => None,
    };
    let end = match (last, closed) {
        (Some(content), _) => read_time("timeOfLastUsage", content)?,
        (None, Some(content)) => read_time(rule.closed, content)?,
        (None, None) => return Err(missing(rule.closed)),
    };
    let mut volume = |content: Option<&[u8]>, name| match content {
        Some(content) => unsigned(name, content, &mut reinterpreted),
        None => Ok(0),
    };
    let (more, octets) = (volume(up, rule.up)?, volume(down, rule.down)?);
    let sum = octets.checked_add(more).and_then(|sum| i64::try_from(sum).ok());
    let octets = sum.ok_or_else(|| overflow(rule.list, octets, more))?;
    Ok(Container {
        rating_group,
        first,
        end,
        octets,
        has_volume: up.is_some() || down.is_some(),
        reinterpreted,
    })
}

fn rating_group(content: &[u8], reinterpreted: &mut bool) -> Result<u32, Fault> {
    let number = unsigned("ratingGroup", content, reinterpreted)?;
    u32::try_from(number).map_err(|_| out_of_range("ratingGroup", content))
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
fn again(name: &str, number: u32) -> Fault {
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

#[cold]
fn no_sequence(list: &str) -> Fault {
    Fault::new(Code::BadField, list, b"another element, expected a SEQUENCE").at(Stage::Decode)
}

#[cold]
fn too_many(list: &str) -> Fault {
    let found = format!("more than {CONTAINERS_MAX} containers");
    Fault::new(Code::BadLength, list, found.as_bytes()).at(Stage::Decode)
}

#[cold]
fn overflow(list: &str, down: u64, up: u64) -> Fault {
    let found = format!("{up} octets up and {down} down");
    Fault::new(Code::Overflow, list, found.as_bytes()).at(Stage::Decode)
}
