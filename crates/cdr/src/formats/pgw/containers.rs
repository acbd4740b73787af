//! The containers of a PGWRecord to parts: flows by rating group, or bearers.
//! Relies on one rule for each of the two lists, which hold the same things under other tags.
//! Never sums or drops a container: each is rated at its own time.

use super::refused::{self, Refused};
use crate::ber::{BadValue, Children, OTHERWISE, Tag, Tlv, put_short, short, time, value};
use caudal_usage::{LocalTime, RawPart};

/// Most containers of one record. Gateways close a record long before: at 50 or so.
pub(super) const CONTAINERS_MAX: usize = 1_024;

/// The octet of a SEQUENCE.
const SEQUENCE: u8 = 0x30;

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
#[derive(Clone, Copy)]
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
    /// True when each has a rating group.
    grouped: bool,
    /// The standard's names, by [`Of`]; none for what the list does not have.
    names: [&'static str; Of::Other as usize],
    /// What a number means: an [`Of`].
    slots: [u8; CONTAINER_TAGS],
    /// The same by the octet of a tag, for tags of one octet.
    by_octet: [u8; 256],
}

impl ContainerRule {
    const fn name(&self, of: Of) -> &'static str {
        self.names[of as usize]
    }

    #[cold]
    #[inline(never)]
    fn bad_value(&self, bad: BadValue, of: Of, content: &[u8]) -> Refused {
        refused::bad_value(bad, self.name(of), content)
    }

    #[cold]
    #[inline(never)]
    fn out_of_range(&self, of: Of, content: &[u8]) -> Refused {
        refused::out_of_range(self.name(of), content)
    }

    #[cold]
    #[inline(never)]
    fn missing(&self, of: Of) -> Refused {
        refused::missing(self.name(of))
    }
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
    names: [
        "ratingGroup",
        "timeOfFirstUsage",
        "timeOfLastUsage",
        "timeOfReport",
        "datavolumeFBCUplink",
        "datavolumeFBCDownlink",
    ],
    slots: SERVICE_DATA_SLOTS,
    by_octet: by_octet(&SERVICE_DATA_SLOTS),
};

/// `ChangeOfCharCondition`: the volumes of bearers.
pub(super) static TRAFFIC_VOLUMES: ContainerRule = ContainerRule {
    list: "listOfTrafficVolumes",
    grouped: false,
    names: ["", "", "", "changeTime", "dataVolumeGPRSUplink", "dataVolumeGPRSDownlink"],
    slots: TRAFFIC_VOLUME_SLOTS,
    by_octet: by_octet(&TRAFFIC_VOLUME_SLOTS),
};

/// Reads the containers of a list. One without a time of first usage began where the one before it of its rating group
/// was closed, else with the record.
pub(super) fn read(
    list: &Tlv<'_>,
    rule: &ContainerRule,
    (opened, parts): (LocalTime, &mut Parts),
) -> Result<Containers, Refused> {
    let mut found = Containers::default();
    parts.clear();
    let end = list.at + list.header + list.content.len();
    let mut rest = list.content;
    while !rest.is_empty() {
        let (fields, behind) = match short(rest) {
            Some((SEQUENCE, content, behind)) => (Children::ending_at(content, end - behind.len()), behind),
            _ => longer_container(Children::ending_at(rest, end), rule)?,
        };
        rest = behind;
        if parts.len() == CONTAINERS_MAX {
            return Err(refused::too_many(rule.list));
        }
        let mut container = Container { rule, contents: [None; _], reinterpreted: false };
        container.find(fields)?;
        let rating_group = container.rating_group()?;
        let end = container.end()?;
        let start = match container.get(Of::FirstUsage) {
            Some(content) => container.time(Of::FirstUsage, content)?,
            None => began(parts, (end, rating_group), opened),
        };
        parts.push(RawPart { start, end, quantity: container.octets()?, rating_group });
        found.count += 1;
        found.without_volume += u32::from(!container.has_volume());
        found.reinterpreted |= container.reinterpreted;
    }
    Ok(found)
}

/// A container with a longer tag or length, or an element that is none: its fields, and what is behind it.
#[inline(never)]
fn longer_container<'a>(
    mut elements: Children<'a>,
    rule: &ContainerRule,
) -> Result<(Children<'a>, &'a [u8]), Refused> {
    match elements.next() {
        Some(Ok(element)) if element.tag == Tag::SEQUENCE => Ok((element.children(), elements.rest())),
        Some(Err(error)) => Err(refused::bad_element(&error, rule.list)),
        Some(Ok(_)) | None => Err(refused::no_sequence(rule.list)),
    }
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

/// The contents of a container, by [`Of`].
type Contents<'a> = [Option<&'a [u8]>; Of::Other as usize + 1];

/// The contents of one container, and how they are read. Faults are named by the rule, out of line: names that are at
/// hand for every field are loaded for every container.
struct Container<'r, 'a> {
    rule: &'r ContainerRule,
    contents: Contents<'a>,
    /// True when a number was negative by its octets, and was taken as unsigned.
    reinterpreted: bool,
}

impl<'a> Container<'_, 'a> {
    #[inline(always)]
    fn find(&mut self, fields: Children<'a>) -> Result<(), Refused> {
        let (mut rest, end) = (fields.rest(), fields.end());
        let (mut seen, mut all_seen) = (0, 0);
        loop {
            (rest, seen) = put_short((rest, seen), &self.rule.by_octet, &mut self.contents);
            if rest.is_empty() {
                return Ok(());
            }
            all_seen |= u64::from(seen);
            let behind = Children::ending_at(rest, end);
            rest = other(behind, self.rule, (&mut all_seen, &mut self.contents))?;
            seen = all_seen as u32;
        }
    }

    #[inline(always)]
    fn get(&self, of: Of) -> Option<&'a [u8]> {
        self.contents[of as usize]
    }

    #[inline(always)]
    fn has_volume(&self) -> bool {
        self.get(Of::Up).is_some() || self.get(Of::Down).is_some()
    }

    #[inline(always)]
    fn number(&mut self, of: Of, content: &[u8]) -> Result<u64, Refused> {
        let number = value::unsigned(content).map_err(|bad| self.rule.bad_value(bad, of, content))?;
        self.reinterpreted |= number.reinterpreted;
        Ok(number.value)
    }

    #[inline(always)]
    fn time(&self, of: Of, content: &[u8]) -> Result<LocalTime, Refused> {
        time::timestamp(content).map_err(|bad| self.rule.bad_value(bad, of, content))
    }

    #[inline(always)]
    fn rating_group(&mut self) -> Result<Option<u32>, Refused> {
        match self.get(Of::RatingGroup) {
            Some(content) => {
                let group = u32::try_from(self.number(Of::RatingGroup, content)?);
                group.map(Some).map_err(|_| self.rule.out_of_range(Of::RatingGroup, content))
            }
            None if self.rule.grouped => Err(self.rule.missing(Of::RatingGroup)),
            None => Ok(None),
        }
    }

    /// Its last usage, else when it was closed.
    #[inline(always)]
    fn end(&self) -> Result<LocalTime, Refused> {
        let of = if self.get(Of::LastUsage).is_some() { Of::LastUsage } else { Of::Closed };
        match self.get(of) {
            Some(content) => self.time(of, content),
            None => Err(self.rule.missing(of)),
        }
    }

    /// A volume; none where the container does not have it.
    #[inline(always)]
    fn volume(&mut self, of: Of) -> Result<u64, Refused> {
        match self.get(of) {
            Some(content) => self.number(of, content),
            None => Ok(0),
        }
    }

    /// Up and down together.
    #[inline(always)]
    fn octets(&mut self) -> Result<i64, Refused> {
        let (up, down) = (self.volume(Of::Up)?, self.volume(Of::Down)?);
        let sum = down.checked_add(up).and_then(|sum| i64::try_from(sum).ok());
        sum.ok_or_else(|| refused::overflow(self.rule.list, down, up))
    }
}

/// A field with a longer tag or length, or one that is not as it should be; what is behind it.
#[inline(never)]
fn other<'a>(
    mut fields: Children<'a>,
    rule: &ContainerRule,
    (seen, contents): (&mut u64, &mut Contents<'a>),
) -> Result<&'a [u8], Refused> {
    let Some(field) = fields.next() else { return Ok(&[]) };
    let field = field.map_err(|error| refused::bad_element(&error, rule.list))?;
    let number = field.tag.in_context().unwrap_or(u32::MAX);
    let place = rule.slots.get(number as usize).and_then(|slot| contents.get_mut(usize::from(*slot)));
    if let Some(place) = place {
        if *seen & 1 << number != 0 {
            return Err(refused::again(rule.list, number));
        }
        *seen |= 1 << number;
        *place = Some(field.content);
    }
    Ok(fields.rest())
}
