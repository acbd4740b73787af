//! The BER of one PGWRecord (TS 32.298, `[79]`) to its fields: contents in place, containers as parts.
//! Relies on one table of the tags that are read; the record is a SET, so its elements come in any order.
//! Never stops at a tag that it does not know: such are counted and passed over.

use crate::ber::{BadValue, Children, Tag, Tlv, time, value};
use caudal_usage::{Code, Fault, LocalTime, RawPart, Stage};
use smallvec::SmallVec;

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

/// What a tag number means: an index into [`FIELDS`], or one of these.
const KNOWN: u8 = 0xFE;
const UNKNOWN: u8 = 0xFF;

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
pub(super) struct PgwRecord<'a> {
    contents: [&'a [u8]; FIELDS.len()],
    /// A bit for each field that is there.
    present: u32,
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
        (self.present & 1 << field as u32 != 0).then(|| self.get(field))
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

/// Reads one record: the whole element, nothing before or behind it.
#[inline]
pub(super) fn decode(record: &[u8]) -> Result<PgwRecord<'_>, Fault> {
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
    let mut cdr =
        PgwRecord { contents: [&[]; FIELDS.len()], present: 0, volumes: None, services: None, unknown: 0 };
    // Tags that were seen, so that a field that is not read is not there twice either.
    let mut seen = 0u128;
    for element in root.children() {
        let element = element.map_err(|error| error.fault("record"))?;
        let number = element.tag.in_context().unwrap_or(u32::MAX);
        let slot = SLOTS.get(number as usize).copied().unwrap_or(UNKNOWN);
        if slot == UNKNOWN {
            cdr.unknown = cdr.unknown.saturating_add(1);
            continue;
        }
        if seen & 1 << number != 0 {
            return Err(twice(number, slot));
        }
        seen |= 1 << number;
        if slot != KNOWN {
            take(&mut cdr, slot, element)?;
        }
    }
    Ok(cdr)
}

#[inline]
fn take<'a>(cdr: &mut PgwRecord<'a>, slot: u8, element: Tlv<'a>) -> Result<(), Fault> {
    let index = usize::from(slot);
    let (Some(content), Some((_, name, constructed))) = (cdr.contents.get_mut(index), FIELDS.get(index))
    else {
        return Ok(());
    };
    if element.tag.is_constructed() != *constructed {
        return Err(wrong_form(name, *constructed));
    }
    *content = element.content;
    cdr.present |= 1 << slot;
    match index {
        at if at == Field::TrafficVolumes as usize => cdr.volumes = Some(element),
        at if at == Field::ServiceData as usize => cdr.services = Some(element),
        _ => {}
    }
    Ok(())
}

/// What the containers of one list say.
pub(super) struct Containers {
    /// One for each container, in their order.
    pub(super) parts: SmallVec<[RawPart; 4]>,
    /// Containers that have no volume.
    pub(super) without_volume: u32,
    /// True when a number was negative by its octets, and was taken as unsigned.
    pub(super) reinterpreted: bool,
}

impl Containers {
    /// True when one of them has a volume, be it zero.
    pub(super) fn has_volume(&self) -> bool {
        usize::try_from(self.without_volume).is_ok_and(|without| without < self.parts.len())
    }
}

/// Which numbers of a container mean what: the two lists hold the same things under other tags.
pub(super) struct ContainerRule {
    /// The list's name.
    list: &'static str,
    rating_group: Option<u32>,
    first_usage: Option<u32>,
    last_usage: Option<u32>,
    /// When the container was closed.
    closed: (u32, &'static str),
    up: (u32, &'static str),
    down: (u32, &'static str),
}

/// `ChangeOfServiceCondition`: the volumes of flows by rating group.
pub(super) const SERVICE_DATA: ContainerRule = ContainerRule {
    list: "listOfServiceData",
    rating_group: Some(1),
    first_usage: Some(5),
    last_usage: Some(6),
    closed: (14, "timeOfReport"),
    up: (12, "datavolumeFBCUplink"),
    down: (13, "datavolumeFBCDownlink"),
};

/// `ChangeOfCharCondition`: the volumes of bearers.
pub(super) const TRAFFIC_VOLUMES: ContainerRule = ContainerRule {
    list: "listOfTrafficVolumes",
    rating_group: None,
    first_usage: None,
    last_usage: None,
    closed: (6, "changeTime"),
    up: (3, "dataVolumeGPRSUplink"),
    down: (4, "dataVolumeGPRSDownlink"),
};

/// Reads the containers of a list. One without a time of first usage began where the one before it of its rating group
/// was closed, else with the record.
#[inline]
pub(super) fn containers(
    list: &Tlv<'_>,
    rule: &ContainerRule,
    opened: LocalTime,
) -> Result<Containers, Fault> {
    let mut found = Containers { parts: SmallVec::new(), without_volume: 0, reinterpreted: false };
    for element in list.children() {
        let element = element.map_err(|error| error.fault(rule.list))?;
        if !element.tag.is(Tag::SEQUENCE) || !element.tag.is_constructed() {
            return Err(no_sequence(rule.list));
        }
        if found.parts.len() == CONTAINERS_MAX {
            return Err(too_many(rule.list));
        }
        let container = container(&element, rule)?;
        let (end, group) = (container.end, container.rating_group);
        let start = container.first.unwrap_or_else(|| began(&found.parts, (end, group), opened));
        found.parts.push(RawPart { start, end, quantity: container.octets, rating_group: group });
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
    let (mut group, mut first, mut last, mut closed) = (None, None, None, None);
    let (mut up, mut down) = (None, None);
    let mut seen = 0u64;
    for field in element.children() {
        let field = field.map_err(|error| error.fault(rule.list))?;
        let Some(number) = field.tag.in_context().filter(|number| *number < u64::BITS) else { continue };
        if seen & 1 << number != 0 {
            return Err(again(rule.list, number));
        }
        seen |= 1 << number;
        let place = match Some(number) {
            tag if tag == rule.rating_group => &mut group,
            tag if tag == rule.first_usage => &mut first,
            tag if tag == rule.last_usage => &mut last,
            Some(tag) if tag == rule.closed.0 => &mut closed,
            Some(tag) if tag == rule.up.0 => &mut up,
            Some(tag) if tag == rule.down.0 => &mut down,
            _ => continue,
        };
        *place = Some(field.content);
    }
    let mut reinterpreted = false;
    let rating_group = match (rule.rating_group, group) {
        (None, _) => None,
        (Some(_), None) => return Err(missing("ratingGroup")),
        (Some(_), Some(content)) => {
            let number = unsigned("ratingGroup", content, &mut reinterpreted)?;
            let small = u32::try_from(number).map_err(|_| out_of_range("ratingGroup", content))?;
            Some(small)
        }
    };
    let first = first.map(|content| read_time("timeOfFirstUsage", content)).transpose()?;
    let end = match (last, closed) {
        (Some(content), _) => read_time("timeOfLastUsage", content)?,
        (None, Some(content)) => read_time(rule.closed.1, content)?,
        (None, None) => return Err(missing(rule.closed.1)),
    };
    let mut volume = |content: Option<&[u8]>, name| match content {
        Some(content) => unsigned(name, content, &mut reinterpreted),
        None => Ok(0),
    };
    let (more, octets) = (volume(up, rule.up.1)?, volume(down, rule.down.1)?);
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
fn wrong_form(name: &str, constructed: bool) -> Fault {
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
