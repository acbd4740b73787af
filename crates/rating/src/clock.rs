//! Local days, band boundaries and billing cycles of one time zone, remembered between usages.
//! Relies on the zone database through `usage::zone`; boundaries are instants, so days of 23 and 25 hours are right.
//! Never asks what time it is: every instant is an argument.

use caudal_tariff::{Every, Period, Week};
use caudal_usage::time::{DAY_MS, days_in_month};
use caudal_usage::zone::CachedZone;
use caudal_usage::{BalanceKey, CycleAnchor, Date, TimeZone};

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

/// A local day, or the part of one that no clock change cuts: half-open, in UTC milliseconds.
#[derive(Clone, Copy, Debug)]
struct Today {
    from_ms: i64,
    to_ms: i64,
    /// Where the day would begin if its clock never changed: minutes are counted from here.
    midnight_ms: i64,
    day: i32,
}

impl Today {
    const NONE: Self = Self { from_ms: 0, to_ms: 0, midnight_ms: 0, day: 0 };
}

/// The caches of one time zone.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: CachedZone,
    /// Where the instant last asked for lies: nearly always the next one lies there too.
    today: Today,
    /// By anchor day: the two cycles last asked for, as usage of two cycles is mixed for a while after each boundary.
    cycles: Box<[[Cycle; 2]; 31]>,
}

impl Clock {
    /// Empty caches for `zone`.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone: CachedZone::new(zone), today: Today::NONE, cycles: Box::new([[Cycle::NONE; 2]; 31]) }
    }

    /// The zone.
    pub const fn zone(&self) -> TimeZone {
        self.zone.zone()
    }

    /// The local day of an instant, counted since 1970-01-01.
    #[inline]
    pub fn day(&mut self, utc_ms: i64) -> i32 {
        self.today(utc_ms).day
    }

    #[inline]
    fn today(&mut self, utc_ms: i64) -> &Today {
        if utc_ms < self.today.from_ms || utc_ms >= self.today.to_ms {
            self.today = self.find_today(utc_ms);
        }
        &self.today
    }

    #[cold]
    fn find_today(&mut self, utc_ms: i64) -> Today {
        let offset_s = self.zone.offset_s(utc_ms);
        let offset_ms = i64::from(offset_s) * 1000;
        let day = (utc_ms + offset_ms).div_euclid(DAY_MS);
        let (midnight_ms, end_ms) = (day * DAY_MS - offset_ms, (day + 1) * DAY_MS - offset_ms);
        let from_ms = if self.zone.offset_s(midnight_ms) == offset_s { midnight_ms } else { utc_ms };
        let whole = self.zone.offset_s(end_ms - 1) == offset_s;
        let to_ms = if whole { end_ms } else { self.change(utc_ms, end_ms) };
        Today { from_ms, to_ms, midnight_ms, day: i32::try_from(day).unwrap_or(i32::MAX) }
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
    #[inline]
    pub fn band(&mut self, week: &Week, utc_ms: i64) -> InBand {
        let Today { to_ms, midnight_ms, day, .. } = *self.today(utc_ms);
        let stretch = week.at(day, minute_of(utc_ms - midnight_ms));
        let end_ms = midnight_ms + i64::from(stretch.until) * 60_000;
        InBand { band: stretch.band, until_ms: end_ms.min(to_ms) }
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

/// The band of a week at an instant where the wall clock is `offset_s` ahead of UTC, and until when.
pub fn band_at_offset(week: &Week, utc_ms: i64, offset_s: i32) -> InBand {
    let local_ms = utc_ms + i64::from(offset_s) * 1000;
    let day = local_ms.div_euclid(DAY_MS);
    let stretch = week.at(i32::try_from(day).unwrap_or(i32::MAX), minute_of(local_ms.rem_euclid(DAY_MS)));
    let local_end = day * DAY_MS + i64::from(stretch.until) * 60_000;
    InBand { band: stretch.band, until_ms: utc_ms + (local_end - local_ms) }
}

/// The minute of a day.
#[inline]
fn minute_of(ms: i64) -> u16 {
    u16::try_from(ms / 60_000).unwrap_or(0)
}

/// The first day of the period in which a local day lies. Usage without a period of its own has [`BalanceKey::EVER`].
pub fn period_start(period: Period, anchor: CycleAnchor, day: i32) -> Date {
    let every_days = |count: u32, from: Date| {
        let count = i32::try_from(count).unwrap_or(i32::MAX).max(1);
        let since = day.saturating_sub(from.to_days());
        Date::from_days(from.to_days() + since.div_euclid(count) * count)
    };
    match period {
        Period::Event | Period::Ever => BalanceKey::EVER,
        Period::Day => Date::from_days(day),
        // 1970-01-01 was a Thursday.
        Period::Week => Date::from_days(day - (day + 3).rem_euclid(7)),
        Period::Cycle => months_start(1, (anchor, 0), day),
        Period::Every(Every::Days(count), from) => every_days(count, from),
        Period::Every(Every::Weeks(count), from) => every_days(count.saturating_mul(7), from),
        Period::Every(Every::Months(count), from) => months_start(count, from_date(from), day),
        Period::Every(Every::Years(count), from) => {
            months_start(count.saturating_mul(12), from_date(from), day)
        }
    }
}

/// The first day of the next period after the one that begins at `start`.
pub fn period_end(period: Period, anchor: CycleAnchor, start: Date) -> Date {
    let day = start.to_days();
    match period {
        Period::Event | Period::Ever => BalanceKey::EVER,
        Period::Day => Date::from_days(day + 1),
        Period::Week => Date::from_days(day + 7),
        Period::Cycle => anchor_day(anchor, month_of(start) + 1),
        Period::Every(Every::Days(count), _) => Date::from_days(day.saturating_add_unsigned(count)),
        Period::Every(Every::Weeks(count), _) => {
            Date::from_days(day.saturating_add_unsigned(count.saturating_mul(7)))
        }
        Period::Every(Every::Months(count), from) => {
            anchor_day(CycleAnchor(from.day), month_of(start).saturating_add_unsigned(count))
        }
        Period::Every(Every::Years(count), from) => anchor_day(
            CycleAnchor(from.day),
            month_of(start).saturating_add_unsigned(count.saturating_mul(12)),
        ),
    }
}

/// Months since year 0.
pub fn month_of(date: Date) -> i32 {
    date.year * 12 + i32::from(date.month) - 1
}

fn from_date(from: Date) -> (CycleAnchor, i32) {
    (CycleAnchor(from.day), month_of(from))
}

/// The first day of a stretch of `count` months that is anchored at a day, counted from a month.
fn months_start(count: u32, (anchor, from): (CycleAnchor, i32), day: i32) -> Date {
    let count = i32::try_from(count).unwrap_or(i32::MAX).max(1);
    let mut month = month_of(Date::from_days(day));
    if anchor_day(anchor, month).to_days() > day {
        month -= 1;
    }
    anchor_day(anchor, from + (month - from).div_euclid(count) * count)
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
    fn periods_by_local_day() {
        let day = |text: &str| Date::parse(text).unwrap();
        let from = day("2026-01-31");
        for (period, at, start, end) in [
            (Period::Day, "2026-02-10", "2026-02-10", "2026-02-11"),
            (Period::Week, "2026-11-29", "2026-11-23", "2026-11-30"),
            (Period::Cycle, "2026-02-10", "2026-02-05", "2026-03-05"),
            (Period::Every(Every::Days(30), from), "2026-03-01", "2026-01-31", "2026-03-02"),
            (Period::Every(Every::Days(30), from), "2026-01-30", "2026-01-01", "2026-01-31"),
            (Period::Every(Every::Months(1), from), "2026-03-01", "2026-02-28", "2026-03-31"),
            (Period::Every(Every::Months(3), from), "2026-06-01", "2026-04-30", "2026-07-31"),
            (Period::Every(Every::Years(1), from), "2026-12-01", "2026-01-31", "2027-01-31"),
        ] {
            let found = period_start(period, CycleAnchor(5), day(at).to_days());
            let next = period_end(period, CycleAnchor(5), found);
            assert_eq!((found.to_string(), next.to_string()), (start.into(), end.into()), "{period:?} {at}");
        }
    }

    /// The day in mind is a cache: asked in any order, it says what the zone says.
    #[test]
    fn the_day_in_mind_agrees_with_the_zone_through_clock_changes() {
        let week = Week::constant();
        for name in ["Europe/Madrid", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"] {
            let zone = TimeZone::parse(name).unwrap();
            let mut clock = Clock::new(zone);
            let from = Date::parse("2011-01-01").unwrap().local_ms();
            for step in 0..40_000i64 {
                let utc_ms = from + step / 4 * 53 * 60_000 + [0, 7, -26, 1][step as usize % 4] * 3_600_000;
                let local_ms = utc_ms + i64::from(zone.offset_s(utc_ms)) * 1000;
                let day = local_ms.div_euclid(DAY_MS);
                assert_eq!(i64::from(clock.day(utc_ms)), day, "{name} {utc_ms}");
                let until_ms = clock.band(&week, utc_ms).until_ms;
                assert!(utc_ms < until_ms && until_ms <= utc_ms + (day + 1) * DAY_MS - local_ms, "{name}");
                assert_eq!(zone.offset_s(until_ms - 1), zone.offset_s(utc_ms), "{name} {utc_ms}");
            }
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
