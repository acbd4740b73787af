//! The text of a time column to a clock reading, by a format compiled once.
//! Relies on fixed-width fields, so that reading needs no search; every part is checked against the calendar.
//! Never applies a zone: an offset is kept only where the text has one.

use crate::values::{digits_at, scaled};
use caudal_usage::digits::of_ascii;
use caudal_usage::time::DAY_MS;
use caudal_usage::{Date, LocalTime};
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::none_of;
use nom::combinator::{all_consuming, map, value};
use nom::multi::many1;
use nom::{IResult, Parser};

/// A compiled time format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TimeFormat {
    /// Fixed-width parts in order.
    Parts(Box<[Part]>),
    /// `%Y%m%d%H%M%S`, which most feeds write.
    Compact,
    /// Seconds since 1970 UTC, with up to three decimals.
    EpochSeconds,
    /// Milliseconds since 1970 UTC.
    EpochMillis,
    /// RFC 3339; digits of the second beyond the third are dropped.
    Rfc3339,
}

/// One part of a format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Millis,
    Offset,
    Literal(u8),
}

fn part(input: &str) -> IResult<&str, Part> {
    alt((
        value(Part::Year, tag("%Y")),
        value(Part::Month, tag("%m")),
        value(Part::Day, tag("%d")),
        value(Part::Hour, tag("%H")),
        value(Part::Minute, tag("%M")),
        value(Part::Second, tag("%S")),
        value(Part::Millis, tag("%3f")),
        value(Part::Offset, tag("%z")),
        value(Part::Literal(b'%'), tag("%%")),
        map(none_of("%"), |letter| Part::Literal(u8::try_from(letter).unwrap_or(b'?'))),
    ))
    .parse(input)
}

impl TimeFormat {
    /// Compiles `epoch_s`, `epoch_ms`, `rfc3339`, or a format of `%Y %m %d %H %M %S %3f %z %%` and ASCII literals.
    /// Date, hour and minute must be there, each part once.
    pub fn compile(format: &str) -> Result<Self, String> {
        match format {
            "epoch_s" => return Ok(Self::EpochSeconds),
            "epoch_ms" => return Ok(Self::EpochMillis),
            "rfc3339" => return Ok(Self::Rfc3339),
            "%Y%m%d%H%M%S" => return Ok(Self::Compact),
            _ => {}
        }
        let expected = "expected epoch_s, epoch_ms, rfc3339, or %Y %m %d %H %M %S %3f %z and ASCII literals";
        let parts = match all_consuming(many1(part)).parse(format) {
            Ok((_, parts)) if format.is_ascii() => parts,
            _ => return Err(format!("time format \"{format}\": {expected}")),
        };
        let count = |part: Part| parts.iter().filter(|other| **other == part).count();
        for (needed, word) in [
            (Part::Year, "%Y"),
            (Part::Month, "%m"),
            (Part::Day, "%d"),
            (Part::Hour, "%H"),
            (Part::Minute, "%M"),
        ] {
            if count(needed) != 1 {
                return Err(format!("time format \"{format}\": expected {word} once"));
            }
        }
        if [Part::Second, Part::Millis, Part::Offset].into_iter().any(|part| count(part) > 1) {
            return Err(format!("time format \"{format}\": a part occurs twice"));
        }
        Ok(Self::Parts(parts.into()))
    }

    /// Reads a clock reading. `None` when the text is not in this format or no such day or time exists.
    #[inline]
    pub fn read(&self, text: &[u8]) -> Option<LocalTime> {
        match self {
            Self::Parts(parts) => Self::read_parts(parts, text),
            Self::Compact => read_compact(text),
            Self::EpochSeconds => Some(utc(scaled(text, 1000).ok()?)),
            Self::EpochMillis => Some(utc(scaled(text, 1).ok()?)),
            Self::Rfc3339 => read_rfc3339(text),
        }
    }

    /// Reads by parts that are known at compile time.
    #[inline]
    pub(crate) fn read_parts(parts: &[Part], text: &[u8]) -> Option<LocalTime> {
        let mut clock = Clock::default();
        let mut offset_s = None;
        let mut at = 0;
        for part in parts {
            let (field, width) = match part {
                Part::Year => (&mut clock.year, 4),
                Part::Month => (&mut clock.month, 2),
                Part::Day => (&mut clock.day, 2),
                Part::Hour => (&mut clock.hour, 2),
                Part::Minute => (&mut clock.minute, 2),
                Part::Second => (&mut clock.second, 2),
                Part::Millis => (&mut clock.millis, 3),
                Part::Literal(octet) => {
                    if text.get(at) != Some(octet) {
                        return None;
                    }
                    at += 1;
                    continue;
                }
                Part::Offset => {
                    let (offset, width) = read_offset(text.get(at..)?)?;
                    offset_s = Some(offset);
                    at += width;
                    continue;
                }
            };
            *field = digits_at(text, at, width)?;
            at += width;
        }
        if at != text.len() {
            return None;
        }
        Some(LocalTime { local_ms: clock.local_ms()?, offset_s })
    }

    /// Writes a reading in this format: the inverse of [`Self::read`], for test data and generators.
    pub fn write(&self, time: LocalTime, out: &mut Vec<u8>) {
        let utc_ms = time.local_ms - i64::from(time.offset_s.unwrap_or(0)) * 1000;
        match self {
            Self::Parts(parts) => parts.iter().for_each(|part| write_part(*part, time, out)),
            Self::Compact => COMPACT.into_iter().for_each(|part| write_part(part, time, out)),
            Self::EpochSeconds => out.extend_from_slice((utc_ms.div_euclid(1000)).to_string().as_bytes()),
            Self::EpochMillis => out.extend_from_slice(utc_ms.to_string().as_bytes()),
            Self::Rfc3339 => {
                caudal_usage::Timestamp { utc_ms, offset_s: time.offset_s.unwrap_or(0) }.write_rfc3339(out);
            }
        }
    }
}

/// The parts of [`TimeFormat::Compact`].
const COMPACT: [Part; 6] = [Part::Year, Part::Month, Part::Day, Part::Hour, Part::Minute, Part::Second];

/// Fourteen digits: two words of eight that overlap.
#[inline]
fn read_compact(text: &[u8]) -> Option<LocalTime> {
    let (true, Some(head), Some(tail)) = (text.len() == 14, text.first_chunk(), text.last_chunk()) else {
        return None;
    };
    let ([high, low, month, _], [day, hour, minute, second]) = (pairs(*head)?, pairs(*tail)?);
    let clock = Clock { year: high * 100 + low, month, day, hour, minute, second, millis: 0 };
    Some(LocalTime { local_ms: clock.local_ms()?, offset_s: None })
}

/// Eight ASCII digits to four numbers of two digits each, all at once.
#[inline]
fn pairs(text: [u8; 8]) -> Option<[u32; 4]> {
    let digits = of_ascii(u64::from_le_bytes(text))?;
    const EVEN: u64 = 0x00FF_00FF_00FF_00FF;
    let numbers = (digits & EVEN) * 10 + (digits >> 8 & EVEN);
    Some([0, 16, 32, 48].map(|at| (numbers >> at) as u32 & 0xFF))
}

fn utc(local_ms: i64) -> LocalTime {
    LocalTime { local_ms, offset_s: Some(0) }
}

/// Parts of a clock reading before they are put together.
#[derive(Default)]
struct Clock {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    millis: u32,
}

impl Clock {
    #[inline]
    fn local_ms(&self) -> Option<i64> {
        if self.hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        // Two and four digits: the conversions cannot lose anything.
        let date = Date::new(
            i32::try_from(self.year).ok()?,
            u8::try_from(self.month).ok()?,
            u8::try_from(self.day).ok()?,
        )?;
        let seconds = (self.hour * 60 + self.minute) * 60 + self.second;
        Some(date.local_ms() + i64::from(seconds) * 1000 + i64::from(self.millis))
    }
}

/// `Z`, `+hh`, `+hhmm` or `+hh:mm` at the start of `text`: seconds east of UTC, and how many octets it takes.
fn read_offset(text: &[u8]) -> Option<(i32, usize)> {
    let sign = match text.first()? {
        b'Z' | b'z' => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = digits_at(text, 1, 2)?;
    let (minutes, width) = match (text.get(3), digits_at(text, 3, 2)) {
        (Some(b':'), _) => (digits_at(text, 4, 2)?, 6),
        (Some(_), Some(minutes)) => (minutes, 5),
        _ => (0, 3),
    };
    // The widest offset in use is 14 hours.
    if hours > 15 || minutes > 59 {
        return None;
    }
    Some((sign * i32::try_from((hours * 60 + minutes) * 60).ok()?, width))
}

fn read_rfc3339(text: &[u8]) -> Option<LocalTime> {
    let literal = |at: usize, octets: &[u8]| text.get(at).is_some_and(|octet| octets.contains(octet));
    let punctuation =
        literal(4, b"-") && literal(7, b"-") && literal(10, b"Tt ") && literal(13, b":") && literal(16, b":");
    if !punctuation {
        return None;
    }
    let mut clock = Clock {
        year: digits_at(text, 0, 4)?,
        month: digits_at(text, 5, 2)?,
        day: digits_at(text, 8, 2)?,
        hour: digits_at(text, 11, 2)?,
        minute: digits_at(text, 14, 2)?,
        second: digits_at(text, 17, 2)?,
        millis: 0,
    };
    let mut rest = text.get(19..)?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = fraction.iter().take_while(|octet| octet.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let kept = count.min(3);
        let factor = [100, 10, 1].get(kept - 1)?;
        clock.millis = digits_at(fraction, 0, kept)? * factor;
        rest = fraction.get(count..)?;
    }
    let (offset, width) = read_offset(rest)?;
    // RFC 3339 knows "Z" and "+hh:mm" only.
    if width != rest.len() || (width != 1 && width != 6) {
        return None;
    }
    Some(LocalTime { local_ms: clock.local_ms()?, offset_s: Some(offset) })
}

fn write_part(part: Part, time: LocalTime, out: &mut Vec<u8>) {
    let date = Date::from_days(i32::try_from(time.local_ms.div_euclid(DAY_MS)).unwrap_or_default());
    let in_day = time.local_ms.rem_euclid(DAY_MS);
    let mut number = |value: i64, width: usize| out.extend_from_slice(format!("{value:0width$}").as_bytes());
    match part {
        Part::Year => number(i64::from(date.year), 4),
        Part::Month => number(i64::from(date.month), 2),
        Part::Day => number(i64::from(date.day), 2),
        Part::Hour => number(in_day / 3_600_000, 2),
        Part::Minute => number(in_day / 60_000 % 60, 2),
        Part::Second => number(in_day / 1000 % 60, 2),
        Part::Millis => number(in_day % 1000, 3),
        Part::Literal(octet) => out.push(octet),
        Part::Offset => {
            let offset_s = time.offset_s.unwrap_or(0);
            out.push(if offset_s < 0 { b'-' } else { b'+' });
            let minutes = offset_s.unsigned_abs() / 60;
            out.extend_from_slice(format!("{:02}{:02}", minutes / 60, minutes % 60).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(format: &str, text: &str, expect: Option<(&str, Option<i32>)>) {
        let time = TimeFormat::compile(format).unwrap().read(text.as_bytes());
        let shown = time.map(|time| (caudal_usage::Timestamp::utc(time.local_ms).to_string(), time.offset_s));
        assert_eq!(shown, expect.map(|(local, offset)| (local.to_owned(), offset)), "{format} {text}");
    }

    #[test]
    fn readings() {
        check("%Y%m%d%H%M%S", "20261002195930", Some(("2026-10-02T19:59:30Z", None)));
        check(
            "%Y-%m-%d %H:%M:%S.%3f%z",
            "2026-10-02 19:59:30.250+02:00",
            Some(("2026-10-02T19:59:30.250Z", Some(7200))),
        );
        check("%d/%m/%Y %H:%M", "02/10/2026 19:59", Some(("2026-10-02T19:59:00Z", None)));
        check("%Y%m%d%H%M%S%z", "20261002195930-0330", Some(("2026-10-02T19:59:30Z", Some(-12_600))));
        check("%Y%m%d%H%M%S%z", "20261002195930-03", Some(("2026-10-02T19:59:30Z", Some(-10_800))));
        check("epoch_s", "1790971170", Some(("2026-10-02T19:59:30Z", Some(0))));
        check("epoch_s", "1790971170.250", Some(("2026-10-02T19:59:30.250Z", Some(0))));
        check("epoch_ms", "1790971170250", Some(("2026-10-02T19:59:30.250Z", Some(0))));
        check("rfc3339", "2026-10-02T19:59:30+02:00", Some(("2026-10-02T19:59:30Z", Some(7200))));
        check("rfc3339", "2026-10-02T19:59:30.123456Z", Some(("2026-10-02T19:59:30.123Z", Some(0))));
        check("rfc3339", "2026-10-02T19:59:30.1Z", Some(("2026-10-02T19:59:30.100Z", Some(0))));
    }

    #[test]
    fn refused_readings() {
        for text in [
            "",
            "2026100219593",
            "202610021959300",
            "20260229000000",
            "20261301000000",
            "20261032000000",
            "20261002240000",
            "20261002006000",
            "20261002000060",
            "2026100219593x",
            "2026-1002195930",
        ] {
            check("%Y%m%d%H%M%S", text, None);
        }
        for text in [
            "2026-10-02T19:59:30",
            "2026-10-02T19:59:30+0200",
            "2026-10-02T19:59:30.Z",
            "2026-10-02T19:59:30Zx",
        ] {
            check("rfc3339", text, None);
        }
        check("epoch_s", "12.3456", None);
        check("%Y%m%d%H%M%S%z", "20261002195930+1660", None);
    }

    #[test]
    fn refused_formats() {
        for format in
            ["", "%Y", "%Y%m%d%H%M%Q", "%Y%m%d%H%M%S%S", "%Y%m%d%H%M%S%", "%Y%m%d%H%Mñ", "%y%m%d%H%M"]
        {
            assert!(TimeFormat::compile(format).is_err(), "{format}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(local_ms in 0i64..7_258_118_400_000, quarter in -48i32..=56) {
            let time = LocalTime { local_ms, offset_s: Some(quarter * 900) };
            for format in ["%Y-%m-%dT%H:%M:%S.%3f%z", "rfc3339"] {
                let format = TimeFormat::compile(format).unwrap();
                let mut text = Vec::new();
                format.write(time, &mut text);
                prop_assert_eq!(format.read(&text), Some(time));
            }
        }

        #[test]
        fn the_compact_reader_agrees_with_that_of_parts(text in "[0-9]{13,15}|[0-9]{6}[0-3][0-9]{7}|20[0-9]{2}[01][0-9][0-3][0-9][0-2][0-9][0-6][0-9][0-6][0-9:/]") {
            let compact = TimeFormat::compile("%Y%m%d%H%M%S").unwrap();
            prop_assert_eq!(&compact, &TimeFormat::Compact);
            prop_assert_eq!(compact.read(text.as_bytes()), TimeFormat::read_parts(&COMPACT, text.as_bytes()));
        }

        #[test]
        fn any_text_is_safe(text in prop::collection::vec(any::<u8>(), 0..40)) {
            for format in ["%Y-%m-%dT%H:%M:%S.%3f%z", "rfc3339", "epoch_s", "epoch_ms"] {
                let _ = TimeFormat::compile(format).unwrap().read(&text);
            }
        }
    }
}
