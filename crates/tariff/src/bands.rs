//! Time bands of a rate as one week: for each kind of day, which band holds from which minute.
//! Relies on the bands' days and hours being read by the grammar; gaps and overlaps are findings here.
//! Never knows a time zone: it is asked with local days and minutes.

use crate::grammar::{DayKinds, Minutes};
use crate::model::Days;
use std::sync::Arc;

/// Minutes of a day of 24 hours.
pub const DAY_MINUTES: u16 = 1440;

const WHOLE_DAY: Minutes = 0..DAY_MINUTES;

/// Most bands of one rate: more is a mistake, and a band's index must fit 16 bits.
pub const BANDS_MAX: usize = 64;

/// When one band holds, as written: no hours mean the whole day.
#[derive(Clone, Debug)]
pub struct BandTimes {
    /// Kinds of day; absent with absent hours: whenever no other band holds.
    pub days: Option<DayKinds>,
    /// Times of day.
    pub hours: Option<Vec<Minutes>>,
}

impl BandTimes {
    /// True when it holds whenever no other does.
    pub fn is_otherwise(&self) -> bool {
        self.days.is_none() && self.hours.is_none()
    }
}

/// A stretch of one day in one band.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Minute of the day at which it ends, 1 to 1440.
    pub until: u16,
    /// Index of the band.
    pub band: u16,
}

/// The compiled week of one rate.
#[derive(Clone, Debug)]
pub struct Week {
    /// By kind of day: stretches that tile it.
    kinds: [Box<[Stretch]>; 8],
    /// Holidays, sorted local days; empty where no band names holidays: they are ordinary days then.
    holidays: Box<[i32]>,
    /// True when there is one band for always.
    constant: bool,
}

/// A stretch of a week that no band, or more than one, claims.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WeekFault {
    /// No band holds.
    Gap {
        /// Kind of day.
        kind: usize,
        /// When.
        minutes: Minutes,
    },
    /// Two bands claim it: their indexes.
    Overlap {
        /// Kind of day.
        kind: usize,
        /// First minute.
        minute: u16,
        /// The two bands.
        bands: (usize, usize),
    },
}

impl Week {
    /// One band for always.
    pub fn constant() -> Self {
        let whole: Box<[Stretch]> = Box::new([Stretch { until: DAY_MINUTES, band: 0 }]);
        Self { kinds: std::array::from_fn(|_| whole.clone()), holidays: Box::default(), constant: true }
    }

    /// Compiles bands. `holidays` are those of the plan's calendar.
    pub fn compile(bands: &[BandTimes], holidays: &[i32]) -> Result<Self, Vec<WeekFault>> {
        let names_holidays = Self::names_holidays(bands);
        let mut faults = Vec::new();
        let mut kinds: [Box<[Stretch]>; 8] = std::array::from_fn(|_| Box::default());
        for (kind, slot) in kinds.iter_mut().enumerate() {
            if kind == DayKinds::HOLIDAY && !names_holidays {
                continue;
            }
            *slot = day(kind, bands, &mut faults).into_boxed_slice();
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let holidays = if names_holidays { holidays.into() } else { Box::default() };
        Ok(Self { kinds, holidays, constant: bands.len() == 1 })
    }

    /// True when a band names holidays, so that they are a kind of day of their own.
    pub fn names_holidays(bands: &[BandTimes]) -> bool {
        bands.iter().any(|band| {
            band.days.is_some_and(|days| days != DayKinds::ALL && days.contains(DayKinds::HOLIDAY))
        })
    }

    /// True when there is one band for always.
    #[inline]
    pub fn is_constant(&self) -> bool {
        self.constant
    }

    /// The stretch that holds at `minute` (0 to 1439) of the local day `day`, counted since 1970-01-01.
    #[inline]
    pub fn at(&self, day: i32, minute: u16) -> Stretch {
        let last = Stretch { until: DAY_MINUTES, band: 0 };
        let stretches = self.kinds.get(self.kind(day)).map_or(&[] as &[Stretch], AsRef::as_ref);
        stretches.iter().copied().find(|stretch| minute < stretch.until).unwrap_or(last)
    }

    /// True when some minute lies in band 0 of both. Weeks with holidays of their own are taken to meet.
    pub fn meets(&self, other: &Self) -> bool {
        self.minutes(other).any(|(left, right)| left && right) || self.holidays != other.holidays
    }

    /// True when every minute in band 0 of `self` is in band 0 of `other`.
    pub fn lies_in(&self, other: &Self) -> bool {
        self.minutes(other).all(|(left, right)| !left || right) && self.holidays == other.holidays
    }

    /// For each minute of each kind of day whether it is in band 0 of `self` and of `other`.
    fn minutes<'w>(&'w self, other: &'w Self) -> impl Iterator<Item = (bool, bool)> + 'w {
        let first = |week: &Self, kind: usize, minute: u16| {
            let stretches = week.kinds.get(kind).map_or(&[] as &[Stretch], AsRef::as_ref);
            stretches.iter().find(|stretch| minute < stretch.until).is_some_and(|stretch| stretch.band == 0)
        };
        (0..self.kinds.len())
            .flat_map(|kind| (0..DAY_MINUTES).map(move |minute| (kind, minute)))
            .map(move |(kind, minute)| (first(self, kind, minute), first(other, kind, minute)))
    }

    fn kind(&self, day: i32) -> usize {
        if self.holidays.binary_search(&day).is_ok() {
            return DayKinds::HOLIDAY;
        }
        // 1970-01-01 was a Thursday.
        usize::try_from((i64::from(day) + 3).rem_euclid(7)).unwrap_or(0)
    }
}

/// Stretches of one kind of day.
fn day(kind: usize, bands: &[BandTimes], faults: &mut Vec<WeekFault>) -> Vec<Stretch> {
    let otherwise = bands.iter().position(BandTimes::is_otherwise);
    let mut owner = [None::<usize>; DAY_MINUTES as usize];
    let mut reported = Vec::new();
    for (index, band) in bands.iter().enumerate().filter(|(_, band)| !band.is_otherwise()) {
        if !band.days.unwrap_or(DayKinds::ALL).contains(kind) {
            continue;
        }
        let whole = std::slice::from_ref(&WHOLE_DAY);
        for range in band.hours.as_deref().unwrap_or(whole) {
            for minute in range.clone() {
                let Some(slot) = owner.get_mut(usize::from(minute)) else { continue };
                match *slot {
                    None => *slot = Some(index),
                    Some(other) if !reported.contains(&(other, index)) => {
                        reported.push((other, index));
                        faults.push(WeekFault::Overlap { kind, minute, bands: (other, index) });
                    }
                    Some(_) => {}
                }
            }
        }
    }
    tile(kind, &owner.map(|slot| slot.or(otherwise)), faults)
}

/// Joins equal neighbours; minutes without a band are gaps.
fn tile(kind: usize, owner: &[Option<usize>], faults: &mut Vec<WeekFault>) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut from = 0u16;
    for group in owner.chunk_by(|left, right| left == right) {
        let until = from.saturating_add(u16::try_from(group.len()).unwrap_or(DAY_MINUTES));
        match group.first().copied().flatten() {
            Some(band) => stretches.push(Stretch { until, band: u16::try_from(band).unwrap_or(u16::MAX) }),
            None => faults.push(WeekFault::Gap { kind, minutes: from..until }),
        }
        from = until;
    }
    stretches
}

/// Local days of holidays by calendar name.
#[derive(Clone, Debug, Default)]
pub struct Calendars(pub Vec<(Box<str>, Arc<[i32]>)>);

impl Calendars {
    /// The days of a calendar.
    pub fn get(&self, name: &str) -> Option<&Arc<[i32]>> {
        self.0.iter().find(|(known, _)| known.as_ref() == name).map(|(_, days)| days)
    }

    /// Names, for messages.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_ref()).collect()
    }
}

/// First and last day on which a set of validities has a hole: pairs of (end, next start).
pub fn gaps(days: &mut [Days]) -> Vec<Days> {
    days.sort_unstable_by_key(|stretch| stretch.from);
    let mut holes = Vec::new();
    let mut end = days.first().map_or(i32::MIN, |first| first.to);
    for stretch in days.iter().skip(1) {
        if stretch.from > end {
            holes.push(Days { from: end, to: stretch.from });
        }
        end = end.max(stretch.to);
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar;
    use caudal_usage::Date;

    fn band(days: &str, hours: &str) -> BandTimes {
        let days = (!days.is_empty()).then(|| grammar::days(days).unwrap());
        BandTimes { days, hours: (!hours.is_empty()).then(|| grammar::hours(hours).unwrap()) }
    }

    fn at(week: &Week, date: &str, minute: u16) -> u16 {
        week.at(Date::parse(date).unwrap().to_days(), minute).band
    }

    #[test]
    fn a_week_with_an_otherwise() {
        let week = Week::compile(&[band("mon-fri", "08:00-20:00"), band("", "")], &[]).unwrap();
        for (date, minute, expected) in [
            ("2026-10-02", 479, 1),
            ("2026-10-02", 480, 0),
            ("2026-10-02", 1199, 0),
            ("2026-10-02", 1200, 1),
            ("2026-10-03", 600, 1),
        ] {
            assert_eq!(at(&week, date, minute), expected, "{date} {minute}");
        }
        assert_eq!(week.at(Date::parse("2026-10-02").unwrap().to_days(), 0).until, 480);
    }

    #[test]
    fn holidays_are_a_kind_of_day_once_a_band_names_them() {
        let holidays = [Date::parse("2026-10-12").unwrap().to_days()];
        let bands = [band("mon-fri", ""), band("sat,sun,holiday", "")];
        assert_eq!(at(&Week::compile(&bands, &holidays).unwrap(), "2026-10-12", 600), 1);
        assert_eq!(at(&Week::compile(&bands, &holidays).unwrap(), "2026-10-13", 600), 0);
        let plain = [band("mon-fri", ""), band("sat,sun", "")];
        assert_eq!(at(&Week::compile(&plain, &holidays).unwrap(), "2026-10-12", 600), 0);
    }

    #[test]
    fn gaps_and_overlaps_are_found() {
        let faults = Week::compile(&[band("mon-sat", "")], &[]).unwrap_err();
        assert_eq!(faults, [WeekFault::Gap { kind: 6, minutes: 0..1440 }]);
        let bands = [band("mon-sun", "00:00-12:00"), band("", "11:00-24:00")];
        let faults = Week::compile(&bands, &[]).unwrap_err();
        assert_eq!(faults.len(), 7);
        assert_eq!(faults[0], WeekFault::Overlap { kind: 0, minute: 660, bands: (0, 1) });
    }
}
