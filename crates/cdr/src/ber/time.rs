//! TS 32.298 clause 5.1 `TimeStamp`: nine octets to a clock reading with its offset, and back.
//! Relies on `YYMMDDhhmmss` in BCD, first digit in the high nibble, the sign as ASCII, `hhmm` in BCD.
//! Never guesses: a digit beyond 9, a day that does not exist or an offset beyond 15:59 is refused.

use super::BadValue;
use crate::nibbles::LOW;
use caudal_usage::time::DAY_MS;
use caudal_usage::{Date, LocalTime};

/// Years have two digits: from this one on they are of the twentieth century.
pub const PIVOT: u8 = 70;

const EXPECTED: BadValue = BadValue("YYMMDDhhmmss in BCD, + or -, hhmm in BCD");

/// Days from 1970-01-01 to the first day of each year, by its two digits.
const YEARS: [i32; 100] = year_table();

const fn year_table() -> [i32; 100] {
    let mut table = [0; 100];
    let mut digits = 0;
    while digits < 100 {
        let century = if digits < PIVOT as usize { 2000 } else { 1900 };
        table[digits] = Date { year: century + digits as i32, month: 1, day: 1 }.to_days();
        digits += 1;
    }
    table
}

/// Days of the year before a month, and days in it: of common years, then of leap years, each from month 1 on.
const MONTHS: [[(i32, u32); 12]; 2] = [months(28), months(29)];

const fn months(february: u32) -> [(i32, u32); 12] {
    let days = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut table = [(0, 0); 12];
    let (mut month, mut before) = (0, 0);
    while month < 12 {
        table[month] = (before, days[month]);
        before += days[month] as i32;
        month += 1;
    }
    table
}

/// Days since 1970-01-01; `None` for a day that does not exist. Of the years from 1970 to 2069 each fourth is a leap
/// year, 2000 too.
#[inline]
fn days(year: i32, month: i32, day: i32) -> Option<i32> {
    let first = YEARS.get(year as usize)?;
    let months = if year % 4 == 0 { &MONTHS[1] } else { &MONTHS[0] };
    let (before, most) = months.get((month as usize).wrapping_sub(1))?;
    let day_of_month = day.wrapping_sub(1);
    ((day_of_month as u32) < *most).then(|| first + before + day_of_month)
}

/// Reads a time stamp.
///
/// By words: a record has five of them and more, and eight octets are as soon told to be digits as one. Inlined, since
/// handing over what was found took a fifth of it.
#[inline(always)]
pub fn timestamp(content: &[u8]) -> Result<LocalTime, BadValue> {
    /// The top bit of each octet.
    const TOP: u64 = 0x8080_8080_8080_8080;
    /// What lifts a number beyond its greatest into the top bit: of year, month, day, clock, and minute and hour of
    /// the offset. How many days a month has is told later.
    const BEYOND: u64 = u64::from_be_bytes([28, 115, 96, 104, 68, 68, 68, 112]);
    let Ok([pairs @ .., zone_minute]) = <&[u8; 9]>::try_from(content) else { return Err(EXPECTED) };
    let pairs = u64::from_be_bytes(*pairs);
    // Plus and minus stand on both sides of a comma: no branch, since records of several zones follow each other.
    let sign = (pairs >> 8 & 0xFF) as u8;
    if sign != b'+' && sign != b'-' {
        return Err(EXPECTED);
    }
    let sign = i32::from(b',') - i32::from(sign);
    // The minutes of the offset in the place of its sign: nothing but digits then.
    let pairs = pairs & !0xFF00 | u64::from(*zone_minute) << 8;
    let (tens, ones) = (pairs >> 4 & LOW, pairs & LOW);
    let numbers = tens * 10 + ones;
    // Nine is the greatest digit: six more carry into the next nibble. A ten of fifteen is no number of two digits.
    let wrong = ((tens + LOW / 15 * 118) | (ones + LOW / 15 * 118) | (numbers + BEYOND)) & TOP;
    let number = |at: u32| (numbers >> at & 0xFF) as i32;
    let days = days(number(56), number(48), number(40));
    let (0, Some(days)) = (wrong, days) else { return Err(EXPECTED) };
    let seconds = (number(32) * 60 + number(24)) * 60 + number(16);
    let offset_s = sign * (number(0) * 60 + number(8)) * 60;
    let local_ms = i64::from(days) * DAY_MS + i64::from(seconds) * 1000;
    Ok(LocalTime { local_ms, offset_s: Some(offset_s) })
}

/// The octets of a reading: the inverse of [`timestamp`], for readings of its years. Milliseconds are dropped; no
/// offset is written as `+0000`.
pub fn octets(time: LocalTime) -> [u8; 9] {
    let date = Date::from_days(i32::try_from(time.local_ms.div_euclid(DAY_MS)).unwrap_or_default());
    let in_day = time.local_ms.rem_euclid(DAY_MS) / 1000;
    let offset_s = time.offset_s.unwrap_or(0);
    let zone = i64::from(offset_s.unsigned_abs() / 60);
    let pair = |number: i64| u8::try_from(number % 100 / 10 * 16 + number % 10).unwrap_or_default();
    let sign = if offset_s < 0 { b'-' } else { b'+' };
    [
        pair(i64::from(date.year)),
        pair(i64::from(date.month)),
        pair(i64::from(date.day)),
        pair(in_day / 3600),
        pair(in_day / 60 % 60),
        pair(in_day % 60),
        sign,
        pair(zone / 60),
        pair(zone % 60),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use caudal_usage::Timestamp;
    use proptest::prelude::*;

    const GOOD: [u8; 9] = *b"\x26\x11\x22\x15\x30\x45\x2B\x03\x00";

    fn check(content: &[u8], expect: &str) {
        let time = timestamp(content).unwrap();
        let offset_s = time.offset_s.unwrap();
        let shown = Timestamp { utc_ms: time.local_ms - i64::from(offset_s) * 1000, offset_s };
        assert_eq!(shown.to_string(), expect);
        assert_eq!(octets(time), content);
    }

    #[test]
    fn readings() {
        check(&GOOD, "2026-11-22T15:30:45+03:00");
        check(b"\x24\x02\x29\x23\x59\x59\x2D\x09\x30", "2024-02-29T23:59:59-09:30");
        check(b"\x00\x01\x01\x00\x00\x00\x2B\x00\x00", "2000-01-01T00:00:00Z");
        check(b"\x69\x12\x31\x00\x00\x00\x2B\x14\x00", "2069-12-31T00:00:00+14:00");
        check(b"\x70\x01\x02\x00\x00\x00\x2B\x00\x00", "1970-01-02T00:00:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (at, octet) in [
            (0, 0x2A),
            (1, 0x00),
            (1, 0x13),
            (2, 0x00),
            (2, 0x31),
            (2, 0x1A),
            (3, 0x24),
            (4, 0x60),
            (5, 0x60),
            (5, 0xF0),
            (6, b' '),
            (6, 0x2C),
            (7, 0x16),
            (7, 0x0A),
            (8, 0x60),
        ] {
            let mut bad = GOOD;
            bad[at] = octet;
            assert_eq!(timestamp(&bad), Err(EXPECTED), "{bad:02X?}");
        }
        for bad in [&b""[..], &GOOD[..8], &[GOOD.as_slice(), b"\0"].concat()] {
            assert_eq!(timestamp(bad), Err(EXPECTED));
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_wrote(second in 0i64..3_155_760_000, minutes in -959i32..=959) {
            let time = LocalTime { local_ms: second * 1000, offset_s: Some(minutes * 60) };
            prop_assert_eq!(timestamp(&octets(time)), Ok(time));
        }

        #[test]
        fn nine_octets_read_as_one_time_or_none(content in prop::array::uniform9(any::<u8>())) {
            if let Ok(time) = timestamp(&content) {
                let written = octets(time);
                // Only the sign of a zero offset is not kept.
                let zero = time.offset_s == Some(0);
                prop_assert!(written == content || zero && written[..6] == content[..6]);
            }
        }
    }
}
