//! The first octets of a file to the format that they look like.
//! Relies on magic numbers first, then on the shape of the first lines; `inspect` asks it, `run` never does.
//! Never certain about text: a delimited feed must be described in the pipeline to be read.

use crate::formats::asterisk::Order;
use crate::framing::{Framing, Place};
use crate::split::{Dialect, Scratch, split};

/// What a file looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detected {
    /// A gzip wrapper: unwrap it first.
    Gzip,
    /// A zip wrapper: unwrap it first.
    Zip,
    /// Asterisk `Master.csv`, of either column order.
    Asterisk,
    /// Text in columns of some other kind.
    Delimited(Dialect),
}

impl Detected {
    /// The word used in the pipeline and by `inspect`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zip => "zip",
            Self::Asterisk => "asterisk",
            Self::Delimited(_) => "delimited",
        }
    }
}

/// Names the format of a file by its first octets; `None` when they are of no kind known here.
pub fn detect(head: &[u8]) -> Option<Detected> {
    if head.starts_with(b"\x1F\x8B") {
        return Some(Detected::Gzip);
    }
    if head.starts_with(b"PK\x03\x04") {
        return Some(Detected::Zip);
    }
    let lines = || Framing::Lines.records(Place::FileStart, head).map(|record| record.bytes);
    if Order::detect(lines()).is_some() {
        return Some(Detected::Asterisk);
    }
    dialect(&lines().take(LINES).collect::<Vec<_>>()).map(Detected::Delimited)
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
        check(b"", None);
        check(b"a;b;c\n1;2;3\n", Some(Detected::Delimited(Dialect { separator: b';', quote: None })));
        let quoted = Detected::Delimited(Dialect { separator: b',', quote: Some(b'"') });
        check(b"a,b;x,c\n\"1,5\",2;y,3\n4,5\n1,2,\n", Some(quoted));
        check(b"some prose, with commas\nand more of it\n", None);
        check(b"a;b;c\n1;2;\0\n", None);
        check(b"\x61\x81\x48\0", None);
        let row = br#""","101","102","ctx","""A"" <101>","SIP/101-1","","Dial","x","2026-10-02 10:00:00","2026-10-02 10:00:05","2026-10-02 10:01:06",66,61,"ANSWERED","DOCUMENTATION""#;
        check(row, Some(Detected::Asterisk));
        check(&[b"damaged first line\n", row.as_slice()].concat(), Some(Detected::Asterisk));
    }
}
