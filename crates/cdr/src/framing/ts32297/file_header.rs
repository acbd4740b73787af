//! TS 32.297 clause 6.1.1: the header of a CDR file.
//! Relies on the header length for where the first CDR begins.
//! Never refuses a header for its values: what is wrong with them is found by its checks.
//!
//! | octets | what |
//! |---|---|
//! | 1–4 | octets of the file, this header included; `FFFFFFFF` when its writer could not say |
//! | 5–8 | octets of this header |
//! | 9, 10 | highest and lowest release (3 bits) and version (5 bits) of the CDRs |
//! | 11–14, 15–18 | when the file was opened, and when the last CDR was appended |
//! | 19–22 | number of CDRs |
//! | 23–26 | file sequence number |
//! | 27 | closure trigger reason |
//! | 28–47 | address of the node: 4 insignificant octets, then IPv6, or IPv4 as `::ffff:a.b.c.d` |
//! | 48 | lost CDR indicator |
//! | 49–50, 51… | length of the routeing filter, and the filter |
//! | 2, … | length of the private extension, and the extension; some writers leave out the length of none |
//! | 1, 1 | extensions of the highest and lowest release, each only when its release bits are 7 |

use super::header::Release;
use caudal_usage::time::DAY_MS;
use caudal_usage::{Code, Date, Fault};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

/// Octets up to the routeing filter.
const FIXED: usize = 50;

/// The header of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileHeader {
    /// Octets of the file; `None` when the writer could not say.
    pub file_length: Option<u32>,
    /// Octets of this header.
    pub header_length: u32,
    /// Highest release and version of the CDRs.
    pub highest: (Release, u8),
    /// Lowest release and version of the CDRs.
    pub lowest: (Release, u8),
    /// When the file was opened.
    pub opened: HeaderTime,
    /// When the last CDR was appended.
    pub last_append: HeaderTime,
    /// CDRs in the file.
    pub cdrs: u32,
    /// File sequence number: counts up by one for each file of a node, and wraps to 0 at 2^32.
    pub sequence: u32,
    /// Why the file was closed.
    pub closure: Closure,
    /// Address of the node, as written.
    pub node: [u8; 20],
    /// What was lost before.
    pub lost: LostCdrs,
    /// Vendor's routeing filter.
    pub routeing_filter: Box<[u8]>,
    /// Vendor's private extension.
    pub private_extension: Box<[u8]>,
    /// Octets of the parts, where they do not add up to the header length.
    misfit: Option<usize>,
}

impl FileHeader {
    /// Reads the header at the front of a file. A fault when there is none, or not all of it.
    pub fn parse(head: &[u8]) -> Result<Self, Fault> {
        let short = || {
            let found = format!("{} octets of a file header", head.len());
            Fault::new(Code::Truncated, "headerLength", found.as_bytes())
        };
        let fixed = head.first_chunk::<FIXED>().ok_or_else(short)?;
        let header_length = word(fixed, 4);
        let octets = usize::try_from(header_length).unwrap_or(usize::MAX);
        if octets < FIXED {
            let found = format!("{header_length}, expected at least {FIXED}");
            return Err(Fault::new(Code::BadLength, "headerLength", found.as_bytes()));
        }
        let rest = head.get(FIXED..octets).ok_or_else(short)?;
        let tail = Tail::split(rest, usize::from(pair(fixed, 48)), [fixed[8], fixed[9]]);
        Ok(Self {
            file_length: Some(word(fixed, 0)).filter(|length| *length != u32::MAX),
            header_length,
            highest: (Release::new(fixed[8] >> 5, tail.extensions[0]), fixed[8] & 0x1F),
            lowest: (Release::new(fixed[9] >> 5, tail.extensions[1]), fixed[9] & 0x1F),
            opened: HeaderTime(word(fixed, 10)),
            last_append: HeaderTime(word(fixed, 14)),
            cdrs: word(fixed, 18),
            sequence: word(fixed, 22),
            closure: Closure(fixed[26]),
            node: std::array::from_fn(|at| fixed[27 + at]),
            lost: LostCdrs(fixed[47]),
            routeing_filter: tail.routeing_filter.into(),
            private_extension: tail.private_extension.into(),
            misfit: tail.misfit,
        })
    }

    /// Octets of this header.
    pub fn octets(&self) -> usize {
        usize::try_from(self.header_length).unwrap_or(usize::MAX)
    }

    /// True when the parts of the header add up to its length.
    pub const fn fits(&self) -> bool {
        self.misfit.is_none()
    }

    /// Octets of the parts, where they do not add up to the header length.
    pub(super) const fn misfit(&self) -> Option<usize> {
        self.misfit
    }

    /// Address of the node, from either layout that is written; `None` when there is none.
    pub fn node_address(&self) -> Option<IpAddr> {
        let [a, b, c, d, rest @ ..] = self.node;
        let address = Ipv6Addr::from(rest);
        let no_rest = rest.iter().all(|octet| [0x00, 0xFF].contains(octet));
        if [a, b, c, d] != [0xFF; 4] && [a, b, c, d] != [0; 4] && no_rest {
            return Some(Ipv4Addr::new(a, b, c, d).into());
        }
        let address = address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4);
        (!no_rest).then_some(address)
    }
}

/// True when the octets may be the front of a header that the file does not hold all of.
pub(super) fn is_cut(head: &[u8]) -> bool {
    match head.first_chunk::<8>() {
        Some(start) => {
            (FIXED..=super::RECORD_MAX).contains(&usize::try_from(word(start, 4)).unwrap_or(usize::MAX))
                && head.len() < usize::try_from(word(start, 4)).unwrap_or(usize::MAX)
        }
        None => true,
    }
}

fn word<const N: usize>(octets: &[u8; N], at: usize) -> u32 {
    octets.get(at..).and_then(<[u8]>::first_chunk::<4>).map_or(0, |word| u32::from_be_bytes(*word))
}

fn pair<const N: usize>(octets: &[u8; N], at: usize) -> u16 {
    octets.get(at..).and_then(<[u8]>::first_chunk::<2>).map_or(0, |pair| u16::from_be_bytes(*pair))
}

/// What stands behind the fixed part.
#[derive(Default)]
struct Tail<'a> {
    routeing_filter: &'a [u8],
    private_extension: &'a [u8],
    /// Of the highest and of the lowest release.
    extensions: [u8; 2],
    misfit: Option<usize>,
}

impl<'a> Tail<'a> {
    /// By the arithmetic of the header length: a private extension has its length before it; none may have none.
    fn split(rest: &'a [u8], filter: usize, releases: [u8; 2]) -> Self {
        let extended = releases.map(|octet| octet >> 5 == Release::EXTENDED);
        let extensions = extended.iter().filter(|extended| **extended).count();
        let misfit = |parts: usize| Self { misfit: Some(FIXED + parts), ..Self::default() };
        let Some((routeing_filter, behind)) = rest.split_at_checked(filter) else {
            return misfit(filter + extensions);
        };
        let private_extension = if behind.len() == extensions {
            &[][..]
        } else {
            let private =
                behind.first_chunk::<2>().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
            if behind.len() != 2 + private + extensions {
                return misfit(filter + 2 + private + extensions);
            }
            behind.get(2..2 + private).unwrap_or_default()
        };
        let mut octets = behind.get(behind.len() - extensions..).unwrap_or_default().iter().copied();
        let extensions = extended.map(|extended| if extended { octets.next().unwrap_or(0) } else { 0 });
        Self { routeing_filter, private_extension, extensions, misfit: None }
    }
}

/// A time of day without a year: month (4 bits), day (5), hour (5), minute (6), sign (1: 1 is east), hours (5) and
/// minutes (6) of the offset from UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeaderTime(pub u32);

impl HeaderTime {
    const fn bits(self, from: u32, count: u32) -> u8 {
        (self.0 >> (32 - from - count) & ((1 << count) - 1)) as u8
    }

    /// Minutes since the year began, in UTC, by the days of a leap year; before it for a time that is still in the old
    /// year. `None` when there is no such time.
    pub fn minute_of_year(self) -> Option<i64> {
        let (hour, minute) = (self.bits(9, 5), self.bits(14, 6));
        let (zone_hour, zone_minute) = (self.bits(21, 5), self.bits(26, 6));
        let date = Date::new(LEAP_YEAR, self.bits(0, 4), self.bits(4, 5))?;
        if hour > 23 || minute > 59 || zone_hour > 15 || zone_minute > 59 {
            return None;
        }
        let year = Date { year: LEAP_YEAR, month: 1, day: 1 };
        let days = (date.local_ms() - year.local_ms()) / DAY_MS;
        let local = (days * 24 + i64::from(hour)) * 60 + i64::from(minute);
        let zone = i64::from(zone_hour) * 60 + i64::from(zone_minute);
        Some(if self.bits(20, 1) == 1 { local - zone } else { local + zone })
    }

    /// True when this time lies after `other`. A year may end between the two: half a year tells which comes first.
    pub fn is_after(self, other: Self) -> Option<bool> {
        let ahead = self.minute_of_year()? - other.minute_of_year()?;
        Some((ahead > 0) != (ahead.abs() > HALF_YEAR_MINUTES))
    }
}

/// Any year that has a 29 February.
const LEAP_YEAR: i32 = 2024;
const HALF_YEAR_MINUTES: i64 = 183 * 24 * 60;

impl fmt::Display for HeaderTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.bits(20, 1) == 1 { '+' } else { '-' };
        let (month, day) = (self.bits(0, 4), self.bits(4, 5));
        let (hour, minute) = (self.bits(9, 5), self.bits(14, 6));
        let (zone_hour, zone_minute) = (self.bits(21, 5), self.bits(26, 6));
        write!(f, "{month:02}-{day:02} {hour:02}:{minute:02}{sign}{zone_hour:02}:{zone_minute:02}")
    }
}

/// Why a file was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closure(pub u8);

impl Closure {
    /// True for the family of abnormal reasons: someone should look at the node.
    pub const fn is_abnormal(self) -> bool {
        self.0 >= 128
    }
}

impl fmt::Display for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "normal",
            1 => "file size limit",
            2 => "file open time limit",
            3 => "maximum number of CDRs",
            4 => "manual",
            5 => "release, version or encoding change",
            128 => "abnormal",
            129 => "file system error",
            130 => "storage exhausted",
            131 => "file integrity error",
            6..=127 => "normal, reserved",
            132..=255 => "abnormal, reserved",
        };
        write!(f, "{} ({name})", self.0)
    }
}

/// How many CDRs were lost before they came into the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LostCdrs(pub u8);

impl LostCdrs {
    /// True when none was lost.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for LostCdrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0 (none lost)"),
            1..=127 => write!(f, "{} (at least {} lost)", self.0, self.0),
            128 => f.write_str("128 (at least 1 lost)"),
            129..=254 => write!(f, "{} ({} lost)", self.0, self.0 - 128),
            255 => f.write_str("255 (127 or more lost)"),
        }
    }
}
