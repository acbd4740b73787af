//! Who calls whom: subscribers' numbers, the table of prefixes, and numbers whose zone is known because of how they
//! were made. Relies on arithmetic on the index alone, so no table is kept in memory.
//! Never looks a prefix up: a number is built from its prefix, the reverse of what the line under test does.

use crate::random::Random;

/// Zones abroad: `z00` to `z49`.
pub const ZONES: u32 = 50;

/// Where a called number lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zone {
    /// National fixed network.
    Fixed,
    /// National mobile network.
    Mobile,
    /// Abroad, below [`ZONES`].
    Abroad(u32),
    /// No prefix of the table matches.
    Nowhere,
}

/// A called number: its zone and its digits as the network writes them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Called {
    /// The zone of its longest prefix.
    pub zone: Zone,
    /// National significant number, or country code and number for what lies abroad.
    pub digits: u64,
}

/// The national prefixes, which every table holds: country code 34 and the first digit.
pub const NATIONAL: [(&str, Zone); 4] =
    [("346", Zone::Mobile), ("347", Zone::Mobile), ("348", Zone::Fixed), ("349", Zone::Fixed)];

/// The national number of a subscription, 9 digits that begin with 6. 37 has no factor in common with 10^8, so no two
/// subscriptions share one.
pub fn msisdn(subscription: u32) -> u64 {
    600_000_000 + u64::from(subscription) * 37 % 100_000_000
}

/// The IMSI of a subscription, 15 digits of the test network 001-01.
pub fn imsi(subscription: u32) -> u64 {
    1_010_000_000_000 + u64::from(subscription)
}

/// Where the IMSIs of those begin who have no subscription.
pub const STRANGER_IMSI: u64 = 1_019_000_000_000;

/// Numbers below `bound` to numbers below `bound`, one to one, so that neighbours are not neighbours any more; greater
/// numbers begin again. Multiplication by a prime above every possible bound.
pub fn scatter(index: u64, bound: u32) -> u32 {
    u32::try_from(index % u64::from(bound) * 2_147_483_647 % u64::from(bound)).unwrap_or(0)
}

/// First digits of the countries abroad. 34 is home, and nothing begins with 1.
const COUNTRIES: [u64; 16] = [20, 27, 30, 33, 39, 44, 49, 52, 55, 61, 66, 81, 86, 90, 91, 98];

/// The prefixes abroad. Under each country lie areas of a fixed number of digits, numbered from zero; what is above
/// the last area belongs to the country's own prefix. Every fourth area has a place of its own behind digit 7.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefixes {
    /// All, the national ones included.
    count: u32,
    /// Areas of a country.
    areas: u64,
    /// 10 to the number of digits of an area; at most four fifths of it are used.
    scale: u64,
}

/// One prefix abroad.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prefix {
    /// A country's.
    Country(u64),
    /// An area's: country and number of the area.
    Area(u64, u64),
    /// A place's in the area: behind digit 7.
    Place(u64, u64),
}

impl Prefixes {
    /// A table of `count` prefixes.
    pub fn new(count: u32) -> Self {
        let countries = COUNTRIES.len() as u64;
        // An area and a quarter of a place each: 5 prefixes for 4 areas.
        let wanted = u64::from(count).saturating_sub(NATIONAL.len() as u64 + countries);
        let areas = (wanted * 4 / 5).div_ceil(countries) + 4;
        let mut scale = 10;
        while areas * 5 > scale * 4 {
            scale *= 10;
        }
        Self { count, areas, scale }
    }

    /// Prefixes abroad.
    pub fn abroad(&self) -> u32 {
        self.count - NATIONAL.len() as u32
    }

    /// The prefix with a number from 0 below [`Self::abroad`].
    pub fn get(&self, index: u32) -> Prefix {
        let countries = COUNTRIES.len() as u64;
        let index = u64::from(index);
        let Some(rest) = index.checked_sub(countries) else {
            return Prefix::Country(index);
        };
        let (country, rest) = (rest % countries, rest / countries);
        match rest % 5 {
            4 => Prefix::Place(country, rest / 5 * 4),
            area => Prefix::Area(country, rest / 5 * 4 + area),
        }
    }

    /// The zone that the table names for a prefix. Neighbours differ, so that a wrong longest match shows in money.
    pub fn zone(&self, prefix: Prefix) -> u32 {
        let mixed = match prefix {
            Prefix::Country(country) => country,
            Prefix::Area(country, area) => 17 + country * 3 + area * 7,
            Prefix::Place(country, area) => 31 + country * 3 + area * 7,
        };
        u32::try_from(mixed % u64::from(ZONES)).unwrap_or(0)
    }

    /// The digits of a prefix.
    pub fn digits(&self, prefix: Prefix) -> u64 {
        let code = |country: u64| COUNTRIES[country as usize % COUNTRIES.len()];
        match prefix {
            Prefix::Country(country) => code(country),
            Prefix::Area(country, area) => code(country) * self.scale + area,
            Prefix::Place(country, area) => (code(country) * self.scale + area) * 10 + 7,
        }
    }

    /// A number whose longest prefix in the table is `prefix`.
    pub fn number(&self, prefix: Prefix, random: &mut Random) -> Called {
        let digits = match prefix {
            Prefix::Country(_) => {
                let area = self.areas + random.below(self.scale - self.areas);
                (self.digits(prefix) * self.scale + area) * 10_000_000 + random.below(10_000_000)
            }
            Prefix::Area(..) => {
                // Any next digit but 7, behind which a place may lie.
                let next = (8 + random.below(9)) % 10;
                (self.digits(prefix) * 10 + next) * 1_000_000 + random.below(1_000_000)
            }
            Prefix::Place(..) => self.digits(prefix) * 1_000_000 + random.below(1_000_000),
        };
        Called { zone: Zone::Abroad(self.zone(prefix)), digits }
    }

    /// A national number, fixed or mobile.
    pub fn national(random: &mut Random) -> Called {
        let first = 6 + random.below(4);
        let zone = if first < 8 { Zone::Mobile } else { Zone::Fixed };
        Called { zone, digits: first * 100_000_000 + random.below(100_000_000) }
    }

    /// A number that no prefix matches.
    pub fn nowhere(random: &mut Random) -> Called {
        Called { zone: Zone::Nowhere, digits: 10_000_000_000 + random.below(9_999_999_999) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Longest prefix by trying all lengths, over a table written as text.
    fn longest(table: &HashMap<String, String>, number: &str) -> Option<String> {
        (1..=number.len()).rev().find_map(|len| table.get(&number[..len]).cloned())
    }

    #[test]
    fn numbers_have_the_zone_of_their_longest_prefix() {
        for count in [100, 1_000, 100_000] {
            let prefixes = Prefixes::new(count);
            let mut table: HashMap<String, String> =
                NATIONAL.iter().map(|(prefix, zone)| (prefix.to_string(), format!("{zone:?}"))).collect();
            for index in 0..prefixes.abroad() {
                let prefix = prefixes.get(index);
                let zone = format!("{:?}", Zone::Abroad(prefixes.zone(prefix)));
                let old = table.insert(prefixes.digits(prefix).to_string(), zone);
                assert_eq!(old, None, "{prefix:?} twice");
            }
            assert_eq!(table.len(), count as usize);
            let mut random = Random::new(1, 1);
            for index in 0..prefixes.abroad() {
                let called = prefixes.number(prefixes.get(index), &mut random);
                let text = called.digits.to_string();
                assert!(text.len() <= 15, "{text}");
                assert_eq!(longest(&table, &text), Some(format!("{:?}", called.zone)), "{text}");
                let home = Prefixes::national(&mut random);
                let text = format!("34{}", home.digits);
                assert_eq!(longest(&table, &text), Some(format!("{:?}", home.zone)), "{text}");
                let nowhere = Prefixes::nowhere(&mut random).digits.to_string();
                assert_eq!(longest(&table, &nowhere), None, "{nowhere}");
            }
        }
    }

    #[test]
    fn scattering_is_one_to_one() {
        for bound in [1, 2, 96, 1_000, 99_996] {
            let seen: std::collections::HashSet<u32> =
                (0..u64::from(bound)).map(|index| scatter(index, bound)).collect();
            assert_eq!(seen.len(), bound as usize);
            assert_eq!(scatter(u64::from(bound), bound), scatter(0, bound));
        }
    }

    #[test]
    fn subscribers_have_numbers_of_their_own() {
        let numbers: std::collections::HashSet<u64> = (0..100_000).map(msisdn).collect();
        assert_eq!(numbers.len(), 100_000);
        assert_eq!(format!("{:015}", imsi(7)), "001010000000007");
    }
}
