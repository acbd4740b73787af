//! Records that say their own length: a window to a chain of them, and damage to the next proven border.
//! Relies on a framing to read one head, to tell fill, and to prove that a record stands somewhere.
//! Never trusts a length alone: a record after which the chain breaks is looked into before it is believed.
//!
//! Be advised: a decision may look as far as the longest record behind the place it is about, so a block ends that much
//! before the window does. What was decided then depends on the content alone, whatever was read at a time.

use super::{BLOCK_MAX, Cut, FramedRecord, RECORD_MAX, Resync, WindowEnd};
use caudal_usage::Code;
use std::ops::Range;

/// Octets of heads and the like that may stand around a record.
const MARGIN: usize = 128;

/// Most octets of records in a block that does not end its file.
const LIMIT: usize = BLOCK_MAX - RECORD_MAX - MARGIN;

/// Octets behind a place within which it is proven: two records and a head.
pub(super) const LOOK_AHEAD: usize = 2 * (RECORD_MAX + MARGIN);

/// What stands at a place where a record may start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Judged {
    /// A record of so many octets, all there.
    Record(usize),
    /// The head of a record that would end behind the input.
    Cut,
    /// No record.
    Bad,
}

/// One way of framing. Every `input` is not empty, and reaches as far as a decision needs or to the end of the file.
pub(super) trait Chain {
    /// Octets of fill at the front.
    fn fill(&self, input: &[u8]) -> usize;

    /// What the front is.
    fn judge(&self, input: &[u8]) -> Judged;

    /// Octets of the head, and of all of the record that was judged to be one before.
    fn extent(&self, input: &[u8]) -> Option<(usize, usize)>;

    /// True when the inside of a record fits its length.
    fn is_sound(&self, record: &[u8]) -> bool;

    /// True when a record surely stands at the front: it and the next one are whole, or the file or fill follows it.
    fn proves(&self, input: &[u8]) -> bool;
}

/// Cuts a chain that begins at the front of the window.
pub(super) fn cut(chain: &impl Chain, window: &[u8], end: WindowEnd) -> Cut {
    cut_behind(chain, (window, 0), end)
}

/// Cuts a chain that begins behind a file header of `header` octets.
pub(super) fn cut_behind(chain: &impl Chain, (window, header): (&[u8], usize), end: WindowEnd) -> Cut {
    let whole = window.len() <= BLOCK_MAX;
    if whole && end == WindowEnd::More {
        return Cut::NeedMore;
    }
    let limit = if whole { window.len() } else { LIMIT };
    let mut run = Run { at: header, records: 0, last: None };
    while let Some(input) = window.get(run.at..).filter(|input| !input.is_empty() && run.at <= limit) {
        let fill = chain.fill(input);
        // A wrong length may end a record before an octet that looks like fill.
        if fill > 0 && !run.has_unsound(chain, window) {
            match behind_fill(run.at, fill, limit) {
                Ok(behind) => run.at = behind,
                Err(len) => return Cut::Block { len, records: run.records },
            }
            continue;
        }
        match if fill > 0 { Judged::Bad } else { chain.judge(input) } {
            Judged::Record(len) if run.at + len > limit => break,
            Judged::Record(len) => {
                run.last = Some(run.at..run.at + len);
                run.records += 1;
                run.at += len;
            }
            Judged::Cut if run.at > 0 => break,
            Judged::Cut if end == WindowEnd::Lost => return Cut::NeedMore,
            Judged::Cut => return Cut::Damage(code_of_cut(chain, input)),
            Judged::Bad => {
                if run.has_unsound(chain, window) {
                    run.take_back();
                }
                if run.at == 0 {
                    return Cut::Damage(Code::BadLength);
                }
                break;
            }
        }
    }
    Cut::Block { len: run.at, records: run.records }
}

/// A chain so far.
struct Run {
    at: usize,
    records: u32,
    /// The last record.
    last: Option<Range<usize>>,
}

impl Run {
    /// True when the last record does not fit together inside.
    fn has_unsound(&self, chain: &impl Chain, window: &[u8]) -> bool {
        let Some(last) = &self.last else { return false };
        !window.get(last.clone()).is_some_and(|record| chain.is_sound(record))
    }

    /// Ends the run before its last record.
    fn take_back(&mut self) {
        if let Some(last) = self.last.take() {
            self.at = last.start;
            self.records -= 1;
        }
    }
}

/// Where a chain goes on behind fill; or, when the fill does not end before `limit`, what the block takes. A run is not
/// split near its end, since its last octets may begin a record.
fn behind_fill(at: usize, fill: usize, limit: usize) -> Result<usize, usize> {
    let behind = at + fill;
    if behind <= limit || at == 0 && behind <= BLOCK_MAX - MARGIN {
        return Ok(behind);
    }
    Err(if at == 0 { limit } else { at })
}

/// A record that would end behind the file is the last one, cut short, unless other records stand in it.
fn code_of_cut(chain: &impl Chain, input: &[u8]) -> Code {
    let inside = input.get(1..).unwrap_or_default();
    match resync(chain, inside, WindowEnd::EndOfFile) {
        Resync::At(_) => Code::BadLength,
        Resync::Skip(_) => Code::Truncated,
    }
}

/// The first place of the window where a record surely stands.
pub(super) fn resync(chain: &impl Chain, window: &[u8], end: WindowEnd) -> Resync {
    let undecided = match end {
        WindowEnd::More => LOOK_AHEAD,
        WindowEnd::EndOfFile | WindowEnd::Lost => 0,
    };
    let decided = window.len().saturating_sub(undecided);
    let proven = |at: &usize| {
        let input = window.get(*at..).unwrap_or_default();
        chain.proves(input.get(..LOOK_AHEAD).unwrap_or(input))
    };
    (0..decided).find(proven).map_or(Resync::Skip(decided), Resync::At)
}

/// The next record at or behind `offset` of a block that was cut, and where to go on.
#[inline]
pub(super) fn next<'a>(
    chain: &impl Chain,
    block: &'a [u8],
    mut offset: usize,
) -> Option<(FramedRecord<'a>, usize)> {
    loop {
        let input = block.get(offset..).filter(|input| !input.is_empty())?;
        let fill = chain.fill(input);
        if fill > 0 {
            offset += fill;
            continue;
        }
        let (head, len) = chain.extent(input)?;
        let bytes = input.get(head..len)?;
        return Some((FramedRecord { offset: offset + head, bytes }, offset + len));
    }
}
