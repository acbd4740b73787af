//! Conditions of rates, allowances and discounts as sets, so that "more specific" is "strict subset" and nothing else.
//! Relies on zones, accounts and attribute values being interned to dense numbers.
//! Never looks at a price.

use crate::bands::Week;
use crate::model::ZoneId;
use crate::rate_model::TimeBase;
use caudal_usage::{Direction, Service};
use hashbrown::HashMap;
use smallvec::SmallVec;

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

/// A sorted set of small numbers.
type Numbers = Box<[u32]>;

fn numbers_meet(left: &Numbers, right: &Numbers) -> bool {
    left.iter().any(|number| right.binary_search(number).is_ok())
}

fn numbers_within(left: &Numbers, right: &Numbers) -> bool {
    left.iter().all(|number| right.binary_search(number).is_ok())
}

/// What a usage must be for a rate or an allowance to apply. An absent set is no condition.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// Services, bit by index; at least one.
    pub services: u8,
    /// Directions, bit by index; at least one.
    pub directions: u8,
    /// Zones of the far party; of data, of the serving network.
    pub zones: Option<ZoneSet>,
    /// Rating groups, sorted.
    pub rating_groups: Option<Numbers>,
    /// Conditions that few plans name.
    pub more: Option<Box<MoreConditions>>,
}

/// Conditions that few plans name. An absent set is no condition.
#[derive(Clone, Debug, Default)]
pub struct MoreConditions {
    /// Zones of the near party.
    pub origin_zones: Option<ZoneSet>,
    /// Zones of the serving network.
    pub roaming_zones: Option<ZoneSet>,
    /// Whether the far party's number is ours.
    pub on_net: Option<bool>,
    /// Special numbers, bit by index.
    pub special: Option<u8>,
    /// Attributes by the number of their name, each with the numbers of its values; names rise.
    pub attributes: Vec<(u32, Numbers)>,
    /// Accounts by their numbers.
    pub accounts: Option<Numbers>,
    /// Times at which a usage starts: in band 0 of the week.
    pub times: Option<(TimeBase, Week)>,
}

/// Which facts some condition of a tariff looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each says whether one fact need be found out")]
pub struct Looks {
    /// Zone of the near party.
    pub origin: bool,
    /// Zone of the serving network.
    pub network: bool,
    /// Class of the far party's number.
    pub number: bool,
    /// Attributes.
    pub attributes: bool,
    /// The account.
    pub account: bool,
}

impl Looks {
    /// What these conditions look at, added.
    pub fn at(&mut self, when: &Conditions) {
        let data = Conditions::service_bit(Service::Data);
        self.network |= when.services & data != 0 && when.zones.is_some();
        let Some(more) = &when.more else { return };
        self.origin |= more.origin_zones.is_some();
        self.network |= more.roaming_zones.is_some();
        self.number |= more.on_net.is_some() || more.special.is_some();
        self.attributes |= !more.attributes.is_empty();
        self.account |= more.accounts.is_some();
    }
}

/// Attribute names and values and account ids that conditions name, numbered.
#[derive(Debug, Default)]
pub struct Words {
    names: Vec<Box<str>>,
    values: HashMap<Box<str>, u32>,
    accounts: HashMap<Box<str>, u32>,
}

impl Words {
    /// The number of an attribute's name, given now where it is new.
    pub fn name(&mut self, name: &str) -> u32 {
        let known = self.names.iter().position(|known| known.as_ref() == name);
        let at = known.unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// The number of an attribute's value, likewise.
    pub fn value(&mut self, value: &str) -> u32 {
        intern(&mut self.values, value)
    }

    /// The number of an account's id, likewise.
    pub fn account(&mut self, id: &str) -> u32 {
        intern(&mut self.accounts, id)
    }

    /// The number of an account that a condition names.
    pub fn account_of(&self, id: &str) -> Option<u32> {
        self.accounts.get(id).copied()
    }

    /// What of a usage's attributes conditions may look at: name and value. `name` is asked for the value of each name.
    pub fn attributes<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Attributes {
        let numbered = self.names.iter().zip(0u32..).filter_map(|(name, at)| {
            let value = value(name)?;
            Some((at, self.values.get(value).copied()?))
        });
        numbered.collect()
    }
}

fn intern(known: &mut HashMap<Box<str>, u32>, word: &str) -> u32 {
    let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
    *known.entry(word.into()).or_insert(next)
}

/// Attributes of a usage that conditions may look at: number of the name, number of the value.
pub type Attributes = SmallVec<[(u32, u32); 4]>;

/// The facts about a usage that conditions look at.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its service.
    pub service: Service,
    /// From the served party's view.
    pub direction: Direction,
    /// Zone of the far party, where it has one; of data, of the serving network.
    pub zone: Option<ZoneId>,
    /// Rating group, for data.
    pub rating_group: Option<u32>,
    /// Zone of the near party.
    pub origin: Option<ZoneId>,
    /// Zone of the serving network.
    pub network: Option<ZoneId>,
    /// Whether the far party's number is ours, where that is known.
    pub on_net: Option<bool>,
    /// Bit of the special kind of the far party's number; 0 for an ordinary one.
    pub special: u8,
    /// Attributes that conditions name.
    pub attributes: Attributes,
    /// The account, where a condition names it.
    pub account: Option<u32>,
}

impl Facts {
    /// What is known of every usage.
    pub fn of(service: Service, direction: Direction) -> Self {
        Self {
            service,
            direction,
            zone: None,
            rating_group: None,
            origin: None,
            network: None,
            on_net: None,
            special: 0,
            attributes: Attributes::new(),
            account: None,
        }
    }
}

fn zone_holds(set: &Option<ZoneSet>, zone: Option<ZoneId>) -> bool {
    set.as_ref().is_none_or(|zones| zone.is_some_and(|zone| zones.contains(zone)))
}

impl Conditions {
    /// Both directions.
    pub const BOTH: u8 = 0b11;

    /// Every service.
    pub const ANY_SERVICE: u8 = 0b1111;

    /// No condition at all.
    pub const fn any() -> Self {
        Self {
            services: Self::ANY_SERVICE,
            directions: Self::BOTH,
            zones: None,
            rating_groups: None,
            more: None,
        }
    }

    /// Bit of a service.
    pub const fn service_bit(service: Service) -> u8 {
        1 << service.index()
    }

    /// Bit of a direction.
    pub const fn direction_bit(direction: Direction) -> u8 {
        1 << direction as u8
    }

    /// True when it names accounts.
    pub fn of_accounts(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.accounts.is_some())
    }

    /// True when the usage fulfils every condition; `starts_in` says whether its start lies in band 0 of a week.
    #[inline]
    pub fn hold(&self, facts: &Facts, starts_in: impl FnOnce(TimeBase, &Week) -> bool) -> bool {
        self.services & Self::service_bit(facts.service) != 0
            && self.directions & Self::direction_bit(facts.direction) != 0
            && zone_holds(&self.zones, facts.zone)
            && self.rating_groups.as_ref().is_none_or(|groups| {
                facts.rating_group.is_some_and(|group| groups.binary_search(&group).is_ok())
            })
            && self.more.as_ref().is_none_or(|more| more.hold(facts, starts_in))
    }

    /// True when some usage fulfils both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.services & other.services != 0
            && self.directions & other.directions != 0
            && zones_meet(&self.zones, &other.zones)
            && both(&self.rating_groups, &other.rating_groups).is_none_or(|(l, r)| numbers_meet(l, r))
            && both(&self.more, &other.more).is_none_or(|(l, r)| l.overlaps(r))
    }

    /// True when every usage that fulfils `self` fulfils `other`.
    pub fn within(&self, other: &Self) -> bool {
        self.services & !other.services == 0
            && self.directions & !other.directions == 0
            && set_within(&self.zones, &other.zones, ZoneSet::within)
            && set_within(&self.rating_groups, &other.rating_groups, numbers_within)
            && match (&self.more, &other.more) {
                (_, None) => true,
                (None, Some(other)) => MoreConditions::default().within(other),
                (Some(ours), Some(other)) => ours.within(other),
            }
    }

    /// True when `self` is more specific: within `other`, and not the other way round.
    pub fn beats(&self, other: &Self) -> bool {
        self.within(other) && !other.within(self)
    }
}

fn both<'s, T>(left: &'s Option<T>, right: &'s Option<T>) -> Option<(&'s T, &'s T)> {
    left.as_ref().zip(right.as_ref())
}

fn zones_meet(left: &Option<ZoneSet>, right: &Option<ZoneSet>) -> bool {
    both(left, right).is_none_or(|(left, right)| !left.and(right).is_empty())
}

fn set_within<T>(left: &Option<T>, right: &Option<T>, within: impl Fn(&T, &T) -> bool) -> bool {
    match (left, right) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(left), Some(right)) => within(left, right),
    }
}

impl MoreConditions {
    fn hold(&self, facts: &Facts, starts_in: impl FnOnce(TimeBase, &Week) -> bool) -> bool {
        zone_holds(&self.origin_zones, facts.origin)
            && zone_holds(&self.roaming_zones, facts.network)
            && self.on_net.is_none_or(|ours| facts.on_net == Some(ours))
            && self.special.is_none_or(|kinds| kinds & facts.special != 0)
            && self.attributes.iter().all(|(name, values)| {
                let found = facts.attributes.iter().find(|(known, _)| known == name);
                found.is_some_and(|(_, value)| values.binary_search(value).is_ok())
            })
            && self
                .accounts
                .as_ref()
                .is_none_or(|accounts| facts.account.is_some_and(|id| accounts.binary_search(&id).is_ok()))
            && self.times.as_ref().is_none_or(|(base, week)| starts_in(*base, week))
    }

    fn overlaps(&self, other: &Self) -> bool {
        let attributes = self.attributes.iter().all(|(name, values)| {
            let same = other.attributes.iter().find(|(known, _)| known == name);
            same.is_none_or(|(_, others)| numbers_meet(values, others))
        });
        zones_meet(&self.origin_zones, &other.origin_zones)
            && zones_meet(&self.roaming_zones, &other.roaming_zones)
            && both(&self.on_net, &other.on_net).is_none_or(|(left, right)| left == right)
            && both(&self.special, &other.special).is_none_or(|(left, right)| left & right != 0)
            && attributes
            && both(&self.accounts, &other.accounts).is_none_or(|(left, right)| numbers_meet(left, right))
            && both(&self.times, &other.times)
                .is_none_or(|((base, left), (other, right))| base != other || left.meets(right))
    }

    fn within(&self, other: &Self) -> bool {
        let attributes = other.attributes.iter().all(|(name, values)| {
            let ours = self.attributes.iter().find(|(known, _)| known == name);
            ours.is_some_and(|(_, ours)| numbers_within(ours, values))
        });
        set_within(&self.origin_zones, &other.origin_zones, ZoneSet::within)
            && set_within(&self.roaming_zones, &other.roaming_zones, ZoneSet::within)
            && set_within(&self.on_net, &other.on_net, |left, right| left == right)
            && set_within(&self.special, &other.special, |left, right| left & !right == 0)
            && attributes
            && set_within(&self.accounts, &other.accounts, numbers_within)
            && set_within(&self.times, &other.times, |(base, left), (other, right)| {
                base == other && left.lies_in(right)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(zones: Option<&[u32]>, groups: Option<&[u32]>) -> Conditions {
        Conditions {
            services: Conditions::service_bit(Service::Voice),
            zones: zones.map(|zones| ZoneSet::of(zones.iter().copied().map(ZoneId))),
            rating_groups: groups.map(Into::into),
            ..Conditions::any()
        }
    }

    fn with(more: MoreConditions) -> Conditions {
        Conditions { more: Some(Box::new(more)), ..voice(None, None) }
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

    #[test]
    fn conditions_that_few_name_are_sets_as_well() {
        let all = voice(None, None);
        let attribute = |name: u32, values: &[u32]| {
            with(MoreConditions { attributes: vec![(name, values.into())], ..Default::default() })
        };
        let (one, two, other) = (attribute(0, &[1]), attribute(0, &[1, 2]), attribute(1, &[1]));
        assert!(one.beats(&two) && two.beats(&all) && !one.beats(&other) && one.overlaps(&other));
        assert!(!one.overlaps(&attribute(0, &[3])));
        let on_net = |ours| with(MoreConditions { on_net: Some(ours), ..Default::default() });
        assert!(on_net(true).beats(&all) && !on_net(true).overlaps(&on_net(false)));
        let special = |kinds| with(MoreConditions { special: Some(kinds), ..Default::default() });
        assert!(special(1).beats(&special(3)) && !special(1).overlaps(&special(2)));
    }
}
