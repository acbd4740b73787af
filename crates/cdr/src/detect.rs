//! The first octets of a file to the format that they look like.
//! Relies on magic numbers first, then on the shape of the first lines; `inspect` asks it, `run` never does.
//! Never certain about text: a delimited feed must be described in the pipeline to be read.

use crate::formats::asterisk::Order;
use crate::framing::Framing;

/// What a file looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detected {
    /// A gzip wrapper: unwrap it first.
    Gzip,
    /// A zip wrapper: unwrap it first.
    Zip,
    /// Asterisk `Master.csv`, of either column order.
    Asterisk,
}

impl Detected {
    /// The word used in the pipeline and by `inspect`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zip => "zip",
            Self::Asterisk => "asterisk",
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
    Order::detect(Framing::Lines.records(head).map(|record| record.bytes)).map(|_| Detected::Asterisk)
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
        check(b"a;b;c\n1;2;3\n", None);
        check(b"\x61\x81\x48\0", None);
        let row = br#""","101","102","ctx","""A"" <101>","SIP/101-1","","Dial","x","2026-10-02 10:00:00","2026-10-02 10:00:05","2026-10-02 10:01:06",66,61,"ANSWERED","DOCUMENTATION""#;
        check(row, Some(Detected::Asterisk));
        check(&[b"damaged first line\n", row.as_slice()].concat(), Some(Detected::Asterisk));
    }
}
