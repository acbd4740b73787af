//! A whole file to its header and checks: encoding, line ends, columns, times, and the sums of its octets.
//! Relies on one pass of `walk`.
//! Never holds records: counts only.

use super::kind::Kind;
use super::open::open;
use super::walk::{Seen, Sums, What, walk};
use caudal_cdr::Framing;
use caudal_usage::Code;
use std::collections::BTreeMap;
use std::path::Path;

/// What a file is, as a whole.
pub struct Survey {
    /// Its kind.
    pub kind: Kind,
    /// Where its octets went.
    pub sums: Sums,
    /// Octets on disk.
    pub size_on_disk: u64,
    /// True when the content was compressed.
    pub compressed: bool,
    /// `ascii`, `utf-8`, or `other`.
    pub encoding: &'static str,
    /// True when it begins with a byte order mark.
    pub byte_order_mark: bool,
    /// Lines ended by LF, by CRLF, and by the end of the file.
    pub line_ends: [u64; 3],
    /// How many records have how many columns.
    pub columns: BTreeMap<usize, u64>,
    /// Records with another number of columns than the file has.
    pub mismatched: u64,
    /// Lines that are no UTF-8.
    pub undecodable: u64,
    /// Lines with control characters.
    pub controls: u64,
    /// Lines that are too long.
    pub oversize: u64,
    /// True when the last line ends early: without a line end and without all its columns, or cut off in compression.
    pub truncated: bool,
    /// Damage by code.
    pub codes: BTreeMap<Code, u64>,
    /// First and last time, as written.
    pub times: Option<(String, String)>,
}

/// Reads a file once. `format` is what the user says it is.
pub fn survey(path: &Path, format: Option<&str>) -> anyhow::Result<Survey> {
    let mut opened = open(path, Framing::Lines)?;
    let head = opened.reader.head();
    let mut survey = Survey {
        kind: Kind::of(head, format),
        sums: Sums::default(),
        size_on_disk: opened.size_on_disk,
        compressed: opened.compressed,
        encoding: "ascii",
        byte_order_mark: head.starts_with(b"\xEF\xBB\xBF"),
        line_ends: [0; 3],
        columns: BTreeMap::new(),
        mismatched: 0,
        undecodable: 0,
        controls: 0,
        oversize: 0,
        truncated: false,
        codes: BTreeMap::new(),
        times: None,
    };
    let kind = std::mem::replace(&mut survey.kind, Kind::Empty);
    survey.sums = walk(opened.reader.as_mut(), &kind, &mut |seen| {
        survey.see(seen);
        Ok(())
    })?;
    survey.kind = kind;
    Ok(survey)
}

impl Survey {
    fn see(&mut self, seen: &Seen<'_>) {
        self.line(seen);
        match &seen.what {
            What::Header => {}
            What::Record(fields) => {
                *self.columns.entry(fields.len()).or_default() += 1;
                if let Some(time) = fields.iter().find_map(|(_, value)| time(value)) {
                    self.time(time);
                }
            }
            What::Damage(fault) => {
                *self.codes.entry(fault.code).or_default() += 1;
                self.mismatched += u64::from(fault.field == "columns");
            }
        }
        self.truncated = match &seen.what {
            What::Damage(fault) => fault.code == Code::Truncated && seen.line_end.is_empty(),
            What::Header | What::Record(_) => false,
        };
    }

    fn line(&mut self, seen: &Seen<'_>) {
        match std::str::from_utf8(seen.bytes) {
            Ok(_) if seen.bytes.is_ascii() => {}
            Ok(_) if self.encoding == "ascii" => self.encoding = "utf-8",
            Ok(_) => {}
            // Long damage is kept only in part, which may end inside a character.
            Err(error) if error.error_len().is_none() && seen.length > seen.bytes.len() as u64 => {}
            Err(_) => {
                self.encoding = "other";
                self.undecodable += 1;
            }
        }
        self.controls +=
            u64::from(seen.bytes.iter().any(|octet| octet.is_ascii_control() && *octet != b'\t'));
        self.oversize +=
            u64::from(matches!(&seen.what, What::Damage(fault) if fault.code == Code::BadLength));
        let end = match seen.line_end {
            [.., b'\r', b'\n'] => 1,
            [.., b'\n'] => 0,
            _ => 2,
        };
        if let Some(count) = self.line_ends.get_mut(end) {
            *count += 1;
        }
    }

    fn time(&mut self, time: String) {
        match &mut self.times {
            None => self.times = Some((time.clone(), time)),
            Some((first, _)) if time < *first => *first = time,
            Some((_, last)) if time > *last => *last = time,
            Some(_) => {}
        }
    }

    /// How lines end: `lf`, `crlf`, `mixed`, or `none` where no line does.
    pub const fn line_end(&self) -> &'static str {
        match self.line_ends {
            [0, 0, _] => "none",
            [_, 0, _] => "lf",
            [0, ..] => "crlf",
            _ => "mixed",
        }
    }

    /// Lines, headers and damage included.
    pub fn lines(&self) -> u64 {
        self.line_ends.iter().sum()
    }
}

/// A value that reads like a time of day on a date, brought to one shape: `2026-10-02 19:59:30`.
fn time(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let b = text.as_bytes();
    let leading = b.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let plain = leading == 14 && matches!(b.get(14), None | Some(b'+' | b'-' | b'Z'));
    let digits: String =
        text.chars().take(if plain { 14 } else { 19 }).filter(char::is_ascii_digit).collect();
    let marks = [(4, b"-/".as_slice()), (7, b"-/"), (10, b" T"), (13, b":"), (16, b":")];
    let marked = marks.iter().all(|(at, set)| b.get(*at).is_some_and(|octet| set.contains(octet)));
    if !(plain || marked && digits.len() == 14) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to);
    let within = |from, to, range: std::ops::RangeInclusive<u16>| {
        part(from, to).and_then(|text| text.parse::<u16>().ok()).is_some_and(|number| range.contains(&number))
    };
    let fits = within(0, 4, 1980..=2100)
        && within(4, 6, 1..=12)
        && within(6, 8, 1..=31)
        && within(8, 10, 0..=23)
        && within(10, 12, 0..=59)
        && within(12, 14, 0..=60);
    let (date, clock) =
        ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(8, 10)?, part(10, 12)?, part(12, 14)?));
    fits.then(|| format!("{}-{}-{} {}:{}:{}", date.0, date.1, date.2, clock.0, clock.1, clock.2))
}
