//! Points in time as milliseconds since 1970 with the offset they were written in.
//! Relies on the proleptic Gregorian calendar; leap seconds do not exist here.
//! Never asks what time it is now.

use std::fmt;

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

/// First and last instant that is accepted anywhere: years 1970 to 2199.
pub const RANGE_MS: std::ops::Range<i64> = 0..7_258_118_400_000;

/// An instant, with the offset from UTC in which it was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Timestamp {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub utc_ms: i64,
    /// Seconds east of UTC.
    pub offset_s: i32,
}

impl Timestamp {
    /// An instant in UTC.
    pub const fn utc(utc_ms: i64) -> Self {
        Self { utc_ms, offset_s: 0 }
    }

    /// Milliseconds since 1970 as the clock on the wall showed them.
    pub const fn local_ms(self) -> i64 {
        self.utc_ms + self.offset_s as i64 * 1000
    }

    /// `ms` later, same offset.
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self { utc_ms: self.utc_ms + ms, offset_s: self.offset_s }
    }

    /// Parses RFC 3339. `None` when it is not, or lies outside 1970 to 2199.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
        let utc_ms = time.timestamp_millis();
        RANGE_MS.contains(&utc_ms).then(|| Self { utc_ms, offset_s: time.offset().local_minus_utc() })
    }

    /// Appends RFC 3339 to `out`: seconds, or milliseconds where there are any; `Z` for offset zero.
    #[inline]
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        let local = self.local_ms();
        let date = Date::from_days(local.div_euclid(DAY_MS) as i32);
        // A day has fewer than 2^32 milliseconds, and narrow division is cheaper.
        let in_day = local.rem_euclid(DAY_MS) as u32;
        let (seconds, ms) = (in_day / 1000, in_day % 1000);
        let mut text = *b"YYYY-MM-DDThh:mm:ss";
        date.fill(&mut text);
        two(&mut text, 11, seconds / 3600);
        two(&mut text, 14, seconds / 60 % 60);
        two(&mut text, 17, seconds % 60);
        out.extend_from_slice(&text);
        if ms != 0 {
            let mut text = *b".mmm";
            text[1] = b'0' + (ms / 100) as u8;
            two(&mut text, 2, ms % 100);
            out.extend_from_slice(&text);
        }
        if self.offset_s == 0 {
            return out.push(b'Z');
        }
        let minutes = self.offset_s.unsigned_abs() / 60;
        let mut text = *b"+hh:mm";
        if self.offset_s < 0 {
            text[0] = b'-';
        }
        two(&mut text, 1, minutes / 60);
        two(&mut text, 4, minutes % 60);
        out.extend_from_slice(&text);
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::with_capacity(32);
        self.write_rfc3339(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

/// Two digits of `value` at `at`.
#[inline(always)]
fn two(text: &mut [u8], at: usize, value: u32) {
    text[at] = b'0' + (value / 10) as u8;
    text[at + 1] = b'0' + (value % 10) as u8;
}

/// A calendar day.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Date {
    /// Year, 1970 to 2199 in valid input.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// A day that exists in the calendar.
    #[inline]
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let real = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
        real.then_some(Self { year, month, day })
    }

    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let number = |range: std::ops::Range<usize>| {
            let digits = &bytes[range];
            let all = digits.iter().all(u8::is_ascii_digit);
            all.then(|| digits.iter().fold(0i32, |sum, digit| sum * 10 + i32::from(digit - b'0')))
        };
        Self::new(number(0..4)?, number(5..7)? as u8, number(8..10)? as u8)
    }

    /// Days since 1970-01-01 (Hinnant's civil calendar algorithm).
    #[inline]
    pub const fn to_days(self) -> i32 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (self.month as i32 + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day as i32 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The day `days` after 1970-01-01.
    ///
    /// Neri and Schneider's algorithm (Euclidean affine functions, 2022): month and day of a year that begins in March come
    /// from one product each. It counts from far enough back that every `i32` is a day.
    pub const fn from_days(days: i32) -> Self {
        const ERAS: i64 = 15_000;
        let quarters = 4 * (days as i64 + 719_468 + ERAS * 146_097) as u64 + 3;
        let century = quarters / 146_097;
        let in_century = (quarters % 146_097) | 3;
        let product = in_century * 2_939_745;
        let (year_of_century, day_of_year) = (product >> 32, (product & 0xffff_ffff) / 2_939_745 / 4);
        let product = 2141 * day_of_year + 197_913;
        let (month, day) = (product >> 16, (product & 0xffff) / 2141 + 1);
        // January and February stand at the end of the year that began in March before them.
        let early = day_of_year >= 306;
        let year = (100 * century + year_of_century) as i64 - ERAS * 400 + early as i64;
        Self { year: year as i32, month: (if early { month - 12 } else { month }) as u8, day: day as u8 }
    }

    /// 0 is Monday, 6 is Sunday.
    pub const fn weekday(self) -> u8 {
        (self.to_days() + 3).rem_euclid(7) as u8
    }

    /// Local milliseconds since 1970 at its midnight.
    #[inline]
    pub const fn local_ms(self) -> i64 {
        self.to_days() as i64 * DAY_MS
    }

    /// Appends `YYYY-MM-DD`.
    #[inline]
    pub fn write_to(self, out: &mut Vec<u8>) {
        let mut text = *b"YYYY-MM-DD";
        self.fill(&mut text);
        out.extend_from_slice(&text);
    }

    /// Writes the digits into a text that begins `YYYY-MM-DD`.
    #[inline]
    fn fill(self, text: &mut [u8]) {
        let year = self.year.unsigned_abs();
        two(text, 0, year / 100);
        two(text, 2, year % 100);
        two(text, 5, u32::from(self.month));
        two(text, 8, u32::from(self.day));
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Days in a month, 28 to 31. `month` is 1 to 12.
#[inline]
pub const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Datelike;

    #[test]
    fn days_agree_with_chrono_for_two_centuries() {
        let mut day = chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for days in 0..84_000 {
            let date = Date::from_days(days);
            assert_eq!((date.year, date.month, date.day), (day.year(), day.month() as u8, day.day() as u8));
            assert_eq!(date.to_days(), days);
            assert_eq!(u32::from(date.weekday()), day.weekday().num_days_from_monday());
            assert_eq!(Date::parse(&date.to_string()), Some(date));
            day = day.succ_opt().unwrap();
        }
        for days in (-100_000_000..100_000_000).step_by(9_973) {
            assert_eq!(Date::from_days(days).to_days(), days);
        }
        assert_eq!(Date::from_days(i32::MIN).month, 6);
    }

    #[test]
    fn rfc3339_round_trips() {
        for text in ["2026-10-02T19:59:30+02:00", "1970-01-01T00:00:00Z", "2026-02-28T23:59:59.007-03:30"] {
            assert_eq!(Timestamp::parse_rfc3339(text).unwrap().to_string(), text);
        }
        for text in
            ["2026-13-01T00:00:00Z", "2026-10-02 19:59:30", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z"]
        {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn days_that_do_not_exist() {
        for text in ["2026-02-29", "2026-00-10", "2026-04-31", "2026-4-01", "20260401", "2026-04-0x"] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
