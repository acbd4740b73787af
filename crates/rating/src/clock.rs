//! Local days, band boundaries and billing cycles of one time zone, remembered between usages.
//! Relies on the zone database through `usage::zone`; boundaries are instants, so days of 23 and 25 hours are right.
//! Never asks what time it is: every instant is an argument.

use caudal_tariff::Week;
use caudal_usage::time::{DAY_MS, days_in_month};
use caudal_usage::zone::CachedZone;
use caudal_usage::{CycleAnchor, Date, TimeZone};

/// One billing cycle of an account: half-open, in UTC milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cycle {
    /// Its first local day.
    pub first: Date,
    /// Its first instant.
    pub from_ms: i64,
    /// The first instant of the next.
    pub to_ms: i64,
}

impl Cycle {
    const NONE: Self = Self { first: Date { year: 1970, month: 1, day: 1 }, from_ms: 0, to_ms: 0 };

    const fn contains(self, utc_ms: i64) -> bool {
        self.from_ms <= utc_ms && utc_ms < self.to_ms
    }
}

/// Where an instant lies in the bands of a rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InBand {
    /// Index of the band.
    pub band: u16,
    /// First instant at which another band may hold.
    pub until_ms: i64,
}

/// The caches of one time zone.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: CachedZone,
    /// By anchor day: the two cycles last asked for, as usage of two cycles is mixed for a while after each boundary.
    cycles: Box<[[Cycle; 2]; 31]>,
}

impl Clock {
    /// Empty caches for `zone`.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone: CachedZone::new(zone), cycles: Box::new([[Cycle::NONE; 2]; 31]) }
    }

    /// The zone.
    pub const fn zone(&self) -> TimeZone {
        self.zone.zone()
    }

    /// The local day of an instant, counted since 1970-01-01.
    #[inline]
    pub fn day(&mut self, utc_ms: i64) -> i32 {
        let local_ms = utc_ms + i64::from(self.zone.offset_s(utc_ms)) * 1000;
        i32::try_from(local_ms.div_euclid(DAY_MS)).unwrap_or(i32::MAX)
    }

    /// The cycle in which an instant lies.
    #[inline]
    pub fn cycle(&mut self, anchor: CycleAnchor, utc_ms: i64) -> Cycle {
        let slot = usize::from(anchor.0.clamp(1, 31)) - 1;
        if let Some([recent, other]) = self.cycles.get_mut(slot) {
            if recent.contains(utc_ms) {
                return *recent;
            }
            std::mem::swap(recent, other);
            if recent.contains(utc_ms) {
                return *recent;
            }
        }
        let cycle = self.find_cycle(anchor, utc_ms);
        if let Some([recent, _]) = self.cycles.get_mut(slot) {
            *recent = cycle;
        }
        cycle
    }

    #[cold]
    fn find_cycle(&mut self, anchor: CycleAnchor, utc_ms: i64) -> Cycle {
        let today = Date::from_days(self.day(utc_ms));
        let zone = self.zone();
        let start = |month: i32| {
            let first = anchor_day(anchor, month);
            (first, zone.start_of(first.local_ms()).utc_ms)
        };
        // Months since year 0. A day may begin twice or late, so the instants decide, not the date.
        let mut month = today.year * 12 + i32::from(today.month) - 1;
        if start(month).1 > utc_ms {
            month -= 1;
        } else if start(month + 1).1 <= utc_ms {
            month += 1;
        }
        let (first, from_ms) = start(month);
        Cycle { first, from_ms, to_ms: start(month + 1).1 }
    }

    /// The band of a week at an instant, and the instant until which that is certain.
    pub fn band(&mut self, week: &Week, utc_ms: i64) -> InBand {
        let offset_s = self.zone.offset_s(utc_ms);
        let local_ms = utc_ms + i64::from(offset_s) * 1000;
        let day = local_ms.div_euclid(DAY_MS);
        let minute = u16::try_from(local_ms.rem_euclid(DAY_MS) / 60_000).unwrap_or(0);
        let stretch = week.at(i32::try_from(day).unwrap_or(i32::MAX), minute);
        let local_end = day * DAY_MS + i64::from(stretch.until) * 60_000;
        let end = utc_ms + (local_end - local_ms);
        let until_ms = if self.zone.offset_s(end - 1) == offset_s { end } else { self.change(utc_ms, end) };
        InBand { band: stretch.band, until_ms }
    }

    /// The first instant in `(low, high)` with another offset than at `low`; there is one change between them.
    #[cold]
    fn change(&self, mut low: i64, mut high: i64) -> i64 {
        let zone = self.zone();
        let before = zone.offset_s(low);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if zone.offset_s(middle) == before {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

/// The anchor day in a month counted from year 0: the last day where the month is shorter.
fn anchor_day(anchor: CycleAnchor, month: i32) -> Date {
    let (year, month) = (month.div_euclid(12), u8::try_from(month.rem_euclid(12) + 1).unwrap_or(1));
    let day = anchor.0.clamp(1, 31).min(days_in_month(year, month));
    Date { year, month, day }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_31st_returns_after_february() {
        let mut clock = Clock::new(TimeZone::UTC);
        for (day, first) in [
            ("2026-01-30", "2025-12-31"),
            ("2026-01-31", "2026-01-31"),
            ("2026-02-27", "2026-01-31"),
            ("2026-02-28", "2026-02-28"),
            ("2026-03-30", "2026-02-28"),
            ("2026-03-31", "2026-03-31"),
            ("2028-02-29", "2028-02-29"),
        ] {
            let noon = Date::parse(day).unwrap().local_ms() + DAY_MS / 2;
            assert_eq!(clock.cycle(CycleAnchor(31), noon).first.to_string(), first, "{day}");
        }
    }

    #[test]
    fn a_cycle_begins_at_local_midnight_on_either_side_of_a_clock_change() {
        let mut clock = Clock::new(TimeZone::parse("Europe/Madrid").unwrap());
        let march = clock.cycle(CycleAnchor(1), Date::parse("2026-03-15").unwrap().local_ms());
        assert_eq!(march.from_ms, Date::parse("2026-03-01").unwrap().local_ms() - 3_600_000);
        assert_eq!(march.to_ms, Date::parse("2026-04-01").unwrap().local_ms() - 7_200_000);
    }
}
