//! Why a record is refused: each reason to its fault, out of the way of what reads.
//! Relies on being called once for such a record: nothing here is inlined, and what comes back is one pointer.
//! Never decides that something is wrong; only how it is said.

use super::containers::CONTAINERS_MAX;
use crate::ber::{BadValue, BerError};
use caudal_usage::{Code, Fault, Stage};

/// A fault on its way out. It is large and rare, and nearly every value that is read is small.
pub(super) type Refused = Box<Fault>;

#[cold]
#[inline(never)]
fn refused(code: Code, field: &str, found: &str) -> Refused {
    Box::new(Fault::new(code, field, found.as_bytes()).at(Stage::Decode))
}

/// A content that is not what its type allows.
#[cold]
#[inline(never)]
pub(super) fn bad_value(bad: BadValue, field: &str, content: &[u8]) -> Refused {
    Box::new(bad.fault(field, content))
}

/// An element that cannot be told from the next one.
#[cold]
#[inline(never)]
pub(super) fn bad_element(error: &BerError, field: &str) -> Refused {
    Box::new(error.fault(field))
}

#[cold]
#[inline(never)]
pub(super) fn missing(field: &str) -> Refused {
    refused(Code::MissingField, field, "")
}

#[cold]
#[inline(never)]
pub(super) fn out_of_range(field: &str, content: &[u8]) -> Refused {
    bad_value(BadValue("an integer from 0 to 4294967295"), field, content)
}

#[cold]
#[inline(never)]
pub(super) fn again(field: &str, number: u32) -> Refused {
    refused(Code::BadField, field, &format!("[{number}] twice, expected once"))
}

#[cold]
#[inline(never)]
pub(super) fn wrong_form(field: &str, constructed: bool) -> Refused {
    let found = match constructed {
        true => "a primitive element, expected a constructed one",
        false => "a constructed element, expected a primitive one",
    };
    refused(Code::BadField, field, found)
}

#[cold]
#[inline(never)]
pub(super) fn empty() -> Refused {
    refused(Code::Truncated, "record", "")
}

#[cold]
#[inline(never)]
pub(super) fn other_record(record: &[u8]) -> Refused {
    let head = record.get(..8).unwrap_or(record);
    let found: String = head.iter().map(|octet| format!("{octet:02X} ")).collect();
    refused(Code::UnknownFormat, "record", &format!("{}…, expected BF 4F, a PGWRecord", found.trim_end()))
}

#[cold]
#[inline(never)]
pub(super) fn behind(rest: &[u8]) -> Refused {
    let found = format!("{} octets behind the record, expected none but fill", rest.len());
    refused(Code::BadLength, "record", &found)
}

#[cold]
#[inline(never)]
pub(super) fn no_sequence(list: &str) -> Refused {
    refused(Code::BadField, list, "another element, expected a SEQUENCE")
}

#[cold]
#[inline(never)]
pub(super) fn too_many(list: &str) -> Refused {
    refused(Code::BadLength, list, &format!("more than {CONTAINERS_MAX} containers"))
}

#[cold]
#[inline(never)]
pub(super) fn overflow(list: &str, down: u64, up: u64) -> Refused {
    refused(Code::Overflow, list, &format!("{up} octets up and {down} down"))
}
