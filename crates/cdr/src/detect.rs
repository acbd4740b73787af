//! The first octets of a file to the format that they look like.
//! Relies on magic numbers first, then on the shape of the first lines; `inspect` asks it, `run` never does.
//! Never certain about text: a delimited feed must be described in the pipeline to be read.

use crate::ber::{Class, Tag, Tlv, first, head, leading_tag};
use crate::formats::asterisk::Order;
use crate::framing::{Framing, Place, ts32297};
use crate::roots::{Root, root_of};
use crate::split::{Dialect, Scratch, split};

/// What a file looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detected {
    /// A gzip wrapper: unwrap it first.
    Gzip,
    /// A Zstandard wrapper: unwrap it first.
    Zstd,
    /// A zip wrapper: unwrap it first.
    Zip,
    /// A TS 32.297 file.
    Ts32297,
    /// BER, with this as its first element.
    Ber(BerKind),
    /// Asterisk `Master.csv`, of either column order.
    Asterisk,
    /// Text in columns of some other kind.
    Delimited(Dialect),
}

/// What the first element of a BER file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BerKind {
    /// A record of TS 32.298.
    Record(&'static Root),
    /// TAP3 TransferBatch.
    TapBatch,
    /// TAP3 Notification.
    TapNotification,
    /// NRTRDE, which shares its first octet with TAP3.
    Nrtrde,
    /// RAP ReturnBatch.
    RapReturn,
    /// RAP Acknowledgement.
    RapAcknowledgement,
    /// An element that fits together inside, of no kind known here.
    Other,
}

impl BerKind {
    /// The name of the kind in its standard.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Record(root) => root.name,
            Self::TapBatch => "TAP3 TransferBatch",
            Self::TapNotification => "TAP3 Notification",
            Self::Nrtrde => "NRTRDE",
            Self::RapReturn => "RAP ReturnBatch",
            Self::RapAcknowledgement => "RAP Acknowledgement",
            Self::Other => "element of an unknown kind",
        }
    }
}

impl Detected {
    /// The word used in the pipeline and by `inspect`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Zip => "zip",
            Self::Ts32297 => "ts32297",
            Self::Ber(_) => "ber",
            Self::Asterisk => "asterisk",
            Self::Delimited(_) => "delimited",
        }
    }
}

/// Names the format of a file by its first octets; `None` when they are of no kind known here.
pub fn detect(head: &[u8]) -> Option<Detected> {
    let magic: [(&[u8], Detected); 3] = [
        (b"\x1F\x8B", Detected::Gzip),
        (b"\x28\xB5\x2F\xFD", Detected::Zstd),
        (b"PK\x03\x04", Detected::Zip),
    ];
    if let Some((_, wrapper)) = magic.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(*wrapper);
    }
    if is_ts32297(head) {
        return Some(Detected::Ts32297);
    }
    // Fill may come first.
    let element = head.iter().position(|octet| ![0x00, 0xFF].contains(octet)).and_then(|at| head.get(at..));
    let ber = element.and_then(ber_kind).map(Detected::Ber);
    ber.filter(|ber| *ber != Detected::Ber(BerKind::Other)).or_else(|| text(head)).or(ber)
}

fn text(head: &[u8]) -> Option<Detected> {
    let lines = || Framing::Lines.records(Place::FileStart, head).map(|record| record.bytes);
    if Order::detect(lines()).is_some() {
        return Some(Detected::Asterisk);
    }
    dialect(&lines().take(LINES).collect::<Vec<_>>()).map(Detected::Delimited)
}

/// A header whose lengths add up, or one that a CDR follows.
fn is_ts32297(head: &[u8]) -> bool {
    let octets = Framing::Ts32297.file_header(Place::FileStart, head);
    octets > 0 && ts32297::FileHeader::parse(head).is_ok_and(|header| header.fits() || head.len() > octets)
}

/// What stands at the front; the element may go on behind the head.
fn ber_kind(input: &[u8]) -> Option<BerKind> {
    let tag = leading_tag(input).filter(|tag| tag.is_constructed())?;
    let content = head(input)?.behind;
    let inside = leading_tag(content);
    let application = |number| Tag::new(Class::Application, number);
    let child = |number| inside.is_some_and(|tag| tag.is(application(number)));
    match (tag.class(), tag.number()) {
        (Class::Application, 1) if child(4) => return Some(BerKind::TapBatch),
        (Class::Application, 1) if child(41) => return Some(BerKind::Nrtrde),
        (Class::Application, 2) if inside.is_some_and(|tag| tag.class() == Class::Application) => {
            return Some(BerKind::TapNotification);
        }
        (Class::Application, 534) => return Some(BerKind::RapReturn),
        (Class::Application, 535) => return Some(BerKind::RapAcknowledgement),
        _ => {}
    }
    let whole = first(input).ok();
    if let Some(root) = whole.as_ref().map_or_else(|| root_of(tag, content), |it| root_of(tag, it.content)) {
        return Some(BerKind::Record(root));
    }
    let sound = |it: &Tlv<'_>| !it.content.is_empty() && it.children().all(|child| child.is_ok());
    whole.filter(sound).map(|_| BerKind::Other)
}

/// Lines that are looked at for a separator.
const LINES: usize = 50;

/// Fewest columns that make a feed.
const COLUMNS_MIN: usize = 3;

/// The separator by which most lines have as many columns as the first; the one with most columns wins.
fn dialect(lines: &[&[u8]]) -> Option<Dialect> {
    let binary = |line: &&[u8]| line.iter().any(|octet| *octet < b' ' && *octet != b'\t');
    if lines.iter().any(binary) {
        return None;
    }
    let quote = lines.iter().any(|line| line.contains(&b'"')).then_some(b'"');
    let mut best = None;
    for separator in *b";,\t|" {
        let dialect = Dialect { separator, quote };
        let mut scratch = Scratch::default();
        let mut count = |line: &[u8]| split(dialect, line, &mut scratch).map_or(0, |columns| columns.len());
        let columns = count(lines.first()?);
        let alike = lines.iter().filter(|line| count(line) == columns).count();
        let most = best.map_or(COLUMNS_MIN - 1, |(_, most)| most);
        if columns > most && alike * 2 > lines.len() {
            best = Some((dialect, columns));
        }
    }
    best.map(|(dialect, _)| dialect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_first_octets() {
        let check = |head: &[u8], expect| assert_eq!(detect(head), expect);
        check(b"\x1F\x8B\x08\0", Some(Detected::Gzip));
        check(b"PK\x03\x04rest", Some(Detected::Zip));
        check(b"\x28\xB5\x2F\xFDrest", Some(Detected::Zstd));
        check(b"", None);
        check(b"a;b;c\n1;2;3\n", Some(Detected::Delimited(Dialect { separator: b';', quote: None })));
        let quoted = Detected::Delimited(Dialect { separator: b',', quote: Some(b'"') });
        check(b"a,b;x,c\n\"1,5\",2;y,3\n4,5\n1,2,\n", Some(quoted));
        check(b"some prose, with commas\nand more of it\n", None);
        check(b"a;b;c\n1;2;\0\n", None);
        check(b"\x61\x81\x48\0", None);
        check(b"a\x01;b\n", None);
        let row = br#""","101","102","ctx","""A"" <101>","SIP/101-1","","Dial","x","2026-10-02 10:00:00","2026-10-02 10:00:05","2026-10-02 10:01:06",66,61,"ANSWERED","DOCUMENTATION""#;
        check(row, Some(Detected::Asterisk));
        check(&[b"damaged first line\n", row.as_slice()].concat(), Some(Detected::Asterisk));
    }

    #[test]
    fn binary_kinds() {
        let check = |head: &[u8], format: &str, kind: &str| {
            let found = detect(head).unwrap();
            let name = if let Detected::Ber(kind) = found { kind.name() } else { "" };
            assert_eq!((found.as_str(), name), (format, kind));
        };
        let pgw = include_bytes!("../testdata/records/pgw_pycrate.ber");
        check(pgw, "ber", "pGWRecord");
        check(&pgw[..100], "ber", "pGWRecord");
        check(&[&[0xFF; 9], pgw.as_slice()].concat(), "ber", "pGWRecord");
        check(include_bytes!("../testdata/records/sgw_pycrate.ber"), "ber", "sGWRecord");
        check(include_bytes!("../testdata/records/chf_pycrate.ber"), "ber", "chargingFunctionRecord");
        check(include_bytes!("../testdata/records/moc_pycrate.ber"), "ber", "moCallRecord");
        check(include_bytes!("../testdata/records/tap_moc_pycrate.ber"), "ber", "TAP3 TransferBatch");
        check(include_bytes!("../testdata/ts32297/ts32297_r8_2rec.cdr"), "ts32297", "");
        check(&include_bytes!("../testdata/ts32297/ts32297_r16_chf.cdr")[..54], "ts32297", "");
        check(b"\xB4\x03\x80\x01\x12", "ber", "sgsnPDPRecord");
        check(b"\xB4\x03\x80\x01\x57", "ber", "mSCsRVCCRecord");
        check(b"\x61\x06\x5F\x29\x01\x02\x41\x00", "ber", "NRTRDE");
        check(b"\x62\x08\x5F\x81\x44\x03AAA", "ber", "TAP3 Notification");
        check(b"\x7F\x84\x16\x02\x45\x00", "ber", "RAP ReturnBatch");
        check(b"\x7F\x84\x17\x02\x45\x00", "ber", "RAP Acknowledgement");
        check(b"\x31\x06\xA0\x04\x16\x02ab", "ber", "element of an unknown kind");
    }
}
