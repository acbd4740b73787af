//! The containers of a PGWRecord to parts: flows by rating group, or bearers.
//! Relies on one rule for each of the two lists, which hold the same things under other tags.
//! Never sums or drops a container: each is rated at its own time.

use super::decode::{again, missing, read_time, unsigned, unsigned_32};
use crate::ber::{BerError, OTHERWISE, Tag, Tlv};
use caudal_usage::{Code, Fault, LocalTime, RawPart, Stage};

/// Most containers of one record. Gateways close a record long before: at 50 or so.
pub(super) const CONTAINERS_MAX: usize = 1_024;

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

/// A place for each of them, and as many as a mask of bits holds.
const PLACES: usize = (Of::Other as usize + 1).next_power_of_two();

/// The contents of a container, by [`Of`].
type Contents<'a> = [Option<&'a [u8]>; PLACES];

/// Tags that a container may have: those of later releases are passed over.
const CONTAINER_TAGS: usize = 64;

/// Which numbers of a container mean what: the two lists hold the same things under other tags.
pub(super) struct ContainerRule {
    list: &'static str,
    grouped: bool,
    closed: &'static str,
    up: &'static str,
    down: &'static str,
    /// What a number means: an [`Of`].
    slots: [u8; CONTAINER_TAGS],
    /// The same by the octet of a tag, for tags of one octet.
    by_octet: [u8; 256],
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

/// Primitive or constructed: what is not read may be either, and what is read is told by its content.
const fn by_octet(slots: &[u8; CONTAINER_TAGS]) -> [u8; 256] {
    let mut places = [OTHERWISE; 256];
    let mut number = 0;
    while number < 0x1F {
        places[0x80 | number] = slots[number];
        places[0xA0 | number] = slots[number];
        number += 1;
    }
    places
}

const SERVICE_DATA_SLOTS: [u8; CONTAINER_TAGS] = container_slots([
    (1, Of::RatingGroup),
    (5, Of::FirstUsage),
    (6, Of::LastUsage),
    (12, Of::Up),
    (13, Of::Down),
    (14, Of::Closed),
]);

const TRAFFIC_VOLUME_SLOTS: [u8; CONTAINER_TAGS] =
    container_slots([(3, Of::Up), (4, Of::Down), (6, Of::Closed)]);

/// `ChangeOfServiceCondition`: the volumes of flows by rating group.
pub(super) static SERVICE_DATA: ContainerRule = ContainerRule {
    list: "listOfServiceData",
    grouped: true,
    closed: "timeOfReport",
    up: "datavolumeFBCUplink",
    down: "datavolumeFBCDownlink",
    slots: SERVICE_DATA_SLOTS,
    by_octet: by_octet(&SERVICE_DATA_SLOTS),
};

/// `ChangeOfCharCondition`: the volumes of bearers.
pub(super) static TRAFFIC_VOLUMES: ContainerRule = ContainerRule {
    list: "listOfTrafficVolumes",
    grouped: false,
    closed: "changeTime",
    up: "dataVolumeGPRSUplink",
    down: "dataVolumeGPRSDownlink",
    slots: TRAFFIC_VOLUME_SLOTS,
    by_octet: by_octet(&TRAFFIC_VOLUME_SLOTS),
};

/// Reads the containers of a list. One without a time of first usage began where the one before it of its rating group
/// was closed, else with the record.
pub(super) fn read(
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

/// The contents of a container by what they mean. Not inlined: its loop wants the registers for itself.
#[inline(never)]
fn contents<'a>(element: &Tlv<'a>, rule: &ContainerRule, found: &mut Contents<'a>) -> Result<(), Fault> {
    let mut seen = 0u64;
    let mut fields = element.children();
    loop {
        while let Some((octet, slot, content)) = fields.next_short(&rule.by_octet) {
            let number = u32::from(octet & 0x1F);
            if seen & 1 << number != 0 {
                return Err(again(rule.list, number));
            }
            seen |= 1 << number;
            found[usize::from(slot) % PLACES] = Some(content);
        }
        match fields.next() {
            Some(field) => seen = other(field, rule, (seen, found))?,
            None => return Ok(()),
        }
    }
}

/// A field with a longer tag or length, or one that is not as it should be; the tags seen until then, and with it.
#[inline(never)]
fn other<'a>(
    field: Result<Tlv<'a>, BerError>,
    rule: &ContainerRule,
    (seen, found): (u64, &mut Contents<'a>),
) -> Result<u64, Fault> {
    let field = field.map_err(|error| error.fault(rule.list))?;
    let number = field.tag.in_context().unwrap_or(u32::MAX);
    let Some(slot) = rule.slots.get(number as usize) else { return Ok(seen) };
    if seen & 1 << number != 0 {
        return Err(again(rule.list, number));
    }
    found[usize::from(*slot) % PLACES] = Some(field.content);
    Ok(seen | 1 << number)
}

#[inline]
fn container(element: &Tlv<'_>, rule: &ContainerRule) -> Result<Container, Fault> {
    let mut found = [None; PLACES];
    contents(element, rule, &mut found)?;
    let [group, first, last, closed, up, down, ..] = found;
    let mut reinterpreted = false;
    let rating_group = match group {
        Some(content) => Some(unsigned_32("ratingGroup", content, &mut reinterpreted)?),
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
