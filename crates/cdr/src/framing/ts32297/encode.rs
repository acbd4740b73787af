//! TS 32.297 files as a charging gateway function writes them: for generators and tests.
//! Relies on the caller for what only it knows: sequence number, times, node, why the file was closed.
//! Never used on the line: it is the inverse of the header's reader.

use caudal_usage::time::DAY_MS;
use caudal_usage::{Date, LocalTime};
use core::net::IpAddr;

/// Octets of a header up to the routeing filter.
const FIXED: usize = 50;

/// Release bits that say "10 or later, see the extension".
const EXTENDED: u8 = 7;

/// What a CDR header says of its CDR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CdrKind {
    /// Release of the specification, from 3 (R99) on. From 10 on the header has five octets.
    pub release: u8,
    /// Version within the release, 0 to 31.
    pub version: u8,
    /// Data record format: 1 for BER.
    pub format: u8,
    /// Number of the specification: 7 for TS 32.251, 20 for TS 32.255.
    pub ts: u8,
}

impl CdrKind {
    /// A PGW record of a release.
    pub const fn pgw(release: u8) -> Self {
        Self { release, version: 0, format: 1, ts: 7 }
    }

    /// A CHF record of a release.
    pub const fn chf(release: u8) -> Self {
        Self { release, version: 0, format: 1, ts: 20 }
    }

    /// Release bits and version, and the extension where there is one.
    fn octets(self) -> (u8, Option<u8>) {
        let bits = self.release.saturating_sub(3).min(EXTENDED);
        let extension = (bits == EXTENDED).then(|| self.release.saturating_sub(10));
        (bits << 5 | self.version & 0x1F, extension)
    }
}

/// What the header of a file says that its CDRs do not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct FileKind<'a> {
    pub sequence: u32,
    pub node: IpAddr,
    pub opened: LocalTime,
    pub last_append: LocalTime,
    /// Closure trigger reason: 0 normal, 3 maximum number of CDRs, from 128 on abnormal.
    pub closure: u8,
    /// Lost CDR indicator.
    pub lost: u8,
    pub routeing_filter: &'a [u8],
    /// `None` leaves out its length too, as some writers do.
    pub private_extension: Option<&'a [u8]>,
}

/// A file on its way.
#[derive(Clone, Debug, Default)]
pub struct FileWriter {
    body: Vec<u8>,
    cdrs: u32,
    /// Lowest and highest release.
    kinds: Option<(CdrKind, CdrKind)>,
}

impl FileWriter {
    /// A file without CDRs.
    pub fn new() -> Self {
        Self::default()
    }

    /// CDRs so far.
    pub const fn cdrs(&self) -> u32 {
        self.cdrs
    }

    /// Octets of the CDRs so far, with their headers.
    pub const fn octets(&self) -> usize {
        self.body.len()
    }

    /// Appends a CDR behind its header. A content of 65,536 octets or more has a wrong length.
    pub fn cdr(&mut self, kind: CdrKind, content: &[u8]) {
        let (release, extension) = kind.octets();
        let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
        self.body.extend_from_slice(&length.to_be_bytes());
        self.body.extend_from_slice(&[release, kind.format << 5 | kind.ts & 0x1F]);
        self.body.extend(extension);
        self.body.extend_from_slice(content);
        self.cdrs += 1;
        let (low, high) = self.kinds.unwrap_or((kind, kind));
        let order = |kind: &CdrKind| (kind.release, kind.version);
        let low = std::cmp::min_by_key(low, kind, order);
        self.kinds = Some((low, std::cmp::max_by_key(high, kind, order)));
    }

    /// Appends octets between CDRs: fill, or damage.
    pub fn raw(&mut self, octets: &[u8]) {
        self.body.extend_from_slice(octets);
    }

    /// The file, header and all.
    pub fn finish(&self, file: &FileKind<'_>) -> Vec<u8> {
        let none = CdrKind::pgw(8);
        let (low, high) = self.kinds.unwrap_or((none, none));
        let ((low, low_extension), (high, high_extension)) = (low.octets(), high.octets());
        let mut tail = Vec::from(short(file.routeing_filter.len()));
        tail.extend_from_slice(file.routeing_filter);
        if let Some(extension) = file.private_extension {
            tail.extend_from_slice(&short(extension.len()));
            tail.extend_from_slice(extension);
        }
        tail.extend(high_extension.into_iter().chain(low_extension));
        let header = FIXED - 2 + tail.len();
        let mut out = Vec::with_capacity(header + self.body.len());
        out.extend_from_slice(&long(header + self.body.len()));
        out.extend_from_slice(&long(header));
        out.extend_from_slice(&[high, low]);
        out.extend_from_slice(&stamp(file.opened).to_be_bytes());
        out.extend_from_slice(&stamp(file.last_append).to_be_bytes());
        out.extend_from_slice(&self.cdrs.to_be_bytes());
        out.extend_from_slice(&file.sequence.to_be_bytes());
        out.push(file.closure);
        out.extend_from_slice(&[0xFF; 4]);
        let node = match file.node {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        out.extend_from_slice(&node.octets());
        out.push(file.lost);
        out.extend_from_slice(&tail);
        out.extend_from_slice(&self.body);
        out
    }
}

fn short(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

fn long(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

/// Month, day, hour, minute, sign and offset, packed.
fn stamp(time: LocalTime) -> u32 {
    let date = Date::from_days(i32::try_from(time.local_ms.div_euclid(DAY_MS)).unwrap_or_default());
    let minutes = u32::try_from(time.local_ms.rem_euclid(DAY_MS) / 60_000).unwrap_or_default();
    let offset_s = time.offset_s.unwrap_or(0);
    let zone = offset_s.unsigned_abs() / 60;
    let parts = [
        (u32::from(date.month), 4),
        (u32::from(date.day), 5),
        (minutes / 60, 5),
        (minutes % 60, 6),
        (u32::from(offset_s >= 0), 1),
        (zone / 60, 5),
        (zone % 60, 6),
    ];
    parts.iter().fold(0, |packed, (value, bits)| packed << bits | value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    /// The octets of the file that an independent program wrote.
    #[test]
    fn a_file_comes_out_octet_for_octet() {
        let expect = include_bytes!("../../../testdata/ts32297/ts32297_r8_2rec.cdr");
        let time = |minutes: i64, offset_s| LocalTime {
            local_ms: Date::parse("2026-11-22").unwrap().local_ms() + minutes * 60_000,
            offset_s: Some(offset_s),
        };
        let mut file = FileWriter::new();
        let kind = CdrKind { version: 3, ..CdrKind::pgw(8) };
        file.cdr(kind, &expect[56..263]);
        file.cdr(kind, &expect[267..]);
        let header = FileKind {
            sequence: 41,
            node: Ipv4Addr::new(10, 0, 0, 1).into(),
            opened: time(15 * 60 + 30, 3 * 3600),
            last_append: time(12 * 60 + 31, 0),
            closure: 0,
            lost: 0,
            routeing_filter: b"",
            private_extension: Some(b""),
        };
        assert_eq!(file.finish(&header), expect);
    }

    #[test]
    fn headers_of_both_lengths_and_what_may_be_left_out() {
        let at = LocalTime { local_ms: 0, offset_s: Some(-5_400) };
        let mut file = FileWriter::new();
        file.cdr(CdrKind::pgw(16), b"abc");
        file.cdr(CdrKind::pgw(9), b"");
        let header = FileKind {
            sequence: u32::MAX,
            node: Ipv4Addr::LOCALHOST.into(),
            opened: at,
            last_append: at,
            closure: 128,
            lost: 5,
            routeing_filter: b"rf",
            private_extension: None,
        };
        let written = file.finish(&header);
        assert_eq!((file.cdrs(), file.octets(), written.len()), (2, 12, 53 + 12));
        assert_eq!(written[..12], [0, 0, 0, 65, 0, 0, 0, 53, 0xE0, 0xC0, 0x10, 0x80]);
        assert_eq!(written[48..], *b"\0\x02rf\x06\0\x03\xE0\x27\x06abc\0\0\xC0\x27");
        let extended = file.finish(&FileKind { private_extension: Some(b"x"), ..header });
        assert_eq!(extended[48..56], *b"\0\x02rf\0\x01x\x06");
    }
}
