//! TS 32.297 clause 6.1.2: the header of one CDR, four octets, or five from release 10 on.
//! Relies on the octets being the first of a framed record.
//! Never refuses an unknown version or number: the record behind it is judged by itself.
//!
//! | octets | what |
//! |---|---|
//! | 1–2 | octets of the CDR, without this header |
//! | 3 | release (3 bits), version (5 bits) |
//! | 4 | data record format (3 bits), TS number (5 bits) |
//! | 5 | release beyond 10, only when the release bits are 7 |

use caudal_usage::{Code, Fault, Stage};
use std::fmt;

/// Octets of a CDR header without the release extension.
pub(super) const OCTETS_MIN: usize = 4;

/// A release of the specification. R99 is 3: the numbers order as the releases do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Release(pub u16);

impl Release {
    /// Bits that say "10 or later, see the extension".
    pub(super) const EXTENDED: u8 = 7;

    /// From the three bits and the extension octet.
    pub(super) const fn new(bits: u8, extension: u8) -> Self {
        if bits >= Self::EXTENDED { Self(10 + extension as u16) } else { Self(3 + bits as u16) }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            3 => f.write_str("R99"),
            number => write!(f, "R{number}"),
        }
    }
}

/// How a record is encoded: the data record format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Encoding {
    Ber,
    UnalignedPer,
    AlignedPer,
    Xer,
    /// 0 and 5 to 7.
    Reserved(u8),
}

impl Encoding {
    const fn new(bits: u8) -> Self {
        match bits {
            1 => Self::Ber,
            2 => Self::UnalignedPer,
            3 => Self::AlignedPer,
            4 => Self::Xer,
            other => Self::Reserved(other),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ber => f.write_str("BER"),
            Self::UnalignedPer => f.write_str("unaligned PER"),
            Self::AlignedPer => f.write_str("aligned PER"),
            Self::Xer => f.write_str("XER"),
            Self::Reserved(bits) => write!(f, "reserved {bits}"),
        }
    }
}

/// Which specification the record is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TsNumber(pub u8);

/// The specifications by their number in a CDR header; 8 is not assigned.
const SPECIFICATIONS: [Option<&str>; 26] = [
    Some("32.005"),
    Some("32.015"),
    Some("32.205"),
    Some("32.215"),
    Some("32.225"),
    Some("32.235"),
    Some("32.250"),
    Some("32.251"),
    None,
    Some("32.260"),
    Some("32.270"),
    Some("32.271"),
    Some("32.272"),
    Some("32.273"),
    Some("32.275"),
    Some("32.274"),
    Some("32.277"),
    Some("32.296"),
    Some("32.278"),
    Some("32.253"),
    Some("32.255"),
    Some("32.254"),
    Some("32.256"),
    Some("28.201"),
    Some("28.202"),
    Some("32.257"),
];

impl TsNumber {
    /// `32.251`; `None` when the number is not assigned.
    pub fn specification(self) -> Option<&'static str> {
        SPECIFICATIONS.get(usize::from(self.0)).copied().flatten()
    }
}

impl fmt::Display for TsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.specification() {
            Some(name) => write!(f, "TS {name}"),
            None => write!(f, "unassigned {}", self.0),
        }
    }
}

/// The header of one CDR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CdrHeader {
    /// Octets of the CDR behind this header.
    pub length: u16,
    /// Release of the specification.
    pub release: Release,
    /// Version of the specification within the release.
    pub version: u8,
    /// How the CDR is encoded.
    pub encoding: Encoding,
    /// Which specification.
    pub ts: TsNumber,
    /// Octets of this header: 4 or 5.
    pub octets: usize,
}

impl CdrHeader {
    /// Reads the front of `input`; `None` when it is too short.
    #[inline]
    pub fn read(input: &[u8]) -> Option<Self> {
        let [high, low, release, format] = *input.first_chunk::<OCTETS_MIN>()?;
        let extended = release >> 5 == Release::EXTENDED;
        let extension = if extended { *input.get(OCTETS_MIN)? } else { 0 };
        Some(Self {
            length: u16::from_be_bytes([high, low]),
            release: Release::new(release >> 5, extension),
            version: release & 0x1F,
            encoding: Encoding::new(format >> 5),
            ts: TsNumber(format & 0x1F),
            octets: OCTETS_MIN + usize::from(extended),
        })
    }

    /// Octets of header and CDR.
    #[inline]
    pub fn record_octets(&self) -> usize {
        self.octets + usize::from(self.length)
    }

    /// True when encoding and specification are assigned.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self.encoding, Encoding::Reserved(_)) && self.ts.specification().is_some()
    }
}

/// A framed record to its CDR header and the BER element behind it. A record that is not in BER is refused as
/// `unknown_format`: the next one is framed all the same.
#[inline]
pub fn cdr(record: &[u8]) -> Result<(CdrHeader, &[u8]), Fault> {
    let Some(header) = CdrHeader::read(record) else {
        return Err(fault(
            Code::Truncated,
            "cdrHeader",
            &format!("{} octets, expected 4 or 5", record.len()),
        ));
    };
    let content = record.get(header.octets..).unwrap_or_default();
    if content.len() != usize::from(header.length) {
        let found = format!("{} octets, expected {}", content.len(), header.length);
        return Err(fault(Code::BadLength, "cdrLength", &found));
    }
    match header.encoding {
        Encoding::Ber => Ok((header, content)),
        Encoding::UnalignedPer | Encoding::AlignedPer | Encoding::Xer | Encoding::Reserved(_) => {
            let found = format!("{}, expected BER", header.encoding);
            Err(fault(Code::UnknownFormat, "dataRecordFormat", &found))
        }
    }
}

#[cold]
fn fault(code: Code, field: &str, found: &str) -> Fault {
    Fault::new(code, field, found.as_bytes()).at(Stage::Decode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(octets: &[u8], shown: &str, len: usize) {
        let header = CdrHeader::read(octets).unwrap();
        let text = format!(
            "{} {} v{} {} {}",
            header.length, header.release, header.version, header.encoding, header.ts
        );
        assert_eq!((text.as_str(), header.octets), (shown, len));
    }

    #[test]
    fn headers() {
        check(b"\x00\xCF\xA3\x27", "207 R8 v3 BER TS 32.251", 4);
        check(b"\x00\x7D\xEB\x34\x06", "125 R16 v11 BER TS 32.255", 5);
        check(b"\x00\x01\x00\x48", "1 R99 v0 unaligned PER unassigned 8", 4);
        check(b"\x00\x01\x20\xFF", "1 R4 v0 reserved 7 unassigned 31", 4);
        assert_eq!(CdrHeader::read(b"\x00\x7D\xEB\x34"), None);
    }

    #[test]
    fn records() {
        let code =
            |record: &[u8]| cdr(record).map(|(_, content)| content.to_vec()).map_err(|fault| fault.code);
        assert_eq!(code(b"\x00\x02\xA3\x27\xA0\x00"), Ok(b"\xA0\x00".to_vec()));
        assert_eq!(code(b"\x00\x02\xEB\x34\x06\xA0\x00"), Ok(b"\xA0\x00".to_vec()));
        assert_eq!(code(b"\x00\x02\xA3\x47\xA0\x00"), Err(Code::UnknownFormat));
        assert_eq!(code(b"\x00\x02\xA3\x07\xA0\x00"), Err(Code::UnknownFormat));
        assert_eq!(code(b"\x00\x03\xA3\x27\xA0\x00"), Err(Code::BadLength));
        assert_eq!(code(b"\x00\x03\xA3"), Err(Code::Truncated));
    }
}
