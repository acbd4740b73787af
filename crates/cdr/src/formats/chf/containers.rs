//! listOfMultipleUnitUsage [5] to parts: one for each used-unit container, at its own time and in its rating group.
//! Relies on the record's own times where a container has none.
//! Never sums or drops a container: the same rating group reported by two user planes is twice as much traffic.

use super::decode::missing;
use crate::ber::{BerError, Tlv, time, value};
use caudal_usage::{Code, Fault, LocalTime, RawPart, Stage};

/// From when to when the record counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub opening: LocalTime,
    pub closing: LocalTime,
}

/// Who managed the quota of the containers: online means that a balance was asked while the traffic flowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quota {
    Online,
    Offline,
    Suspended,
    /// Not the same for all.
    Mixed,
}

impl Quota {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Suspended => "suspended",
            Self::Mixed => "mixed",
        }
    }
}

/// What the containers of a record say.
#[derive(Debug, Default)]
pub(super) struct Used {
    pub quota: Option<Quota>,
    /// True when a volume was written without its leading zero octet.
    pub reinterpreted: bool,
    /// Containers of time or service units only.
    pub without_volume: u32,
}

/// Most containers of one record. Charging functions close a record long before.
const CONTAINERS_MAX: usize = 1_024;

/// Reads all containers, each to a part.
#[inline]
pub(super) fn read(list: &Tlv<'_>, span: Span, parts: &mut Vec<RawPart>) -> Result<Used, Fault> {
    let mut used = Used::default();
    for unit in list.children() {
        multiple_unit_usage(&unit.map_err(cut)?, span, (&mut used, parts))?;
    }
    Ok(used)
}

#[cold]
fn cut(error: BerError) -> Fault {
    error.fault("listOfMultipleUnitUsage")
}

fn multiple_unit_usage(
    unit: &Tlv<'_>,
    span: Span,
    (used, parts): (&mut Used, &mut Vec<RawPart>),
) -> Result<(), Fault> {
    let (mut group, mut containers) = (None, None);
    for element in unit.children() {
        let element = element.map_err(cut)?;
        match element.tag.in_context() {
            Some(0) => group = Some(rating_group(element.content)?),
            Some(1) => containers = Some(element),
            _ => {}
        }
    }
    let Some(containers) = containers else { return Ok(()) };
    if group.is_none() {
        return Err(missing("ratingGroup"));
    }
    // Containers of one rating group and user plane follow each other.
    let mut since = span;
    for container in containers.children() {
        let container = Container::read(&container.map_err(cut)?)?;
        let (start, end) = container.times(since);
        let quantity = container.octets()?;
        if parts.len() == CONTAINERS_MAX {
            return Err(bad_number("usedUnitContainers", CONTAINERS_MAX as u64 + 1, Code::Overflow));
        }
        parts.push(RawPart { start, end, quantity, rating_group: group });
        since.opening = container.trigger.unwrap_or(since.opening);
        used.reinterpreted |= container.reinterpreted;
        used.without_volume += u32::from(container.has_no_volume());
        used.quota = match (used.quota, container.quota) {
            (None, quota) | (quota, None) => quota,
            (Some(one), Some(other)) if one == other => Some(one),
            (Some(_), Some(_)) => Some(Quota::Mixed),
        };
    }
    Ok(())
}

fn rating_group(content: &[u8]) -> Result<u32, Fault> {
    let number = value::unsigned(content).map_err(|bad| bad.fault("ratingGroup", content))?;
    u32::try_from(number.value).map_err(|_| bad_number("ratingGroup", number.value, Code::BadField))
}

#[cold]
fn bad_number(field: &str, number: u64, code: Code) -> Fault {
    Fault::new(code, field, number.to_string().as_bytes()).at(Stage::Decode)
}

/// UsedUnitContainer, what of it decides an amount or a time.
#[derive(Debug, Default)]
struct Container {
    /// Seconds.
    time: Option<u64>,
    trigger: Option<LocalTime>,
    total: Option<u64>,
    uplink: Option<u64>,
    downlink: Option<u64>,
    service_units: Option<u64>,
    event: Option<LocalTime>,
    first_usage: Option<LocalTime>,
    last_usage: Option<LocalTime>,
    quota: Option<Quota>,
    reinterpreted: bool,
}

impl Container {
    #[inline]
    fn read(container: &Tlv<'_>) -> Result<Self, Fault> {
        let mut found = Self::default();
        for element in container.children() {
            let element = element.map_err(cut)?;
            let content = element.content;
            match element.tag.in_context() {
                Some(1) => found.time = Some(found.count("time", content)?),
                Some(3) => found.trigger = Some(timestamp("triggerTimeStamp", content)?),
                Some(4) => found.total = Some(found.count("dataTotalVolume", content)?),
                Some(5) => found.uplink = Some(found.count("dataVolumeUplink", content)?),
                Some(6) => found.downlink = Some(found.count("dataVolumeDownlink", content)?),
                Some(7) => found.service_units = Some(found.count("serviceSpecificUnits", content)?),
                Some(8) => found.event = Some(timestamp("eventTimeStamp", content)?),
                Some(11) => found.pdu_container(&element)?,
                Some(12) => found.quota = Some(managed(content)?),
                Some(13) => found.quota = Some(managed_ext(content)?),
                _ => {}
            }
        }
        Ok(found)
    }

    #[inline]
    fn count(&mut self, field: &str, content: &[u8]) -> Result<u64, Fault> {
        let number = value::unsigned(content).map_err(|bad| bad.fault(field, content))?;
        self.reinterpreted |= number.reinterpreted;
        Ok(number.value)
    }

    fn pdu_container(&mut self, container: &Tlv<'_>) -> Result<(), Fault> {
        for element in container.children() {
            let element = element.map_err(cut)?;
            match element.tag.in_context() {
                Some(2) => self.first_usage = Some(timestamp("timeOfFirstUsage", element.content)?),
                Some(3) => self.last_usage = Some(timestamp("timeOfLastUsage", element.content)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// First to last usage; else up to the trigger that closed the container, or at the event; else as the record.
    fn times(&self, span: Span) -> (LocalTime, LocalTime) {
        let start = self.first_usage.or(self.event).unwrap_or(span.opening);
        let end = self.last_usage.or(self.trigger).or(self.event).unwrap_or(span.closing);
        (start, end)
    }

    /// True when the container counts time or units of its service, and no octets.
    fn has_no_volume(&self) -> bool {
        let counts =
            self.time.is_some_and(|time| time > 0) || self.service_units.is_some_and(|units| units > 0);
        counts && self.total.is_none() && self.uplink.is_none() && self.downlink.is_none()
    }

    /// Octets of both directions.
    fn octets(&self) -> Result<i64, Fault> {
        let sum = match (self.uplink, self.downlink) {
            (None, None) => None,
            (up, down) => {
                Some(up.unwrap_or(0).checked_add(down.unwrap_or(0)).ok_or_else(|| self.too_much())?)
            }
        };
        let octets = match (self.total, sum) {
            (Some(total), Some(sum)) => {
                let both = self.uplink.is_some() && self.downlink.is_some();
                if sum > total || both && sum < total {
                    return Err(self.contradiction());
                }
                total
            }
            (Some(octets), None) | (None, Some(octets)) => octets,
            (None, None) => 0,
        };
        i64::try_from(octets).map_err(|_| bad_number("dataTotalVolume", octets, Code::Overflow))
    }

    #[cold]
    fn too_much(&self) -> Fault {
        bad_number("dataVolumeUplink", self.uplink.unwrap_or(0), Code::Overflow)
    }

    #[cold]
    fn contradiction(&self) -> Fault {
        let shown =
            |volume: Option<u64>| volume.map_or_else(|| "none".to_owned(), |octets| octets.to_string());
        let found = format!(
            "total {}, uplink {}, downlink {}",
            shown(self.total),
            shown(self.uplink),
            shown(self.downlink)
        );
        Fault::new(Code::Contradictory, "dataTotalVolume", found.as_bytes()).at(Stage::Decode)
    }
}

/// quotaManagementIndicator: true is online.
fn managed(content: &[u8]) -> Result<Quota, Fault> {
    let online = value::boolean(content).map_err(|bad| bad.fault("quotaManagementIndicator", content))?;
    Ok(if online { Quota::Online } else { Quota::Offline })
}

fn managed_ext(content: &[u8]) -> Result<Quota, Fault> {
    const FIELD: &str = "quotaManagementIndicatorExt";
    match value::integer(content).map_err(|bad| bad.fault(FIELD, content))? {
        0 => Ok(Quota::Online),
        1 => Ok(Quota::Offline),
        2 => Ok(Quota::Suspended),
        _ => Err(crate::ber::BadValue("0 online, 1 offline or 2 suspended").fault(FIELD, content)),
    }
}

/// A time stamp that must be one.
#[inline]
pub(super) fn timestamp(field: &str, content: &[u8]) -> Result<LocalTime, Fault> {
    time::timestamp(content).map_err(|bad| bad.fault(field, content))
}
