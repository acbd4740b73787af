//! Lines: a record ends at LF or CRLF, or at the end of the file.
//! Relies on nothing but line ends.
//! Never joins lines: telecom CDR lines hold no line end inside quotes, and a stray quote must not swallow a file.

use super::{BLOCK_MAX, Cut, FramedRecord, RECORD_MAX, Resync, WindowEnd};
use caudal_usage::Code;
use memchr::{memchr, memchr_iter};

/// Up to the last line end within the first [`BLOCK_MAX`] octets, but not past a line that is too long.
pub(super) fn cut(window: &[u8], end: WindowEnd) -> Cut {
    // One octet more than a block is asked for, so that a file of exactly a block cuts the same way whether or not its
    // end was seen yet.
    let whole = window.len() <= BLOCK_MAX;
    if whole && end == WindowEnd::More {
        return Cut::NeedMore;
    }
    let area = window.get(..BLOCK_MAX).unwrap_or(window);
    let too_long = Cut::Damage(Code::BadLength);
    let mut records = 0;
    let mut start = 0;
    for line_end in memchr_iter(b'\n', area) {
        match line_kind(area, start, line_end) {
            Line::Empty => {}
            Line::Record => records += 1,
            Line::TooLong if start == 0 => return too_long,
            Line::TooLong => return Cut::Block { len: start, records },
        }
        start = line_end + 1;
    }
    if !whole {
        // The rest is part of a line that the next block begins with. Without any line end it is too long.
        return if start == 0 { too_long } else { Cut::Block { len: start, records } };
    }
    if end == WindowEnd::Lost {
        // The rest is part of a line whose other part is lost.
        return if start == 0 { Cut::NeedMore } else { Cut::Block { len: start, records } };
    }
    match line_kind(area, start, area.len()) {
        Line::Empty => Cut::Block { len: area.len(), records },
        Line::Record => Cut::Block { len: area.len(), records: records + 1 },
        Line::TooLong if start == 0 => too_long,
        Line::TooLong => Cut::Block { len: start, records },
    }
}

/// Behind the next line end.
pub(super) fn resync(window: &[u8]) -> Resync {
    memchr(b'\n', window).map_or(Resync::Skip(window.len()), |line_end| Resync::At(line_end + 1))
}

/// The next line at or behind `offset` that is not empty, and where to go on.
pub(super) fn next(block: &[u8], mut offset: usize) -> Option<(FramedRecord<'_>, usize)> {
    while let Some(rest) = block.get(offset..).filter(|rest| !rest.is_empty()) {
        let here = offset;
        let line = match memchr(b'\n', rest) {
            Some(line_end) => {
                offset += line_end + 1;
                rest.get(..line_end).unwrap_or_default()
            }
            None => {
                offset = block.len();
                rest
            }
        };
        let bytes = line.strip_suffix(b"\r").unwrap_or(line);
        if !bytes.is_empty() {
            return Some((FramedRecord { offset: here, bytes }, offset));
        }
    }
    None
}

enum Line {
    Empty,
    Record,
    TooLong,
}

/// The line in `[start, end)`; `end` is its LF or the end of the file.
fn line_kind(area: &[u8], start: usize, end: usize) -> Line {
    let carriage_return = end > start && area.get(end - 1) == Some(&b'\r');
    match end - start - usize::from(carriage_return) {
        0 => Line::Empty,
        1..=RECORD_MAX => Line::Record,
        _ => Line::TooLong,
    }
}
