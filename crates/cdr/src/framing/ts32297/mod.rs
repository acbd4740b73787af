//! TS 32.297 files: a file header, then CDRs behind CDR headers of four or five octets.
//! Relies on the file header for where the first CDR begins, and on each CDR header for where the next one does.
//! Never believes a CDR header alone: its record must be one BER element of its length, or a border must follow it.

mod checks;
pub mod encode;
mod file_header;
mod header;

pub use checks::{Check, Counted};
pub use file_header::{Closure, FileHeader, HeaderTime, LostCdrs};
pub use header::{CdrHeader, Encoding, Release, TsNumber, cdr};

use super::chain::{self, Chain, Judged};
use super::{BLOCK_MAX, Cut, RECORD_MAX, WindowEnd, ber};
use crate::ber::{first, head};
use caudal_usage::Code;
use header::OCTETS_MIN;

/// CDRs with their CDR headers.
pub(super) struct Cdrs;

/// Fewest equal octets that are fill: no CDR header begins so.
const FILL_MIN: usize = 4;

/// Cuts the first block of a file.
pub(super) fn cut_start(window: &[u8], end: WindowEnd) -> Cut {
    let whole = window.len() <= BLOCK_MAX;
    if whole && end == WindowEnd::More {
        return Cut::NeedMore;
    }
    if window.is_empty() {
        return Cut::Block { len: 0, records: 0 };
    }
    match header_octets(window) {
        Some(header) => chain::cut_behind(&Cdrs, (window, header), end),
        None if !file_header::is_cut(window) => Cut::Damage(Code::BadLength),
        None if end == WindowEnd::Lost => Cut::NeedMore,
        None => Cut::Damage(Code::Truncated),
    }
}

/// Octets of the file header at the front; `None` when there is none.
///
/// A header whose lengths contradict each other is believed when a CDR stands where it says that it ends.
pub(super) fn header_octets(input: &[u8]) -> Option<usize> {
    let header = FileHeader::parse(input).ok()?;
    let octets = header.octets();
    let behind = input.get(octets..)?;
    let believed = octets <= RECORD_MAX && (header.fits() || behind.is_empty() || is_strong(behind));
    believed.then_some(octets)
}

impl Chain for Cdrs {
    fn fill(&self, input: &[u8]) -> usize {
        let Some(octet @ (0x00 | 0xFF)) = input.first().copied() else { return 0 };
        let run = input.iter().take_while(|other| **other == octet).count();
        if run < FILL_MIN {
            return 0;
        }
        if run == input.len() {
            return run;
        }
        // The length of a short CDR begins with a zero octet of its own.
        let last = run - 1;
        let begins_cdr = octet == 0 && input.get(last..).is_some_and(|input| plausible(input).is_some());
        if begins_cdr { last } else { run }
    }

    fn judge(&self, input: &[u8]) -> Judged {
        let Some(header) = CdrHeader::read(input) else {
            return if input.len() <= OCTETS_MIN { Judged::Cut } else { Judged::Bad };
        };
        let len = header.record_octets();
        let Some(behind) = input.get(len..) else {
            return if header.is_known() { Judged::Cut } else { Judged::Bad };
        };
        let same = |next: &[u8]| header.is_known() && input.get(2..4) == next.get(2..4);
        let border = || behind.is_empty() || self.fill(behind) > 0 || is_strong(behind) || same(behind);
        if header.length > 0 && (is_strong(input) || border()) { Judged::Record(len) } else { Judged::Bad }
    }

    #[inline]
    fn extent(&self, input: &[u8]) -> Option<(usize, usize)> {
        Some((0, CdrHeader::read(input)?.record_octets()))
    }

    fn is_sound(&self, record: &[u8]) -> bool {
        let other = CdrHeader::read(record)
            .is_some_and(|header| header.is_known() && header.encoding != Encoding::Ber);
        other || is_strong(record)
    }

    fn proves(&self, input: &[u8]) -> bool {
        let Some((header, content)) = plausible(input) else { return false };
        let Some(content) = content.get(..usize::from(header.length)) else { return false };
        let sound =
            first(content).is_ok_and(|element| element.len() == content.len() && ber::is_sound(&element));
        let behind = input.get(header.record_octets()..).unwrap_or_default();
        sound && (behind.is_empty() || self.fill(behind) > 0 || is_strong(behind))
    }
}

/// A CDR header with known values, and a constructed element behind it.
fn plausible(input: &[u8]) -> Option<(CdrHeader, &[u8])> {
    let header = CdrHeader::read(input)?;
    let content = input.get(header.octets..)?;
    let constructed = content.first().is_some_and(|octet| octet & 0x20 != 0);
    (header.is_known() && header.encoding == Encoding::Ber && header.length > 0 && constructed)
        .then_some((header, content))
}

/// True when a CDR header and the element behind it agree on the length, whether or not all of it is there.
fn is_strong(input: &[u8]) -> bool {
    let Some((header, content)) = plausible(input) else { return false };
    let length = usize::from(header.length);
    match content.get(..length) {
        Some(content) => first(content).is_ok_and(|element| element.len() == length),
        None => head(content).is_some_and(|head| {
            let before = content.len() - head.behind.len();
            head.announced.is_none_or(|announced| announced + before as u64 == length as u64)
        }),
    }
}
