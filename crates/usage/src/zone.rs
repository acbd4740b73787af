//! Time zones: local clock readings to instants and back, with the repeated and the missing hour named.
//! Relies on the IANA database compiled into chrono-tz.
//! Never guesses silently: an hour that occurs twice or never is reported as such.

use crate::time::Timestamp;
use chrono::{DateTime, Offset, TimeZone as _};

/// An IANA time zone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimeZone(chrono_tz::Tz);

/// What a local clock reading means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalResolution {
    /// It occurs once.
    Unique(Timestamp),
    /// It occurs twice (clocks went back): the first and the second time.
    Ambiguous(Timestamp, Timestamp),
    /// It never occurs (clocks went forward over it).
    Missing,
}

impl TimeZone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(chrono_tz::UTC);

    /// Looks a zone up by its IANA name, e.g. `Europe/Madrid`.
    pub fn parse(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Seconds east of UTC at an instant. `utc_ms` lies in [`crate::time::RANGE_MS`] give or take a day.
    pub fn offset_s(self, utc_ms: i64) -> i32 {
        let time = DateTime::from_timestamp_millis(utc_ms).unwrap_or_default().naive_utc();
        self.0.offset_from_utc_datetime(&time).fix().local_minus_utc()
    }

    /// The instant with this zone's offset.
    pub fn at(self, utc_ms: i64) -> Timestamp {
        Timestamp { utc_ms, offset_s: self.offset_s(utc_ms) }
    }

    /// What the local reading `local_ms` (milliseconds since 1970 on the wall) means here.
    pub fn resolve(self, local_ms: i64) -> LocalResolution {
        let local = DateTime::from_timestamp_millis(local_ms).unwrap_or_default().naive_utc();
        let instant = |offset_s: i32| Timestamp { utc_ms: local_ms - i64::from(offset_s) * 1000, offset_s };
        match self.0.offset_from_local_datetime(&local) {
            chrono::MappedLocalTime::Single(offset) => {
                LocalResolution::Unique(instant(offset.fix().local_minus_utc()))
            }
            chrono::MappedLocalTime::Ambiguous(first, second) => {
                let (first, second) =
                    (instant(first.fix().local_minus_utc()), instant(second.fix().local_minus_utc()));
                LocalResolution::Ambiguous(first.min(second), first.max(second))
            }
            chrono::MappedLocalTime::None => LocalResolution::Missing,
        }
    }

    /// The instant at which a local day or period begins: a repeated reading means its first, a missing one the
    /// instant right after the gap. Periods cut by it tile time.
    pub fn start_of(self, local_ms: i64) -> Timestamp {
        match self.resolve(local_ms) {
            LocalResolution::Unique(time) | LocalResolution::Ambiguous(time, _) => time,
            LocalResolution::Missing => {
                // The offset before the gap applied to a reading inside it lands just as far behind the gap.
                let before = self.offset_s(local_ms - 86_400_000);
                let behind = local_ms - i64::from(before) * 1000;
                let shift = i64::from(self.offset_s(behind) - before) * 1000;
                let gap_end = self.gap_end(behind - shift, behind);
                self.at(gap_end)
            }
        }
    }

    /// The instant in `(low, high]` at which the offset changes, to the millisecond.
    fn gap_end(self, mut low: i64, mut high: i64) -> i64 {
        let after = self.offset_s(high);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.offset_s(middle) == after {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }
}

/// A zone that remembers the stretch of constant offset around the last instant asked for.
#[derive(Clone, Debug)]
pub struct CachedZone {
    zone: TimeZone,
    from_ms: i64,
    to_ms: i64,
    offset_s: i32,
}

impl CachedZone {
    /// How far the stretch reaches either way at a miss: a day. Two changes never lie that close together.
    const REACH_MS: i64 = 86_400_000;

    /// An empty cache for `zone`.
    pub const fn new(zone: TimeZone) -> Self {
        Self { zone, from_ms: 0, to_ms: 0, offset_s: 0 }
    }

    /// The zone.
    pub const fn zone(&self) -> TimeZone {
        self.zone
    }

    /// Seconds east of UTC at an instant.
    #[inline]
    pub fn offset_s(&mut self, utc_ms: i64) -> i32 {
        if utc_ms < self.from_ms || utc_ms >= self.to_ms {
            self.miss(utc_ms);
        }
        self.offset_s
    }

    #[cold]
    fn miss(&mut self, utc_ms: i64) {
        self.offset_s = self.zone.offset_s(utc_ms);
        (self.from_ms, self.to_ms) = (utc_ms, utc_ms + 1);
        if self.zone.offset_s(utc_ms - Self::REACH_MS) == self.offset_s {
            self.from_ms = utc_ms - Self::REACH_MS;
        }
        if self.zone.offset_s(utc_ms + Self::REACH_MS) == self.offset_s {
            self.to_ms = utc_ms + Self::REACH_MS;
        }
    }

    /// What a local reading means; cheap while readings stay in the remembered stretch.
    #[inline]
    pub fn resolve(&mut self, local_ms: i64) -> LocalResolution {
        // Inside the stretch by more than any shift, the reading is unique.
        const SHIFT_MS: i64 = 3 * 3_600_000;
        let utc_ms = local_ms - i64::from(self.offset_s) * 1000;
        if utc_ms - SHIFT_MS >= self.from_ms && utc_ms + SHIFT_MS < self.to_ms {
            return LocalResolution::Unique(Timestamp { utc_ms, offset_s: self.offset_s });
        }
        let resolution = self.zone.resolve(local_ms);
        if let LocalResolution::Unique(time) = resolution {
            self.miss(time.utc_ms);
        }
        resolution
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_MS, Date};

    fn madrid() -> TimeZone {
        TimeZone::parse("Europe/Madrid").unwrap()
    }

    fn local(year: i32, month: u8, day: u8, hour: i64, minute: i64) -> i64 {
        Date::new(year, month, day).unwrap().local_ms() + (hour * 60 + minute) * 60_000
    }

    #[test]
    fn the_repeated_and_the_missing_hour() {
        assert_eq!(madrid().resolve(local(2026, 3, 29, 2, 30)), LocalResolution::Missing);
        let LocalResolution::Ambiguous(first, second) = madrid().resolve(local(2026, 10, 25, 2, 30)) else {
            panic!("02:30 occurs twice on the day clocks go back");
        };
        assert_eq!(first.to_string(), "2026-10-25T02:30:00+02:00");
        assert_eq!(second.to_string(), "2026-10-25T02:30:00+01:00");
    }

    #[test]
    fn a_day_that_starts_in_a_gap_starts_behind_it() {
        // Clocks in Beirut go forward at midnight.
        let beirut = TimeZone::parse("Asia/Beirut").unwrap();
        assert_eq!(beirut.start_of(local(2026, 3, 29, 0, 0)).to_string(), "2026-03-29T01:00:00+03:00");
        assert_eq!(madrid().start_of(local(2026, 3, 29, 2, 30)).to_string(), "2026-03-29T03:00:00+02:00");
        assert_eq!(madrid().start_of(local(2026, 10, 25, 2, 0)).to_string(), "2026-10-25T02:00:00+02:00");
    }

    #[test]
    fn the_cache_agrees_with_the_zone_through_a_year() {
        for name in
            ["Europe/Madrid", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"]
        {
            let zone = TimeZone::parse(name).unwrap();
            let mut cached = CachedZone::new(zone);
            let start = Date::new(2011, 11, 1).unwrap().local_ms();
            for step in 0..(600 * 24 * 4) {
                let time = start + step * DAY_MS / 96;
                assert_eq!(cached.offset_s(time), zone.offset_s(time), "{name} {time}");
                assert_eq!(cached.resolve(time), zone.resolve(time), "{name} {time}");
            }
        }
    }
}
