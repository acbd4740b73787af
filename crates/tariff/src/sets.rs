//! Conditions of rates and allowances as sets, so that "more specific" is "strict subset" and nothing else.
//! Relies on zones being interned to dense numbers.
//! Never looks at a price.

use crate::model::ZoneId;
use caudal_usage::{Direction, Service};

/// A set of zones as bits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ZoneSet(Box<[u64]>);

impl ZoneSet {
    /// The set of these zones.
    pub fn of(zones: impl IntoIterator<Item = ZoneId>) -> Self {
        let mut words = Vec::new();
        for zone in zones {
            let word = zone.0 as usize / 64;
            if words.len() <= word {
                words.resize(word + 1, 0u64);
            }
            if let Some(bits) = words.get_mut(word) {
                *bits |= 1 << (zone.0 % 64);
            }
        }
        Self(words.into_boxed_slice())
    }

    /// True when the zone is in it.
    #[inline]
    pub fn contains(&self, zone: ZoneId) -> bool {
        self.0.get(zone.0 as usize / 64).is_some_and(|bits| bits >> (zone.0 % 64) & 1 == 1)
    }

    /// True when there is no zone in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }

    /// Zones in both.
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(left, right)| left & right).collect())
    }

    /// True when every zone of `self` is in `other`.
    pub fn within(&self, other: &Self) -> bool {
        self.0.iter().enumerate().all(|(at, bits)| bits & !other.0.get(at).copied().unwrap_or(0) == 0)
    }
}

/// What a usage must be for a rate or an allowance to apply. An absent set is no condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// Services, bit by index; at least one.
    pub services: u8,
    /// Directions, bit by index; at least one.
    pub directions: u8,
    /// Zones of the far party.
    pub zones: Option<ZoneSet>,
    /// Rating groups, sorted.
    pub rating_groups: Option<Box<[u32]>>,
}

/// The facts about a usage that conditions look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Its service.
    pub service: Service,
    /// From the served party's view.
    pub direction: Direction,
    /// Zone of the far party, where it has one.
    pub zone: Option<ZoneId>,
    /// Rating group, for data.
    pub rating_group: Option<u32>,
}

impl Conditions {
    /// Both directions.
    pub const BOTH: u8 = 0b11;

    /// Bit of a service.
    pub const fn service_bit(service: Service) -> u8 {
        1 << service.index()
    }

    /// Bit of a direction.
    pub const fn direction_bit(direction: Direction) -> u8 {
        1 << direction as u8
    }

    /// True when the usage fulfils every condition.
    #[inline]
    pub fn hold(&self, facts: &Facts) -> bool {
        self.services & Self::service_bit(facts.service) != 0
            && self.directions & Self::direction_bit(facts.direction) != 0
            && self.zones.as_ref().is_none_or(|zones| facts.zone.is_some_and(|zone| zones.contains(zone)))
            && self.rating_groups.as_ref().is_none_or(|groups| {
                facts.rating_group.is_some_and(|group| groups.binary_search(&group).is_ok())
            })
    }

    /// True when some usage fulfils both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let zones = match (&self.zones, &other.zones) {
            (Some(left), Some(right)) => !left.and(right).is_empty(),
            _ => true,
        };
        let groups = match (&self.rating_groups, &other.rating_groups) {
            (Some(left), Some(right)) => left.iter().any(|group| right.binary_search(group).is_ok()),
            _ => true,
        };
        self.services & other.services != 0 && self.directions & other.directions != 0 && zones && groups
    }

    /// True when every usage that fulfils `self` fulfils `other`.
    pub fn within(&self, other: &Self) -> bool {
        let zones = match (&self.zones, &other.zones) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(left), Some(right)) => left.within(right),
        };
        let groups = match (&self.rating_groups, &other.rating_groups) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(left), Some(right)) => left.iter().all(|group| right.binary_search(group).is_ok()),
        };
        self.services & !other.services == 0 && self.directions & !other.directions == 0 && zones && groups
    }

    /// True when `self` is more specific: within `other`, and not the other way round.
    pub fn beats(&self, other: &Self) -> bool {
        self.within(other) && !other.within(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(zones: Option<&[u32]>, groups: Option<&[u32]>) -> Conditions {
        Conditions {
            services: Conditions::service_bit(Service::Voice),
            directions: Conditions::BOTH,
            zones: zones.map(|zones| ZoneSet::of(zones.iter().copied().map(ZoneId))),
            rating_groups: groups.map(Into::into),
        }
    }

    #[test]
    fn subset_superset_identical_and_crossing() {
        let (all, one, two) = (voice(None, None), voice(Some(&[1]), None), voice(Some(&[1, 70]), None));
        assert!(one.beats(&two) && two.beats(&all) && one.beats(&all));
        assert!(!two.beats(&one) && !all.beats(&one) && !one.beats(&one));
        let (crossing, apart) = (voice(Some(&[70, 3]), None), voice(Some(&[200]), None));
        assert!(two.overlaps(&crossing) && !two.beats(&crossing) && !crossing.beats(&two));
        assert!(!two.overlaps(&apart) && !apart.overlaps(&one));
        let group = voice(None, Some(&[7]));
        assert!(group.overlaps(&one) && !group.beats(&one) && group.beats(&all));
    }
}
